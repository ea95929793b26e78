//! What holds whatever happens.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::conditions::is_true;
use super::super::indexes::Indexes;
use super::super::{Plan, conditions};
use super::job;
use super::model::{Cluster, Step, index_of};
use crate::api::{JobStatus, SignedDuration};

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promises_hold_whatever_happens(
        spec in any_spec(),
        steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let mut cluster = Cluster::new(job(&spec, &json!({})));
        let mut promises = Promises::default();
        cluster.settle(|cluster, plan| promises.look(cluster, plan));
        for step in &steps {
            promises.resized |= matches!(step, Step::Resize(_));
            cluster.step(step);
            cluster.settle(|cluster, plan| promises.look(cluster, plan));
            promises.look_settled(&cluster);
        }
    }

    #[test]
    fn every_job_ends_once_its_pods_do(spec in any_spec(), exit_codes in prop::collection::vec(0..3, 64)) {
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
        let conditions = cluster.status().conditions.unwrap_or_default();
        let always_forgiven = spec.get("podFailurePolicy").is_some();
        prop_assert!(conditions::say_finished(&conditions) || always_forgiven, "{:?}", cluster.job);
    }
}

fn any_spec() -> impl Strategy<Value = Value> {
    let indexed = (1..5i32, 0..5i32, prop::option::of(0..3i32), any::<bool>(), any::<bool>())
        .prop_map(|(completions, parallelism, per_index, policy, success)| {
            let mut spec = json!({
                "completionMode": "Indexed", "completions": completions, "parallelism": parallelism,
            });
            if let Some(limit) = per_index {
                spec["backoffLimitPerIndex"] = json!(limit);
                spec["backoffLimit"] = json!(i32::MAX);
            }
            if success {
                spec["successPolicy"] = json!({ "rules": [{ "succeededIndexes": "0" }] });
            }
            (spec, policy)
        });
    let plain = (prop::option::of(0..5i32), 0..5i32, any::<bool>()).prop_map(
        |(completions, parallelism, policy)| {
            (json!({ "completions": completions, "parallelism": parallelism }), policy)
        },
    );
    let limits = (0..4i32, prop::option::of(1..200i64), any::<bool>(), any::<bool>());
    (prop_oneof![indexed, plain], limits).prop_map(
        |((mut spec, policy), (backoff_limit, deadline, only_failed, suspended))| {
            if spec.get("backoffLimit").is_none() {
                spec["backoffLimit"] = json!(backoff_limit);
            }
            spec["activeDeadlineSeconds"] = json!(deadline);
            spec["suspend"] = json!(suspended);
            if policy {
                spec["podFailurePolicy"] = json!({ "rules": [
                    { "action": "Ignore", "onExitCodes": { "operator": "In", "values": [2] } },
                ] });
            } else if only_failed {
                spec["podReplacementPolicy"] = json!("Failed");
            }
            spec
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<usize>().prop_map(Step::Start),
        6 => (any::<usize>(), 0..3i32).prop_map(|(pod, code)| Step::End(pod, code)),
        2 => any::<usize>().prop_map(Step::Delete),
        4 => (1..60u32).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Suspend),
        1 => (0..5i32).prop_map(Step::Parallelism),
        1 => (1..6i32).prop_map(Step::Resize),
        1 => Just(Step::DeleteJob),
    ]
}

/// What has been promised so far.
#[derive(Default)]
struct Promises {
    last: JobStatus,
    resized: bool,
}

