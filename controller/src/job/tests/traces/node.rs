//! A node that plays a script: when each pod starts, how it ends, what it does when it is told to.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::api::{Key, Kind, Pod, PodCondition, Resource, Timestamp};
use crate::store::{DeleteOptions, Store, Transaction};

use super::super::model::index_of;

/// The node.
pub(super) struct ScriptedNode {
    store: Store,
    script: Value,
    /// What is known of each pod, by uid.
    lives: HashMap<String, Life>,
    /// How many pods each index has had.
    attempts: HashMap<u32, usize>,
    /// How many pods there have been.
    pods: usize,
}

/// One pod.
struct Life {
    /// Its place among all pods.
    ordinal: usize,
    script: Value,
    made: f64,
    /// Since when its container runs; none before, and while it waits to be restarted.
    running: Option<f64>,
    restart_at: Option<f64>,
    restarts: usize,
    deleted: Option<f64>,
    /// An end that a step of the story asks for.
    outcome: Option<Value>,
}

impl ScriptedNode {
    pub(super) fn new(store: Store, script: Value) -> Self {
        Self { store, script, lives: HashMap::new(), attempts: HashMap::new(), pods: 0 }
    }

    /// A pod was made at second `now`.
    pub(super) fn add(&mut self, pod: &Pod, now: f64) {
        let mut script = self.script["default"].clone();
        let mut overlay = |part: &Value| {
            for (name, value) in part.as_object().into_iter().flatten() {
                script[name] = value.clone();
            }
        };
        if let Some(index) = index_of(pod) {
            let attempt = self.attempts.entry(index).or_default();
            let part = &self.script["index"][index.to_string()];
            let by_attempt = part.as_array().and_then(|list| list.get(*attempt).or(list.last()));
            overlay(by_attempt.unwrap_or(part));
            *attempt += 1;
        }
        overlay(&self.script["pods"][self.pods.to_string()]);
        let life = Life {
            ordinal: self.pods,
            script,
            made: now,
            running: None,
            restart_at: None,
            restarts: 0,
            deleted: None,
            outcome: None,
        };
        self.lives.insert(pod.uid().to_owned(), life);
        self.pods += 1;
    }

    /// Where `pod` is among all that there have been.
    pub(super) fn ordinal(&self, pod: &Pod) -> Option<usize> {
        self.lives.get(pod.uid()).map(|life| life.ordinal)
    }

    /// Lets `pod` end with `outcome`.
    pub(super) fn finish(&mut self, pod: &Pod, outcome: &Value) {
        let life = self.lives.get_mut(pod.uid()).expect("a pod that was made");
        life.outcome = Some(outcome.clone());
    }

    /// Does what is due at second `now`.
    pub(super) async fn act(&mut self, now: f64) {
        for pod in self.store.list::<Pod>(None).items {
            let time = self.store.clock().now();
            let Some(life) = self.lives.get_mut(pod.uid()) else { continue };
            let transaction = life.next(&pod, now, time);
            self.store.commit(transaction).await.expect("the node's word must be taken");
        }
    }
}

