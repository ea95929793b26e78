//! What there is: versions, groups, resources and their schemas; and whether we are well.
//!
//! All of it follows from the table in `resources` and never changes while we run, but for health.
//!
//! ```text
//!                    ┌▶ legacy ─────▶ /api, /apis, /api/v1, /apis/<group>[/<version>]
//! resources (table) ─┼▶ aggregated ─▶ /api, /apis
//!                    └▶ openapi ────▶ /openapi/v2, /openapi/v3
//! ```

mod aggregated;
mod health;
mod legacy;
pub(super) mod resources;
mod version;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Method, Response, StatusCode};
use serde_json::{Value, json};

pub use self::health::Health;
use super::accept;
use super::document::Document;
use super::openapi;
use super::options::Query;
use super::refusal::Refusal;
use super::router::Api;
use super::status::Status;

const JSON: &str = "application/json";

type Answer = Result<Response<Body>, Refusal>;

/// The answer to a request for what there is; `None` if it is about something else.
pub(super) fn answer(api: &Api, parts: &Parts) -> Option<Answer> {
    let path = parts.uri.path().trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    if is_about_objects(&segments) {
        return None;
    }
    let Some(page) = page(api, parts, &segments) else { return Some(Ok(not_found())) };
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Some(Err(Status::method_not_allowed().into()));
    }
    Some(page)
}

/// Whether a path is about objects, or would be if there were such objects.
fn is_about_objects(segments: &[&str]) -> bool {
    match segments {
        ["api", version, rest @ ..] => !rest.is_empty() || !resources::has_version(version),
        ["apis", group, version, rest @ ..] => {
            resources::has_group(group)
                && (!rest.is_empty() || !resources::has_version(&format!("{group}/{version}")))
        }
        _ => false,
    }
}

/// The page at a path, if there is one.
fn page(api: &Api, parts: &Parts, segments: &[&str]) -> Option<Answer> {
    match segments {
        ["" | "index.html"] => Some(Ok(pretty(&json!({"paths": paths()})))),
        [endpoint @ ("healthz" | "livez" | "readyz"), check @ ..] => {
            if api.shutdown.is_cancelled() {
                api.health.shutting_down();
            }
            let query = Query::parse(parts.uri.query().unwrap_or_default());
            health::answer(&api.health, endpoint, &check.join("/"), &query).map(Ok)
        }
        ["version"] => Some(Ok(pretty(&version::info()))),
        ["openapi", rest @ ..] => openapi::answer(api, parts, rest).map(Ok),
        ["api"] => Some(groups(parts, true)),
        ["apis"] => Some(groups(parts, false)),
        ["api", version] => Some(plain(parts, &legacy::resources(version)?)),
        ["apis", group] => Some(plain(parts, &legacy::group(group)?)),
        ["apis", group, version] => {
            Some(plain(parts, &legacy::resources(&format!("{group}/{version}"))?))
        }
        _ => None,
    }
}

/// The groups there are, in the form that is liked best: the core, or all the others.
fn groups(parts: &Parts, is_core: bool) -> Answer {
    static CORE: OnceLock<Document> = OnceLock::new();
    static OTHERS: OnceLock<Document> = OnceLock::new();
    let choices = accept::choices(&parts.headers);
    let is_legacy = |it: &accept::Choice<'_>| it.takes(JSON) && it.parameter("as").is_empty();
    let choice = choices.iter().find(|it| aggregated::is_meant(it) || is_legacy(it));
    if choice.is_some_and(aggregated::is_meant) {
        let document = if is_core { &CORE } else { &OTHERS }.get_or_init(|| {
            let groups = aggregated::groups(is_core);
            Document::new(aggregated::CONTENT_TYPE, groups.to_string().into_bytes())
        });
        let mut response = document.tagged(&parts.headers);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public"));
        return Ok(response);
    }
    plain(parts, &if is_core { legacy::versions(address(parts)) } else { legacy::groups() })
}

/// How the client calls us.
fn address(parts: &Parts) -> &str {
    let host = parts.headers.get(HOST).and_then(|it| it.to_str().ok());
    host.or(parts.uri.authority().map(Authority::as_str)).unwrap_or_default()
}

/// An answer for who takes JSON that is nothing special.
fn plain(parts: &Parts, body: &Value) -> Answer {
    let choices = accept::choices(&parts.headers);
    if choices.iter().any(|it| it.takes(JSON) && it.parameter("as").is_empty()) {
        return Ok(json_response(body.to_string()));
    }
    Err(Status::not_acceptable(&[JSON]).into())
}

/// An answer that people read as well.
fn pretty(body: &Value) -> Response<Body> {
    json_response(format!("{body:#}"))
}

fn json_response(body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response
}

/// Every path that is a page, in the order of the alphabet.
fn paths() -> Vec<String> {
    // The page of metrics is there too, but not ours to make.
    let others = ["/api", "/apis", "/metrics", "/openapi/v2", "/openapi/v3", "/version"];
    let mut paths: Vec<String> = others.into_iter().map(str::to_owned).collect();
    paths.extend(health::paths());
    for api_version in resources::api_versions() {
        match resources::group_version(api_version) {
            ("", version) => paths.push(format!("/api/{version}")),
            (group, _) => paths.extend([format!("/apis/{group}"), format!("/apis/{api_version}")]),
        }
    }
    paths.sort();
    paths
}

/// There is no such page.
pub(super) fn not_found() -> Response<Body> {
    health::text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned())
}
