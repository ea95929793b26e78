//! What a node answers by itself: of what the kubelet serves, the pods it has, its health and what they use.
//!
//! Kubernetes passes such a request on to the kubelet; here nothing listens on a node, and what its
//! kubelet would know is in the store.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode};
use tokio::task::coop;

use super::answer::{self, Form, ListMeta};
use super::metrics;
use super::options::Query;
use super::refusal::Refusal;
use super::router::Api;
use super::status::Status;
use super::target::Target;
use crate::api::{Key, Kind, Node, Pod, Resource as _};
use crate::store::in_order;

/// Answers what is asked of a node under its `proxy`.
pub(super) async fn answer(
    api: &Api,
    target: &Target,
    parts: &Parts,
) -> Result<Response<Body>, Refusal> {
    let name = node_name(target.name.as_deref().unwrap_or_default());
    if api.store.get::<Node>(&Key::new("", name)).is_none() {
        return Err(Status::not_found(Kind::Node, name).into());
    }
    let path = parts.uri.path().split_once("/proxy").map_or("", |(_, path)| path);
    match (&parts.method, path.trim_matches('/')) {
        (&Method::GET, "pods") => {
            let query = Query::parse(parts.uri.query().unwrap_or_default());
            Ok(pods(api, name, Form::wanted(&parts.headers, &query)?).await)
        }
        (&Method::GET, "healthz") => Ok(text("ok")),
        (&Method::GET, "metrics/resource") => metrics::page_of_node(&api.usages, &api.pages),
        _ => Err(Status::impossible(&format!(
            "a node has no server of its own here: under its proxy there are only pods, healthz \
             and metrics/resource, not {path:?}"
        ))
        .into()),
    }
}

/// The name of the node in `scheme:name:port`, of which only the name must be there.
fn node_name(name: &str) -> &str {
    match name.split(':').collect::<Vec<_>>()[..] {
        [_, name, _] | [name, _] => name,
        _ => name,
    }
}

async fn pods(api: &Api, node: &str, form: Form) -> Response<Body> {
    let is_there = |pod: &Pod| {
        let name = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        name == Some(node)
    };
    let (found, resource_version) = api.store.find(Kind::Pod, None);
    let mut pods = Vec::new();
    for (key, slot) in found {
        if Pod::from_object(&slot.object()).is_some_and(|pod| is_there(pod)) {
            pods.push((key, slot));
        }
        coop::consume_budget().await;
    }
    let meta = ListMeta { resource_version, ..ListMeta::default() };
    answer::list(form, Kind::Pod, in_order(pods), &meta, api.store.clock().now(), &[])
}

fn text(text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_may_be_named_with_a_scheme_and_a_port() {
        for name in ["n", "n:10250", "https:n:10250", "https:n:"] {
            assert_eq!(node_name(name), "n", "{name}");
        }
    }
}
