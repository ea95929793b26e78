//! A node that is not ours: it writes the statuses of its pods as a kubelet would, where a script
//! asks for what no container can do: be evicted, be unready, take long to end, never start.

use std::sync::Arc;
use std::time::Duration;

use mayfly_controller::api::{Key, Kind, Pod, PodStatus, Resource, Time};
use mayfly_controller::store::{ChangeKind, DeleteOptions, Store, Transaction, Watch};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::script::Play;
use super::stage::Stage;

/// Its name.
pub(super) const NAME: &str = "elsewhere";

/// Plays the pods that are bound to it, until it is dropped.
pub(super) async fn run(store: Store, stage: Arc<Stage>) {
    let mut watch = store.watch(&[Kind::Pod], 0).expect("a new store must have its history");
    while let Ok(change) = watch.next().await {
        let Some(pod) = Pod::from_object(&change.object) else { continue };
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        if change.what == ChangeKind::Added && node == Some(NAME) {
            let actor = Actor {
                store: store.clone(),
                play: stage.play(pod.uid()),
                finish: stage.finish(pod.uid()),
                pod: Arc::clone(pod),
            };
            let watch = store.watch(&[Kind::Pod], change.resource_version);
            tokio::spawn(actor.run(watch.expect("what has just come must be in the history")));
        }
    }
}

/// One pod.
struct Actor {
    store: Store,
    play: Play,
    finish: tokio_util::sync::CancellationToken,
    pod: Arc<Pod>,
}

impl Actor {
    async fn run(self, mut watch: Watch) {
        let work = async {
            sleep(Duration::from_secs_f64(self.play.start())).await;
            if self.play.hold == Some(true) {
                std::future::pending::<()>().await;
            }
            self.report("Running", json!({ "running": { "startedAt": self.now() } })).await;
            tokio::select! {
                () = self.finish.cancelled() => 0,
                () = sleep(Duration::from_secs_f64(self.play.run())) => self.play.exit_code(0),
            }
        };
        let exit_code = tokio::select! {
            exit_code = work => exit_code,
            () = deletion(&mut watch, self.pod.uid()) => {
                sleep(Duration::from_secs_f64(self.play.term_delay())).await;
                self.end(self.play.term_exit_code()).await;
                return self.remove().await;
            }
        };
        self.end(exit_code).await;
        deletion(&mut watch, self.pod.uid()).await;
        self.remove().await;
    }

    async fn end(&self, exit_code: i32) {
        let phase = if exit_code == 0 { "Succeeded" } else { "Failed" };
        let reason = if exit_code == 0 { "Completed" } else { "Error" };
        let terminated =
            json!({ "exitCode": exit_code, "reason": reason, "finishedAt": self.now() });
        self.report(phase, json!({ "terminated": terminated })).await;
    }

    async fn report(&self, phase: &str, state: Value) {
        let is_running = phase == "Running";
        let is_ready = is_running && self.play.ready != Some(false);
        let condition = |type_: &str, status: bool| {
            let status = if status { "True" } else { "False" };
            json!({ "type": type_, "status": status, "lastTransitionTime": self.now() })
        };
        let mut conditions = vec![condition("Ready", is_ready)];
        let mut status = json!({
            "phase": phase,
            "containerStatuses": [{
                "name": "main", "ready": is_ready, "restartCount": 0, "image": "", "imageID": "",
                "state": state,
            }],
        });
        if phase == "Failed" {
            status["reason"] = json!(self.play.phase_reason);
            status["message"] = json!(self.play.phase_message);
            if let Some(disruption) = &self.play.disrupt {
                let mut disrupted = condition("DisruptionTarget", true);
                disrupted["reason"] = json!(disruption.reason);
                disrupted["message"] = json!(disruption.message);
                conditions.push(disrupted);
            }
        }
        status["conditions"] = Value::Array(conditions);
        let status: PodStatus = serde_json::from_value(status).expect("a status must be one");
        let write = Transaction::new().modify(self.key(), self.uid(), move |pod: &mut Pod| {
            pod.status = Some(status);
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
