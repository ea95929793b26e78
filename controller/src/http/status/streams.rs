//! What is answered about a pod's log and its streams.

use axum::http::StatusCode;

use super::{Details, Status, cause, named};
use crate::admission::FieldError;
use crate::api::Kind;

impl Status {
    /// What is asked for can't be had of anything that runs here; `why` says it all.
    pub(in crate::http) fn impossible(why: &str) -> Self {
        Self::failure(StatusCode::NOT_IMPLEMENTED, "NotImplemented", why)
    }

    /// What was asked for has come to its end, and all went well.
    pub(in crate::http) fn success() -> Self {
        Self { status: "Success", code: None, ..Self::failure(StatusCode::OK, "", "") }
    }

    /// The server can't do it now, and will be able to again.
    pub(in crate::http) fn shutting_down() -> Self {
        let message = "the server is shutting down";
        Self::failure(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    }

    /// The input of a container has somebody else's hands on it.
    pub(in crate::http) fn input_taken(pod: &str, container: &str) -> Self {
        let message = format!(
            "another client is attached to the input of container {container} in pod {pod}: attach \
             without --stdin (-i), or when that client has gone"
        );
        Self::failure(StatusCode::CONFLICT, "Conflict", message).about(named(Kind::Pod, pod))
    }

    /// What is asked for of the log of a pod makes no sense.
    pub(in crate::http) fn invalid_log_options(pod: &str, errors: &[FieldError]) -> Self {
        const OPTIONS: &str = "PodLogOptions";
        let shown: Vec<_> = errors.iter().map(ToString::to_string).collect();
        let shown = match &shown[..] {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let message = format!("{OPTIONS} \"{pod}\" is invalid: {shown}");
        let details = Details {
            name: pod.to_owned(),
            kind: OPTIONS.to_owned(),
            causes: errors.iter().map(cause).collect(),
            ..Details::default()
        };
        Self::failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).about(details)
    }
}
