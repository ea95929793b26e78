//! A change to an object, as a JSON patch (RFC 6902) or a merge patch (RFC 7386).
//!
//! It is made to the newest version; if that changes meanwhile, it is made again, unless the patch
//! names the version that it is for.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::Value;

use super::update::{other_name, write};
use crate::admission::decode::{FieldValidation, Problem, Unreadable, decode_as};
use crate::admission::{ErrorKind, FieldError};
use crate::api::Object;
use crate::http::refusal::Refusal;
use crate::http::router::Call;
use crate::http::status::Status;
use crate::http::{answer, body};
use crate::limits::{JSON_PATCH_OPERATIONS_MAX, PATCH_ATTEMPTS_MAX};

const OPTIONS: &str = "PatchOptions";
const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";

enum Patch {
    Json(json_patch::Patch),
    Merge(Value),
}

pub(in crate::http) async fn patch(call: Call, name: &str) -> Result<Response<Body>, Refusal> {
    let Call { api, target, query, form, headers, body, .. } = call;
    let store = &api.store;
    let validation = query.field_validation(OPTIONS)?;
    let is_dry_run = query.is_dry_run(OPTIONS)?;
    let patch = Patch::parse(body::content_type(&headers), body).await?;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let old = store
            .get_object(target.kind, &target.key(name))
            .ok_or_else(|| Status::not_found(target.kind, name))?;
        let (new, mut warnings) = patch.apply(&old, validation)?;
        let named = new.metadata().name.as_deref().unwrap_or_default();
        if named != name {
            return Err(other_name(named, name));
        }
        let has_moved = || {
            let newest = store.get_object(target.kind, &target.key(name));
            newest.is_some_and(|newest| {
                newest.metadata().resource_version != old.metadata().resource_version
            })
        };
        let is_for_this = new.metadata().resource_version == old.metadata().resource_version;
        match write(store, &target, new, &old, is_dry_run).await {
            Ok((stored, more)) => {
                warnings.extend(more);
                let now = store.clock().now();
                return Ok(answer::object(StatusCode::OK, form, &stored, now, &warnings));
            }
            Err(refusal)
                if refusal.status.reason == "Conflict"
                    && is_for_this
                    && has_moved()
                    && attempts < PATCH_ATTEMPTS_MAX => {}
            Err(refusal) => return Err(refusal),
        }
    }
}

impl Patch {
    async fn parse(content_type: &str, body: Body) -> Result<Self, Refusal> {
        if ![JSON_PATCH, MERGE_PATCH].contains(&content_type) {
            return Err(Status::unsupported_media_type(&[JSON_PATCH, MERGE_PATCH]).into());
        }
        let bytes = body::read(body).await?;
        let wrong = |error: serde_json::Error| {
            let why = error.to_string();
            let why = body::json_error(&why);
            Status::bad_request(format!("error decoding patch: {why}"))
        };
        if content_type == MERGE_PATCH {
            return Ok(Self::Merge(serde_json::from_slice(&bytes).map_err(wrong)?));
        }
        let patch: json_patch::Patch = serde_json::from_slice(&bytes).map_err(wrong)?;
        if patch.len() > JSON_PATCH_OPERATIONS_MAX {
            return Err(Status::too_large(JSON_PATCH_OPERATIONS_MAX).into());
        }
        Ok(Self::Json(patch))
    }

    /// `old` with the change made to it, and what was overlooked in it.
    fn apply(
        &self,
        old: &Object,
        validation: FieldValidation,
    ) -> Result<(Object, Vec<String>), Refusal> {
        let mut json = answer::json_of(old);
        match self {
            Self::Merge(change) => json_patch::merge(&mut json, change),
            Self::Json(change) => json_patch::patch(&mut json, change)
                .map_err(|error| patch_error(&error.to_string()))?,
        }
        let text = json.to_string();
        let document = decode_as(text.as_bytes(), old.kind(), validation)
            .map_err(|error| unreadable(&text, &error))?;
        let warnings = document.warnings.iter().map(|it| body::words(&it.problem)).collect();
        Ok((document.object, warnings))
    }
}

fn patch_error(why: &str) -> Refusal {
    Status::invalid_patch(&FieldError {
        kind: ErrorKind::Invalid,
        field: "patch".to_owned(),
        value: None,
        detail: why.to_owned(),
    })
    .into()
}

/// The refusal of a patch after which an object is none of its kind any more.
fn unreadable(text: &str, error: &Unreadable) -> Refusal {
    let detail = match error {
        Unreadable::Malformed(malformed) => {
            let is_wrong = |it: &Problem| matches!(it, Problem::WrongType { .. });
            let strict = !malformed.0.iter().any(|it| is_wrong(&it.problem));
            let words: Vec<_> = malformed.0.iter().map(|it| body::words(&it.problem)).collect();
            format!("{}{}", if strict { "strict decoding error: " } else { "" }, words.join(", "))
        }
        other => other.to_string(),
    };
    Status::invalid_patch(&FieldError {
        kind: ErrorKind::Invalid,
        field: "patch".to_owned(),
        value: Some(Value::from(text).to_string()),
        detail,
    })
    .into()
}
