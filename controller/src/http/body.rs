//! The body of a request, as bytes and as an object, with Kubernetes' complaints.

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use k8s_openapi::Resource;
use serde::de::DeserializeOwned;

use super::go;
use super::protobuf::{self, PROTOBUF};
use super::refusal::Refusal;
use super::status::Status;
use super::target::Target;
use super::versions::{self, Version};
use crate::admission::decode::{
    FieldValidation, Problem, Unreadable, decode_as, decode_value, value_of,
};
use crate::api::{Kind, Object};
use crate::limits::REQUEST_BODY_BYTES_MAX;

/// In which formats an object may come.
const OBJECT_TYPES: &[&str] = &[JSON, YAML, PROTOBUF];

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";

/// Bytes of a body that a complaint repeats; Kubernetes' number.
const SUMMARY_BYTES_MAX: usize = 30;

/// What Kubernetes' complaints say that it reads a kind into.
const TYPE_META: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;

/// All of a body, up to the limit.
pub(super) async fn read(body: Body) -> Result<Vec<u8>, Refusal> {
    let bytes = to_bytes(body, REQUEST_BODY_BYTES_MAX).await;
    // A client that goes away in the middle doesn't read the answer either.
    Ok(bytes.map_err(|_| Status::too_large(REQUEST_BODY_BYTES_MAX))?.to_vec())
}

/// The format of a body, which is JSON if nothing is said.
pub(super) fn content_type(headers: &HeaderMap) -> &str {
    let header = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    match header.split(';').next().unwrap_or_default().trim() {
        "" => JSON,
        content_type => content_type,
    }
}

/// Reads a body as the object that `target` means; the object, and what was overlooked in it.
pub(super) async fn object(
    headers: &HeaderMap,
    body: Body,
    target: &Target,
    validation: FieldValidation,
) -> Result<(Object, Vec<String>), Refusal> {
    let kind = target.kind;
    if target.version == Version::Events {
        let (event, warnings) = value(headers, body, validation).await?;
        return Ok((versions::event(&event), warnings));
    }
    let bytes = text(headers, body, kind.api_version(), kind.name()).await?;
    parse(&bytes, kind, validation)
}

/// Reads a body as a `T`, which is no kind that is kept; with what was overlooked in it.
pub(super) async fn value<T: Resource + DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    validation: FieldValidation,
) -> Result<(T, Vec<String>), Refusal> {
    let bytes = text(headers, body, T::API_VERSION, T::KIND).await?;
    let (value, complaints) = decode_value::<T>(&bytes, validation)
        .map_err(|error| Status::bad_request(told(&error, &bytes, T::API_VERSION, T::KIND)))?;
    Ok((value, complaints.iter().map(|complaint| words(&complaint.problem)).collect()))
}

