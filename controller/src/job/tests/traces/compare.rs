//! When a replay is what was recorded.
//!
//! What differs on purpose is left out: states that last only within one transaction, the second
//! for which Kubernetes gathers changes, and the order of pods that it makes side by side.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::Pod;

use super::super::model::index_of;
use super::replay::Replayed;

/// How much sooner the next pods may come: Kubernetes waits a second before it acts on a change,
/// and the story another one until it has seen the change.
const SOONER_SECONDS: f64 = 2.2;

/// How much later they may come: back-off is counted from whole seconds.
const LATER_SECONDS: f64 = 1.5;

/// A state that another one follows so soon is one of two writes of the same change.
const SAME_CHANGE_SECONDS: f64 = 0.1;

/// In what `replayed` is not what `trace` recorded.
pub(super) fn complaints(trace: &Value, replayed: &Replayed) -> Vec<String> {
    let mut complaints = Vec::new();
    compare_end(trace, replayed, &mut complaints);
    compare_states(trace, replayed, &mut complaints);
    compare_pods(trace, replayed, &mut complaints);
    compare_events(trace, replayed, &mut complaints);
    complaints
}

fn compare_end(trace: &Value, replayed: &Replayed, complaints: &mut Vec<String>) {
    let expect = &trace["final_jobs"]["job"];
    let Some(job) = &replayed.job else {
        if !expect.is_null() {
            complaints.push("the Job is gone".to_owned());
        }
        return;
    };
    let (expect, got) = (state(&expect["status"]), state(&json!(job.status)));
    if !trace["final_jobs"]["job"].is_null() && expect != got {
        complaints.push(format!("end: expected {expect}\n             got {got}"));
    }
}

/// Every recorded state that lasted has to be there, in the same order.
fn compare_states(trace: &Value, replayed: &Replayed, complaints: &mut Vec<String>) {
    let name = &trace["created_object"]["metadata"]["name"];
    let snapshots = trace["snapshots"].as_array().expect("snapshots are a list").iter();
    let snapshots: Vec<&Value> = snapshots.filter(|snapshot| snapshot["job"] == *name).collect();
    let mut got = replayed.statuses.iter().map(state);
    let mut last = state(&json!({}));
    for (position, snapshot) in snapshots.iter().enumerate() {
        let expect = state(&snapshot["status"]);
        let lists = snapshot["status"]["uncountedTerminatedPods"].as_object();
        let is_being_counted = lists.is_some_and(|lists| !lists.is_empty());
        let is_passing = snapshots.get(position + 1).is_some_and(|next| {
            let seconds = next["t"].as_f64().unwrap_or(0.0) - snapshot["t"].as_f64().unwrap_or(0.0);
            let conditions = &state(&next["status"])["conditions"];
            seconds < SAME_CHANGE_SECONDS && *conditions != expect["conditions"]
        });
        if is_being_counted || is_passing || expect == last {
            continue;
        }
        if !got.any(|got| got == expect) {
            complaints.push(format!("states: {expect} does not come after {last}"));
            return;
        }
        last = expect;
    }
}

/// What of a status can be compared: no times but whether they are set.
fn state(status: &Value) -> Value {
    let conditions: Vec<Value> = status["conditions"].as_array().map_or_else(Vec::new, |all| {
        all.iter().map(|one| json!([one["type"], one["status"], one["reason"]])).collect()
    });
    let count = |name: &str| status[name].as_i64().unwrap_or(0);
    json!({
        "active": count("active"), "terminating": count("terminating"),
        "succeeded": count("succeeded"), "failed": count("failed"),
        "completedIndexes": status["completedIndexes"], "failedIndexes": status["failedIndexes"],
        "started": status["startTime"].is_string(),
        "completed": status["completionTime"].is_string(), "conditions": conditions,
    })
}

