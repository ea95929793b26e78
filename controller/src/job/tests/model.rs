//! A tiny cluster: one Job, its pods, and whoever runs and deletes them.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::names::JOB_COMPLETION_INDEX;
use crate::api::{Job, JobSpec, JobStatus, Pod, SignedDuration, Time, Timestamp};

use super::super::claim::release;
use super::super::conditions::say_finished;
use super::super::pod_view::is_tracked;
use super::super::{Action, BackoffRecord, Observed, Plan, PodView, reconcile};
use super::{observe, pod, start};

/// What can happen to a Job and its pods.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A pod is bound and runs.
    Start(usize),
    /// A running pod ends, with this exit code; or one that is deleted before it ran.
    End(usize, i32),
    /// A running pod becomes ready.
    Ready(usize),
    /// A container of a running pod is restarted.
    Restart(usize),
    /// Somebody deletes a pod.
    Delete(usize),
    /// Somebody evicts a pod.
    Evict(usize),
    /// Time goes by.
    Wait(u32),
    /// Somebody changes the Job.
    Suspend(bool),
    /// The same.
    Parallelism(i32),
    /// The same: completions and parallelism together, as an Indexed Job allows.
    Resize(i32),
    /// The same.
    Deadline(Option<i64>),
    /// Somebody deletes the Job in the foreground.
    DeleteJob,
}

/// The cluster.
pub(super) struct Cluster {
    pub(super) job: Job,
    pub(super) pods: BTreeMap<String, Pod>,
    pub(super) now: Timestamp,
    pub(super) requeue_at: Option<Timestamp>,
    /// The indexes that have succeeded and were not dropped since.
    pub(super) succeeded_indexes: BTreeSet<u32>,
    /// Whether completions have changed.
    pub(super) was_resized: bool,
    /// How many pods have succeeded while somebody would count them.
    succeeded: i32,
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
            succeeded_indexes: BTreeSet::new(),
            was_resized: false,
            succeeded: 0,
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

    pub(super) fn spec(&self) -> &JobSpec {
        self.job.spec.as_ref().expect("a Job has a spec")
    }

    /// The pods, as they are seen.
    pub(super) fn views(&self) -> impl Iterator<Item = PodView> {
        self.pods.values().map(PodView::parse)
    }

    pub(super) fn active_count(&self) -> i32 {
        i32::try_from(self.views().filter(PodView::is_active).count()).expect("few pods")
    }

    /// How many pods have succeeded, or indexes.
    pub(super) fn succeeded_count(&self) -> i32 {
        match self.is_indexed() {
            true => i32::try_from(self.succeeded_indexes.len()).expect("few pods"),
            false => self.succeeded,
        }
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.job.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn is_finished(&self) -> bool {
        say_finished(self.status().conditions.as_deref().unwrap_or_default())
    }

    /// Whether the Job makes pods where some are missing.
    pub(super) fn is_running(&self) -> bool {
        let conditions = self.status().conditions.unwrap_or_default();
        let ends = conditions.iter().any(|condition| condition.type_ != "Suspended");
        !ends && !self.is_deleting() && self.spec().suspend != Some(true)
    }

    /// The phase of `pod`.
    pub(super) fn phase(&self, pod: &PodView) -> &str {
        phase(&self.pods[&*pod.uid])
    }

    fn is_indexed(&self) -> bool {
        self.spec().completion_mode.as_deref() == Some("Indexed")
    }

    /// Plans until there is nothing left to plan, and shows each plan before it is applied.
    pub(super) fn settle(&mut self, mut look: impl FnMut(&Self, &Plan)) {
        for _ in 0..20 {
            let plan = reconcile(&self.observed(), self.now);
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
                    assert!(is_tracked(&pod.metadata), "a pod must be let go once");
                    release(pod);
                }
                Action::Delete(reference) => self.delete(&reference.uid),
                Action::Create(created) => self.create(*created),
                Action::WriteStatus(status) => self.job.status = Some(*status),
                Action::RequireUnended(reference) => {
                    let pod = PodView::parse(&self.pods[&*reference.uid]);
                    assert!(pod.is_terminating(), "only a pod on its way out may end meanwhile");
                }
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
                    self.was_resized = true;
                    self.succeeded_indexes.retain(|index| i64::from(*index) < i64::from(size));
                }
            }
            Step::Deadline(deadline) => spec.active_deadline_seconds = deadline,
            Step::DeleteJob => self.job.metadata.deletion_timestamp = Some(Time(self.now)),
            Step::Wait(seconds) => self.now += SignedDuration::from_secs(seconds.into()),
            Step::Start(number) => {
                if let Some(name) = self.nth(number, |pod| phase(pod) == "Pending") {
                    self.set(&name, "Running", "");
                }
            }
            Step::Ready(number) => {
                if let Some(name) = self.nth(number, |pod| phase(pod) == "Running") {
                    self.set(&name, "Running", "ready");
                }
            }
            Step::Restart(number) => {
                if let Some(name) = self.nth(number, |pod| phase(pod) == "Running") {
                    let restarts = PodView::parse(&self.pods[&name]).restarts + 1;
                    self.set(&name, "Running", &format!("restarts={restarts}"));
                }
            }
            Step::End(number, exit_code) => self.end(number, exit_code),
            Step::Delete(number) => {
                if let Some(name) = self.nth(number, |_| true) {
                    self.delete(&name);
                }
            }
            Step::Evict(number) => {
                if let Some(name) = self.nth(number, |pod| PodView::parse(pod).is_active()) {
                    let phase = phase(&self.pods[&name]).to_owned();
                    self.set(&name, &phase, "evicted");
                    self.delete(&name);
                }
            }
        }
    }

    fn end(&mut self, number: usize, exit_code: i32) {
        let may_end = |pod: &Pod| PodView::parse(pod).is_terminating() || phase(pod) == "Running";
        let Some(name) = self.nth(number, may_end) else { return };
        let has_run = phase(&self.pods[&name]) == "Running";
        let phase = if exit_code == 0 && has_run { "Succeeded" } else { "Failed" };
        let is_evicted = PodView::parse(&self.pods[&name])
            .conditions
            .iter()
            .any(|(type_, _)| type_ == "DisruptionTarget");
        let evicted = if is_evicted { " evicted" } else { "" };
        self.set(&name, phase, &format!("exit={exit_code}{evicted}"));
        let pod = &self.pods[&name];
        if phase == "Succeeded" && is_tracked(&pod.metadata) {
            self.succeeded += 1;
            let index =
                index_of(pod).filter(|index| i32::try_from(*index).ok() < self.spec().completions);
            self.succeeded_indexes.extend(index);
        }
        self.collect();
    }

    /// The name of one of the pods that are `such`.
    fn nth(&self, number: usize, such: impl Fn(&Pod) -> bool) -> Option<String> {
        let named: Vec<_> = self.pods.iter().filter(|(_, pod)| such(pod)).collect();
        named.get(number % named.len().max(1)).map(|(name, _)| (*name).clone())
    }

    /// The pod `name` is in `phase` from now on, and what the words say.
    fn set(&mut self, name: &str, phase: &str, words: &str) {
        let seconds = self.now.duration_since(start()).as_secs();
        let old = &self.pods[name];
        let mut new = pod(format!("{name} {phase} at={seconds} {words}").trim_end());
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
