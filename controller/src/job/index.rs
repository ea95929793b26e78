//! All Jobs with their pods, folded from what the store says has changed.
//!
//! Holds only what [`reconcile`](super::reconcile()) asks for: a Job that has finished and has let go
//! of its pods is not here any more, however many there are. Synchronous and without IO: a change goes
//! in, the Jobs that it concerns come out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::api::{Job, Key, ObjectMeta, Pod, Resource, Timestamp};

use super::backoff::{BackoffRecord, BackoffSettings};
use super::claim::{Belonging, Claim, belonging, controller};
use super::pod_view::{Phase, PodRef, has_ended, is_tracked};
use super::tally::Pods;
use super::{Denials, JobView, Observed, PodView, Room};
use crate::quota::Bounds;

/// All Jobs with their pods, but those that are over.
#[derive(Debug, Default)]
pub(super) struct Index {
    settings: BackoffSettings,
    /// By uid, and gone through in that order, so that the same events make the same history.
    jobs: BTreeMap<Arc<str>, Observed>,
    /// In which Job a pod is kept, by their uids.
    places: HashMap<Arc<str>, Arc<str>, RandomState>,
    /// The pods that have no controller, by uid.
    unowned: BTreeMap<Arc<str>, Arc<Pod>>,
    changed: Changed,
}

/// What has to be looked at because something has changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Jobs, by uid.
    pub(super) jobs: Vec<Arc<str>>,
    /// Jobs that are gone or over, by uid.
    pub(super) gone: Vec<Arc<str>>,
    /// Pods that carry the tracking finalizer and seem to have no Job that would take it off.
    pub(super) orphans: Vec<PodRef>,
}

impl Index {
    /// The index of `jobs` and `pods`. All Jobs that are not over count as changed.
    pub(super) fn of(settings: BackoffSettings, jobs: &[Arc<Job>], pods: &[Arc<Pod>]) -> Self {
        let mut index = Self { settings, ..Self::default() };
        for job in jobs {
            index.put_job(job);
        }
        for pod in pods {
            index.put_pod(pod);
        }
        index.recall_failures(pods);
        index
    }

    /// What is known of the Job with `uid`.
    pub(super) fn get(&self, uid: &str) -> Option<&Observed> {
        self.jobs.get(uid)
    }

    /// Notes what bounds the namespace of the Job with `uid`, and whether that is being deleted.
    pub(super) fn set_namespace(&mut self, uid: &str, bounds: Bounds, terminating: bool) {
        if let Some(observed) = self.jobs.get_mut(uid) {
            observed.room.bounds = bounds;
            observed.room.terminating = terminating;
        }
    }

    /// Notes the record of denials that a plan has come to.
    pub(super) fn set_denials(&mut self, uid: &str, denials: Denials) {
        if let Some(observed) = self.jobs.get_mut(uid) {
            observed.room.denials = denials;
        }
    }

    /// Notes the back-off record that a plan has come to.
    pub(super) fn set_backoff(&mut self, uid: &str, backoff: BackoffRecord) {
        if let Some(observed) = self.jobs.get_mut(uid) {
            observed.backoff = backoff;
        }
    }

    /// What has changed since this was last asked.
    pub(super) fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// A Job is there, or is another than before.
    pub(super) fn put_job(&mut self, job: &Arc<Job>) {
        let view = Arc::new(JobView::parse(job.clone()));
        let uid = view.uid.clone();
        if let Some(observed) = self.jobs.get_mut(&uid) {
            // A Job on its way out takes nothing in any more.
            observed.claims.retain(|claim| !view.deleting || matches!(claim, Claim::Disown(_)));
            observed.job = view;
            return self.job_changed(uid);
        }
        if view.finished {
            return;
        }
        let adoptable = self.unowned.values().filter(|pod| is_adoptable(&view, pod));
        let claims = adoptable.map(|pod| Claim::Adopt(reference(pod))).collect();
        let observed = Observed {
            job: view,
            pods: Pods::default(),
            claims,
            backoff: BackoffRecord::default(),
            settings: self.settings,
            room: Room::default(),
        };
        self.jobs.insert(uid.clone(), observed);
        self.job_changed(uid);
    }

    /// The Job with `uid` has to be looked at, or is over.
    ///
    /// One that has finished stays so, and asks for nothing but that its pods are let go. A pod of it
    /// that comes later has nobody who would count it.
    fn job_changed(&mut self, uid: Arc<str>) {
        let is_over = |it: &Observed| it.job.finished && it.pods.is_empty();
        if self.jobs.get(&uid).is_some_and(is_over) {
            self.jobs.remove(&uid);
            self.changed.gone.push(uid);
        } else {
            self.changed.jobs.push(uid);
        }
    }

