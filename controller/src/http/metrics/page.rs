//! The page that Prometheus reads.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response};
use futures_util::stream;

use crate::http::refusal::Refusal;
use crate::http::router::Api;
use crate::http::status::Status;
use crate::metrics::{self, Pieces, Snapshot, Sources};
use crate::node::Usages;

/// The answer to a request for the page; `None` if it is about anything else.
pub(in crate::http) fn answer(api: &Api, parts: &Parts) -> Option<Result<Response<Body>, Refusal>> {
    if parts.uri.path().trim_end_matches('/') != "/metrics" {
        return None;
    }
    Some(match parts.method {
        Method::GET | Method::HEAD => Ok(text(Pieces::all(Snapshot::of(&Sources {
            store: &api.store,
            usages: &api.usages,
            requests: &api.requests,
            queues: &api.queues,
            since: api.since,
            objects_max: api.metrics_objects_max,
        })))),
        _ => Err(Status::method_not_allowed().into()),
    })
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
