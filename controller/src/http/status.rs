//! A Kubernetes `Status`: what is answered when there is no object to answer with.
//!
//! The words are the API server's own, since clients and people match on them. Pure: every way in
//! which a request can fail becomes a status here, and none is put into words anywhere else.

mod conflict;
mod invalid;
mod streams;

use axum::http::StatusCode;
use serde::Serialize;

use super::access::{Attributes, User};
use crate::admission::{FieldError, Invalid};
use crate::api::Kind;
use crate::store::CommitError;

/// The answer to a request that has no object as its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    kind: &'static str,
    api_version: &'static str,
    metadata: Meta,
    status: &'static str,
    /// What happened, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What happened, for programs; `""` where Kubernetes has no word for it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'static str,
    /// To what, and why in detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
    /// The HTTP status code; a success carries none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
}

/// What a list says of itself, where a [`Status`] stands in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Meta {
    /// Where the list can still go on.
    #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
    proceed: Option<String>,
}

/// What a [`Status`] is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The group of its kind; `""` for the core.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Its kind, or the plural of it, depending on the reason, as in Kubernetes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its uid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Every complaint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// When it is worth trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// One complaint of a [`Status`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// Its sort.
    pub reason: &'static str,
    /// What is wrong.
    pub message: String,
    /// The path of the field that is wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

