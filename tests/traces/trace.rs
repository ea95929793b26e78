//! One recorded story, as it lies in its file.

use std::path::Path;

use mayfly_controller::api::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::script::Script;

/// What was asked for, how its pods ended, what was done meanwhile, and what came of it.
#[derive(Deserialize)]
pub(super) struct Trace {
    /// What it was recorded from.
    pub(super) control_plane: String,
    /// The manifest.
    pub(super) job: Value,
    pub(super) script: Script,
    /// What was done meanwhile; `None` if nothing was.
    actions: Option<Vec<Action>>,
    /// The answer to the POST.
    pub(super) created_object: Value,
    /// The distinct states of each Job.
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) pods: Vec<Pod>,
    pub(super) events: Vec<Event>,
    /// The Jobs that are left, by name.
    pub(super) final_jobs: Map<String, Value>,
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
}

impl Trace {
    /// The one in the file at `path`.
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read(path).expect("a trace must be readable");
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(super) fn actions(&self) -> &[Action] {
        self.actions.as_deref().unwrap_or_default()
    }

    /// When the Job was made.
    pub(super) fn start(&self) -> Timestamp {
        let text = self.created_object["metadata"]["creationTimestamp"].as_str();
        text.and_then(|text| text.parse().ok()).expect("a Job must have its time")
    }

    /// When the last thing happened, in seconds.
    pub(super) fn end(&self) -> f64 {
        let pods = self.pods.iter().flat_map(|pod| &pod.history);
        let pods = pods.filter_map(|moment| moment["t"].as_f64());
        let others = self.snapshots.iter().map(|snapshot| snapshot.t);
        let events = self.events.iter().map(|event| event.t);
        let actions = self.actions().iter().map(|action| action.t);
        pods.chain(others).chain(events).chain(actions).fold(0.0, f64::max)
    }
}
