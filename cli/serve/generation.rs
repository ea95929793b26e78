//! What is made anew when the state is replaced: the control plane, and the API over it.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::response::IntoResponse;
use mayfly_controller::http::access::Access;
use mayfly_controller::http::status::Status;
use mayfly_controller::http::{Api, Restore, router};
use mayfly_controller::network::AllowedHosts;
use mayfly_controller::store::{Snapshot, Store};
use mayfly_controller::{ControlPlane, Settings};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::log::Log;
use crate::wasm::Wasm;

/// What every generation is made of.
pub(super) struct Seed {
    pub(super) store: Store,
    pub(super) runtime: Arc<Wasm>,
    pub(super) settings: Settings,
    pub(super) allowed_hosts: AllowedHosts,
    pub(super) metrics_objects_max: usize,
    pub(super) log: Log,
    pub(super) access: Arc<Access>,
    /// Where restores are asked for.
    pub(super) restores: mpsc::Sender<Restore>,
}

/// One control plane, from its start to its end.
pub(super) struct Generation {
    pub(super) plane: ControlPlane,
    /// Ends what goes on for long over its API, such as watches; and it is not ready any more.
    pub(super) shutdown: CancellationToken,
    router: Router,
}

impl Seed {
    /// Starts a control plane; there is what clients expect when this returns.
    pub(super) async fn grow(&self) -> Generation {
        let operator = self.settings.node.limits;
        let (store, runtime) = (self.store.clone(), Arc::clone(&self.runtime));
        let plane = ControlPlane::start(store.clone(), runtime, self.settings.clone());
        tokio::select! {
            () = plane.ready() => {}
            () = plane.ended() => {}
        }
        let shutdown = CancellationToken::new();
        let api = Api::new(store)
            .with_access(Arc::clone(&self.access))
            .with_operator_limits(operator)
            .with_allowed_hosts(self.allowed_hosts.clone())
            .with_logs(plane.logs().clone())
            .with_inputs(plane.inputs().clone())
            .with_usages(plane.usages().clone())
            .with_queues(plane.queues().to_vec())
            .with_metrics_objects_max(self.metrics_objects_max)
            .with_log_filter(Arc::new(self.log.clone()))
            .with_tracer(self.settings.node.tracer.clone())
            .with_restores(self.restores.clone())
            .with_shutdown(shutdown.clone());
        Generation { plane, shutdown, router: router(api) }
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
        door.close();
        let Generation { plane, shutdown, .. } = generation;
        shutdown.cancel();
        plane.shutdown().await;
        let restored = self.store.restore(snapshot).await;
        let restored = restored.map_err(|error| format!("{:#}", anyhow::Error::new(error)));
        let next = self.grow().await;
        door.open(&next);
        (next, restored)
    }
}

/// What requests go through: to the API of the generation that there is, or nowhere for a moment.
#[derive(Clone, Default)]
pub(super) struct Door(Arc<RwLock<Option<Router>>>);

impl Door {
    /// Requests go to the API of `generation` from now on.
    pub(super) fn open(&self, generation: &Generation) {
        self.set(Some(generation.router.clone()));
    }

    fn close(&self) {
        self.set(None);
    }

    fn set(&self, router: Option<Router>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    /// What answers, now and whenever the door leads elsewhere.
    pub(super) fn router(&self) -> Router {
        Router::new().fallback(pass).with_state(self.clone())
    }
}

async fn pass(State(door): State<Door>, request: Request) -> Response<Body> {
    let router = door.0.read().unwrap_or_else(PoisonError::into_inner).clone();
    match router {
        Some(router) => router.oneshot(request).await.into_response(),
        None => Status::unavailable("a backup is being restored").into_response(),
    }
}