impl Status {
    fn failure(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: "Status",
            api_version: "v1",
            metadata: Meta::default(),
            status: "Failure",
            message: message.into(),
            reason,
            details: None,
            code: Some(code.as_u16()),
        }
    }

    fn about(self, details: Details) -> Self {
        Self { details: Some(details), ..self }
    }

    /// The object was deleted, and is gone.
    pub fn deleted(kind: Kind, name: &str, uid: &str) -> Self {
        let details = Details { uid: uid.to_owned(), ..named(kind, name) };
        let done = Self::failure(StatusCode::OK, "", "").about(details);
        Self { status: "Success", code: None, ..done }
    }

    /// What was asked for is done, and there is nothing to show for it.
    pub fn created() -> Self {
        let done = Self::failure(StatusCode::CREATED, "", "");
        Self { status: "Success", ..done }
    }

    /// The request can't be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::failure(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// There is no such object.
    pub fn not_found(kind: Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified_plural(kind));
        Self::failure(StatusCode::NOT_FOUND, "NotFound", message).about(named(kind, name))
    }

    /// There is no such object, of a kind of which there are none.
    pub fn not_found_in(group: &str, plural: &str, name: &str) -> Self {
        let dot = if group.is_empty() { "" } else { "." };
        let message = format!("{plural}{dot}{group} \"{name}\" not found");
        let details = Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: plural.to_owned(),
            ..Details::default()
        };
        Self::failure(StatusCode::NOT_FOUND, "NotFound", message).about(details)
    }

    /// There are never any `plural`, and none can be made.
    pub fn nothing_of_the_kind(plural: &str) -> Self {
        let message = format!(
            "the server does not allow this method on the requested resource: mayfly runs Jobs, \
             and keeps no {plural}"
        );
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::failure(status, "MethodNotAllowed", message).about(Details::default())
    }

    /// There is no such path.
    pub fn no_such_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self::failure(StatusCode::NOT_FOUND, "NotFound", message).about(Details::default())
    }

    /// The path has no such method.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::failure(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
            .about(Details::default())
    }

    /// The request may not be answered, whoever asks.
    pub fn forbidden(kind: Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", qualified_plural(kind));
        Self::failure(StatusCode::FORBIDDEN, "Forbidden", message).about(named(kind, name))
    }

    /// Somebody who is known may not ask a node for this.
    pub(super) fn forbidden_of_node(asked: &str) -> Self {
        let message = format!("Forbidden ({asked})");
        Self::failure(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// It is not known who sends the request.
    pub fn unauthorized() -> Self {
        Self::failure(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// `user` may not do what is asked.
    pub(super) fn denied(user: &User, asked: &Attributes) -> Self {
        let Attributes { verb, group, resource, namespace, name, path, .. } = asked;
        let who = &user.name;
        if !asked.is_for_resource() {
            let message = format!("forbidden: User {who:?} cannot {verb} path {path:?}");
            return Self::failure(StatusCode::FORBIDDEN, "Forbidden", message)
                .about(Details::default());
        }
        let place = match namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let what = match (group.as_str(), name.as_str()) {
            ("", "") => resource.clone(),
            ("", name) => format!("{resource} {name:?}"),
            (group, "") => format!("{resource}.{group}"),
            (group, name) => format!("{resource}.{group} {name:?}"),
        };
        let message = format!(
            "{what} is forbidden: User {who:?} cannot {verb} resource {:?} in API group {group:?} \
             {place}",
            asked.qualified_resource()
        );
        let details = Details {
            name: name.clone(),
            group: group.clone(),
            kind: resource.clone(),
            ..Details::default()
        };
        Self::failure(StatusCode::FORBIDDEN, "Forbidden", message).about(details)
    }

    /// A browser sends the request for a page of another site.
    pub fn of_another_site() -> Self {
        let message = "forbidden: requests that another site makes in a browser are not answered";
        Self::failure(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// Nothing is made any more in `namespace`, which is on its way out.
    pub fn terminating(kind: Kind, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let cause = Cause {
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        };
        let details = Details { causes: vec![cause], ..named(kind, name) };
        Self::forbidden(kind, name, &why).about(details)
    }

    /// The namespace is on its way out already.
    pub fn being_terminated(name: &str) -> Self {
        let why = "The system is ensuring all content is removed from this namespace.  Upon \
                   completion, this namespace will automatically be purged by the system.";
        let kind = Kind::Namespace;
        Self::cannot_be_fulfilled(&qualified_plural(kind), why, named(kind, name))
    }

    /// The body is in none of the `accepted` formats.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// None of the formats in which there is an answer is accepted.
    pub fn not_acceptable(available: &[&str]) -> Self {
        let message =
            format!("only the following media types are accepted: {}", available.join(", "));
        Self::failure(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    /// The body has more than `bytes_max` bytes.
    pub fn too_large(bytes_max: usize) -> Self {
        let message = format!("Request entity too large: limit is {bytes_max}");
        Self::failure(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    /// The head of the request is too large: `what` has a limit, and which.
    pub fn head_too_large(what: &str, limit: usize) -> Self {
        let message = format!("Request header fields too large: limit is {limit} {what}");
        Self::failure(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "", message)
    }

    /// The request took longer than it may.
    pub fn timed_out() -> Self {
        let message = "Timeout: request did not complete within the allotted timeout";
        Self::failure(StatusCode::GATEWAY_TIMEOUT, "Timeout", message).about(Details::default())
    }

    /// The resource version that was asked for is not reached yet.
    pub fn version_too_large(wanted: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        let cause = Cause {
            reason: "ResourceVersionTooLarge",
            message: "Too large resource version".to_owned(),
            field: String::new(),
        };
        let details =
            Details { causes: vec![cause], retry_after_seconds: Some(1), ..Details::default() };
        Self::failure(StatusCode::GATEWAY_TIMEOUT, "Timeout", message).about(details)
    }

    /// The resource version that a watch is to begin after is no number. Kubernetes has no reason
    /// for it.
    pub fn no_version(text: &str) -> Self {
        let message = format!(
            "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": \
             invalid syntax"
        );
        Self::unexplained(&message)
    }

    /// What is asked for is not known any more.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::failure(StatusCode::GONE, "Expired", message)
    }

    /// The changes after the resource version `wanted` are not known any more, only those after
    /// `oldest`.
    pub fn version_too_old(wanted: u64, oldest: u64) -> Self {
        Self::expired(format!("too old resource version: {wanted} ({oldest})"))
    }

    /// The same of a list that was begun, and can go on at `proceed` in the state of now.
    pub fn list_expired(proceed: String) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list \
             result. You can start a new list without the continue parameter, or use the continue \
             token in this response to retrieve the remainder of the results. Continuing with the \
             provided token results in an inconsistent list - objects that were created, modified, \
             or deleted between the time the first chunk was returned and now may show up in the \
             list.";
        Self { metadata: Meta { proceed: Some(proceed) }, ..Self::expired(message) }
    }

    /// As many are at work as may be; `limit` says of what, and how many.
    pub fn too_many_requests(limit: &str) -> Self {
        let message = format!("too many requests, please try again later: {limit}");
        let details = Details { retry_after_seconds: Some(1), ..Details::default() };
        Self::failure(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message).about(details)
    }

    /// Nobody is answered for a moment, which is over soon; `why` says what is going on.
    pub fn unavailable(why: &str) -> Self {
        let details = Details { retry_after_seconds: Some(1), ..Details::default() };
        let message = format!("the server is currently unable to handle the request: {why}");
        Self::failure(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message).about(details)
    }

    /// Nobody knows whether what was asked for has happened, because of `why`. Clients of Kubernetes
    /// repeat by themselves what is answered with `Retry-After`, so this says nothing of it.
    pub fn in_doubt(why: &str) -> Self {
        let message = format!("Timeout: {why}; what was asked for may have happened, or not");
        Self::failure(StatusCode::GATEWAY_TIMEOUT, "Timeout", message).about(Details::default())
    }

    /// What is asked for is not built.
    pub fn not_implemented(what: &str) -> Self {
        let message = format!("{what} is not served here");
        Self::failure(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    /// We failed, not the request.
    pub fn internal(why: &str) -> Self {
        let message = format!("Internal error occurred: {why}");
        Self::failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }

    /// Something that Kubernetes has no reason for, which it therefore answers as an error of its
    /// own.
    pub fn unexplained(message: &str) -> Self {
        Self::failure(StatusCode::INTERNAL_SERVER_ERROR, "", message)
    }

    /// What a failed commit means to whoever asked for it.
    pub fn of_commit(error: &CommitError) -> Self {
        match error {
            CommitError::AlreadyExists { kind, key } => {
                let message =
                    format!("{} \"{}\" already exists", qualified_plural(*kind), key.name);
                Self::failure(StatusCode::CONFLICT, "AlreadyExists", message)
                    .about(named(*kind, &key.name))
            }
            CommitError::NotFound { kind, key } => Self::not_found(*kind, &key.name),
            CommitError::Terminating { namespace } => {
                Self::terminating(Kind::Namespace, namespace, namespace)
            }
            CommitError::Conflict { kind, key } => Self::conflict(*kind, &key.name),
            CommitError::Vetoed { kind, key, why } => Self::forbidden(*kind, &key.name, why),
            CommitError::TooLarge { .. } => Self::internal(&error.to_string()),
            // Why, but not where: folders are the operator's.
            CommitError::Disk { source, .. } => {
                Self::internal(&format!("the change can't be kept: {source}"))
            }
        }
    }

    /// The HTTP status code that it is sent with.
    pub fn http_status(&self) -> StatusCode {
        self.code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::OK)
    }
}

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Self {
        let details = Details {
            kind: invalid.kind.name().to_owned(),
            causes: invalid.causes.iter().map(cause).collect(),
            ..named(invalid.kind, &invalid.name)
        };
        Self::failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", invalid.to_string())
            .about(details)
    }
}

/// The group of a kind, `""` for the core.
pub(super) fn group(kind: Kind) -> &'static str {
    kind.api_version().split_once('/').map_or("", |(group, _)| group)
}

fn named(kind: Kind, name: &str) -> Details {
    Details {
        name: name.to_owned(),
        group: group(kind).to_owned(),
        kind: kind.plural().to_owned(),
        ..Details::default()
    }
}

fn cause(error: &FieldError) -> Cause {
    Cause { reason: error.kind.reason(), message: error.message(), field: error.field.clone() }
}

fn qualified_plural(kind: Kind) -> String {
    in_group(kind, kind.plural())
}

fn qualified(kind: Kind) -> String {
    in_group(kind, kind.name())
}

fn in_group(kind: Kind, word: &str) -> String {
    match group(kind) {
        "" => word.to_owned(),
        group => format!("{word}.{group}"),
    }
}

#[cfg(test)]
mod tests;
