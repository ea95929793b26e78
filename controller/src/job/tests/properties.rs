//! What holds whatever happens: one promise, one test.
//!
//! What the tests compare with is told by the [model](super::model) of a cluster or worked out anew
//! here, not asked of the code that is tested.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::super::conditions::{is_true, say_finished};
use super::super::job_view::PodReplacement;
use super::super::{JobView, Plan, PodView, reconcile};
use super::generated::{Tale, any_spec, any_tale};
use super::job;
use super::model::{Cluster, Step, index_of};
use crate::admission::{JobStatusOptions, validate_job_status};
use crate::api::{JobStatus, SignedDuration, Timestamp};

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

/// The stories above come to every end and through every state, so no promise holds for want of
/// anybody who could break it.
#[test]
fn stories_come_to_every_end() {
    let mut runner = TestRunner::deterministic();
    let mut reached = Reached::default();
    for _ in 0..600 {
        let tale = any_tale().new_tree(&mut runner).expect("a tale").current();
        reached.note(&tale);
    }
    let missing: Vec<_> = ENDS.iter().filter(|end| reached.count(end) < 5).collect();
    assert!(missing.is_empty(), "hardly reached: {missing:?} of {:?}", reached.0);
}

/// What must have been reached.
const ENDS: &[&str] = &[
    "Complete/CompletionsReached",
    "Complete/SuccessPolicy",
    "Failed/BackoffLimitExceeded",
    "Failed/DeadlineExceeded",
    "Failed/FailedIndexes",
    "Failed/MaxFailedIndexesExceeded",
    "Failed/PodFailurePolicy",
    "Suspended/JobResumed",
    "Suspended/JobSuspended",
    "a deleted Job with pods",
    "a pod in back-off while another runs",
    "a ready pod",
    "an end that waits for terminating pods",
    "an ignored failure",
    "restarts in place",
    "successes that were dropped",
    "too many pods",
];

/// How often what was reached.
#[derive(Default)]
struct Reached(std::collections::BTreeMap<String, usize>);

impl Reached {
    fn count(&self, end: &str) -> usize {
        self.0.get(end).copied().unwrap_or(0)
    }

    /// Adds what is reached in `tale`, each once.
    fn note(&mut self, tale: &Tale) {
        let mut here: BTreeSet<String> = BTreeSet::new();
        let mut on_the_way = BTreeSet::new();
        tale.tell(
            |cluster, plan| here.extend(Self::by_plan(cluster, plan).map(ToOwned::to_owned)),
            |cluster| on_the_way.extend(Self::by_state(cluster)),
        );
        here.extend(on_the_way);
        for end in here {
            *self.0.entry(end).or_default() += 1;
        }
    }

    fn by_plan<'a>(cluster: &'a Cluster, plan: &'a Plan) -> impl Iterator<Item = &'a str> {
        let (old, new) = (cluster.status(), plan.status());
        let fell = new.is_some_and(|new| new.succeeded < old.succeeded);
        let is_counted = |old: &JobStatus, new: &JobStatus| old.failed != new.failed;
        let failed = plan.released().filter_map(|pod| cluster.pods.get(&*pod.uid));
        let failed =
            failed.map(PodView::parse).any(|pod| pod.exits.iter().any(|it| it.exit_code > 1));
        let ignored = failed && new.is_none_or(|new| !is_counted(&old, new));
        [
            (fell, "successes that were dropped"),
            (ignored && cluster.is_running(), "an ignored failure"),
            (cluster.is_running() && plan.deleted().next().is_some(), "too many pods"),
        ]
        .into_iter()
        .filter_map(|(is_so, what)| is_so.then_some(what))
    }

    fn by_state(cluster: &Cluster) -> Vec<String> {
        let status = cluster.status();
        let conditions = status.conditions.clone().unwrap_or_default();
        let mut here: Vec<String> = conditions
            .iter()
            .filter(|it| ["Complete", "Failed", "Suspended"].contains(&it.type_.as_str()))
            .map(|it| format!("{}/{}", it.type_, it.reason.as_deref().unwrap_or_default()))
            .collect();
        let is_ending = !conditions.is_empty() && !say_finished(&conditions);
        let is_announced = ["SuccessCriteriaMet", "FailureTarget"]
            .iter()
            .any(|condition| is_true(&conditions, condition));
        let waits =
            cluster.requeue_at.is_some() && cluster.spec().active_deadline_seconds.is_none();
        for (is_so, what) in [
            (cluster.is_deleting() && cluster.pods.len() > 1, "a deleted Job with pods"),
            (waits && cluster.active_count() > 0, "a pod in back-off while another runs"),
            (status.ready.unwrap_or(0) > 0, "a ready pod"),
            (is_ending && is_announced, "an end that waits for terminating pods"),
            (cluster.views().any(|pod| pod.restarts > 0), "restarts in place"),
        ] {
            if is_so {
                here.push(what.to_owned());
            }
        }
        here
    }
}