    /// A Job is gone. Its pods have nobody who would count them.
    pub(super) fn remove_job(&mut self, job: &Job) {
        let Some(observed) = self.jobs.remove(job.uid()) else { return };
        for pod in observed.pods.iter() {
            self.places.remove(&pod.uid);
            if pod.tracked {
                self.changed.orphans.push(pod.reference());
            }
        }
        self.changed.gone.push(observed.job.uid.clone());
    }

    /// A pod is there, or is another than before.
    pub(super) fn put_pod(&mut self, pod: &Arc<Pod>) {
        let home = self.home(&pod.metadata);
        let before = self.places.get(pod.uid()).cloned();
        if before.is_some() && before != home {
            self.leave(pod.uid());
        }
        let Some(home) = home else {
            if is_tracked(&pod.metadata) {
                self.changed.orphans.push(reference(pod));
            }
            return self.offer(pod);
        };
        if self.unowned.remove(pod.uid()).is_some() {
            self.withdraw(pod.uid());
        }
        let observed = self.jobs.get_mut(&home).expect("a home must be a known Job");
        let is_own = belonging(&observed.job, &pod.metadata) == Belonging::Own;
        if is_own && !is_tracked(&pod.metadata) && has_ended(pod) {
            // It has been counted, and matters no more.
            observed.claims.retain(|claim| !claim.is_about(pod.uid()));
            observed.pods.remove(pod.uid());
            self.places.remove(pod.uid());
            return self.job_changed(home);
        }
        let view = PodView::parse(pod);
        let uid = view.uid.clone();
        observed.claims.retain(|claim| !claim.is_about(&uid));
        if is_own {
            observed.pods.insert(Arc::new(view));
        } else {
            observed.pods.remove(&uid);
            observed.claims.push(Claim::Disown(view.reference()));
        }
        if observed.pods.get(&uid).is_some() {
            self.places.insert(uid, home.clone());
        } else {
            self.places.remove(&uid);
        }
        self.job_changed(home);
    }

    /// A pod is gone.
    pub(super) fn remove_pod(&mut self, pod: &Pod) {
        self.leave(pod.uid());
        if self.unowned.remove(pod.uid()).is_some() {
            self.withdraw(pod.uid());
        }
    }

    /// The known Job that the object with `metadata` has for its controller.
    fn home(&self, metadata: &ObjectMeta) -> Option<Arc<str>> {
        let owner = controller(metadata).filter(|owner| owner.kind == "Job")?;
        let (uid, observed) = self.jobs.get_key_value(owner.uid.as_str())?;
        (*observed.job.key.name == *owner.name).then(|| uid.clone())
    }

    /// Takes the pod out of the Job that it was in.
    fn leave(&mut self, uid: &str) {
        let Some(home) = self.places.remove(uid) else { return };
        if let Some(observed) = self.jobs.get_mut(&home) {
            observed.pods.remove(uid);
            self.job_changed(home);
        }
    }

    /// Offers a pod without a controller to the Jobs of its namespace. Once is enough as long as
    /// its labels stay.
    fn offer(&mut self, pod: &Arc<Pod>) {
        if controller(&pod.metadata).is_some() {
            return;
        }
        let uid: Arc<str> = pod.uid().into();
        let old = self.unowned.insert(uid.clone(), pod.clone());
        let is_same = |old: &Arc<Pod>| {
            let (old, new) = (&old.metadata, &pod.metadata);
            old.labels == new.labels && old.deletion_timestamp == new.deletion_timestamp
        };
        if old.as_ref().is_some_and(is_same) {
            return;
        }
        self.withdraw(&uid);
        for (job, observed) in &mut self.jobs {
            if is_adoptable(&observed.job, pod) {
                observed.claims.push(Claim::Adopt(reference(pod)));
                self.changed.jobs.push(job.clone());
            }
        }
    }

    /// Ends that any Job wants the pod.
    fn withdraw(&mut self, uid: &str) {
        for (job, observed) in &mut self.jobs {
            let before = observed.claims.len();
            observed.claims.retain(|claim| !claim.is_about(uid));
            if observed.claims.len() < before {
                self.changed.jobs.push(job.clone());
            }
        }
    }

