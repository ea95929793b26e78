//! What requests go through: to the API of this server, to that of the one that leads, or nowhere for a
//! moment.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::response::IntoResponse;
use mayfly_controller::http::RESTORE;
use mayfly_controller::http::status::Status;
use mayfly_etcd::{Leader, Session};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::ServiceExt;

use super::generation::Generation;
use super::peers::{self, Peer};
use super::{doubt, limits};
use crate::descriptors;

/// Why nobody is let in while a backup is restored.
const RESTORING: &str = "a backup is being restored";

/// A clone leads to the same.
#[derive(Clone)]
pub(super) struct Door(Arc<Inner>);

struct Inner {
    leads: RwLock<Leads>,
    /// For what is passed on to another server.
    places: Arc<Semaphore>,
    places_max: usize,
    /// That it leads somewhere else than before.
    news: Notify,
}

/// Where a door leads.
#[derive(Clone)]
enum Leads {
    /// To this server.
    Here(Way),
    /// To another one.
    There(Arc<Peer>),
    /// Nowhere, for this reason.
    Nowhere(&'static str),
}

/// A way in, and who has gone in and is not back.
#[derive(Clone)]
struct Way {
    router: Router,
    /// For as long as it lasts this server may answer; `None` if it always may.
    session: Option<Session>,
    inside: TaskTracker,
    /// Whoever is still inside is cut off, but for who waits for a restore.
    cut_off: CancellationToken,
    /// That one, too: nobody is there any more who would do it.
    over: CancellationToken,
}

impl Default for Door {
    fn default() -> Self {
        Self::with_places(limits::PASSED_ON_MAX.min(descriptors::for_connections()))
    }
}

impl Door {
    /// One that passes no more than so many requests on at once.
    pub(super) fn with_places(places_max: usize) -> Self {
        let leads = RwLock::new(Leads::Nowhere("it is only starting"));
        let places = Arc::new(Semaphore::new(places_max));
        Self(Arc::new(Inner { leads, places, places_max, news: Notify::new() }))
    }

    /// Requests go to the API of `generation` from now on.
    pub(super) fn open(&self, generation: &Generation) {
        self.lead_to(generation.router(), generation.session().cloned());
    }

    fn lead_to(&self, router: Router, session: Option<Session>) {
        let (cut_off, over) = (CancellationToken::new(), CancellationToken::new());
        self.set(Leads::Here(Way { router, session, inside: TaskTracker::new(), cut_off, over }));
    }

    /// Whether requests go to `leader` already.
    pub(super) fn leads_to(&self, leader: &Leader) -> bool {
        let leads = self.0.leads.read().unwrap_or_else(PoisonError::into_inner);
        matches!(&*leads, Leads::There(peer) if peer.is(leader))
    }

    /// Requests go to another server from now on.
    pub(super) fn lead_away(&self, peer: Peer) {
        self.set(Leads::There(Arc::new(peer)));
    }

    /// Lets nobody in any more, because of `why`, and cuts off whoever is inside.
    pub(super) fn shut(&self, why: &'static str) {
        if let Leads::Here(Way { cut_off, over, .. }) = self.set(Leads::Nowhere(why)) {
            cut_off.cancel();
            over.cancel();
        }
    }

    /// Lets nobody in any more. When it returns nobody is inside: who began with one state must not
    /// go on with another. Those that take longer than [`limits::RESTORE_DRAIN_MAX`] are cut off.
    pub(super) async fn close(&self) {
        let Leads::Here(Way { inside, cut_off, .. }) = self.set(Leads::Nowhere(RESTORING)) else {
            return;
        };
        inside.close();
        if timeout(limits::RESTORE_DRAIN_MAX, inside.wait()).await.is_err() {
            let requests = inside.len();
            tracing::warn!(requests, "requests hold up the restoring of a backup: cutting off");
            cut_off.cancel();
            inside.wait().await;
        }
    }

    /// Waits until it leads anywhere.
    pub(super) async fn opened(&self) {
        loop {
            let news = self.0.news.notified();
            let leads = self.0.leads.read().unwrap_or_else(PoisonError::into_inner).clone();
            if !matches!(leads, Leads::Nowhere(_)) {
                return;
            }
            news.await;
        }
    }

    fn set(&self, leads: Leads) -> Leads {
        let mut place = self.0.leads.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *place, leads);
        drop(place);
        if let Leads::There(peer) = &before {
            peer.end();
        }
        self.0.news.notify_waiters();
        before
    }

    /// Where it leads, and that somebody has gone in; looked at together, so that whoever closes the
    /// door knows of everybody.
    fn enter(&self) -> (Leads, Option<TaskTrackerToken>) {
        let leads = self.0.leads.read().unwrap_or_else(PoisonError::into_inner);
        let inside = match &*leads {
            Leads::Here(way) => Some(way.inside.token()),
            _ => None,
        };
        (leads.clone(), inside)
    }

