//! Counts the pods that have ended, each exactly once, and ends the Job when that is done.
//!
//! Kubernetes can't write a Job and its pods at once, so it writes twice: first which pods are about
//! to be counted, then, once their finalizers are off, the counts. A plan commits as a whole, so of
//! the two only the second is ever stored here; the first is kept visible to whoever compares.
//!
//! Kubernetes differs: there `uncountedTerminatedPods` can be seen with pods in it.

use std::sync::Arc;

use crate::api::{JobStatus, Time, Timestamp};

use super::Observed;
use super::conditions;
use super::indexes::Indexes;
use super::pod_view::{Phase, PodRef, PodView};
use super::progress::{Progress, number};
use super::verdict::{Ending, Verdict};

/// The most pods that are counted by one plan. It bounds the size of a status and of a commit.
pub const COUNTED_PER_PLAN_MAX: usize = 500;

/// The most pods whose finalizer one plan takes off, counted or not. It bounds the size of a commit
/// when a Job with very many active pods is deleted.
pub const RELEASED_PER_PLAN_MAX: usize = 2_000;

/// What counting starts from.
#[derive(Debug)]
pub struct Counting<'a> {
    /// The Job and its pods.
    pub observed: &'a Observed,
    /// How far it has come.
    pub progress: &'a Progress,
    /// Whether it is to end, and how.
    pub verdict: Option<&'a Verdict>,
    /// The status so far.
    pub status: JobStatus,
    /// How many pods will be terminating. The Job ends when none is.
    pub terminating: u32,
    /// How many pods will still be active. They can't be counted yet.
    pub active: u32,
    /// Pods that are being deleted.
    pub deleted: &'a [PodRef],
    /// Whether those lose their finalizer without being counted.
    pub uncounted: bool,
    /// The time of what changes.
    pub now: Timestamp,
}

/// What came of counting.
#[derive(Debug)]
pub struct Counted {
    /// The status with the pods that are being counted listed, as Kubernetes writes it first.
    pub listed: JobStatus,
    /// The pods whose finalizer comes off, in order.
    pub release: Vec<PodRef>,
    /// The ends of those that succeeded, and of those that failed.
    pub ends: (Vec<Timestamp>, Vec<Timestamp>),
    /// The status with them counted.
    pub status: JobStatus,
    /// Whether the Job has ended with it.
    pub finished: bool,
}

/// Counts.
pub fn count(counting: Counting<'_>) -> Counted {
    let pods = countable(&counting);
    let Counting { observed, progress, verdict, now, .. } = counting;
    let job = &*observed.job;
    let mut ledger = Ledger { status: counting.status, new_indexes: Vec::new() };
    ledger.close(|uid| observed.pods.is_tracked(uid));

    let (release, complete) = ledger.list(observed, progress, verdict, &pods);
    if job.is_indexed() {
        ledger.write_indexes(observed, progress);
    }
    if let Some(verdict) = verdict.filter(|verdict| !verdict.announced) {
        let condition = verdict.ending.interim_condition();
        add_condition(&mut ledger.status, condition, verdict, now);
    }
    let listed = ledger.status.clone();

    ledger
        .close(|uid| observed.pods.is_tracked(uid) && !release.iter().any(|pod| *pod.uid == *uid));
    let settled = complete && ledger.is_empty() && counting.terminating + counting.active == 0;
    let verdict = verdict.filter(|_| settled);
    if let Some(verdict) = verdict {
        let condition = verdict.ending.terminal_condition();
        let at = end_time(&ledger.status, now);
        add_condition(&mut ledger.status, condition, verdict, at);
        if verdict.ending == Ending::Complete {
            ledger.status.completion_time = Some(Time(at));
        }
    }
    let finished_at = |phase: fn(&PodView) -> bool| {
        release.iter().filter(|pod| phase(pod)).map(|pod| pod.finished_at).collect()
    };
    Counted {
        listed,
        ends: (
            finished_at(|pod| pod.phase == Phase::Succeeded),
            finished_at(|pod| pod.phase != Phase::Succeeded && !pod.is_active()),
        ),
        release: release.iter().map(|pod| pod.reference()).collect(),
        status: ledger.status,
        finished: verdict.is_some(),
    }
}

/// The pods that may be counted, in the order in which they are: by index where they have any.
///
/// Once the Job is to end or to go, that is every pod that still has its finalizer.
fn countable(counting: &Counting<'_>) -> Vec<Arc<PodView>> {
    let Counting { observed, deleted, .. } = counting;
    let is_deleted = |pod: &PodView| deleted.iter().any(|gone| gone.uid == pod.uid);
    let is_let_go = |pod: &PodView| counting.uncounted && is_deleted(pod);
    let all = observed.pods.iter().filter(|pod| pod.tracked && !is_let_go(pod));
    let mut pods: Vec<Arc<PodView>> = if observed.job.deleting {
        all.cloned().collect()
    } else if counting.verdict.is_some() {
        let stays = |pod: &PodView| counting.active > 0 && pod.is_active() && !is_deleted(pod);
        all.filter(|pod| !stays(pod)).cloned().collect()
    } else {
        observed.pods.ended().filter(|pod| !is_let_go(pod)).cloned().collect()
    };
    if observed.job.is_indexed() {
        pods.sort_by_key(|pod| pod.index);
    }
    pods
}

