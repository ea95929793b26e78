//! A node that is not ours: it writes the statuses of its pods as a kubelet would, where a script
//! asks for what no container can do: be evicted, be unready, take long to end, never start.
//!
//! Where it is needed it has all pods of the trace, and our own node has room for none.

use std::sync::Arc;
use std::time::Duration;

use mayfly_controller::api::{Key, Kind, Pod, PodStatus, Resource, Time};
use mayfly_controller::store::{ChangeKind, DeleteOptions, Store, Transaction, Watch};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::client::Client;
use super::script::Play;
use super::stage::Stage;
use super::trace::Trace;

/// The node that pods were on where the traces were recorded.
const NODE: &str = "fake";

/// How long a container waits for its restarts but the first, where the script says nothing.
const RESTART_DELAY: f64 = 10.0;

/// Whether `trace` can't be played on our own node.
pub(super) fn is_needed(trace: &Trace) -> bool {
    let outcomes = trace.actions().iter().filter_map(|action| action.what.get("outcome"));
    let mut outcomes = outcomes.filter_map(|outcome| Play::deserialize(outcome).ok());
    trace.script.is_beyond_our_node() || outcomes.any(|outcome| outcome.is_beyond_our_node())
}

/// What our own node is called.
pub(super) fn our_node(trace: &Trace) -> &'static str {
    if is_needed(trace) { "idle" } else { NODE }
}

/// Starts the node if `trace` needs it. It plays until it is dropped.
pub(super) async fn start(
    trace: &Trace,
    client: &Client,
    store: &Store,
    stage: &Arc<Stage>,
) -> Option<AbortOnDropHandle<()>> {
    if !is_needed(trace) {
        return None;
    }
    let room = json!({"cpu": "32", "memory": "256Gi", "pods": "110"});
    let labels = json!({"kubernetes.io/os": "linux", "kubernetes.io/hostname": NODE});
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": labels},
        "status": {"capacity": room, "allocatable": room,
            "conditions": [{"type": "Ready", "status": "True"}]},
    });
    let answer = client.create(&node).await;
    assert_eq!(answer.code, 201, "{}", answer.body);
    let answer = client.send("PATCH", (Kind::Node, &format!("{NODE}/status")), &node).await;
    assert_eq!(answer.code, 200, "{}", answer.body);
    Some(AbortOnDropHandle::new(tokio::spawn(run(store.clone(), stage.clone()))))
}

async fn run(store: Store, stage: Arc<Stage>) {
    let mut watch = store.watch(&[Kind::Pod], 0).expect("a new store must have its history");
    let mut bound = std::collections::HashSet::new();
    while let Ok(change) = watch.next().await {
        let Some(pod) = Pod::from_object(&change.object) else { continue };
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        if node == Some(NODE) && bound.insert(pod.uid().to_owned()) {
            let watch = store.watch(&[Kind::Pod], change.resource_version);
            let actor = Actor {
                store: store.clone(),
                play: stage.play(pod.uid()),
                stage: stage.clone(),
                pod: Arc::clone(pod),
            };
            tokio::spawn(actor.run(watch.expect("what has just come must be in the history")));
        }
    }
}

/// One pod.
struct Actor {
    store: Store,
    play: Play,
    stage: Arc<Stage>,
    pod: Arc<Pod>,
}

/// What its container does, and how often it has been restarted.
struct Container {
    state: Value,
    restarts: u32,
}

impl Actor {
    async fn run(self, mut watch: Watch) {
        let (end, restarts) = tokio::select! {
            end = self.work() => end,
            () = deletion(&mut watch, self.pod.uid()) => {
                sleep(Duration::from_secs_f64(self.play.term_delay())).await;
                self.end(&self.play, (self.play.term_exit_code(), 0)).await;
                return self.remove().await;
            }
        };
        self.end(&end, (end.exit_code(restarts), restarts)).await;
        deletion(&mut watch, self.pod.uid()).await;
        self.remove().await;
    }

