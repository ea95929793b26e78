//! What people do with Jobs and CronJobs while the simulation runs, as requests to the API.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::{chance, cron_jobs, jobs, pick, time_below};

/// One request.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Makes an object in this collection.
    Create { collection: &'static str, object: Value },
    /// Changes one by a merge patch.
    Patch { path: String, patch: Value },
    /// Deletes one.
    Delete { path: String, policy: &'static str },
    /// Deletes one of the pods of a Job, the first by name, with this grace period if any.
    DeletePod { job: String, grace: Option<u32> },
    /// Evicts one of the pods of a Job.
    EvictPod { job: String },
}

pub(crate) const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
pub(crate) const CRON_JOBS: &str = "/apis/batch/v1/namespaces/default/cronjobs";

/// What people do within `lasts`, in order of time.
pub(crate) fn draw(random: &mut Rng, lasts: Duration) -> Vec<(Duration, Action)> {
    let mut actions = Vec::new();
    for number in 0..random.usize(1..4) {
        let name = format!("job-{number}");
        let created = time_below(random, lasts / 2);
        let job = jobs::job(random, &name);
        actions.push((created, create(JOBS, &job)));
        let left = lasts - created;
        for _ in 0..pick(random, &[0, 0, 1, 2, 4]) {
            let at = created + time_below(random, left);
            actions.push((at, change(random, &name, &job)));
        }
    }
    for number in 0..pick(random, &[0, 0, 0, 1, 2]) {
        let name = format!("cron-{number}");
        let created = time_below(random, lasts / 4);
        actions.push((created, create(CRON_JOBS, &cron_jobs::cron_job(random, &name))));
        for _ in 0..pick(random, &[0, 0, 1, 2]) {
            let at = created + time_below(random, lasts - created);
            actions.push((at, change_cron_job(random, &name)));
        }
    }
    actions.sort_by_key(|(at, _)| *at);
    actions
}

fn create(collection: &'static str, object: &Value) -> Action {
    Action::Create { collection, object: object.clone() }
}

fn change(random: &mut Rng, name: &str, job: &Value) -> Action {
    let path = format!("{JOBS}/{name}");
    let patch = |spec: Value| Action::Patch { path: path.clone(), patch: json!({ "spec": spec }) };
    let is_indexed = job["spec"]["completionMode"] == "Indexed";
    match random.u8(..9) {
        0 => patch(json!({ "suspend": true })),
        1 | 2 => patch(json!({ "suspend": false })),
        3 if is_indexed => {
            let completions = random.u32(1..8);
            patch(json!({ "completions": completions, "parallelism": completions }))
        }
        3 | 4 => patch(json!({ "parallelism": random.u32(0..6) })),
        5 => patch(json!({ "activeDeadlineSeconds": random.u32(1..300) })),
        6 => Action::Delete { path, policy: pick(random, &["Background", "Foreground", "Orphan"]) },
        7 => {
            let grace = pick(random, &[None, None, Some(0), Some(1)]);
            Action::DeletePod { job: name.to_owned(), grace }
        }
        _ => Action::EvictPod { job: name.to_owned() },
    }
}

fn change_cron_job(random: &mut Rng, name: &str) -> Action {
    let path = format!("{CRON_JOBS}/{name}");
    let patch = |spec: Value| Action::Patch { path: path.clone(), patch: json!({ "spec": spec }) };
    match random.u8(..6) {
        0 => patch(json!({ "suspend": true })),
        1 | 2 => patch(json!({ "suspend": false })),
        3 => patch(json!({ "schedule": cron_jobs::schedule(random) })),
        4 => patch(json!({ "concurrencyPolicy": cron_jobs::policy(random) })),
        _ => {
            let policy = if chance(random, 0.5) { "Background" } else { "Foreground" };
            Action::Delete { path, policy }
        }
    }
}