/// Whether the finalizer of `pod` may come off.
fn is_removable(
    observed: &Observed,
    progress: &Progress,
    has_verdict: bool,
    pod: &PodView,
) -> bool {
    let job = &*observed.job;
    if job.deleting || has_verdict || pod.phase == Phase::Succeeded {
        return true;
    }
    let is_delayed = pod
        .index
        .and_then(|index| progress.delayed.get(&index))
        .is_some_and(|delayed| delayed.uid == pod.uid);
    job.has_failed(pod) && !is_delayed
}

/// When a Job ends that ends `now`: not before it began.
///
/// Kubernetes differs: its API server refuses an end before the start, so that after a clock was set
/// back a Job ends only once the clock has come to its start again.
fn end_time(status: &JobStatus, now: Timestamp) -> Timestamp {
    status.start_time.as_ref().map_or(now, |start| now.max(start.0))
}

fn add_condition(status: &mut JobStatus, type_: &str, verdict: &Verdict, now: Timestamp) {
    let condition = conditions::new(type_, true, &verdict.reason, &verdict.message, now);
    conditions::set(status.conditions.get_or_insert_default(), condition);
}

/// A status whose lists of pods are being worked off.
struct Ledger {
    status: JobStatus,
    new_indexes: Vec<u32>,
}

impl Ledger {
    /// Counts the listed pods that are not `tracked` any more.
    fn close(&mut self, tracked: impl Fn(&str) -> bool) {
        let lists = self.status.uncounted_terminated_pods.get_or_insert_default();
        let settle = |list: &mut Option<Vec<String>>, counter: &mut Option<i32>| {
            let Some(uids) = list else { return };
            let before = uids.len();
            uids.retain(|uid| tracked(uid));
            let counted = u32::try_from(before - uids.len()).unwrap_or(u32::MAX);
            if uids.is_empty() {
                *list = None;
            }
            *counter = counter_of(number(*counter).saturating_add(counted));
        };
        settle(&mut lists.succeeded, &mut self.status.succeeded);
        settle(&mut lists.failed, &mut self.status.failed);
    }

    /// Lists those of `pods` that are to be counted. Gives those whose finalizer comes off, and
    /// whether all were looked at before the limit was reached.
    fn list(
        &mut self,
        observed: &Observed,
        progress: &Progress,
        verdict: Option<&Verdict>,
        pods: &[Arc<PodView>],
    ) -> (Vec<Arc<PodView>>, bool) {
        let job = &*observed.job;
        let fails = verdict.is_some_and(|verdict| verdict.ending == Ending::Failed);
        let mut release = Vec::new();
        for pod in pods {
            if !is_removable(observed, progress, verdict.is_some(), pod) {
                continue;
            }
            release.push(pod.clone());
            let lists = self.status.uncounted_terminated_pods.get_or_insert_default();
            let listed =
                |list: &Option<Vec<String>>| list.iter().flatten().any(|uid| **uid == *pod.uid);
            let listed_as_failed = listed(&lists.failed);
            if pod.phase == Phase::Succeeded && !listed_as_failed {
                if job.is_indexed() {
                    let index =
                        job.index_of(pod).filter(|index| !job.completed_indexes.has(*index));
                    self.new_indexes.extend(index);
                } else if !listed(&lists.succeeded) {
                    lists.succeeded.get_or_insert_default().push(pod.uid.to_string());
                }
            } else if (fails || job.has_failed(pod))
                && !listed_as_failed
                && job.has_place_for(pod)
                && job.counts_failure(pod)
            {
                lists.failed.get_or_insert_default().push(pod.uid.to_string());
            }
            if self.length() >= COUNTED_PER_PLAN_MAX || release.len() >= RELEASED_PER_PLAN_MAX {
                return (release, false);
            }
        }
        (release, true)
    }

    fn length(&self) -> usize {
        let lists = self.status.uncounted_terminated_pods.as_ref();
        let length = |list: Option<&Vec<String>>| list.map_or(0, Vec::len);
        self.new_indexes.len()
            + length(lists.and_then(|lists| lists.succeeded.as_ref()))
            + length(lists.and_then(|lists| lists.failed.as_ref()))
    }

    fn is_empty(&self) -> bool {
        let lists = self.status.uncounted_terminated_pods.as_ref();
        lists.is_none_or(|lists| lists.succeeded.is_none() && lists.failed.is_none())
    }

    /// Writes which indexes have ended. An Indexed Job has succeeded as often as indexes have.
    ///
    /// Kubernetes differs: where a Job has lost indexes and its parallelism was changed again before
    /// that was written, its API refuses the smaller count, and the controller tries for ever.
    fn write_indexes(&mut self, observed: &Observed, progress: &Progress) {
        let job = &*observed.job;
        let new = Indexes::from_indexes(self.new_indexes.iter().copied());
        let completed = job.completed_indexes.union(&new);
        self.status.succeeded = counter_of(completed.count());
        self.status.completed_indexes = Some(completed.to_string()).filter(|text| !text.is_empty());
        if job.backoff_limit_per_index.is_some() {
            self.status.failed_indexes = Some(progress.failed_indexes.to_string());
        }
    }
}

/// A counter as a status has it: absent instead of 0.
pub fn counter_of(number: u32) -> Option<i32> {
    i32::try_from(number).ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_does_not_end_before_it_began() {
        let at = |second| Timestamp::from_second(second).expect("a second");
        let status = JobStatus { start_time: Some(Time(at(100))), ..JobStatus::default() };
        assert_eq!(end_time(&status, at(130)), at(130));
        assert_eq!(end_time(&status, at(70)), at(100), "the clock was set back");
        assert_eq!(end_time(&JobStatus::default(), at(70)), at(70));
    }
}
