//! How far a Job has come: what its status says together with what has ended since.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::JobStatus;

use super::Observed;
use super::backoff::BackoffRecord;
use super::indexes::Indexes;
use super::job_view::JobView;
use super::pod_view::{Phase, PodView};
use super::tally::Pods;

/// How far a Job has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many pods, or indexes of an Indexed Job, have succeeded.
    pub succeeded: u32,
    /// How many pods have failed, without those that the policy ignores.
    pub failed: u32,
    /// The indexes that have succeeded.
    pub completed_indexes: Indexes,
    /// The indexes that have failed; none without a limit per index.
    pub failed_indexes: Indexes,
    /// By index the failed pod whose end is not counted until its replacement exists, because it
    /// carries the index's failure counts.
    pub delayed: BTreeMap<u32, Arc<PodView>>,
    /// The Job-wide back-off record with what has ended since.
    pub backoff: BackoffRecord,
}

impl Progress {
    /// The progress of the Job in `observed`.
    pub fn of(observed: &Observed) -> Self {
        let (job, pods) = (&*observed.job, &observed.pods);
        let status = job.object.status.as_ref();
        let new_succeeded = newly_succeeded(job, pods);
        let new_failed = newly_failed(job, pods);
        let uncounted = |list: &[String]| count(list.len());
        let completed_indexes = completed_indexes(job, pods);
        let failed_indexes = failed_indexes(job, pods);
        let succeeded = number(status.and_then(|status| status.succeeded))
            + count(new_succeeded.len())
            + uncounted(uncounted_succeeded(status));
        let failed = number(status.and_then(|status| status.failed))
            + count(new_failed.iter().filter(|pod| job.counts_failure(pod)).count())
            + uncounted(uncounted_failed(status));
        Self {
            succeeded: if job.is_indexed() { completed_indexes.count() } else { succeeded },
            failed,
            delayed: delayed(job, pods, &completed_indexes, &failed_indexes),
            completed_indexes,
            failed_indexes,
            backoff: observed.backoff.after(&ends(&new_succeeded), &ends(&new_failed)),
        }
    }
}

/// The pods that succeeded and of which the status knows nothing yet.
fn newly_succeeded<'a>(job: &JobView, pods: &'a Pods) -> Vec<&'a Arc<PodView>> {
    let listed = uncounted_succeeded(job.object.status.as_ref());
    pods.ended()
        .filter(|pod| pod.phase == Phase::Succeeded && job.has_place_for(pod))
        .filter(|pod| !listed.iter().any(|uid| **uid == *pod.uid))
        .collect()
}

/// The pods that failed and of which the status knows nothing yet.
fn newly_failed<'a>(job: &JobView, pods: &'a Pods) -> Vec<&'a Arc<PodView>> {
    let listed = uncounted_failed(job.object.status.as_ref());
    pods.ended()
        .filter(|pod| job.has_failed(pod) && job.has_place_for(pod))
        .filter(|pod| !listed.iter().any(|uid| **uid == *pod.uid))
        .collect()
}

fn ends(pods: &[&Arc<PodView>]) -> Vec<crate::api::Timestamp> {
    pods.iter().map(|pod| pod.finished_at).collect()
}

/// The indexes that have succeeded, by the status and by the pods that are not counted yet.
pub fn completed_indexes(job: &JobView, pods: &Pods) -> Indexes {
    if !job.is_indexed() {
        return Indexes::default();
    }
    let succeeded = pods.ended().filter(|pod| pod.phase == Phase::Succeeded);
    let new = Indexes::from_indexes(succeeded.filter_map(|pod| job.index_of(pod)));
    job.completed_indexes.union(&new)
}

/// The indexes that have failed for good, by the status and by the pods that are not counted yet.
pub fn failed_indexes(job: &JobView, pods: &Pods) -> Indexes {
    if job.backoff_limit_per_index.is_none() {
        return Indexes::default();
    }
    let failed = pods.ended().filter(|pod| job.fails_index(pod));
    job.failed_indexes.union(&Indexes::from_indexes(failed.filter_map(|pod| job.index_of(pod))))
}

/// By index the last failed pod, where the index is to run again and does not yet.
pub fn delayed(
    job: &JobView,
    pods: &Pods,
    completed: &Indexes,
    failed: &Indexes,
) -> BTreeMap<u32, Arc<PodView>> {
    let mut delayed: BTreeMap<u32, Arc<PodView>> = BTreeMap::new();
    if job.backoff_limit_per_index.is_none() {
        return delayed;
    }
    for pod in pods.ended().filter(|pod| job.has_failed(pod)) {
        let Some(index) = job.index_of(pod) else { continue };
        let settled = completed.has(index) || failed.has(index);
        if settled || pods.tally().active_by_index.contains_key(&index) {
            continue;
        }
        let is_later = delayed.get(&index).is_none_or(|last| {
            last.failures_before() <= pod.failures_before() && last.finished_at <= pod.finished_at
        });
        if is_later {
            delayed.insert(index, pod.clone());
        }
    }
    delayed
}

/// `uncountedTerminatedPods.succeeded` of `status`.
pub fn uncounted_succeeded(status: Option<&JobStatus>) -> &[String] {
    let lists = status.and_then(|status| status.uncounted_terminated_pods.as_ref());
    lists.and_then(|lists| lists.succeeded.as_deref()).unwrap_or_default()
}

/// `uncountedTerminatedPods.failed` of `status`.
pub fn uncounted_failed(status: Option<&JobStatus>) -> &[String] {
    let lists = status.and_then(|status| status.uncounted_terminated_pods.as_ref());
    lists.and_then(|lists| lists.failed.as_deref()).unwrap_or_default()
}

/// A counter of a status.
pub fn number(counter: Option<i32>) -> u32 {
    counter.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
