//! One recorded story, as it lies in its file.

use std::path::Path;
use std::time::Duration;

use mayfly_controller::api::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::names::Names;
use super::script::{Play, Script};
use super::steps::VERBS;

/// What was asked for, how its pods ended, what was done meanwhile, and what came of it.
#[derive(Deserialize)]
pub(super) struct Trace {
    /// What it was recorded from.
    control_plane: String,
    /// The manifest: one of these.
    job: Option<Value>,
    cronjob: Option<Value>,
    pub(super) script: Script,
    /// What was meant to be done meanwhile, and what was; `None` if nothing was.
    steps: Option<Vec<Map<String, Value>>>,
    actions: Option<Vec<Action>>,
    /// The answer to the POST.
    pub(super) created_object: Value,
    /// The distinct states of each Job, and of the CronJob if there is one.
    pub(super) snapshots: Vec<Snapshot>,
    #[serde(default)]
    pub(super) cronjob_snapshots: Vec<CronJobSnapshot>,
    pub(super) pods: Vec<Pod>,
    pub(super) events: Vec<Event>,
    /// The Jobs that are left, by name.
    pub(super) final_jobs: Map<String, Value>,
    /// What kubectl printed in the end.
    pub(super) describe: String,
    pub(super) get: String,
}

/// One thing that was done to the cluster, and its answer.
#[derive(Deserialize)]
pub(super) struct Action {
    /// In seconds since the POST, as everywhere here.
    pub(super) t: f64,
    /// The status of the answer.
    pub(super) http: Option<u16>,
    /// What it was, and the rest of the answer.
    #[serde(flatten)]
    pub(super) what: Map<String, Value>,
}

/// A state of a Job.
#[derive(Deserialize)]
pub(super) struct Snapshot {
    pub(super) t: f64,
    pub(super) job: String,
    /// Whether this is its end; the status is the last one then.
    #[serde(default)]
    pub(super) deleted: bool,
    #[serde(default, rename = "uncountedEmpty")]
    pub(super) is_uncounted_empty: bool,
    #[serde(rename = "deletionTimestamp")]
    pub(super) deletion_timestamp: Option<Value>,
    pub(super) status: Value,
}

/// A state of the CronJob.
#[derive(Deserialize)]
pub(super) struct CronJobSnapshot {
    pub(super) t: f64,
    #[serde(default)]
    pub(super) deleted: bool,
    pub(super) generation: Option<i64>,
    pub(super) suspend: Option<bool>,
    pub(super) status: Value,
}

/// A pod, as it was made.
#[derive(Deserialize)]
pub(super) struct Pod {
    pub(super) name: String,
    pub(super) created_t: f64,
    /// What became of it.
    pub(super) history: Vec<Map<String, Value>>,
    pub(super) deleted: bool,
    /// Everything else.
    #[serde(flatten)]
    pub(super) made: Map<String, Value>,
}

/// An event, as it was last.
#[derive(Deserialize)]
pub(super) struct Event {
    pub(super) t: f64,
    #[serde(rename = "type")]
    pub(super) event_type: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) count: Option<i32>,
    pub(super) component: String,
    #[serde(rename = "involvedObject")]
    pub(super) about: Value,
    #[serde(rename = "eventTime")]
    time: Option<Timestamp>,
}

/// What a step may say beside what is to be done.
const OF_STEPS: &[&str] = &["wait", "timeout", "sleep", "outcome", "body"];

/// What an action may say beside what was done.
const OF_ACTIONS: &[&str] = &["response", "pod", "outcome", "body", "rc", "output"];

impl Action {
    /// Whether it was done before the Job was made, whatever its time says, which is that of its
    /// answer: a quota bounded the first pods.
    pub(super) fn is_before(&self) -> bool {
        let words = self.what.get("kubectl").and_then(Value::as_array).into_iter().flatten();
        words.filter_map(Value::as_str).take(2).eq(["create", "quota"])
    }
}

