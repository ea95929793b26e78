//! What is made anew when the state is replaced: the control plane, and the API over it.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::response::IntoResponse;
use jiff::SignedDuration;
use mayfly_controller::http::access::Access;
use mayfly_controller::http::status::Status;
use mayfly_controller::http::{Api, RESTORE, Restore, router};
use mayfly_controller::network::AllowedHosts;
use mayfly_controller::store::{Snapshot, Store};
use mayfly_controller::{ControlPlane, Settings};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::ServiceExt;

use super::kubelets::Nodes;
use super::limits;
use super::tls::Tls;
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
    /// Who signs the certificates of nodes, and for how long.
    pub(super) signer: Arc<Tls>,
    pub(super) signing_duration: SignedDuration,
    /// Who asks the nodes on other hosts.
    pub(super) kubelets: Arc<Nodes>,
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
        let (signer, duration) = (Arc::clone(&self.signer), self.signing_duration);
        let plane = ControlPlane::start(store.clone(), runtime, self.settings.clone())
            .with_signer(signer, duration);
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
            .with_kubelets(&self.settings.node.name, self.kubelets.clone())
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
        let Generation { plane, shutdown, .. } = generation;
        shutdown.cancel();
        door.close().await;
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
pub(super) struct Door(Arc<RwLock<Option<Way>>>);

/// Where an open door leads, and who has gone through it and is not back.
#[derive(Clone)]
struct Way {
    router: Router,
    inside: TaskTracker,
    /// Whoever is still inside is cut off.
    cut_off: CancellationToken,
}

impl Door {
    /// Requests go to the API of `generation` from now on.
    pub(super) fn open(&self, generation: &Generation) {
        self.lead_to(generation.router.clone());
    }

    fn lead_to(&self, router: Router) {
        let way = Way { router, inside: TaskTracker::new(), cut_off: CancellationToken::new() };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(way);
    }

    /// Lets nobody in any more. When it returns nobody is inside: who began with one state must not
    /// go on with another. Those that take longer than [`limits::RESTORE_DRAIN_MAX`] are cut off.
    async fn close(&self) {
        let way = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Way { inside, cut_off, .. }) = way else { return };
        inside.close();
        if timeout(limits::RESTORE_DRAIN_MAX, inside.wait()).await.is_err() {
            let requests = inside.len();
            tracing::warn!(requests, "requests hold up the restoring of a backup: cutting off");
            cut_off.cancel();
            inside.wait().await;
        }
    }

    /// The way in, and that somebody has gone in; looked at together, so that whoever closes the door
    /// knows of everybody.
    fn enter(&self) -> Option<(Way, TaskTrackerToken)> {
        let way = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let way = way.as_ref()?;
        Some((way.clone(), way.inside.token()))
    }

    /// What answers, now and whenever the door leads elsewhere.
    pub(super) fn router(&self) -> Router {
        Router::new().fallback(pass).with_state(self.clone())
    }
}

async fn pass(State(door): State<Door>, request: Request) -> Response<Body> {
    let restoring = || Status::unavailable("a backup is being restored").into_response();
    let Some((Way { router, cut_off, .. }, inside)) = door.enter() else { return restoring() };
    if request.uri().path() == RESTORE {
        // That one waits for all of this, and writes nothing itself.
        drop(inside);
        return router.oneshot(request).await.into_response();
    }
    let answer = cut_off.run_until_cancelled(router.oneshot(request)).await;
    drop(inside);
    answer.map_or_else(restoring, IntoResponse::into_response)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::routing::any;
    use tokio::sync::Semaphore;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// A door to requests that tell when they have begun, and are through after so long.
    fn door_to(time: Duration) -> (Door, Arc<Semaphore>) {
        let (door, begun) = (Door::default(), Arc::new(Semaphore::new(0)));
        let told = Arc::clone(&begun);
        let work = any(move || async move {
            told.add_permits(1);
            sleep(time).await;
        });
        door.lead_to(Router::new().fallback_service(work));
        (door, begun)
    }

    async fn ask(door: &Door, path: &str) -> u16 {
        let request = Request::delete(path).body(Body::empty()).expect("it must be one");
        door.router().oneshot(request).await.expect("it must answer").status().as_u16()
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_inside_comes_out_before_anything_is_replaced() {
        let (door, begun) = door_to(Duration::from_secs(2));
        let since = Instant::now();
        let inside = tokio::spawn({
            let door = door.clone();
            async move { ask(&door, "/api/v1/pods").await }
        });
        let _begun = begun.acquire().await.expect("it must stay open");
        door.close().await;
        assert_eq!(since.elapsed().as_secs(), 2);
        assert_eq!(inside.await.expect("it must not panic"), 200);
        assert_eq!(ask(&door, "/api/v1/pods").await, 503);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stays_is_cut_off_but_for_who_waits_for_the_restore() {
        let (door, begun) = door_to(Duration::from_secs(3600));
        let since = Instant::now();
        let [stays, restores] = ["/api/v1/pods", RESTORE].map(|path| {
            let door = door.clone();
            tokio::spawn(async move { ask(&door, path).await })
        });
        let _begun = begun.acquire_many(2).await.expect("it must stay open");
        door.close().await;
        assert_eq!(since.elapsed(), limits::RESTORE_DRAIN_MAX);
        assert_eq!(stays.await.expect("it must not panic"), 503);
        assert!(!restores.is_finished());
        assert_eq!(restores.await.expect("it must not panic"), 200);
    }
}
