//! A request that is not granted: the status to answer with, and what to warn of beside it.

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};

use super::answer;
use super::status::Status;
use crate::admission::Invalid;
use crate::store::CommitError;

/// Why a request is not granted.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: Box<Status>,
    pub(super) warnings: Vec<String>,
}

impl Refusal {
    /// The same, warning of `warnings`.
    pub(super) fn warning(self, warnings: &[String]) -> Self {
        Self { warnings: warnings.to_vec(), ..self }
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self { status: Box::new(status), warnings: Vec::new() }
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Status::from(invalid).into()
    }
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        Status::of_commit(&error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = answer::status(&self.status, &self.warnings);
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        answer::status(&self, &[])
    }
}
