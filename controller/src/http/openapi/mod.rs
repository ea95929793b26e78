//! OpenAPI documents of what is served, made from the types when they are first asked for.
//!
//! ```text
//! types ──▶ schemas (+ markers) ─┐
//! resources (table) ──▶ paths ───┴▶ v3: a document for each group and version, JSON
//!                                       └──▶ v2: one document ──▶ JSON, protobuf
//! ```
//!
//! `kubectl` reads the third version for `explain` and to learn what a server can validate; those
//! from before 1.27 read the second, as protobuf.

mod documents;
mod markers;
mod operations;
mod parameters;
mod paths;
mod protobuf;
mod schemas;
mod v2;

#[cfg(test)]
mod tests;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, EXPIRES, HeaderMap, HeaderValue, LOCATION, VARY};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use jiff::SignedDuration;

use self::documents::{Documents, url_of};
use super::accept;
use super::document::{Document, date};
use super::options::Query;
use super::router::Api;

const JSON: &str = "application/json";

/// The forms of the second version's protobuf that are asked for; only the second is answered.
const PROTOBUF: [&str; 2] = [
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
];

/// How long a document may be kept whose address has its hash.
const KEPT: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The answer to a request for `/openapi/<segments>`; `None` if there is no such document.
pub(super) fn answer(api: &Api, parts: &Parts, segments: &[&str]) -> Option<Response<Body>> {
    match segments {
        ["v2"] => Some(second(&parts.headers)),
        ["v3"] => Some(Documents::get().index.dated(&parts.headers, api.since)),
        ["v3", name @ ..] => {
            let name = name.join("/");
            let document = Documents::get().third.get(&name)?;
            Some(third(api, parts, &name, document))
        }
        _ => None,
    }
}

/// The one document of the second version, in the form that is liked best.
fn second(headers: &HeaderMap) -> Response<Body> {
    let choices = accept::choices(headers);
    let form = choices.iter().find_map(|choice| {
        if choice.takes(JSON) {
            return Some(Documents::second());
        }
        PROTOBUF.iter().any(|it| choice.takes(it)).then(Documents::second_as_protobuf)
    });
    match form {
        Some(document) => document.tagged(headers),
        None => not_acceptable(),
    }
}

/// A document of the third version. With the right hash in its address it never changes; with
/// another one, its address is another.
fn third(api: &Api, parts: &Parts, name: &str, document: &Document) -> Response<Body> {
    if !accept::choices(&parts.headers).iter().any(|it| it.takes(JSON)) {
        return not_acceptable();
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    match query.get("hash") {
        Some(hash) if hash != document.hash => moved(&url_of(name, &document.hash)),
        Some(_) => {
            let mut response = document.tagged(&parts.headers);
            let headers = response.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
            let expires = api.store.clock().now().saturating_add(KEPT).ok().and_then(date);
            headers.extend(expires.map(|date| (EXPIRES, date)));
            response
        }
        None => document.tagged(&parts.headers),
    }
}

fn moved(url: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    let url = HeaderValue::from_str(url).expect("an address of ours must be a header");
    response.headers_mut().insert(LOCATION, url);
    response
}

fn not_acceptable() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_ACCEPTABLE;
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    response
}
