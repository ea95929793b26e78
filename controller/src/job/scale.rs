//! How many pods a Job should have, and which to make or remove for that.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;

use crate::api::{Pod, SignedDuration, Timestamp};
use crate::quota::{Admission, Denial};

use super::job_view::{JobView, PodReplacement};
use super::pod_view::{PodRef, PodView};
use super::progress::Progress;
use super::removal::pods_to_remove;
use super::tally::{Pods, Tally};
use super::template::{self, FailureCounts};
use super::{Observed, Room};

/// The most pods that one plan makes, and the most that it removes. It bounds how long one commit
/// holds up all others; the rest follows at once. The number is Kubernetes'.
pub const PODS_PER_PLAN_MAX: u32 = 500;

/// What happens to the pods of a Job in one plan, and how many are what afterwards.
#[derive(Clone, Debug, Default)]
pub struct Scaling {
    /// Pods to make.
    pub create: Vec<Pod>,
    /// Pods that should be made and may not.
    pub denied: Vec<(Pod, Denial)>,
    /// Whether pods are missing and can't be made, because the template has no labels.
    pub refused: bool,
    /// Pods to delete.
    pub delete: Vec<PodRef>,
    /// Whether the deleted ones are let go uncounted: their finalizer is taken off first.
    pub uncounted: bool,
    /// How many pods are active then.
    pub active: u32,
    /// How many of those are ready.
    pub ready: u32,
    /// How many are terminating.
    pub terminating: u32,
    /// When a pod that waits for its back-off may be made.
    pub requeue_at: Option<Timestamp>,
}

impl Scaling {
    /// Leaves everything as it is.
    pub fn none(tally: &Tally) -> Self {
        Self {
            active: tally.active,
            ready: tally.ready,
            terminating: tally.terminating,
            ..Self::default()
        }
    }

    /// Removes as many of the given pods as one plan may.
    fn remove<'a>(pods: &Pods, remove: impl Iterator<Item = &'a Arc<PodView>>) -> Self {
        let mut scaling = Self::none(pods.tally());
        for pod in remove.take(PODS_PER_PLAN_MAX as usize) {
            scaling.active -= 1;
            scaling.ready -= u32::from(pod.ready);
            scaling.terminating += 1;
            scaling.delete.push(pod.reference());
        }
        scaling
    }
}

/// Ends the active pods of a Job on which there is a verdict. They are counted.
///
/// Kubernetes differs: it ends all of them at once, here it takes several plans when they are many.
pub fn wind_down(pods: &Pods) -> Scaling {
    Scaling::remove(pods, pods.active())
}

/// Ends the active pods of a suspended Job. They count as if they had never been.
///
/// Kubernetes differs: it ends all of them at once, as above.
pub fn suspend(pods: &Pods) -> Scaling {
    Scaling { uncounted: true, ..Scaling::remove(pods, pods.active()) }
}

/// Brings the number of active pods to what the Job wants.
///
/// What is removed is not counted. As long as anything has to be removed, nothing is made.
pub fn scale(observed: &Observed, progress: &Progress, now: Timestamp) -> Scaling {
    let (job, pods) = (&*observed.job, &observed.pods);
    let tally = pods.tally();
    let wanted = wanted(job, tally, progress);
    let remove = pods_to_remove(job, pods, tally.active.saturating_sub(wanted));
    if !remove.is_empty() {
        return Scaling { uncounted: true, ..Scaling::remove(pods, remove.iter()) };
    }
    let leaving = match job.pod_replacement {
        PodReplacement::Failed => tally.terminating,
        PodReplacement::TerminatingOrFailed => 0,
    };
    let missing = wanted.saturating_sub(tally.active + leaving).min(PODS_PER_PLAN_MAX);
    match missing {
        0 => Scaling::none(tally),
        missing => create(observed, progress, missing, now),
    }
}

fn wanted(job: &JobView, tally: &Tally, progress: &Progress) -> u32 {
    match job.completions {
        // One success of a work queue means that there is no more work to hand out.
        None if progress.succeeded > 0 => tally.active,
        None => job.parallelism,
        Some(completions) => completions.saturating_sub(progress.succeeded).min(job.parallelism),
    }
}

