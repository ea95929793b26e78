//! Those who tell the API server of pods, each of one pod, until there is nothing left to tell.
//!
//! What can't be told now is tried again, however long that takes: what is told then is the newest.
//! What the API server has refused and would refuse again is not; whoever looks at the pod is told.
//!
//! ```text
//! no answer, 401, 409, 429, 5xx    again, after a pause
//! 403                              again, but a pod that is to go does not wait for it
//! 400, 405, 406, 413, 415, 422     not again, until there is something new to tell, or a new list
//! 404, 409 of another pod          the pod is no more: it is forgotten
//! ```

use std::sync::Arc;

use mayfly_controller::api::Pod;
use mayfly_controller::events::EventType;
use mayfly_controller::node::{PodEvent, PodIdentity};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limits::{ERRANDS_MAX, EVENT_MESSAGE_BYTES_MAX};
use crate::line::{Failure, Line};
use crate::pause::Pause;
use crate::pods::{Errand, Pods};
use crate::requests;
use crate::teller::Teller;

/// All of them. A clone is the same.
#[derive(Clone)]
pub(crate) struct Couriers {
    line: Line,
    pods: Arc<Pods>,
    teller: Teller,
    /// One permit for each request that is under way.
    errands: Arc<Semaphore>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Couriers {
    pub(crate) fn new(
        line: Line,
        pods: Arc<Pods>,
        teller: Teller,
        tasks: TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        let errands = Arc::new(Semaphore::new(ERRANDS_MAX));
        Self { line, pods, teller, errands, tasks, cancel }
    }

    /// Sees to it that what there is to tell of a pod is told.
    pub(crate) fn see_to(&self, uid: &str) {
        if self.pods.take_up(uid) {
            let (own, uid) = (self.clone(), uid.to_owned());
            self.tasks.spawn(async move {
                let all = own.run(&uid);
                let _ = own.cancel.run_until_cancelled(all).await;
            });
        }
    }

    async fn run(&self, uid: &str) {
        let mut pause = Pause::default();
        while let Some(errand) = self.pods.next_errand(uid) {
            let done = {
                let place = self.errands.acquire().await;
                let _place = place.expect("nobody must close the semaphore");
                match errand {
                    Errand::Tell { pod, patch, said } => self.tell(&pod, &patch, said).await,
                    Errand::Remove { pod } => self.remove(&pod).await,
                }
            };
            match done {
                Ok(()) => pause.reset(),
                Err(failure) => {
                    if !failure.is_outage() {
                        let error = &failure as &dyn std::error::Error;
                        tracing::warn!(pod = uid, error, "a pod can't be told of yet");
                    }
                    pause.wait().await;
                }
            }
        }
    }

    async fn tell(&self, pod: &PodIdentity, patch: &Value, said: u64) -> Result<(), Failure> {
        match self.line.ask::<Pod>(requests::patch_pod_status(pod, patch)).await {
            Ok(now) => self.pods.told(said, now),
            Err(failure) if failure.is_final() => {
                self.complain(pod, &failure);
                self.pods.given_up(&pod.uid, said);
            }
            Err(failure) if failure.is_forbidden() => {
                // Once is enough for who reads it; the log has the rest.
                if self.pods.forbidden(&pod.uid) {
                    self.complain(pod, &failure);
                }
                return Err(failure);
            }
            Err(failure) => self.refused(pod, failure).await?,
        }
        Ok(())
    }

    /// Tells whoever looks at `pod` that its status is not what its node says.
    fn complain(&self, pod: &PodIdentity, failure: &Failure) {
        tracing::warn!(pod = %pod.name, namespace = %pod.namespace, error = %failure,
            "the status of a pod is refused");
        let mut message = format!("the pod's status is not up to date: {failure}");
        message.truncate(message.floor_char_boundary(EVENT_MESSAGE_BYTES_MAX));
        let event = PodEvent {
            event_type: EventType::Warning,
            reason: "StatusRefused",
            message,
            field_path: None,
        };
        self.teller.tell(pod, event);
    }

    async fn remove(&self, pod: &PodIdentity) -> Result<(), Failure> {
        match self.line.ask::<Value>(requests::delete_pod(pod)).await {
            // One that somebody's finalizer holds is still there, and nothing more is to be done.
            Ok(_) => self.pods.removed(&pod.uid),
            Err(failure) => self.refused(pod, failure).await?,
        }
        Ok(())
    }

    /// Forgets `pod` if that is why it was refused; otherwise gives back what was.
    async fn refused(&self, pod: &PodIdentity, failure: Failure) -> Result<(), Failure> {
        // A conflict: another has its name, or it changes all the time.
        let is_gone =
            failure.is_not_found() || (failure.code() == Some(409) && !self.is_there(pod).await?);
        if !is_gone {
            return Err(failure);
        }
        self.pods.gone(&pod.uid);
        Ok(())
    }

    async fn is_there(&self, pod: &PodIdentity) -> Result<bool, Failure> {
        let found = self.line.find::<Pod>(requests::get_pod(pod)).await?;
        Ok(found.is_some_and(|found| found.metadata.uid.as_ref() == Some(&pod.uid)))
    }
}
