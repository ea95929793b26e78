//! Jobs of all kinds, as a seed has them.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::plays::SIDECAR;
use super::{chance, pick};

pub(crate) fn job(random: &mut Rng, name: &str) -> Value {
    let mut spec = spec(random);
    if chance(random, 0.15) {
        spec["suspend"] = json!(true);
    }
    if chance(random, 0.15) {
        spec["ttlSecondsAfterFinished"] = json!(random.u32(0..300));
    }
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name }, "spec": spec })
}

/// What a Job and the template of a CronJob have in common.
pub(crate) fn spec(random: &mut Rng) -> Value {
    let mut spec = Map::new();
    let mut set = |field: &str, value: Value| spec.insert(field.to_owned(), value);
    set("parallelism", json!(random.u32(1..5)));
    let restarts = chance(random, 0.3);
    let has_policy = !restarts && chance(random, 0.4);
    let is_indexed = chance(random, 0.5);
    let has_limit_per_index = is_indexed && chance(random, 0.5);
    let completions = random.u32(0..8);
    if is_indexed || chance(random, 0.6) {
        set("completions", json!(completions));
    }
    if chance(random, 0.7) {
        set("backoffLimit", json!(random.u32(0..7)));
    }
    if is_indexed {
        set("completionMode", json!("Indexed"));
    }
    if has_limit_per_index {
        set("backoffLimitPerIndex", json!(random.u32(0..3)));
        if chance(random, 0.5) {
            set("maxFailedIndexes", json!(random.u32(..=completions)));
        }
    }
    if is_indexed && completions > 0 && chance(random, 0.3) {
        set("successPolicy", success_policy(random, completions));
    }
    if has_policy {
        set("podFailurePolicy", pod_failure_policy(random, has_limit_per_index));
    } else if chance(random, 0.3) {
        set("podReplacementPolicy", json!("Failed"));
    }
    if chance(random, 0.2) {
        set("activeDeadlineSeconds", json!(random.u32(1..600)));
    }
    set("template", json!({ "spec": pod(random, restarts) }));
    Value::Object(spec)
}

fn success_policy(random: &mut Rng, completions: u32) -> Value {
    let last = random.u32(..completions);
    match random.u8(..3) {
        0 => json!({ "rules": [{ "succeededCount": random.u32(1..=completions) }] }),
        1 => json!({ "rules": [{ "succeededIndexes": last.to_string() }] }),
        _ => json!({ "rules": [
            { "succeededIndexes": "0", "succeededCount": 1 }, { "succeededCount": completions },
        ]}),
    }
}

fn pod_failure_policy(random: &mut Rng, has_limit_per_index: bool) -> Value {
    let on_exit = |action: &str, code: i32| json!({ "action": action, "onExitCodes": { "operator": "In", "values": [code] } });
    let mut rules = vec![
        json!({ "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget" }] }),
        on_exit("FailJob", 42),
        on_exit("Count", 7),
        on_exit("Ignore", 99),
    ];
    if has_limit_per_index {
        rules.push(on_exit("FailIndex", 13));
    }
    random.shuffle(&mut rules);
    rules.truncate(random.usize(1..=rules.len()));
    json!({ "rules": rules })
}

fn pod(random: &mut Rng, restarts: bool) -> Value {
    let container = |name: &str| json!({ "name": name, "image": "any" });
    let mut containers = vec![container("main")];
    if chance(random, 0.15) {
        containers.push(container("second"));
    }
    let mut init = Vec::new();
    if chance(random, 0.15) {
        init.push(container("first"));
    }
    if chance(random, 0.1) {
        init.push(json!({ "name": SIDECAR, "image": "any", "restartPolicy": "Always" }));
    }
    let mut spec = json!({
        "restartPolicy": if restarts { "OnFailure" } else { "Never" },
        "containers": containers,
        "initContainers": init,
    });
    if chance(random, 0.5) {
        spec["terminationGracePeriodSeconds"] = json!(pick(random, &[0, 1, 30]));
    }
    if chance(random, 0.1) {
        spec["activeDeadlineSeconds"] = json!(random.u32(1..120));
    }
    spec
}
