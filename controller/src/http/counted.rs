//! Counts what was asked, and how it was answered.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use super::access::Attributes;
use crate::api::Kind;
use crate::clock::Clock;
use crate::metrics::{About, Requests};

/// Subresources that are told apart.
const PARTS: &[&str] = &[
    "attach",
    "binding",
    "eviction",
    "exec",
    "finalize",
    "log",
    "portforward",
    "proxy",
    "scale",
    "status",
    "token",
];

/// `router`, all of whose answers are counted.
pub(super) fn counted(router: Router, requests: Arc<Requests>, clock: Clock) -> Router {
    router.layer(from_fn_with_state((requests, clock), answer))
}

async fn answer(
    State((requests, clock)): State<(Arc<Requests>, Clock)>,
    request: Request,
    next: Next,
) -> Response {
    let asked = Attributes::of(request.method(), request.uri());
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let is_apply = content_type.is_some_and(|it| it.starts_with("application/apply-patch+"));
    let about = about(request.method(), is_apply, &asked);
    let begun = clock.instant();
    let response = next.run(request).await;
    requests.count(about, response.status().as_u16(), begun.elapsed());
    response
}

/// What is told of a request, in words of ours.
fn about(method: &Method, is_apply: bool, asked: &Attributes) -> About {
    let subresource = PARTS.iter().copied().find(|part| *part == asked.subresource);
    let verb = match (&*asked.verb, subresource) {
        (_, Some("attach" | "exec" | "portforward" | "proxy")) => "CONNECT",
        ("list", _) => "LIST",
        ("watch", _) => "WATCH",
        ("deletecollection", _) => "DELETECOLLECTION",
        _ => match *method {
            Method::GET | Method::HEAD => "GET",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH if is_apply => "APPLY",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            _ => "other",
        },
    };
    let is_meant = |kind: &&Kind| kind.plural() == asked.resource && group(**kind).0 == asked.group;
    let Some(kind) = Kind::ALL.iter().find(is_meant) else {
        return About { verb, ..About::default() };
    };
    let (group, version) = group(*kind);
    let scope = match (asked.name.as_str(), asked.namespace.as_str()) {
        ("", "") => "cluster",
        ("", _) => "namespace",
        _ => "resource",
    };
    let subresource = subresource.unwrap_or_default();
    About { verb, group, version, resource: kind.plural(), subresource, scope }
}

/// The group and the version of a kind.
fn group(kind: Kind) -> (&'static str, &'static str) {
    kind.api_version().split_once('/').unwrap_or(("", kind.api_version()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_request_is_of_few_words() {
        let check = |method: &str, uri: &str, expect: &str| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let it = about(
                &method,
                uri.contains("fieldManager"),
                &Attributes::of(&method, &uri.parse().unwrap()),
            );
            let told = [it.verb, it.group, it.version, it.resource, it.subresource, it.scope];
            assert_eq!(told.join(" "), expect, "{method} {uri}");
        };
        let jobs = "/apis/batch/v1/namespaces/a/jobs";
        check("POST", jobs, "POST batch v1 jobs  namespace");
        check("PATCH", &format!("{jobs}/j"), "PATCH batch v1 jobs  resource");
        check("PATCH", &format!("{jobs}/j?fieldManager=a"), "APPLY batch v1 jobs  resource");
        check("GET", jobs, "LIST batch v1 jobs  namespace");
        check("GET", "/apis/batch/v1/jobs?watch=1", "WATCH batch v1 jobs  cluster");
        check("GET", &format!("{jobs}/j"), "GET batch v1 jobs  resource");
        check("PUT", &format!("{jobs}/j/status"), "PUT batch v1 jobs status resource");
        check("DELETE", jobs, "DELETECOLLECTION batch v1 jobs  namespace");
        check("GET", "/api/v1/namespaces/a/pods/p/log", "GET  v1 pods log resource");
        check("POST", "/api/v1/namespaces/a/pods/p/attach", "CONNECT  v1 pods attach resource");
        check("GET", "/api/v1/namespaces/a", "GET  v1 namespaces  resource");
        check("GET", "/metrics", "GET     ");
        check("BREW", "/apis/batch/v1/teapots/x/y", "other     ");
        check("GET", "/apis/x/v1/jobs", "LIST     ");
        check("GET", "/api/v1/namespaces/a/pods/p/anything", "GET  v1 pods  resource");
    }
}
