//! Makes a transaction of a plan. Decides nothing but names, which have to be free.

use std::collections::HashSet;
use std::sync::Arc;

use crate::api::{Job, JobStatus, Key, Kind, ObjectReference, Pod, Timestamp};
use crate::events::{EventType, Recorder, reference};
use crate::limits::GENERATED_NAME_ATTEMPTS_MAX;
use crate::quota::{Denial, Usage, charge, only_these};
use crate::store::{DeleteOptions, Store, Transaction};

use super::plan::{Action, JobEvent};
use super::pod_view::has_ended;
use super::{JobView, PodRef, claim};

/// What turns plans into transactions.
pub(super) struct Applier<'a> {
    /// Where names are looked up.
    pub(super) store: &'a Store,
    /// Where events come from.
    pub(super) recorder: &'a Recorder,
    /// The Job of the plan.
    pub(super) job: &'a Arc<JobView>,
    /// Whether the namespace has quotas, as far as the plan knew.
    pub(super) has_quotas: bool,
    /// The time of events.
    pub(super) now: Timestamp,
}

impl Applier<'_> {
    /// All of `actions`, if the Job is still the one that they were planned for.
    pub(super) fn transaction(&self, actions: Vec<Action>) -> Transaction {
        let version = self.job.object.metadata.resource_version.clone().unwrap_or_default();
        let about = reference(&*self.job.object);
        let mut names = HashSet::new();
        let guard = Transaction::new().guard(Kind::Job, self.job.key.clone(), version);
        let paid = guard.and(self.charge(&actions));
        actions.into_iter().fold(paid, |transaction, action| {
            transaction.and(match action {
                Action::Adopt(pod) => self.adopt(pod),
                Action::Disown(pod) => self.disown(pod),
                Action::Release(pod) => let_go(pod),
                Action::Delete(pod) => delete(pod),
                Action::RequireUnended(pod) => unended(&pod),
                Action::Create(pod) => self.create(*pod, &about, &mut names),
                Action::Deny(pod, denial) => self.deny(&pod, &denial, &about, &mut names),
                Action::WriteStatus(status) => self.write_status(*status),
                Action::Record(event) => self.record(&about, &event),
            })
        })
    }

    fn adopt(&self, pod: PodRef) -> Transaction {
        let job = self.job.clone();
        Transaction::new().modify(pod.key, Some(pod.uid.to_string()), move |pod: &mut Pod| {
            // Another Job may have been quicker.
            if claim::controller(&pod.metadata).is_none() {
                claim::adopt(&job, pod);
            }
        })
    }

    fn disown(&self, pod: PodRef) -> Transaction {
        let uid = self.job.uid.clone();
        Transaction::new().modify(pod.key, Some(pod.uid.to_string()), move |pod: &mut Pod| {
            claim::disown(&uid, pod);
        })
    }

    fn create(
        &self,
        mut pod: Pod,
        about: &ObjectReference,
        names: &mut HashSet<String>,
    ) -> Transaction {
        let name = self.free_name(&pod, names);
        pod.metadata.name = Some(name.clone());
        let event = JobEvent::normal("SuccessfulCreate", format!("Created pod: {name}"));
        Transaction::new().create(pod).and(self.record(about, &event))
    }

    fn deny(
        &self,
        pod: &Pod,
        denial: &Denial,
        about: &ObjectReference,
        names: &mut HashSet<String>,
    ) -> Transaction {
        let why = denial.of_pod(&self.free_name(pod, names));
        let event = JobEvent::warning("FailedCreate", format!("Error creating: {why}"));
        self.record(about, &event)
    }

    /// Makes the namespace pay for the pods that `actions` make, all of which it had room for.
    fn charge(&self, actions: &[Action]) -> Transaction {
        let namespace = &*self.job.key.namespace;
        let created = actions.iter().filter_map(|action| match action {
            Action::Create(pod) => Some(&**pod),
            _ => None,
        });
        if self.has_quotas {
            return charge(namespace, created.map(Usage::of_new).collect());
        }
        match created.count() {
            0 => Transaction::new(),
            _ => only_these(namespace),
        }
    }

    /// A name for `pod` that is not in `names` and, as far as can be told, not taken.
    fn free_name(&self, pod: &Pod, names: &mut HashSet<String>) -> String {
        let prefix = pod.metadata.generate_name.as_deref().unwrap_or_default();
        let mut name = self.store.names().generate(prefix);
        for _ in 1..GENERATED_NAME_ATTEMPTS_MAX {
            let key = Key::new(&self.job.key.namespace, &name);
            if !names.contains(&name) && self.store.get::<Pod>(&key).is_none() {
                break;
            }
            name = self.store.names().generate(prefix);
        }
        names.insert(name.clone());
        name
    }

    fn write_status(&self, status: JobStatus) -> Transaction {
        let (key, uid) = (self.job.key.clone(), self.job.uid.to_string());
        Transaction::new().modify(key, Some(uid), move |job: &mut Job| job.status = Some(status))
    }

    /// Says that making pods has failed.
    pub(super) fn record_failed_create(&self, error: &dyn std::error::Error) -> Transaction {
        let event = JobEvent::warning("FailedCreate", format!("Error creating: {error}"));
        self.record(&reference(&*self.job.object), &event)
    }

    fn record(&self, about: &ObjectReference, event: &JobEvent) -> Transaction {
        let event_type: EventType = event.event_type;
        self.recorder.record(about, event_type, &event.reason, &event.message, self.now)
    }
}