fn compare_pods(trace: &Value, replayed: &Replayed, complaints: &mut Vec<String>) {
    let recorded = trace["pods"].as_array().expect("pods are a list");
    if recorded.len() != replayed.pods.len() {
        let (expect, got) = (recorded.len(), replayed.pods.len());
        complaints.push(format!("pods: expected {expect}, got {got}"));
        return;
    }
    let mut expect: Vec<(f64, Value)> = recorded
        .iter()
        .map(|pod| (pod["created_t"].as_f64().unwrap_or(0.0), recorded_pod(pod)))
        .collect();
    let mut got: Vec<(f64, Value)> =
        replayed.pods.iter().map(|(pod, made)| (*made, replayed_pod(pod))).collect();
    let (mut before, mut start) = ((0.0, 0.0), 0);
    // Pods that were made side by side are compared by index.
    while start < expect.len() {
        let side_by_side = |(made, _): &&(f64, Value)| *made < got[start].0 + 0.1;
        let end = start + got[start..].iter().take_while(side_by_side).count();
        let (waited, waits) = (got[start].0 - before.1, expect[start].0 - before.0);
        if waits - waited > SOONER_SECONDS || waited - waits > LATER_SECONDS {
            complaints.push(format!("pod {start}: made {waited:.2} s later, expected {waits:.2}"));
        }
        before = (expect[start].0, got[start].0);
        let by_index = |(_, pod): &(f64, Value)| pod["index"].as_u64();
        expect[start..end].sort_by_key(by_index);
        got[start..end].sort_by_key(by_index);
        for (expect, got) in expect[start..end].iter().zip(&got[start..end]) {
            if expect.1 != got.1 {
                complaints.push(format!("pod: expected {}\n             got {}", expect.1, got.1));
            }
        }
        start = end;
    }
}

fn recorded_pod(pod: &Value) -> Value {
    let index = &pod["annotations"]["batch.kubernetes.io/job-completion-index"];
    let name = pod["name"].as_str().unwrap_or_default().len();
    let same = ["labels", "annotations", "finalizers", "generateName", "ownerReferences"];
    let metadata: BTreeMap<&str, &Value> = same.iter().map(|name| (*name, &pod[*name])).collect();
    json!({
        "index": index.as_str().and_then(|index| index.parse::<u64>().ok()),
        "name": name, "metadata": metadata, "hostname": pod["hostname"], "env": pod["env"],
    })
}

fn replayed_pod(pod: &Pod) -> Value {
    let whole = json!(pod);
    let mut env = json!({});
    for list in ["initContainers", "containers"] {
        for container in whole["spec"][list].as_array().into_iter().flatten() {
            env[container["name"].as_str().unwrap_or_default()] = container["env"].clone();
        }
    }
    let same = ["labels", "annotations", "finalizers", "generateName", "ownerReferences"];
    let metadata: BTreeMap<&str, &Value> =
        same.iter().map(|name| (*name, &whole["metadata"][*name])).collect();
    json!({
        "index": index_of(pod), "name": pod.metadata.name.as_deref().unwrap_or_default().len(),
        "metadata": metadata, "hostname": whole["spec"]["hostname"], "env": env,
    })
}

/// The controller's events, however often and about whichever pod.
fn compare_events(trace: &Value, replayed: &Replayed, complaints: &mut Vec<String>) {
    let recorded: Vec<&Value> =
        trace["events"].as_array().expect("events are a list").iter().collect();
    let names: Vec<&str> = trace["pods"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|pod| pod["name"].as_str())
        .collect();
    let ours: Vec<&str> =
        replayed.pods.iter().filter_map(|(pod, _)| pod.metadata.name.as_deref()).collect();
    let made: Vec<Value> = replayed.events.iter().map(|event| json!(event)).collect();
    let from_controller =
        recorded.into_iter().filter(|event| event["component"] == "job-controller");
    let expect = tally(from_controller, &names);
    let got = tally(made.iter(), &ours);
    if expect != got {
        complaints.push(format!("events: expected {expect:?}\n                got {got:?}"));
    }
}

fn tally<'a>(events: impl Iterator<Item = &'a Value>, pods: &[&str]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for event in events {
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        let message = pods
            .iter()
            .fold(text("message").to_owned(), |message, pod| message.replace(pod, "POD"));
        *tally.entry(format!("{} {}: {message}", text("type"), text("reason"))).or_default() += 1;
    }
    tally
}