fn create(observed: &Observed, progress: &Progress, missing: u32, now: Timestamp) -> Scaling {
    let job = &*observed.job;
    let Room { bounds, denials, terminating } = &observed.room;
    // Kubernetes differs: it tries, says nothing of the refusal, and for one sync counts the pods that
    // it could not make as active.
    if *terminating {
        return Scaling::none(observed.pods.tally());
    }
    if !job.is_indexed() && !template::has_labels(job) {
        return Scaling { refused: true, ..Scaling::none(observed.pods.tally()) };
    }
    // The plan looks again when the denials are over.
    if denials.until(job.generation(), now).is_some() {
        return Scaling::none(observed.pods.tally());
    }
    let (create, wait) = match job.backoff_limit_per_index {
        Some(_) => retried_by_index(observed, progress, missing, now),
        None => retried_by_job(observed, progress, missing, now),
    };
    let Admission { admitted: create, denied } = bounds.admit(create, now);
    let mut scaling = Scaling::none(observed.pods.tally());
    // Kubernetes differs: while a pod waits for its back-off, 1.36.2 reports that none is active.
    scaling.active += u32::try_from(create.len()).expect("a plan must be small");
    scaling.requeue_at = wait.map(|wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX));
    scaling.create = create;
    scaling.denied = denied;
    scaling
}

/// The pods to make where one back-off holds for the whole Job, or how long it lasts.
fn retried_by_job(
    observed: &Observed,
    progress: &Progress,
    missing: u32,
    now: Timestamp,
) -> (Vec<Pod>, Option<SignedDuration>) {
    let job = &*observed.job;
    let wait = progress.backoff.remaining(&observed.settings, now);
    if wait > SignedDuration::ZERO {
        return (Vec::new(), Some(wait));
    }
    if !job.is_indexed() {
        return ((0..missing).map(|_| template::pod(job)).collect(), None);
    }
    let indexes = pending_indexes(job, observed.pods.tally(), progress, missing);
    (indexes.into_iter().map(|index| template::indexed_pod(job, index, None)).collect(), None)
}

/// The pods to make where each index has its own back-off, and how long the next one lasts.
fn retried_by_index(
    observed: &Observed,
    progress: &Progress,
    missing: u32,
    now: Timestamp,
) -> (Vec<Pod>, Option<SignedDuration>) {
    let job = &*observed.job;
    // An index in back-off takes up a place: the candidates are picked before they are asked.
    let candidates = pending_indexes(job, observed.pods.tally(), progress, missing);
    let (ready, wait) = ready_indexes(observed, progress, &candidates, now);
    let create = ready.into_iter().map(|index| {
        let replaced = progress.delayed.get(&index).map(|pod| &**pod);
        let failures = FailureCounts::after(job, replaced);
        template::indexed_pod(job, index, Some(failures))
    });
    (create.collect(), wait)
}

/// Which of `candidates` are not in back-off, and how long the shortest back-off of the others is.
pub fn ready_indexes(
    observed: &Observed,
    progress: &Progress,
    candidates: &[u32],
    now: Timestamp,
) -> (Vec<u32>, Option<SignedDuration>) {
    let (mut ready, mut wait) = (Vec::new(), None);
    for index in candidates {
        let last_failed = progress.delayed.get(index).map(|pod| &**pod);
        let left = observed.settings.remaining_for_index(last_failed, now);
        if left.is_zero() {
            ready.push(*index);
        } else {
            wait = Some(wait.map_or(left, |wait: SignedDuration| wait.min(left)));
        }
    }
    (ready, wait)
}

/// The lowest `count` indexes at most that have neither succeeded nor failed nor a pod.
pub fn pending_indexes(job: &JobView, tally: &Tally, progress: &Progress, count: u32) -> Vec<u32> {
    let waits_for_leaving = job.pod_replacement == PodReplacement::Failed;
    let leaving = waits_for_leaving.then_some(&tally.terminating_by_index);
    let mut active = tally.active_by_index.keys().peekable();
    let mut leaving = leaving.into_iter().flat_map(BTreeMap::keys).peekable();
    let settled = progress.completed_indexes.union(&progress.failed_indexes);
    let end = job.completions.unwrap_or(0);
    let mut pending = Vec::new();
    let mut next = 0;
    for (first, last) in settled.intervals().iter().copied().chain([(end, end)]) {
        for index in next..first.min(end) {
            if pending.len() == count as usize {
                return pending;
            }
            if !meets(&mut active, index) && !meets(&mut leaving, index) {
                pending.push(index);
            }
        }
        next = last + 1;
    }
    pending
}

/// Whether `index` is among the ascending `indexes`. Those before it are dropped, since nobody asks
/// for them any more.
fn meets<'a>(indexes: &mut Peekable<impl Iterator<Item = &'a u32>>, index: u32) -> bool {
    while indexes.next_if(|found| **found < index).is_some() {}
    indexes.peek().is_some_and(|found| **found == index)
}
