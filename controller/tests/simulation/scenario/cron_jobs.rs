//! CronJobs, as a seed has them.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::{chance, jobs, pick};

pub(crate) fn cron_job(random: &mut Rng, name: &str) -> Value {
    let mut spec = Map::new();
    spec.insert("schedule".into(), json!(schedule(random)));
    spec.insert("concurrencyPolicy".into(), json!(policy(random)));
    spec.insert("jobTemplate".into(), json!({ "spec": jobs::spec(random) }));
    if chance(random, 0.3) {
        spec.insert("startingDeadlineSeconds".into(), json!(random.u32(1..300)));
    }
    for field in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        if chance(random, 0.5) {
            spec.insert(field.into(), json!(random.u32(0..3)));
        }
    }
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": name }, "spec": spec,
    })
}

pub(crate) fn schedule(random: &mut Rng) -> &'static str {
    pick(random, &["* * * * *", "*/2 * * * *", "*/5 * * * *", "@every 90s", "@hourly"])
}

pub(crate) fn policy(random: &mut Rng) -> &'static str {
    pick(random, &["Allow", "Forbid", "Replace"])
}
