//! A runtime for our own node: containers that do what the script of their pod says.

use std::sync::Arc;
use std::time::Duration;

use mayfly_controller::api::{Key, Pod};
use mayfly_controller::node::{
    Container, ContainerEnd, Image, PodRuntime, Pull, PullError, StartError,
};
use mayfly_controller::store::Store;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::stage::Stage;

/// Plays containers.
pub(super) struct ScriptedRuntime {
    pub(super) store: Store,
    pub(super) stage: Arc<Stage>,
}

/// What a container is in its pod.
#[derive(PartialEq, Eq)]
enum Role {
    Main,
    Init,
    Sidecar,
}

impl PodRuntime for ScriptedRuntime {
    async fn pull(&self, pull: Pull) -> Result<Image, PullError> {
        // A start takes a moment, as it did where the traces were recorded.
        sleep(Duration::from_millis(50)).await;
        Ok(Image { id: pull.image, was_present: true, bytes: 1 })
    }

    async fn run(
        &self,
        container: Container,
        cancel: CancellationToken,
    ) -> Result<ContainerEnd, StartError> {
        let play = self.stage.play(&container.pod.uid);
        let role = self.role(&container);
        let run = match role {
            Role::Main => Duration::from_secs_f64(play.run()),
            Role::Init => Duration::ZERO,
            Role::Sidecar => Duration::MAX,
        };
        let (exit_code, reason) = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                sleep(Duration::from_secs_f64(play.term_delay())).await;
                (play.term_exit_code(), play.reason)
            }
            outcome = self.stage.finished(&container.pod.uid), if role == Role::Main => {
                (outcome.exit_code(container.restart_count), outcome.reason)
            }
            () = sleep(run) => match role {
                Role::Init => (play.init_exit.unwrap_or(0), play.reason),
                Role::Main | Role::Sidecar => {
                    (play.exit_code(container.restart_count), play.reason)
                }
            },
        };
        let reason = match (exit_code, reason) {
            (0, _) => "Completed".to_owned(),
            (_, Some(reason)) => reason,
            (_, None) => "Error".to_owned(),
        };
        Ok(ContainerEnd { exit_code, reason, message: None, termination_log: Vec::new() })
    }
}

impl ScriptedRuntime {
    fn role(&self, container: &Container) -> Role {
        let key = Key::new(&container.pod.namespace, &container.pod.name);
        let pod = self.store.get::<Pod>(&key);
        let spec = pod.as_ref().and_then(|pod| pod.spec.as_ref());
        let init = spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
        let found = init.clone().find(|init| init.name == container.name);
        match found.map(|init| init.restart_policy.as_deref()) {
            None => Role::Main,
            Some(Some("Always")) => Role::Sidecar,
            Some(_) => Role::Init,
        }
    }
}
