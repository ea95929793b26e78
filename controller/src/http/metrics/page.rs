//! The page that Prometheus reads.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response};
use futures_util::stream;
use tokio::task;

use crate::http::refusal::Refusal;
use crate::http::router::Api;
use crate::http::status::Status;
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
    let api = Arc::clone(api);
    // To look through very many objects takes longer than anybody else should wait.
    let snapshot = task::spawn_blocking(move || {
        Snapshot::of(&Sources {
            store: &api.store,
            usages: &api.usages,
            requests: &api.requests,
            queues: &api.queues,
            since: api.since,
            objects_max: api.metrics_objects_max,
        })
    });
    let snapshot = snapshot.await.map_err(|error| Status::internal(&error.to_string()))?;
    Ok(text(Pieces::all(snapshot)))
}

/// What a node says of itself.
pub(in crate::http) fn of_node(usages: &Usages) -> Response<Body> {
    text(Pieces::of_node(Snapshot::of_node(usages)))
}

/// It is written as it is read, so a large one takes neither memory nor much time at once.
fn text(pieces: Pieces) -> Response<Body> {
    let pieces = stream::iter(pieces.map(Ok::<_, Infallible>));
    let mut response = Response::new(Body::from_stream(pieces));
    let content_type = HeaderValue::from_static(metrics::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