    /// Sets the back-off records by the pods that have been counted and are still there.
    ///
    /// Kubernetes differs: it forgets the records when its controller restarts.
    fn recall_failures(&mut self, pods: &[Arc<Pod>]) {
        let mut ends: HashMap<Arc<str>, (Vec<Timestamp>, Vec<Timestamp>)> = HashMap::new();
        for pod in pods {
            let Some(home) = self.home(&pod.metadata) else { continue };
            let view = PodView::parse(pod);
            let (succeeded, failed) = ends.entry(home).or_default();
            match view.phase {
                Phase::Succeeded if !view.tracked => succeeded.push(view.finished_at),
                Phase::Failed if !view.tracked => failed.push(view.finished_at),
                _ => {}
            }
        }
        for (uid, (succeeded, failed)) in ends {
            self.set_backoff(&uid, BackoffRecord::default().after(&succeeded, &failed));
        }
    }
}

fn is_adoptable(job: &JobView, pod: &Pod) -> bool {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    *job.key.namespace == *namespace
        && !job.finished
        && job.managed_by_us
        && belonging(job, &pod.metadata) == Belonging::Adoptable
}

fn reference(pod: &Pod) -> PodRef {
    PodRef { key: Key::of(&pod.metadata), uid: pod.uid().into(), ended: has_ended(pod) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::names::JOB_TRACKING_FINALIZER;

    #[test]
    fn a_job_on_its_way_out_takes_nothing_in() {
        let mut job: Job = serde_json::from_value(json!({
            "metadata": { "name": "job", "namespace": "ns", "uid": "u" },
            "spec": { "selector": { "matchLabels": { "a": "b" } }, "template": {} },
        }))
        .expect("a Job");
        let pod = json!({
            "metadata": { "name": "pod", "namespace": "ns", "uid": "p", "labels": { "a": "b" } },
        });
        let pod: Arc<Pod> = Arc::new(serde_json::from_value(pod).expect("a pod"));
        let mut index = Index::of(
            BackoffSettings::default(),
            &[Arc::new(job.clone())],
            std::slice::from_ref(&pod),
        );
        assert_eq!(index.get("u").expect("the Job").claims, [Claim::Adopt(reference(&pod))]);
        job.metadata.deletion_timestamp = Some(crate::api::Time(Timestamp::UNIX_EPOCH));
        index.put_job(&Arc::new(job));
        assert!(index.get("u").expect("the Job").claims.is_empty());
    }

    fn object<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Arc<T> {
        Arc::new(serde_json::from_value(value).expect("an object"))
    }

    #[test]
    fn a_job_that_is_over_is_held_no_more() {
        let job = |condition: &str| -> Arc<Job> {
            object(json!({
                "metadata": { "name": "job", "namespace": "ns", "uid": "u" },
                "spec": { "selector": { "matchLabels": { "a": "b" } }, "template": {} },
                "status": { "conditions": [{ "type": condition, "status": "True" }] },
            }))
        };
        let pod = |finalizers: &[&str]| -> Arc<Pod> {
            object(json!({
                "metadata": {
                    "name": "pod", "namespace": "ns", "uid": "p", "labels": { "a": "b" },
                    "finalizers": finalizers,
                    "ownerReferences": [{
                        "apiVersion": "batch/v1", "kind": "Job", "name": "job", "uid": "u",
                        "controller": true,
                    }],
                },
                "status": { "phase": "Succeeded" },
            }))
        };
        let (tracked, counted) = (pod(&[JOB_TRACKING_FINALIZER]), pod(&[]));
        let mut index = Index::of(
            BackoffSettings::default(),
            &[job("SuccessCriteriaMet")],
            std::slice::from_ref(&tracked),
        );
        index.put_job(&job("Complete"));
        assert!(index.get("u").is_some(), "it is to let go of its pod");
        index.take_changed();
        index.put_pod(&counted);
        assert!(index.get("u").is_none() && index.jobs.is_empty() && index.places.is_empty());
        assert_eq!(index.take_changed().gone, ["u".into()]);
        for change in [job("Complete"), job("Failed")] {
            index.put_job(&change);
        }
        index.put_pod(&counted);
        assert!(index.take_changed().orphans.is_empty() && index.jobs.is_empty());
        index.put_pod(&tracked);
        assert_eq!(index.take_changed().orphans, [reference(&tracked)]);
        index.remove_job(&job("Complete"));
        assert!(index.take_changed().gone.is_empty());

        let index = Index::of(BackoffSettings::default(), &[job("Complete")], &[counted]);
        assert!(index.jobs.is_empty() && index.changed.jobs.is_empty(), "after a start as well");
    }
}
