//! What is made anew when the state is replaced, or this server comes to lead: the control plane, and
//! the API over it.

use std::future::pending;
use std::sync::Arc;

use axum::Router;
use jiff::SignedDuration;
use mayfly_controller::http::access::Access;
use mayfly_controller::http::{Api, Restore, router};
use mayfly_controller::network::AllowedHosts;
use mayfly_controller::store::{Snapshot, Store};
use mayfly_controller::{ControlPlane, Settings};
use mayfly_etcd::Session;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::door::Door;
use super::kubelets::Nodes;
use super::tls::Tls;
use crate::log::Log;
use crate::wasm::Wasm;

/// What every generation is made of.
pub(super) struct Seed {
    pub(super) runtime: Arc<Wasm>,
    pub(super) settings: Settings,
    pub(super) allowed_hosts: AllowedHosts,
    pub(super) metrics_objects_max: usize,
    pub(super) log: Log,
    pub(super) access: Arc<Access>,
    /// Who signs the certificates of nodes, and for how long.
    pub(super) signer: Arc<Tls>,
    pub(super) signing_duration: SignedDuration,
    /// Who asks the nodes on other hosts.
    pub(super) kubelets: Arc<Nodes>,
}

/// One control plane, from its start to its end.
pub(super) struct Generation {
    pub(super) plane: ControlPlane,
    store: Store,
    /// For how long it may go on, where the state is shared; it has no node then.
    session: Option<Session>,
    /// Ends what goes on for long over its API, such as watches; and it is not ready any more.
    pub(super) shutdown: CancellationToken,
    /// What is to be restored in its place. It goes with it: who asks too late asks nobody, since what
    /// was wanted in the place of this state is not wanted in that of a later one.
    asked: mpsc::Receiver<Restore>,
    router: Router,
}

/// What comes after a generation.
pub(super) enum Next {
    /// It may not go on.
    Lost,
    /// A part of it has ended by itself, which only a fault does.
    Ended,
    /// Something is to be restored in its place.
    Restore(Restore),
}

impl Seed {
    /// Starts a control plane on `store`; there is what clients expect when this returns, unless the
    /// `session` is over before.
    pub(super) async fn grow(&self, store: Store, session: Option<Session>) -> Generation {
        let operator = self.settings.node.limits;
        let (runtime, settings) = (Arc::clone(&self.runtime), self.settings.clone());
        let (plane, own) = match &session {
            None => {
                let own = settings.node.name.clone();
                (ControlPlane::start(store.clone(), runtime, settings), own)
            }
            // Pods of this process would be lost whenever another server comes to lead.
            Some(_) => {
                let plane = ControlPlane::start_without_node(store.clone(), runtime, settings);
                (plane, String::new())
            }
        };
        let signer = Arc::clone(&self.signer);
        let plane = plane.with_signer(signer, self.signing_duration);
        tokio::select! {
            () = plane.ready() => {}
            () = plane.ended() => {}
            () = over(session.as_ref()) => {}
        }
        let shutdown = CancellationToken::new();
        let (restores, asked) = mpsc::channel(1);
        let api = Api::new(store.clone())
            .with_access(Arc::clone(&self.access))
            .with_operator_limits(operator)
            .with_allowed_hosts(self.allowed_hosts.clone())
            .with_logs(plane.logs().clone())
            .with_kubelets(&own, self.kubelets.clone())
            .with_inputs(plane.inputs().clone())
            .with_usages(plane.usages().clone())
            .with_queues(plane.queues().to_vec())
            .with_metrics_objects_max(self.metrics_objects_max)
            .with_log_filter(Arc::new(self.log.clone()))
            .with_tracer(self.settings.node.tracer.clone())
            .with_restores(restores)
            .with_shutdown(shutdown.clone());
        Generation { plane, store, session, shutdown, asked, router: router(api) }
    }

    /// Has `snapshot` in the place of everything, between one control plane and the next. Nobody is
    /// answered meanwhile. Whatever comes of it, there is a control plane afterwards; if the snapshot
    /// could not be kept, it works on what was there before, as after a restart.
    pub(super) async fn replace(
        &self,
        generation: Generation,
        door: &Door,
        snapshot: Snapshot,
    ) -> (Generation, Result<u64, String>) {
        let Generation { plane, store, session, shutdown, .. } = generation;
        shutdown.cancel();
        door.close().await;
        plane.shutdown().await;
        let restored = store.restore(snapshot).await;
        let restored = restored.map_err(|error| format!("{:#}", anyhow::Error::new(error)));
        let next = self.grow(store, session).await;
        door.open(&next);
        (next, restored)
    }
}

impl Generation {
    /// What answers.
    pub(super) fn router(&self) -> Router {
        self.router.clone()
    }

    /// For how long it may go on, if that is not for ever.
    pub(super) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Waits until something else has to come.
    pub(super) async fn next(&mut self) -> Next {
        loop {
            let restore = tokio::select! {
                biased;
                () = over(self.session.as_ref()) => return Next::Lost,
                () = self.plane.ended() => return Next::Ended,
                Some(restore) = self.asked.recv() => restore,
            };
            // Who has gone meanwhile does not learn that everything was replaced.
            if !restore.answer.is_closed() {
                return Next::Restore(restore);
            }
        }
    }

    /// Ends it at once, as a process is ended that is killed: nothing that it would write could be kept.
    pub(super) fn abandon(self) -> Option<Session> {
        self.shutdown.cancel();
        self.session
    }
}

/// Waits until `session` is over; for ever if there is none.
async fn over(session: Option<&Session>) {
    match session {
        Some(session) => session.lost().await,
        None => pending().await,
    }
}