impl Life {
    /// What happens to `pod` at second `now`, which is `time`.
    fn next(&mut self, pod: &Pod, now: f64, time: Timestamp) -> Transaction {
        let nothing = Transaction::new();
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let ended = matches!(phase, Some("Succeeded" | "Failed"));
        if pod.metadata.deletion_timestamp.is_some() {
            let since = *self.deleted.get_or_insert(now);
            if now < since + self.seconds("term_delay", 0.1) {
                return nothing;
            }
            let exit_code = self.script["term_exit"].as_i64().unwrap_or(137);
            let end = if ended { nothing } else { self.end(pod, exit_code, time) };
            let options = DeleteOptions { uid: None, grace_period_seconds: Some(0) };
            return end.and(Transaction::new().delete(Kind::Pod, pod.key(), options));
        }
        if ended || (self.script["hold"] == true && self.outcome.is_none()) {
            return nothing;
        }
        let Some(since) = self.running else {
            let at = self.restart_at.unwrap_or(self.made + self.seconds("start", 0.05));
            return if now < at { nothing } else { self.start(pod, now, time) };
        };
        if self.outcome.is_none() && now < since + self.seconds("run", 1.0) {
            return nothing;
        }
        let script = self.outcome.take().unwrap_or_else(|| self.script.clone());
        let exits = script["exits"].as_array();
        let exit = exits.and_then(|exits| exits.get(self.restarts).or(exits.last()));
        let exit_code = exit.unwrap_or(&script["exit"]).as_i64().unwrap_or(0);
        let policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref());
        if policy == Some("OnFailure") && exit_code != 0 && script["phase_reason"].is_null() {
            return self.restart(pod, exit_code, now, time);
        }
        self.end(pod, exit_code, time)
    }

    fn start(&mut self, pod: &Pod, now: f64, time: Timestamp) -> Transaction {
        self.running = Some(now);
        if let Some(exit_code) = self.script["init_exit"].as_i64() {
            return say(
                pod,
                "Failed",
                json!({
                    "conditions": [condition("Ready", "False", time)],
                    "initContainerStatuses": [status("init", 0, &terminated(exit_code, time))],
                }),
            );
        }
        let ready = if self.script["ready"] == false { "False" } else { "True" };
        say(
            pod,
            "Running",
            json!({
                "conditions": [condition("Ready", ready, time)],
                "containerStatuses": [status("main", self.restarts, &json!({ "running": {} }))],
            }),
        )
    }

    /// Ends the container, to be started again after a while in the same pod.
    fn restart(&mut self, pod: &Pod, exit_code: i64, now: f64, time: Timestamp) -> Transaction {
        let state = terminated(exit_code, time);
        let restarts = self.restarts;
        self.running = None;
        self.restart_at = Some(now + self.seconds("restart_delay", 1.0));
        self.restarts += 1;
        say(
            pod,
            "Running",
            json!({
                "conditions": [condition("Ready", "False", time)],
                "containerStatuses": [status("main", restarts, &state)],
            }),
        )
    }

    fn end(&self, pod: &Pod, exit_code: i64, time: Timestamp) -> Transaction {
        let known = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let mut conditions: Vec<PodCondition> =
            known.filter(|condition| condition.type_ != "Ready").cloned().collect();
        conditions.push(condition("Ready", "False", time));
        if !self.script["disrupt"].is_null() {
            conditions.push(condition("DisruptionTarget", "True", time));
        }
        say(
            pod,
            if exit_code == 0 { "Succeeded" } else { "Failed" },
            json!({
                "conditions": conditions,
                "containerStatuses": [status("main", self.restarts, &terminated(exit_code, time))],
            }),
        )
    }

    fn seconds(&self, name: &str, default: f64) -> f64 {
        self.script[name].as_f64().unwrap_or(default)
    }
}

pub(super) fn condition(type_: &str, status: &str, time: Timestamp) -> PodCondition {
    let condition =
        json!({ "type": type_, "status": status, "lastTransitionTime": time.to_string() });
    serde_json::from_value(condition).expect("a condition")
}

/// The state of a container that ended at the whole second of `time`, as it is on the wire.
fn terminated(exit_code: i64, time: Timestamp) -> Value {
    let finished_at = Timestamp::from_second(time.as_second()).expect("a second must be a time");
    json!({ "terminated": { "exitCode": exit_code, "finishedAt": finished_at.to_string() } })
}

fn status(name: &str, restarts: usize, state: &Value) -> Value {
    json!({ "name": name, "restartCount": restarts, "state": state })
}

/// Binds `pod`, and writes its status.
fn say(pod: &Pod, phase: &str, mut status: Value) -> Transaction {
    status["phase"] = json!(phase);
    let status = serde_json::from_value(status).expect("a status");
    let key: Key = pod.key();
    Transaction::new().modify(key, None, move |pod: &mut Pod| {
        pod.spec.get_or_insert_default().node_name = Some("node".to_owned());
        pod.status = Some(status);
    })
}