/// The same as [`release`] in a plan: it is void if the pod has ended since it was seen, for then the
/// Job has to count it.
///
/// Kubernetes differs: it lets the pod go all the same, and what it has done is lost.
fn let_go(pod: PodRef) -> Transaction {
    if pod.ended {
        return release(pod);
    }
    unended(&pod).and(release(pod))
}

/// Nothing, if `pod` has not ended by then.
fn unended(pod: &PodRef) -> Transaction {
    let (key, uid) = (pod.key.clone(), Some(pod.uid.to_string()));
    Transaction::new().require(key, uid, |pod: &Pod| !has_ended(pod))
}

/// Takes the tracking finalizer off `pod`.
pub(super) fn release(pod: PodRef) -> Transaction {
    Transaction::new().modify(pod.key, Some(pod.uid.to_string()), claim::release)
}

fn delete(pod: PodRef) -> Transaction {
    let options = DeleteOptions { uid: Some(pod.uid.to_string()), grace_period_seconds: None };
    Transaction::new().delete(Kind::Pod, pod.key, options)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::store::{CommitError, Names};

    fn pod(phase: &str) -> Pod {
        let pod = json!({
            "metadata": { "name": "p", "namespace": "ns", "uid": "u",
                          "finalizers": ["batch.kubernetes.io/job-tracking"] },
            "status": { "phase": phase },
        });
        serde_json::from_value(pod).expect("a pod")
    }

    #[tokio::test]
    async fn a_pod_that_has_ended_meanwhile_is_not_let_go_uncounted() {
        let key = Key::new("ns", "p");
        for (now, seen_ended, is_let_go) in [
            ("Running", false, true),
            ("Succeeded", false, false),
            ("Failed", false, false),
            ("Succeeded", true, true),
        ] {
            let store = Store::in_memory(Clock::system(), Names::seeded(1));
            store.commit(Transaction::new().create(pod(now))).await.expect("is made");
            let seen = PodRef { key: key.clone(), uid: "u".into(), ended: seen_ended };
            let result = store.commit(let_go(seen)).await;
            let refused = matches!(result, Err(CommitError::Conflict { .. }));
            assert_eq!(!refused, is_let_go, "{now}, seen as ended: {seen_ended}");
            let finalizers = store.get::<Pod>(&key).expect("a pod").metadata.finalizers.clone();
            assert_eq!(finalizers.is_none(), is_let_go, "{now}, seen as ended: {seen_ended}");
        }
    }
}