    /// Runs to the end: how it went, and how often its container has been restarted.
    async fn work(&self) -> (Play, u32) {
        sleep(Duration::from_secs_f64(self.play.start())).await;
        if self.play.hold == Some(true) {
            std::future::pending::<()>().await;
        }
        let spec = self.pod.spec.as_ref();
        let policy = spec.and_then(|spec| spec.restart_policy.as_deref());
        for restarts in 0.. {
            let running = json!({ "running": { "startedAt": self.now() } });
            self.report("Running", &Container { state: running, restarts }).await;
            let end = tokio::select! {
                outcome = self.stage.finished(self.pod.uid()) => outcome,
                () = sleep(Duration::from_secs_f64(self.play.run())) => self.play.clone(),
            };
            let is_the_nodes = end.phase_reason.is_some() || end.disrupt.is_some();
            let is_over = end.exit_code(restarts) == 0 || policy == Some("Never");
            if is_over || is_the_nodes {
                return (end, restarts);
            }
            if restarts > 0 {
                let waiting = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
                self.report("Running", &Container { state: waiting, restarts }).await;
                let delay = self.play.restart_delay.unwrap_or(RESTART_DELAY);
                sleep(Duration::from_secs_f64(delay)).await;
            }
        }
        unreachable!("restarts must not run out")
    }

    async fn end(&self, play: &Play, (exit_code, restarts): (i32, u32)) {
        let phase = if exit_code == 0 { "Succeeded" } else { "Failed" };
        let reason = match (exit_code, &play.reason) {
            (0, _) => "Completed",
            (_, Some(reason)) => reason.as_str(),
            (_, None) => "Error",
        };
        let terminated =
            json!({ "exitCode": exit_code, "reason": reason, "finishedAt": self.now() });
        let state = json!({ "terminated": terminated });
        let mut status = self.status(phase, &Container { state, restarts });
        if phase == "Failed" {
            status["reason"] = json!(play.phase_reason);
            status["message"] = json!(play.phase_message);
            if let Some(disruption) = &play.disrupt {
                let mut disrupted = self.condition("DisruptionTarget", true);
                disrupted["reason"] = json!(disruption.reason);
                disrupted["message"] = json!(disruption.message);
                status["conditions"].as_array_mut().expect("a list").push(disrupted);
            }
        }
        self.write(status).await;
    }

    async fn report(&self, phase: &str, container: &Container) {
        self.write(self.status(phase, container)).await;
    }

    fn status(&self, phase: &str, container: &Container) -> Value {
        let is_up = container.state.get("running").is_some();
        let is_ready = is_up && self.play.ready != Some(false);
        let spec = self.pod.spec.as_ref();
        let containers = spec.iter().flat_map(|spec| &spec.containers).map(|it| {
            json!({
                "name": it.name, "ready": is_ready, "restartCount": container.restarts,
                "image": it.image, "imageID": "", "state": container.state,
            })
        });
        json!({
            "phase": phase,
            "containerStatuses": containers.collect::<Vec<_>>(),
            "conditions": [self.condition("Ready", is_ready)],
        })
    }

    fn condition(&self, type_: &str, status: bool) -> Value {
        let status = if status { "True" } else { "False" };
        json!({ "type": type_, "status": status, "lastTransitionTime": self.now() })
    }

    /// Writes `status`, in which conditions that others have written stay.
    async fn write(&self, status: Value) {
        let status: PodStatus = serde_json::from_value(status).expect("a status must be one");
        let write = Transaction::new().modify(self.key(), self.uid(), move |pod: &mut Pod| {
            let old = pod.status.replace(status).unwrap_or_default();
            let new = pod.status.get_or_insert_default().conditions.get_or_insert_default();
            for condition in old.conditions.into_iter().flatten() {
                if new.iter().all(|it| it.type_ != condition.type_) {
                    new.push(condition);
                }
            }
        });
        self.store.commit(write).await.expect("a status must be written");
    }

    async fn remove(&self) {
        let options = DeleteOptions { uid: self.uid(), grace_period_seconds: Some(0) };
        let delete = Transaction::new().delete(Kind::Pod, self.key(), options);
        self.store.commit(delete).await.expect("a pod must be deleted");
    }

    fn key(&self) -> Key {
        self.pod.key()
    }

    fn uid(&self) -> Option<String> {
        Some(self.pod.uid().to_owned())
    }

    fn now(&self) -> Time {
        Time(self.store.clock().now())
    }
}

/// Waits until the pod with `uid` is to go.
async fn deletion(watch: &mut Watch, uid: &str) {
    while let Ok(change) = watch.next().await {
        let metadata = change.object.metadata();
        let is_it = metadata.uid.as_deref() == Some(uid);
        if is_it && (metadata.deletion_timestamp.is_some() || change.what == ChangeKind::Deleted) {
            return;
        }
    }
    std::future::pending::<()>().await;
}
