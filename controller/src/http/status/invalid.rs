//! Statuses of what is wrong in options, reviews and patches, field by field.

use axum::http::StatusCode;

use super::{Details, Status, cause};
use crate::admission::{ErrorKind, FieldError};

impl Status {
    /// The options of a request, such as `CreateOptions`, have fields that are wrong.
    pub fn invalid_options(options: &str, errors: &[FieldError]) -> Self {
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let told = match &told[..] {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let message = format!("{options}.meta.k8s.io \"\" is invalid: {told}");
        let details = Details {
            group: "meta.k8s.io".to_owned(),
            kind: options.to_owned(),
            causes: errors.iter().map(cause).collect(),
            ..Details::default()
        };
        Self::failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).about(details)
    }

    /// A review asks about what it can't. Kubernetes names no kind.
    pub(in crate::http) fn invalid_review(errors: &[FieldError]) -> Self {
        const GROUP: &str = "authorization.k8s.io";
        let shown: Vec<_> = errors.iter().map(ToString::to_string).collect();
        let shown = match &shown[..] {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let details = Details {
            group: GROUP.to_owned(),
            causes: errors.iter().map(cause).collect(),
            ..Details::default()
        };
        let message = format!(".{GROUP} \"\" is invalid: {shown}");
        Self::failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).about(details)
    }

    /// A patch that can't be made, or makes of an object what is none. Kubernetes names no kind.
    pub fn invalid_patch(error: &FieldError) -> Self {
        let message = format!(" \"\" is invalid: {error}");
        let details = Details { causes: vec![cause(error)], ..Details::default() };
        Self::failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).about(details)
    }

    /// An option of a request has none of its `supported` values; `shown` is how the message has
    /// what it has instead.
    pub fn unsupported_option(
        options: &str,
        field: &str,
        shown: String,
        supported: &[&str],
    ) -> Self {
        let supported: Vec<_> = supported.iter().map(|value| format!("\"{value}\"")).collect();
        let error = FieldError {
            kind: ErrorKind::NotSupported,
            field: field.to_owned(),
            value: Some(shown),
            detail: format!("supported values: {}", supported.join(", ")),
        };
        Self::invalid_options(options, &[error])
    }

    /// A change that can't be made. Kubernetes doesn't say why.
    pub fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            .about(Details::default())
    }
}
