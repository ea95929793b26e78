//! Jobs of all modes and policies, and what happens to them: the input of the properties.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Plan;
use super::job;
use super::model::{Cluster, Step};

/// A Job, and what happens to it and its pods.
#[derive(Clone, Debug)]
pub(super) struct Tale {
    pub(super) spec: Value,
    pub(super) steps: Vec<Step>,
}

impl Tale {
    /// Tells it to its end: shows each plan before it is applied, and the cluster whenever nothing
    /// is left to plan.
    pub(super) fn tell(
        &self,
        mut planned: impl FnMut(&Cluster, &Plan),
        mut settled: impl FnMut(&Cluster),
    ) -> Cluster {
        let mut cluster = Cluster::new(job(&self.spec, &json!({})));
        cluster.settle(&mut planned);
        settled(&cluster);
        for step in &self.steps {
            cluster.step(step);
            cluster.settle(&mut planned);
            settled(&cluster);
        }
        cluster
    }
}

/// Any of them.
pub(super) fn any_tale() -> impl Strategy<Value = Tale> {
    (any_spec(), prop::collection::vec(any_step(), 1..80))
        .prop_map(|(spec, steps)| Tale { spec, steps })
}

/// The spec of a Job that admission lets in.
pub(super) fn any_spec() -> impl Strategy<Value = Value> {
    let mode = prop_oneof![4 => any_indexed(), 1 => any_counted(), 1 => any_work_queue()];
    let limits = (0..4i32, prop::option::weighted(0.2, 1..200i64), any::<bool>(), any::<bool>());
    let started = prop::bool::weighted(0.85);
    let policy = prop::option::weighted(0.5, any_failure_policy());
    (mode, limits, started, policy).prop_map(|(mut spec, limits, started, policy)| {
        let (backoff_limit, deadline, only_failed, on_failure) = limits;
        let by_index = spec.get("backoffLimitPerIndex").is_some();
        spec["backoffLimit"] = json!(if by_index { i32::MAX } else { backoff_limit });
        spec["activeDeadlineSeconds"] = json!(deadline);
        spec["suspend"] = json!(!started);
        if let Some(mut rules) = policy {
            rules.retain(|rule| by_index || rule["action"] != "FailIndex");
            spec["podFailurePolicy"] = json!({ "rules": rules });
        } else if only_failed {
            spec["podReplacementPolicy"] = json!("Failed");
        } else if on_failure {
            spec["template"] = json!({
                "metadata": { "labels": { "app": "x" } },
                "spec": { "restartPolicy": "OnFailure", "containers": [{ "name": "main" }] },
            });
        }
        spec
    })
}

fn any_indexed() -> impl Strategy<Value = Value> {
    let by_index = prop::option::weighted(0.6, (0..3i32, prop::option::of(0..3i32)));
    let suffices = prop::option::weighted(0.25, 0..3usize);
    (1..5i32, 0..5i32, by_index, suffices).prop_map(
        |(completions, parallelism, by_index, suffices)| {
            let mut spec = json!({
                "completionMode": "Indexed", "completions": completions, "parallelism": parallelism,
            });
            if let Some((limit, failed)) = by_index {
                spec["backoffLimitPerIndex"] = json!(limit);
                spec["maxFailedIndexes"] = json!(failed.map(|failed| failed.min(completions)));
            }
            if let Some(rule) = suffices {
                let rules = [
                    json!({ "succeededIndexes": "0" }),
                    json!({ "succeededCount": 1 }),
                    json!({ "succeededIndexes": "0-9", "succeededCount": 1 }),
                ];
                spec["successPolicy"] = json!({ "rules": [rules[rule]] });
            }
            spec
        },
    )
}

fn any_counted() -> impl Strategy<Value = Value> {
    (0..6i32, 0..5i32).prop_map(|(completions, parallelism)| {
        json!({ "completions": completions, "parallelism": parallelism })
    })
}

fn any_work_queue() -> impl Strategy<Value = Value> {
    (0..5i32).prop_map(|parallelism| json!({ "parallelism": parallelism }))
}

/// Rules about the exit codes 2 to 4 and about evictions; 1 is left to the limits.
fn any_failure_policy() -> impl Strategy<Value = Vec<Value>> {
    let action = || prop::sample::select(vec!["Ignore", "FailIndex", "FailJob", "Count"]);
    let by_code = (action(), 2..5i32).prop_map(|(action, code)| {
        json!({ "action": action, "onExitCodes": { "operator": "In", "values": [code] } })
    });
    let evicted = action().prop_map(|action| {
        let pattern = json!({ "type": "DisruptionTarget", "status": "True" });
        json!({ "action": action, "onPodConditions": [pattern] })
    });
    prop::collection::vec(prop_oneof![3 => by_code, 1 => evicted], 0..5)
}

/// What can happen next.
pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let pod = any::<usize>;
    prop_oneof![
        40 => pod().prop_map(Step::Start),
        40 => (pod(), any_exit_code()).prop_map(|(pod, code)| Step::End(pod, code)),
        4 => pod().prop_map(Step::Ready),
        4 => pod().prop_map(Step::Restart),
        6 => pod().prop_map(Step::Delete),
        4 => pod().prop_map(Step::Evict),
        30 => (1..60u32).prop_map(Step::Wait),
        4 => any::<bool>().prop_map(Step::Suspend),
        3 => (0..5i32).prop_map(Step::Parallelism),
        3 => (1..7i32).prop_map(Step::Resize),
        2 => prop::option::of(1..200i64).prop_map(Step::Deadline),
        1 => Just(Step::DeleteJob),
    ]
}

/// Mostly success, so that stories come to all ends.
fn any_exit_code() -> impl Strategy<Value = i32> {
    prop_oneof![3 => Just(0), 2 => Just(1), 2 => 2..5i32]
}