    /// What `peer` answers, which has a place until its end.
    async fn pass_on(&self, peer: &Peer, request: Request) -> Response<Body> {
        let Inner { places, places_max, .. } = &*self.0;
        match Arc::clone(places).try_acquire_owned() {
            Ok(place) => peer.forward(request, place).await,
            Err(_) => {
                let limit = format!("no more than {places_max} that are passed on at once");
                Status::too_many_requests(&limit).into_response()
            }
        }
    }

    /// What answers, now and whenever the door leads elsewhere.
    pub(super) fn router(&self) -> Router {
        Router::new().fallback(pass).with_state(self.clone())
    }
}

async fn pass(State(door): State<Door>, mut request: Request) -> Response<Body> {
    let no = |why: &str| Status::unavailable(why).into_response();
    let is_of_peer = peers::take_identity(&mut request);
    let may_be_repeated = doubt::may_be_repeated(&request);
    let (leads, inside) = door.enter();
    let Way { router, session, cut_off, over, .. } = match leads {
        Leads::Here(way) => way,
        // Each of two servers may take the other for the leader, for a moment.
        Leads::There(_) if is_of_peer => return no("this server does not lead"),
        Leads::There(peer) => return door.pass_on(&peer, request).await,
        Leads::Nowhere(why) => return no(why),
    };
    if session.is_some_and(|session| !session.holds()) {
        return no("this server can't tell whether it still leads");
    }
    // Who asks for a restore waits for all others to come out, and writes nothing itself.
    let restores = request.uri().path() == RESTORE;
    let inside = inside.filter(|_| !restores);
    let end = if restores { over } else { cut_off };
    let answer = end.run_until_cancelled(router.oneshot(request)).await;
    drop(inside);
    let broken_off =
        || doubt::broken_off(may_be_repeated, "the server begins anew").into_response();
    answer.map_or_else(broken_off, IntoResponse::into_response)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::Method;
    use axum::routing::any;
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
        door.lead_to(Router::new().fallback_service(work), None);
        (door, begun)
    }

    /// The code of the answer, and whether it says when to ask again.
    async fn ask(door: &Door, method: Method, path: &str) -> (u16, bool) {
        let request = Request::builder().method(method).uri(path).body(Body::empty());
        let answered = door.router().oneshot(request.expect("it must be one"));
        let answer = answered.await.expect("it must answer");
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    }

    const DONE: (u16, bool) = (200, false);
    const NOT_DONE: (u16, bool) = (503, true);
    const IN_DOUBT: (u16, bool) = (504, false);

    #[tokio::test(start_paused = true)]
    async fn who_is_inside_comes_out_before_anything_is_replaced() {
        let (door, begun) = door_to(Duration::from_secs(2));
        let since = Instant::now();
        let inside = tokio::spawn({
            let door = door.clone();
            async move { ask(&door, Method::DELETE, "/api/v1/pods").await }
        });
        let _begun = begun.acquire().await.expect("it must stay open");
        door.close().await;
        assert_eq!(since.elapsed().as_secs(), 2);
        assert_eq!(inside.await.expect("it must not panic"), DONE);
        assert_eq!(ask(&door, Method::DELETE, "/api/v1/pods").await, NOT_DONE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stays_is_cut_off_but_for_who_waits_for_the_restore() {
        let (door, begun) = door_to(Duration::from_secs(3600));
        let since = Instant::now();
        let [stays, restores] = ["/api/v1/pods", RESTORE].map(|path| {
            let door = door.clone();
            tokio::spawn(async move { ask(&door, Method::POST, path).await })
        });
        let _begun = begun.acquire_many(2).await.expect("it must stay open");
        door.close().await;
        assert_eq!(since.elapsed(), limits::RESTORE_DRAIN_MAX);
        assert_eq!(stays.await.expect("it must not panic"), IN_DOUBT);
        assert!(!restores.is_finished());
        assert_eq!(restores.await.expect("it must not panic"), DONE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_inside_is_cut_off_at_once_where_nobody_may_answer_any_more() {
        let (door, begun) = door_to(Duration::from_secs(3600));
        let since = Instant::now();
        let asked = [
            (Method::GET, "/api/v1/pods", NOT_DONE),
            (Method::POST, "/api/v1/pods", IN_DOUBT),
            (Method::POST, RESTORE, IN_DOUBT),
        ];
        let inside = asked.map(|(method, path, expect)| {
            let door = door.clone();
            (tokio::spawn(async move { ask(&door, method, path).await }), expect)
        });
        let _begun = begun.acquire_many(3).await.expect("it must stay open");
        door.shut("no server leads");
        for (answer, expect) in inside {
            assert_eq!(answer.await.expect("it must not panic"), expect);
        }
        assert_eq!(since.elapsed(), Duration::ZERO);
        assert_eq!(ask(&door, Method::POST, "/api/v1/pods").await, NOT_DONE);
    }
}
