//! How Jobs end: for the reason that they give, and as soon as there is one.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::super::conditions::{find, is_true, say_finished};
use super::super::indexes::Indexes;
use super::super::job_view::PodReplacement;
use super::super::{JobView, Plan, PodView};
use super::generated::{Tale, any_tale};
use super::model::Cluster;
use crate::api::{JobStatus, SignedDuration};

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// When the end of a Job is announced, what its reason says is so.
    #[test]
    fn a_job_ends_for_the_reason_that_it_gives(tale in any_tale()) {
        tale.tell(|cluster, plan| {
            let (old, Some(new)) = (cluster.status(), plan.status()) else { return };
            for condition in ["SuccessCriteriaMet", "FailureTarget"] {
                let announced = find(new.conditions.as_deref().unwrap_or_default(), condition);
                let before = old.conditions.as_deref().unwrap_or_default();
                if let Some(announced) = announced.filter(|_| !is_true(before, condition)) {
                    let reason = announced.reason.as_deref().unwrap_or_default();
                    assert!(holds(cluster, new, reason), "{reason}");
                }
            }
        }, |_| {});
    }

    /// A Job goes on only as long as nothing is reached that ends it.
    #[test]
    fn a_job_ends_as_soon_as_there_is_a_reason(tale in any_tale()) {
        tale.tell(|_, _| {}, |cluster| {
            if cluster.is_running() {
                for reason in ["BackoffLimitExceeded", "DeadlineExceeded", "MaxFailedIndexesExceeded",
                    "FailedIndexes", "SuccessPolicy", "CompletionsReached"] {
                    assert!(!holds(cluster, &cluster.status(), reason), "{reason}");
                }
            }
        });
    }
}

/// Whether `reason` holds of what is in `cluster`, whose status is about to be `status`.
fn holds(cluster: &Cluster, status: &JobStatus, reason: &str) -> bool {
    let spec = cluster.spec();
    let indexes = |text: &Option<String>| {
        i32::try_from(Indexes::parse(text.as_deref().unwrap_or_default(), 99).count()).unwrap()
    };
    let failed_indexes = indexes(&status.failed_indexes);
    match reason {
        "BackoffLimitExceeded" => {
            let limit = spec.backoff_limit.unwrap_or(6);
            failures(cluster) > limit || restarts(cluster).is_some_and(|it| it >= limit.max(1))
        }
        "DeadlineExceeded" => {
            let seconds = spec.active_deadline_seconds.filter(|_| spec.suspend != Some(true));
            let start = cluster.status().start_time.or_else(|| status.start_time.clone());
            seconds.zip(start).is_some_and(|(seconds, start)| {
                start.0 + SignedDuration::from_secs(seconds) <= cluster.now
            })
        }
        "PodFailurePolicy" => cluster.views().any(|pod| fails_the_job(cluster, &pod)),
        "MaxFailedIndexesExceeded" => {
            spec.max_failed_indexes.is_some_and(|limit| failed_indexes > limit)
        }
        "FailedIndexes" => {
            let all = failed_indexes + indexes(&status.completed_indexes);
            failed_indexes > 0 && Some(all) >= spec.completions
        }
        "SuccessPolicy" => suffices(cluster),
        "CompletionsReached" => {
            let wanted = spec.completions.unwrap_or(1);
            cluster.succeeded_count() >= wanted && status.active.is_none()
        }
        other => panic!("no such reason is known: {other}"),
    }
}

/// The failures that count: those of the status, and of pods of which it knows nothing yet.
fn failures(cluster: &Cluster) -> i32 {
    let job = JobView::parse(cluster.job.clone().into());
    let at_once = job.pod_replacement == PodReplacement::TerminatingOrFailed;
    let has_failed = |pod: &PodView| {
        let phase = cluster.phase(pod);
        phase == "Failed" || at_once && pod.deleting && phase != "Succeeded"
    };
    let ignored = |pod: &PodView| action(cluster, pod).as_deref() == Some("Ignore");
    let is_placed = |pod: &PodView| {
        let completions = cluster.spec().completions.unwrap_or(0);
        pod.index.is_none_or(|index| i64::from(index) < i64::from(completions))
    };
    let new = cluster.views().filter(|pod| pod.tracked && has_failed(pod) && is_placed(pod));
    let new = new.filter(|pod| !ignored(pod)).count();
    cluster.status().failed.unwrap_or(0) + i32::try_from(new).unwrap()
}

/// How often containers were restarted, if that counts and happened.
fn restarts(cluster: &Cluster) -> Option<i32> {
    let template = cluster.spec().template.spec.as_ref()?;
    let counts = template.restart_policy.as_deref() == Some("OnFailure");
    let runs = |pod: &PodView| !matches!(cluster.phase(pod), "Succeeded" | "Failed");
    let restarts: u32 = cluster.views().filter(runs).map(|pod| pod.restarts).sum();
    i32::try_from(restarts).ok().filter(|restarts| counts && *restarts > 0)
}

fn fails_the_job(cluster: &Cluster, pod: &PodView) -> bool {
    cluster.phase(pod) == "Failed" && action(cluster, pod).as_deref() == Some("FailJob")
}

/// The action of the first rule about `pod`, which has failed.
fn action(cluster: &Cluster, pod: &PodView) -> Option<String> {
    let policy = cluster.spec().pod_failure_policy.as_ref()?;
    let code = pod.exits.first().map_or(0, |exit| exit.exit_code);
    let is_evicted = pod.conditions.iter().any(|(type_, _)| type_ == "DisruptionTarget");
    let rule = policy.rules.iter().find(|rule| match &rule.on_exit_codes {
        Some(codes) => code != 0 && codes.values.contains(&code),
        None => is_evicted,
    });
    rule.map(|rule| rule.action.clone())
}

/// Whether the one rule of the success policy is met.
fn suffices(cluster: &Cluster) -> bool {
    let Some(policy) = &cluster.spec().success_policy else { return false };
    let rule = &policy.rules[0];
    let listed: BTreeSet<u32> = match rule.succeeded_indexes.as_deref() {
        Some("0") => [0].into(),
        _ => (0..u32::try_from(cluster.spec().completions.unwrap_or(0)).unwrap()).collect(),
    };
    let reached = listed.intersection(&cluster.succeeded_indexes).count();
    let counted = rule.succeeded_count.is_some_and(|it| reached >= usize::try_from(it).unwrap());
    reached > 0 && (counted || rule.succeeded_indexes.is_some() && reached == listed.len())
}

/// The stories of the properties come to every end and through every state, so no promise holds for
/// want of anybody who could break it.
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
struct Reached(BTreeMap<String, usize>);

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
