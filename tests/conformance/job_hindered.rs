//! Syncs that Kubernetes can't do as a whole, because its cache lags or its calls fail.
//!
//! Neither can happen here, but what is decided in them can be compared: how much is counted while
//! the pods are left alone, and what is attempted.

use mayfly_controller::api::{JobStatus, Time, Timestamp};
use mayfly_controller::job::count::{Counting, count, counter_of};
use mayfly_controller::job::progress::Progress;
use mayfly_controller::job::verdict::{Verdict, verdict};
use mayfly_controller::job::{Observed, Plan, PodRef};
use serde_json::{Value, json};

use super::sync::effects;

/// Why pods can't be managed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// Pods were made or deleted, and can't be seen to be yet.
    Pending,
    /// Every call that concerns a pod fails.
    Failing,
}

impl Hindrance {
    pub(super) fn of(given: &Value) -> Option<Self> {
        let pending = &given["pendingExpectations"];
        let is_pending = |what: &str| pending[what].as_i64().is_some_and(|count| count > 0);
        if is_pending("creations") || is_pending("deletions") {
            return Some(Self::Pending);
        }
        (given["faults"]["everyPodApiCallFails"] == true).then_some(Self::Failing)
    }
}

/// What becomes of `plan`, which is the one for `observed`.
pub(super) fn hindered(
    observed: &Observed,
    plan: &Plan,
    hindrance: Hindrance,
    now: Timestamp,
) -> Value {
    let progress = Progress::of(observed);
    let reached = verdict(observed, &progress, now);
    let ends = reached.is_some();
    let deleted: Vec<PodRef> = plan.deleted().filter(|_| ends).cloned().collect();
    let gone: &[PodRef] = if hindrance == Hindrance::Pending { &deleted } else { &[] };
    let (status, active) = left_alone(observed, gone, now);
    let verdict = reached.filter(|_| hindrance == Hindrance::Failing && active == 0);
    let verdict =
        verdict.or_else(|| completion(observed, &progress).filter(|_| !ends && active == 0));
    let counted = count(Counting {
        observed,
        progress: &progress,
        verdict: verdict.as_ref(),
        terminating: number(status.terminating),
        status,
        active,
        deleted: gone,
        uncounted: false,
        now,
    });
    let mut answer = match hindrance {
        Hindrance::Pending => effects(&counted.status, plan),
        Hindrance::Failing => effects(&counted.listed, plan),
    };
    answer["deletes"] = json!(deleted.len());
    answer["events"] = json!([]);
    if ends || hindrance == Hindrance::Pending {
        answer["podPatches"] = json!(counted.release.len());
    }
    if hindrance == Hindrance::Pending {
        answer["creates"] = json!(0);
        answer["createdIndexes"] = json!([]);
    } else {
        // Pods are made in growing batches, the first of one, and none after one has failed.
        answer["creates"] = json!(plan.created().count().min(1));
        let indexes = answer["createdIndexes"].as_array_mut().expect("indexes are a list");
        indexes.truncate(1);
        answer["syncReturnsError"] = json!(true);
    }
    answer
}

/// The status and how many pods are active where only `gone` are deleted.
fn left_alone(observed: &Observed, gone: &[PodRef], now: Timestamp) -> (JobStatus, u32) {
    let tally = observed.pods.tally();
    let is_ready = |pod: &&PodRef| observed.pods.get(&pod.uid).is_some_and(|pod| pod.ready);
    let count = |length: usize| u32::try_from(length).expect("a vector must be small");
    let active = tally.active - count(gone.len());
    let ready = tally.ready - count(gone.iter().filter(is_ready).count());
    let mut status = observed.job.status();
    status.uncounted_terminated_pods.get_or_insert_default();
    status.active = counter_of(active);
    status.ready = Some(counter_of(ready).unwrap_or(0));
    status.terminating = Some(counter_of(tally.terminating + count(gone.len())).unwrap_or(0));
    if status.start_time.is_none() && !observed.job.suspended {
        status.start_time = Some(Time(now));
    }
    (status, active)
}

fn completion(observed: &Observed, progress: &Progress) -> Option<Verdict> {
    let enough = match observed.job.completions {
        Some(completions) => progress.succeeded >= completions,
        None => progress.succeeded > 0,
    };
    enough.then(Verdict::completions_reached)
}

fn number(counter: Option<i32>) -> u32 {
    counter.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}
