//! A tiny cluster: one Job, its pods, and whoever runs and deletes them.

use std::collections::BTreeMap;

use crate::api::names::JOB_COMPLETION_INDEX;
use crate::api::{Job, JobStatus, Pod, SignedDuration, Time, Timestamp};

use super::super::claim::release;
use super::super::pod_view::is_tracked;
use super::super::{Action, BackoffRecord, Observed, Plan, PodView, reconcile};
use super::{observe, pod, start};

/// What can happen to a Job and its pods.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A pod is bound and runs.
    Start(usize),
    /// A running pod ends, with this exit code.
    End(usize, i32),
    /// Somebody deletes a pod.
    Delete(usize),
    /// Time goes by.
    Wait(u32),
    /// Somebody changes the Job.
    Suspend(bool),
    /// The same.
    Parallelism(i32),
    /// The same: completions and parallelism together, as an Indexed Job allows.
    Resize(i32),
    /// Somebody deletes the Job in the foreground.
    DeleteJob,
}

/// The cluster.
pub(super) struct Cluster {
    pub(super) job: Job,
    pub(super) pods: BTreeMap<String, Pod>,
    pub(super) now: Timestamp,
    pub(super) requeue_at: Option<Timestamp>,
    /// How many pods that succeeded have been let go of.
    pub(super) released_succeeded: i32,
    backoff: BackoffRecord,
    made: usize,
}

impl Cluster {
    pub(super) fn new(job: Job) -> Self {
        Self {
            job,
            pods: BTreeMap::new(),
            now: start(),
            requeue_at: None,
            released_succeeded: 0,
            backoff: BackoffRecord::default(),
            made: 0,
        }
    }

    pub(super) fn status(&self) -> JobStatus {
        self.job.status.clone().unwrap_or_default()
    }

    pub(super) fn observed(&self) -> Observed {
        let pods: Vec<Pod> = self.pods.values().cloned().collect();
        observe(self.job.clone(), &pods, self.backoff)
    }

    /// The active pods, as they are seen.
    pub(super) fn active(&self) -> Vec<PodView> {
        self.pods.values().map(PodView::parse).filter(PodView::is_active).collect()
    }

    /// Plans until there is nothing left to plan, and shows each plan before it is applied.
    pub(super) fn settle(&mut self, mut look: impl FnMut(&Self, &Plan)) {
        for _ in 0..20 {
            let plan = reconcile(&self.observed(), self.now);
            assert_eq!(plan, reconcile(&self.observed(), self.now), "the same again");
            look(self, &plan);
            self.requeue_at = plan.requeue_at;
            if plan.is_idle() {
                return;
            }
            self.apply(plan);
        }
        panic!("planning must come to an end");
    }

    fn apply(&mut self, plan: Plan) {
        self.backoff = plan.backoff.unwrap_or(self.backoff);
        for action in plan.actions {
            match action {
                Action::Release(reference) => {
                    let pod = self.pods.get_mut(&*reference.uid).expect("a pod must be there");
                    if phase(pod) == "Succeeded" {
                        self.released_succeeded += 1;
                    }
                    release(pod);
                }
                Action::Delete(reference) => self.delete(&reference.uid),
                Action::Create(created) => self.create(*created),
                Action::WriteStatus(status) => self.job.status = Some(*status),
                Action::Record(_) | Action::Deny(..) => {}
                Action::Adopt(_) | Action::Disown(_) => panic!("nothing here changes hands"),
            }
        }
        self.collect();
    }

    fn create(&mut self, created: Pod) {
        self.made += 1;
        let name = format!("pod-{:04}", self.made);
        let mut pod = pod(&format!("{name} Pending unbound"));
        pod.metadata.annotations = created.metadata.annotations;
        pod.metadata.creation_timestamp = Some(Time(self.now));
        self.pods.insert(name, pod);
    }

    fn delete(&mut self, name: &str) {
        let now = self.now;
        let pod = self.pods.get_mut(name).expect("a pod must be there");
        pod.metadata.deletion_timestamp.get_or_insert(Time(now));
        self.collect();
    }

    /// What is deleted goes when nothing runs and nothing holds it back.
    fn collect(&mut self) {
        self.pods.retain(|_, pod| {
            let runs = phase(pod) == "Running";
            pod.metadata.deletion_timestamp.is_none() || runs || is_tracked(&pod.metadata)
        });
    }

    pub(super) fn step(&mut self, step: &Step) {
        let spec = self.job.spec.as_mut().expect("a Job has a spec");
        match *step {
            Step::Suspend(suspend) => spec.suspend = Some(suspend),
            Step::Parallelism(parallelism) => spec.parallelism = Some(parallelism),
            Step::Resize(size) => {
                if spec.completion_mode.as_deref() == Some("Indexed") {
                    (spec.completions, spec.parallelism) = (Some(size), Some(size));
                }
            }
            Step::DeleteJob => self.job.metadata.deletion_timestamp = Some(Time(self.now)),
            Step::Wait(seconds) => self.now += SignedDuration::from_secs(seconds.into()),
            Step::Start(number) => {
                if let Some(name) = self.nth(number, "Pending") {
                    self.set_phase(&name, "Running", None);
                }
            }
            Step::End(number, exit_code) => {
                if let Some(name) = self.nth(number, "Running") {
                    let phase = if exit_code == 0 { "Succeeded" } else { "Failed" };
                    self.set_phase(&name, phase, Some(exit_code));
                    self.collect();
                }
            }
            Step::Delete(number) => {
                let name = self.pods.keys().nth(number % self.pods.len().max(1)).cloned();
                if let Some(name) = name {
                    self.delete(&name);
                }
            }
        }
    }

    fn nth(&self, number: usize, of: &str) -> Option<String> {
        let named: Vec<_> = self.pods.iter().filter(|(_, pod)| phase(pod) == of).collect();
        named.get(number % named.len().max(1)).map(|(name, _)| (*name).clone())
    }

    fn set_phase(&mut self, name: &str, phase: &str, exit_code: Option<i32>) {
        let seconds = self.now.duration_since(start()).as_secs();
        let exit_code = exit_code.unwrap_or(0);
        let old = &self.pods[name];
        let mut new = pod(&format!("{name} {phase} at={seconds} exit={exit_code}"));
        new.metadata = old.metadata.clone();
        self.pods.insert(name.to_owned(), new);
    }
}

/// The index in the annotations of `pod`.
pub(super) fn index_of(pod: &Pod) -> Option<u32> {
    pod.metadata.annotations.as_ref()?.get(JOB_COMPLETION_INDEX)?.parse().ok()
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}
