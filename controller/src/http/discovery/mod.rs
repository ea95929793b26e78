//! What there is: versions, groups, resources and their schemas; and whether we are well.

use axum::body::Body;
use axum::http::Response;
use axum::http::request::Parts;

use super::refusal::Refusal;
use super::router::Api;

/// The answer to a request for what there is; `None` if it is about something else.
pub(super) fn answer(_api: &Api, _parts: &Parts) -> Option<Result<Response<Body>, Refusal>> {
    None
}