/// Reads a body as the options of a deletion, in JSON; there may be none.
pub(super) async fn options(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Refusal> {
    const KIND: &str = "DeleteOptions";
    let bytes = read(body).await?;
    if bytes.is_empty() {
        return Ok(bytes);
    }
    match content_type(headers) {
        JSON => Ok(bytes),
        YAML => match value_of(&bytes) {
            Ok(options) => Ok(options.to_string().into_bytes()),
            Err(error) => Err(Status::bad_request(told(&error, &bytes, "v1", KIND)).into()),
        },
        PROTOBUF => json(&bytes, "v1", KIND),
        _ => Err(Status::unsupported_media_type(OBJECT_TYPES).into()),
    }
}

/// The body as JSON or YAML, if it is in one of the formats that are read; `kind` is what it has to
/// be.
async fn text(
    headers: &HeaderMap,
    body: Body,
    api_version: &str,
    kind: &str,
) -> Result<Vec<u8>, Refusal> {
    let content_type = content_type(headers);
    if !OBJECT_TYPES.contains(&content_type) {
        return Err(Status::unsupported_media_type(OBJECT_TYPES).into());
    }
    let bytes = read(body).await?;
    if content_type == PROTOBUF { json(&bytes, api_version, kind) } else { Ok(bytes) }
}

/// What `bytes`, which are protobuf, say in JSON.
fn json(bytes: &[u8], api_version: &str, kind: &str) -> Result<Vec<u8>, Refusal> {
    use protobuf::Unreadable;
    protobuf::to_json(bytes, api_version, kind).map_err(|error| {
        let message = match error {
            Unreadable::Envelope(why) => format!(
                "the object provided is unrecognized (must be of type {kind}): {why} ({})",
                summary(bytes)
            ),
            Unreadable::Object { api_version, kind: says, why } => format!(
                "{says} in version \"{}\" cannot be handled as a {kind}: {why}",
                version(&api_version)
            ),
        };
        Status::bad_request(message).into()
    })
}

/// The object of `kind` that `bytes` hold.
fn parse(
    bytes: &[u8],
    kind: Kind,
    validation: FieldValidation,
) -> Result<(Object, Vec<String>), Refusal> {
    let document = decode_as(bytes, kind, validation).map_err(|error| {
        Status::bad_request(told(&error, bytes, kind.api_version(), kind.name()))
    })?;
    let warnings = document.warnings.iter().map(|complaint| words(&complaint.problem)).collect();
    Ok((document.object, warnings))
}

/// What Kubernetes says of a body that is not what it has to be, which is a `name` of a version.
fn told(error: &Unreadable, bytes: &[u8], expected_version: &str, name: &str) -> String {
    let not_recognised = |why: &str| {
        format!(
            "the object provided is unrecognized (must be of type {name}): couldn't get \
             version/kind; json parse error: {why} ({})",
            summary(bytes)
        )
    };
    match error {
        Unreadable::Syntax(why) => not_recognised(json_error(why)),
        Unreadable::NotAnObject(sort) => not_recognised(&format!(
            "json: cannot unmarshal {sort} into Go value of type {TYPE_META}"
        )),
        Unreadable::OtherKind { api_version, kind } => format!(
            "{kind} in version \"{}\" cannot be handled as a {name}: no kind \"{kind}\" is \
             registered for version \"{api_version}\" in scheme \
             \"pkg/api/legacyscheme/scheme.go:30\"",
            version(api_version)
        ),
        Unreadable::Malformed(malformed) => {
            let is_wrong = |problem: &Problem| matches!(problem, Problem::WrongType { .. });
            let wrong = malformed.0.iter().any(|complaint| is_wrong(&complaint.problem));
            let strict = if wrong { "" } else { "strict decoding error: " };
            let problems: Vec<_> =
                malformed.0.iter().map(|complaint| words(&complaint.problem)).collect();
            // Of wrong types only the first is told.
            let kinds =
                |kind: &&Kind| (kind.api_version(), kind.name()) == (expected_version, name);
            let kind = Kind::ALL.iter().find(kinds);
            let first = kind.zip(malformed.0.first());
            let first = first.and_then(|(kind, it)| of_go(&it.problem, bytes, *kind));
            format!(
                "{name} in version \"{}\" cannot be handled as a {name}: {strict}{}",
                version(expected_version),
                first.unwrap_or_else(|| problems.join(", "))
            )
        }
    }
}

/// What is said of a value of the wrong type, if `bytes` are JSON.
fn of_go(problem: &Problem, bytes: &[u8], kind: Kind) -> Option<String> {
    let Problem::WrongType { field, .. } = problem else { return None };
    let object = serde_json::from_slice(bytes).ok()?;
    go::cannot_unmarshal(kind, &object, field)
}

/// What a JSON parser says, in Go's words where they are known.
pub(super) fn json_error(why: &str) -> &str {
    if why.starts_with("EOF") { "unexpected end of JSON input" } else { why }
}

/// A problem without the guess at what was meant, which Kubernetes does not make.
pub(super) fn words(problem: &Problem) -> String {
    match problem {
        Problem::UnknownField { field, .. } => format!("unknown field \"{field}\""),
        other => other.to_string(),
    }
}

fn version(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or(api_version, |(_, version)| version)
}

/// The beginning of a body: as text if it looks like JSON, else in hexadecimal.
fn summary(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(SUMMARY_BYTES_MAX)];
    let more = if cut.len() < bytes.len() { " ..." } else { "" };
    match bytes.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(cut)),
        Some(_) => {
            let digits: String = cut.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{digits}{more}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_job_is_told_why() {
        let check = |text: &str, expect: &str| {
            let refusal = parse(text.as_bytes(), Kind::Job, FieldValidation::Strict)
                .expect_err("must be refused");
            let message = &refusal.status.message;
            assert!(message.contains(expect), "{text}: {message}");
        };
        check("", "json parse error: unexpected end of JSON input (<empty>)");
        check(r#"{"a":"#, r#"unexpected end of JSON input ({"a":)"#);
        check("[]", "json: cannot unmarshal array into Go value of type struct {");
        check(r#"{"kind":"Jobb"}"#, r#"no kind "Jobb" is registered for version "batch/v1""#);
        check(
            r#"{"spec":{"template":{},"completion":1}}"#,
            r#"cannot be handled as a Job: strict decoding error: unknown field "spec.completion""#,
        );
    }
}