impl Trace {
    /// The one in the file at `path`, or why there is none that can be played.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read(path).map_err(|error| format!("can't be read: {error}"))?;
        let trace: Self = serde_json::from_slice(&text)
            .map_err(|error| format!("is no trace that is understood: {error}"))?;
        let steps = trace.steps.iter().flatten();
        let unknown = steps
            .flat_map(|step| unknown(step, OF_STEPS))
            .chain(trace.actions().iter().flat_map(|action| unknown(&action.what, OF_ACTIONS)));
        let unknown: Vec<&str> = unknown.collect();
        if !unknown.is_empty() {
            return Err(format!("has steps that are not understood: {}", unknown.join(", ")));
        }
        for action in trace.actions() {
            if let Some(outcome) = action.what.get("outcome") {
                let outcome = Play::deserialize(outcome);
                outcome.map_err(|error| format!("has an outcome not understood: {error}"))?;
            }
        }
        if trace.job.is_none() && trace.cronjob.is_none() {
            return Err("has neither a Job nor a CronJob".to_owned());
        }
        Ok(trace)
    }

    /// The manifest that the story is about.
    pub(super) fn manifest(&self) -> &Value {
        self.job.as_ref().or(self.cronjob.as_ref()).expect("it must have been checked")
    }

    /// Whether it is of a control plane with the bug of 1.36.2: while a pod waits for its back-off
    /// and another is ready, the status is refused, and so it freezes.
    pub(super) fn may_freeze(&self) -> bool {
        !self.control_plane.contains("with the fix of kubernetes issue 139428")
    }

    pub(super) fn actions(&self) -> &[Action] {
        self.actions.as_deref().unwrap_or_default()
    }

    /// What the names and uids of it are called.
    pub(super) fn names(&self) -> Names {
        let mut names = Names::default();
        names.call_object(&self.created_object["metadata"]);
        let left = self.final_jobs.values().map(|job| &job["metadata"]);
        let answers = self.actions().iter().filter_map(|action| action.what.get("response"));
        for metadata in left.chain(answers.map(|answer| &answer["metadata"])) {
            names.call_object(metadata);
        }
        for pod in &self.pods {
            let of = |field: &str| pod.made.get(field).unwrap_or(&Value::Null);
            let (owners, annotations) = (of("ownerReferences"), of("annotations"));
            for owner in owners.as_array().into_iter().flatten() {
                names.call_uid(&owner["uid"], &owner["name"]);
            }
            names.call_pod(&pod.name, owners, annotations);
        }
        names
    }

    /// When the object was made: to the millisecond, where some event tells it.
    pub(super) fn start(&self) -> Timestamp {
        let text = self.created_object["metadata"]["creationTimestamp"].as_str();
        let second: Timestamp = text.and_then(|text| text.parse().ok()).expect("it has its time");
        // An event is seen a moment after its time, so the latest guess is the nearest.
        let guesses = self
            .events
            .iter()
            .filter_map(|event| Some(event.time?.duration_since(second).as_secs_f64() - event.t));
        let fraction = guesses.filter(|guess| (0.0..1.0).contains(guess)).fold(0.0, f64::max);
        second + SignedDuration::from_secs_f64(fraction)
    }

    /// When the last thing happened, in seconds.
    pub(super) fn end(&self) -> f64 {
        let pods = self.pods.iter().flat_map(|pod| &pod.history);
        let pods = pods.filter_map(|moment| moment["t"].as_f64());
        let others = self.snapshots.iter().map(|snapshot| snapshot.t);
        let cronjob = self.cronjob_snapshots.iter().map(|snapshot| snapshot.t);
        let events = self.events.iter().map(|event| event.t);
        let actions = self.actions().iter().map(|action| action.t);
        pods.chain(others).chain(cronjob).chain(events).chain(actions).fold(0.0, f64::max)
    }

    /// How long after the creation `t` is.
    pub(super) fn after(t: f64) -> Duration {
        Duration::from_secs_f64(t.max(0.0))
    }
}

/// What `step` says that is not understood, or that it says nothing to be done.
fn unknown<'a>(step: &'a Map<String, Value>, known: &[&str]) -> Vec<&'a str> {
    let keys = step.keys().map(String::as_str);
    keys.filter(|key| !known.contains(key) && !VERBS.contains(key)).collect()
}
