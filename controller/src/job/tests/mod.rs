//! Reconciliation as data: a Job and its pods in, the plan as text out.

mod bounds;
mod endings;
mod generated;
mod indexed;
mod model;
mod properties;
mod running;
mod stories;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use expect_test::Expect;
use serde_json::{Value, json};

use crate::api::names::{JOB_COMPLETION_INDEX, JOB_INDEX_FAILURE_COUNT, JOB_TRACKING_FINALIZER};
use crate::api::{Job, JobStatus, Pod, SignedDuration, Timestamp};

use super::tally::Pods;
use super::{
    Action, BackoffRecord, BackoffSettings, JobView, Observed, Plan, PodView, Room, reconcile,
};

/// Second 0 of every story.
fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a time")
}

fn at(second: i64) -> Timestamp {
    start() + SignedDuration::from_secs(second)
}

/// A Job named `job` with `spec` on top of a template, and `status`.
fn job(spec: &Value, status: &Value) -> Job {
    let mut whole = json!({
        "selector": { "matchLabels": { "app": "x" } },
        "template": {
            "metadata": { "labels": { "app": "x" } },
            "spec": { "restartPolicy": "Never", "containers": [{ "name": "main", "image": "i" }] },
        },
    });
    for (name, value) in spec.as_object().expect("a spec is an object") {
        whole[name] = value.clone();
    }
    serde_json::from_value(json!({
        "metadata": { "name": "job", "namespace": "ns", "uid": "job-uid", "resourceVersion": "1" },
        "spec": whole,
        "status": status,
    }))
    .expect("a Job")
}

/// A pod from words: its name, its phase, then any of `index=`, `exit=`, `failures=`, `restarts=`,
/// `at=` (the second of its end or start), `ready`, `evicted`, `deleting`, `untracked`, `unbound`.
fn pod(words: &str) -> Pod {
    let mut words = words.split(' ');
    let (name, phase) = (words.next().expect("a name"), words.next().expect("a phase"));
    let (mut annotations, mut exit_code) = (BTreeMap::new(), i32::from(phase == "Failed"));
    let (mut second, mut restarts, mut conditions) = (0, 0, json!([]));
    let (mut deleted, mut finalizers, mut node) =
        (None, vec![JOB_TRACKING_FINALIZER], Some("node"));
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "index" => drop(annotations.insert(JOB_COMPLETION_INDEX, value)),
            "failures" => drop(annotations.insert(JOB_INDEX_FAILURE_COUNT, value)),
            "exit" => exit_code = value.parse().expect("a code"),
            "at" => second = value.parse().expect("a second"),
            "restarts" => restarts = value.parse().expect("a count"),
            "ready" => conditions = json!([{ "type": "Ready", "status": "True" }]),
            "evicted" => conditions = json!([{ "type": "DisruptionTarget", "status": "True" }]),
            "deleting" => deleted = Some(at(second).to_string()),
            "untracked" => finalizers.clear(),
            "unbound" => node = None,
            _ => panic!("unknown word {word}"),
        }
    }
    let time = at(second).to_string();
    let ended = matches!(phase, "Succeeded" | "Failed");
    let terminated = ended.then(|| json!({ "exitCode": exit_code, "finishedAt": time }));
    let container = json!({
        "name": "main", "restartCount": restarts, "state": { "terminated": terminated },
    });
    let pod = json!({
        "metadata": {
            "name": name, "namespace": "ns", "uid": name, "labels": { "app": "x" },
            "finalizers": finalizers, "annotations": annotations,
            "creationTimestamp": time, "deletionTimestamp": deleted,
        },
        "spec": { "nodeName": node, "containers": [{ "name": "main" }] },
        "status": {
            "phase": phase, "containerStatuses": [container], "conditions": conditions,
        },
    });
    serde_json::from_value(pod).expect("a pod")
}

fn observe(job: Job, pods: &[Pod], backoff: BackoffRecord) -> Observed {
    Observed {
        room: Room::default(),
        job: Arc::new(JobView::parse(Arc::new(job))),
        pods: pods.iter().map(PodView::parse).collect::<Pods>(),
        claims: Vec::new(),
        backoff,
        settings: BackoffSettings::default(),
    }
}

/// A story that is being told.
struct Story {
    spec: Value,
    status: Value,
    pods: Vec<Pod>,
    second: i64,
}

/// A Job that was started at second 0 and has `spec`.
fn given(spec: Value) -> Story {
    let status = json!({ "startTime": start().to_string(), "uncountedTerminatedPods": {} });
    Story { spec, status, pods: Vec::new(), second: 0 }
}

impl Story {
    fn status(mut self, status: Value) -> Self {
        self.status = status;
        self
    }

    fn pods(mut self, pods: &[&str]) -> Self {
        self.pods = pods.iter().map(|words| pod(words)).collect();
        self
    }

    fn at(mut self, second: i64) -> Self {
        self.second = second;
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "so that a story ends in `expect![..]`")]
    fn plans(self, expect: Expect) {
        let observed = observe(job(&self.spec, &self.status), &self.pods, BackoffRecord::default());
        expect.assert_eq(&text(&reconcile(&observed, at(self.second))));
    }
}

/// `plan` in words, a line for each action.
fn text(plan: &Plan) -> String {
    let mut text = String::new();
    for action in &plan.actions {
        let line = match action {
            Action::Adopt(pod) => format!("adopt {}", pod.key.name),
            Action::Disown(pod) => format!("disown {}", pod.key.name),
            Action::Release(pod) => format!("release {}", pod.key.name),
            Action::Delete(pod) => format!("delete {}", pod.key.name),
            Action::RequireUnended(pod) => format!("unless {} has ended", pod.key.name),
            Action::Create(pod) => {
                let name = pod.metadata.generate_name.as_deref().unwrap_or_default();
                let annotations = pod.metadata.annotations.iter().flatten();
                let count = annotations
                    .filter(|(name, _)| name.ends_with("failure-count"))
                    .map(|(name, count)| {
                        format!(" {}={count}", name.rsplit('/').next().unwrap_or(""))
                    })
                    .collect::<String>();
                format!("create {name}{count}")
            }
            Action::Deny(_, denial) => format!("deny {}", denial.of_pod("x")),
            Action::WriteStatus(status) => format!("status {}", status_text(status)),
            Action::Record(event) => {
                format!("{:?} {}: {}", event.event_type, event.reason, event.message)
            }
        };
        writeln!(text, "{line}").expect("a string takes all");
    }
    if let Some(at) = plan.requeue_at {
        writeln!(text, "again at {}", at.duration_since(start()).as_secs_f64()).expect("the same");
    }
    text
}

fn status_text(status: &JobStatus) -> String {
    let mut value = serde_json::to_value(status).expect("a status is JSON");
    let conditions: Vec<String> = status
        .conditions
        .iter()
        .flatten()
        .map(|condition| {
            format!(
                "{}={}/{}",
                condition.type_,
                condition.status,
                condition.reason.as_deref().unwrap_or("")
            )
        })
        .collect();
    let fields = value.as_object_mut().expect("a status is an object");
    fields.remove("conditions");
    let mut parts: Vec<String> = fields
        .iter()
        .filter(|(_, value)| **value != json!({}))
        .map(|(name, value)| {
            format!("{name}={}", value.to_string().replace("\"2026-01-01T00:", "\""))
        })
        .collect();
    parts.extend(conditions);
    parts.join(" ")
}
