//! One object.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use crate::http::answer;
use crate::http::refusal::Refusal;
use crate::http::router::Call;
use crate::http::status::Status;

pub(in crate::http) fn get(call: &Call, name: &str) -> Result<Response<Body>, Refusal> {
    let kind = call.target.kind;
    let object = call
        .store()
        .get_object(kind, &call.target.key(name))
        .ok_or_else(|| Status::not_found(kind, name))?;
    let now = call.store().clock().now();
    Ok(answer::object(StatusCode::OK, call.form, &object, now, &[]))
}
