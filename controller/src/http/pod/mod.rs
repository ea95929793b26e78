//! What a pod has beside its object: its log and its streams; and requests to be rid of it.

mod eviction;

use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use axum::http::request::Parts;

use super::refusal::Refusal;
use super::router::Api;
use super::status::Status;
use super::target::{Subresource, Target};

/// Answers a request about `part` of a pod.
pub(super) async fn answer(
    api: Arc<Api>,
    target: Target,
    part: Subresource,
    parts: Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    if part == Subresource::Eviction {
        return eviction::evict(&api, &target, &parts, body).await;
    }
    Err(Status::not_implemented(part.name()).into())
}
