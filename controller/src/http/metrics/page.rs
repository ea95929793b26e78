//! The page that Prometheus reads.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task;

use crate::http::refusal::Refusal;
use crate::http::router::Api;
use crate::http::sent::{self, Patience};
use crate::http::status::Status;
use crate::limits::{METRICS_PAGES_AT_ONCE_MAX, METRICS_SECONDS_MAX};
use crate::metrics::{self, Pieces, Snapshot, Sources};
use crate::node::Usages;

/// Whether a request is for the page.
pub(in crate::http) fn is_meant(parts: &Parts) -> bool {
    parts.uri.path().trim_end_matches('/') == "/metrics"
}

/// The answer to such a request.
pub(in crate::http) async fn answer(
    api: &Arc<Api>,
    parts: &Parts,
) -> Result<Response<Body>, Refusal> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Err(Status::method_not_allowed().into());
    }
    let place = place(&api.pages)?;
    let api = Arc::clone(api);
    // To look through very many objects takes longer than anybody else should wait. Its place goes
    // with it: it goes on when nobody waits any more.
    let made = task::spawn_blocking(move || {
        let snapshot = Snapshot::of(&Sources {
            store: &api.store,
            usages: &api.usages,
            requests: &api.requests,
            queues: &api.queues,
            since: api.since,
            objects_max: api.metrics_objects_max,
        });
        (snapshot, place)
    });
    let (snapshot, place) = made.await.map_err(|error| Status::internal(&error.to_string()))?;
    Ok(text(Pieces::all(snapshot), place))
}

/// What a node says of itself.
pub(in crate::http) fn of_node(
    usages: &Usages,
    pages: &Arc<Semaphore>,
) -> Result<Response<Body>, Refusal> {
    let place = place(pages)?;
    Ok(text(Pieces::of_node(Snapshot::of_node(usages)), place))
}

/// A place among the `pages` that are being read.
fn place(pages: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    Arc::clone(pages).try_acquire_owned().map_err(|_| {
        let why = format!("no more than {METRICS_PAGES_AT_ONCE_MAX} pages of metrics at once");
        Status::too_many_requests(&why).into()
    })
}

/// It is written as it is read, so a large one takes neither memory nor much time at once.
fn text(pieces: Pieces, place: OwnedSemaphorePermit) -> Response<Body> {
    let all = Duration::from_secs(METRICS_SECONDS_MAX);
    let patience = Patience { piece: all, whole: Some(all) };
    let mut response = Response::new(sent::body(pieces.map(Bytes::from), place, patience));
    let content_type = HeaderValue::from_static(metrics::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