impl Promises {
    /// Checks a plan before it is applied.
    fn look(&mut self, cluster: &Cluster, plan: &Plan) {
        let spec = cluster.job.spec.as_ref().expect("a spec");
        let created: Vec<_> = plan.created().map(index_of).collect();
        if !created.is_empty() {
            let before = cluster.status().conditions.unwrap_or_default();
            assert!(!conditions::say_finished(&before), "a finished Job gets no pod");
            assert!(spec.suspend != Some(true), "a suspended Job gets no pod");
            assert!(cluster.job.metadata.deletion_timestamp.is_none(), "nor one that is deleted");
            let deleted: BTreeSet<_> = plan.deleted().map(|pod| pod.uid.to_string()).collect();
            let active = cluster.active();
            let staying = active.iter().filter(|pod| !deleted.contains(&*pod.uid)).count();
            let active_after = i32::try_from(staying + created.len()).expect("few pods");
            assert!(active_after <= spec.parallelism.unwrap_or(1), "no more than parallelism");
            let status = plan.status().cloned().unwrap_or_else(|| cluster.status());
            let left =
                spec.completions.map(|completions| completions - status.succeeded.unwrap_or(0));
            assert!(left.is_none_or(|left| active_after <= left), "no more than what is left");
            let completed = Indexes::parse(status.completed_indexes.as_deref().unwrap_or(""), 1000);
            let mut seen: BTreeSet<_> = active.iter().filter_map(|pod| pod.index).collect();
            for index in created.into_iter().flatten() {
                assert!(seen.insert(index), "no index twice at once");
                assert!(!completed.has(index), "no index again that succeeded");
            }
        }
        if let Some(status) = plan.status() {
            self.look_status(status);
        }
    }

    /// Checks a status against the one before it, by the rules that guard writes of it.
    fn look_status(&mut self, status: &JobStatus) {
        let count = |counter: Option<i32>| counter.unwrap_or(0);
        assert!(count(status.failed) >= count(self.last.failed), "failed never falls");
        if !self.resized {
            assert!(count(status.succeeded) >= count(self.last.succeeded), "nor does succeeded");
        }
        assert!(count(status.ready) <= count(status.active), "no more ready than active");
        let lists = status.uncounted_terminated_pods.clone().unwrap_or_default();
        assert!(lists.succeeded.is_none() && lists.failed.is_none(), "nothing half counted");
        let conditions = status.conditions.clone().unwrap_or_default();
        let (complete, failed) = (is_true(&conditions, "Complete"), is_true(&conditions, "Failed"));
        assert!(!(complete && failed), "never both");
        assert!(!complete || is_true(&conditions, "SuccessCriteriaMet"), "announced");
        assert!(!failed || is_true(&conditions, "FailureTarget"), "announced");
        assert!(
            !(is_true(&conditions, "SuccessCriteriaMet") && is_true(&conditions, "FailureTarget")),
            "never both"
        );
        if complete || failed {
            assert_eq!(count(status.active) + count(status.terminating), 0, "all are gone");
        }
        assert_eq!(status.completion_time.is_some(), complete, "a time of completion");
        let before = self.last.conditions.clone().unwrap_or_default();
        for condition in before.iter().filter(|condition| condition.type_ != "Suspended") {
            assert!(conditions.contains(condition), "what was said stays said");
        }
        self.last = status.clone();
    }

    /// Checks what is there once there is nothing left to plan.
    fn look_settled(&self, cluster: &Cluster) {
        let (spec, status) = (cluster.job.spec.as_ref().expect("a spec"), cluster.status());
        let finished = conditions::say_finished(status.conditions.as_deref().unwrap_or_default());
        let deleting = cluster.job.metadata.deletion_timestamp.is_some();
        let active = i32::try_from(cluster.active().len()).expect("few pods");
        if !finished {
            assert_eq!(status.active.unwrap_or(0), active, "what it says is so");
        }
        if !deleting && spec.suspend == Some(true) {
            assert_eq!(active, 0, "a suspended Job has no active pod");
        }
        if !deleting && spec.completions.is_some() {
            assert!(active <= spec.parallelism.unwrap_or(1), "no more than parallelism");
        }
        if spec.completion_mode.is_none() && !self.resized {
            assert_eq!(status.succeeded.unwrap_or(0), cluster.released_succeeded, "counted once");
        }
        let deadline = spec.active_deadline_seconds.zip(status.start_time.as_ref());
        if let Some((seconds, started)) =
            deadline.filter(|_| !finished && !deleting && spec.suspend != Some(true))
        {
            let announced =
                status.conditions.iter().flatten().any(|condition| condition.type_ != "Suspended");
            let at = started.0 + SignedDuration::from_secs(seconds);
            assert!(announced || cluster.requeue_at.is_some_and(|again| again <= at), "in time");
        }
    }
}
