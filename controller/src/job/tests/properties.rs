//! What holds whatever happens: one promise, one test.
//!
//! What the tests compare with is told by the [model](super::model) of a cluster or worked out anew
//! here, not asked of the code that is tested.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::super::conditions::is_true;
use super::super::job_view::PodReplacement;
use super::super::{JobView, Plan, PodView, reconcile};
use super::generated::{any_spec, any_tale};
use super::job;
use super::model::{Cluster, Step, index_of};
use crate::admission::{JobStatusOptions, validate_job_status};
use crate::api::{SignedDuration, Timestamp};

/// So many stories are told for each promise; each has up to 80 events.
const STORIES: u32 = 96;

/// What interests nobody.
fn nothing(_: &Cluster) {}

proptest! {
    #![proptest_config(ProptestConfig { cases: STORIES, failure_persistence: None, ..ProptestConfig::default() })]

    /// No more pods are active than `spec.parallelism` says, once one is made.
    #[test]
    fn active_is_never_above_parallelism(tale in any_tale()) {
        tale.tell(|cluster, plan| {
            if plan.created().next().is_some() {
                let parallelism = cluster.spec().parallelism.unwrap_or(1);
                assert!(active_after(cluster, plan) <= parallelism);
            }
        }, |cluster| {
            // Parallelism takes effect on what is there, too, but for a work queue that winds down.
            if cluster.is_running() && cluster.spec().completions.is_some() {
                assert!(cluster.active_count() <= cluster.spec().parallelism.unwrap_or(1));
            }
        });
    }

    /// No more pods are active than completions are missing, once one is made.
    #[test]
    fn active_is_never_above_what_is_left(tale in any_tale()) {
        tale.tell(|cluster, plan| {
            let Some(completions) = cluster.spec().completions else { return };
            if plan.created().next().is_some() {
                let left = completions - cluster.succeeded_count();
                assert!(active_after(cluster, plan) <= left);
            }
        }, |cluster| {
            if let Some(completions) = cluster.spec().completions.filter(|_| cluster.is_running()) {
                assert!(cluster.active_count() <= (completions - cluster.succeeded_count()).max(0));
            }
        });
    }

    /// A Job that has ended gets no pod any more, and neither does one whose end is announced.
    #[test]
    fn a_finished_job_gets_no_pod(tale in any_tale()) {
        tale.tell(|cluster, plan| {
            let conditions = cluster.status().conditions.unwrap_or_default();
            let ends = ["Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"];
            let is_over = ends.iter().any(|condition| is_true(&conditions, condition));
            assert!(!is_over || plan.created().next().is_none());
        }, nothing);
    }

    /// A suspended Job gets no pod, and loses those that it has.
    #[test]
    fn a_suspended_job_gets_no_pod(tale in any_tale()) {
        let is_suspended = |cluster: &Cluster| cluster.spec().suspend == Some(true);
        tale.tell(
            |cluster, plan| assert!(!is_suspended(cluster) || plan.created().next().is_none()),
            |cluster| {
                if is_suspended(cluster) && !cluster.is_deleting() {
                    assert_eq!(cluster.active_count(), 0);
                }
            },
        );
    }

    /// A Job that is being deleted gets no pod, and holds on to none.
    #[test]
    fn a_deleted_job_gets_no_pod(tale in any_tale()) {
        tale.tell(
            |cluster, plan| assert!(!cluster.is_deleting() || plan.created().next().is_none()),
            |cluster| {
                let held = cluster.views().any(|pod| pod.tracked);
                assert!(!cluster.is_deleting() || !held);
            },
        );
    }

    /// `failed` never falls, and `succeeded` only where an Indexed Job was made smaller. Neither
    /// grows by more than the pods that are let go at the same time.
    #[test]
    fn counters_never_fall_but_where_kubernetes_lets_them(tale in any_tale()) {
        tale.tell(|cluster, plan| {
            let (old, Some(new)) = (cluster.status(), plan.status()) else { return };
            let count = |counter: Option<i32>| counter.unwrap_or(0);
            let failed = count(new.failed) - count(old.failed);
            let succeeded = count(new.succeeded) - count(old.succeeded);
            assert!(failed >= 0);
            assert!(succeeded >= 0 || cluster.was_resized);
            let released = i32::try_from(plan.released().count()).expect("few pods");
            assert!(failed + succeeded.max(0) <= released);
        }, nothing);
    }

    /// Each pod that succeeded is counted once, and each index.
    #[test]
    fn every_success_is_counted_exactly_once(tale in any_tale()) {
        tale.tell(|_, _| {}, |cluster| {
            if !cluster.was_resized {
                assert_eq!(cluster.status().succeeded.unwrap_or(0), cluster.succeeded_count());
            }
        });
    }

    /// A Job never is Complete and Failed, is never told to become both, becomes neither without
    /// being told, and takes back nothing of it.
    #[test]
    fn complete_and_failed_are_never_both(tale in any_tale()) {
        tale.tell(|cluster, plan| {
            let Some(new) = plan.status() else { return };
            let conditions = new.conditions.as_deref().unwrap_or_default();
            let is = |type_| is_true(conditions, type_);
            assert!(!(is("Complete") && is("Failed")));
            assert!(!(is("SuccessCriteriaMet") && is("FailureTarget")));
            assert!(is("SuccessCriteriaMet") || !is("Complete"));
            assert!(is("FailureTarget") || !is("Failed"));
            assert_eq!(new.completion_time.is_some(), is("Complete"));
            let before = cluster.status().conditions.unwrap_or_default();
            let mut ends = before.iter().filter(|condition| condition.type_ != "Suspended");
            assert!(ends.all(|condition| conditions.contains(condition)));
        }, nothing);
    }

    /// An index that has succeeded gets no further pod.
    #[test]
    fn an_index_that_succeeded_never_runs_again(tale in any_tale()) {
        tale.tell(|cluster, plan| {
            for index in plan.created().filter_map(index_of) {
                assert!(!cluster.succeeded_indexes.contains(&index), "{index}");
            }
        }, nothing);
    }

    /// No two pods of an index are active at once; nor is one active while another terminates where
    /// the Job waits for that.
    #[test]
    fn no_index_runs_twice_at_once(tale in any_tale()) {
        tale.tell(|cluster, plan| {
            let view = JobView::parse(cluster.job.clone().into());
            let waits = view.pod_replacement == PodReplacement::Failed;
            let takes_a_place = |pod: &PodView| pod.is_active() || waits && pod.is_terminating();
            let there = cluster.views().filter(takes_a_place).filter_map(|pod| pod.index);
            let mut taken: BTreeSet<u32> = there.collect();
            for index in plan.created().filter_map(index_of) {
                assert!(taken.insert(index), "{index}");
            }
        }, nothing);
    }

    /// Once a plan leaves nothing to do, planning again changes nothing, however often and whenever
    /// until the time that it names; and then there is something to do.
    #[test]
    fn planning_twice_changes_nothing(tale in any_tale()) {
        tale.tell(|_, _| {}, |cluster| {
            let observed = cluster.observed();
            let again = |at: Timestamp| reconcile(&observed, at);
            assert!(again(cluster.now).is_idle());
            let moment = SignedDuration::from_nanos(1);
            let years = SignedDuration::from_hours(24 * 3650);
            match cluster.requeue_at {
                Some(at) => {
                    assert!(again(at - moment).is_idle(), "due before it is said to be");
                    assert!(!again(at).is_idle(), "said to be due, and is not");
                }
                None => assert!(again(cluster.now + years).is_idle(), "due, and it is not said"),
            }
        });
    }

    /// The same input gives the same plan: what is decided depends on nothing else.
    #[test]
    fn the_same_input_gives_the_same_plan(tale in any_tale()) {
        let mut plans = Vec::new();
        tale.tell(|_, plan| plans.push(plan.clone()), nothing);
        let mut same = plans.iter();
        tale.tell(|cluster, plan| {
            assert_eq!(*plan, reconcile(&cluster.observed(), cluster.now));
            assert_eq!(Some(plan), same.next());
        }, nothing);
    }

    /// A Job that runs is looked at again when its deadline passes, and not later.
    #[test]
    fn the_requeue_is_never_past_the_next_deadline(tale in any_tale()) {
        tale.tell(|_, _| {}, |cluster| {
            let status = cluster.status();
            let deadline = cluster.spec().active_deadline_seconds.zip(status.start_time.as_ref());
            if let Some((seconds, started)) = deadline.filter(|_| cluster.is_running()) {
                let at = started.0 + SignedDuration::from_secs(seconds);
                assert!(cluster.requeue_at.is_some_and(|again| again <= at));
            }
        });
    }

    /// The API server would take every status: it keeps the rules that guard other controllers.
    ///
    /// Kubernetes differs: a Job that ends while it is suspended has no start any more. There its
    /// controller is refused the status, and tries for ever.
    #[test]
    fn every_status_is_one_that_the_api_takes(tale in any_tale()) {
        tale.tell(|cluster, plan| {
            let Some(status) = plan.status() else { return };
            let mut new = cluster.job.clone();
            new.status = Some(status.clone());
            let taken = validate_job_status(&new, &cluster.job, JobStatusOptions::default());
            let complaints = taken.err().map(|invalid| invalid.causes).unwrap_or_default();
            let is_suspended = cluster.spec().suspend == Some(true);
            let mut unknown = complaints
                .iter()
                .filter(|it| !(is_suspended && it.detail == "startTime is required for finished job"));
            assert!(unknown.next().is_none(), "{complaints:?}");
        }, nothing);
    }

    /// What the status says of the pods is so, and nothing is half counted.
    #[test]
    fn the_status_says_what_is_there(tale in any_tale()) {
        tale.tell(|_, _| {}, |cluster| {
            let status = cluster.status();
            let lists = status.uncounted_terminated_pods.clone().unwrap_or_default();
            assert!(lists.succeeded.is_none() && lists.failed.is_none());
            if !cluster.is_finished() {
                assert_eq!(status.active.unwrap_or(0), cluster.active_count());
                let leaving = cluster.views().filter(PodView::is_terminating).count();
                assert_eq!(status.terminating, i32::try_from(leaving).ok());
            }
        });
    }

    /// A Job that is not held up ends once its pods do, whatever their exit codes.
    #[test]
    fn every_job_ends_once_its_pods_do(
        spec in any_spec(),
        exit_codes in prop::collection::vec(0..2, 64),
    ) {
        let mut spec = spec;
        spec["suspend"] = json!(false);
        spec["parallelism"] = json!(spec["parallelism"].as_i64().unwrap_or(1).max(1));
        let mut cluster = Cluster::new(job(&spec, &json!({})));
        let mut exit_codes = exit_codes.into_iter().cycle();
        for _ in 0..40 {
            cluster.settle(|_, _| {});
            cluster.step(&Step::Start(0));
            cluster.step(&Step::End(0, exit_codes.next().unwrap_or(0)));
            cluster.step(&Step::Wait(400));
        }
        cluster.settle(|_, _| {});
        prop_assert!(cluster.is_finished(), "{:?}", cluster.job);
    }
}

/// How many pods are active once `plan` is carried out.
fn active_after(cluster: &Cluster, plan: &Plan) -> i32 {
    let deleted: BTreeSet<_> = plan.deleted().map(|pod| pod.uid.clone()).collect();
    let stays = |pod: &PodView| pod.is_active() && !deleted.contains(&pod.uid);
    let count = cluster.views().filter(stays).count() + plan.created().count();
    i32::try_from(count).expect("few pods")
}
