//! A client of the control plane: sends requests to the router, as over a socket.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use mayfly_controller::api::Kind;
use serde_json::Value;
use tower::ServiceExt as _;

/// What sends requests.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) router: Router,
    /// The namespace of the trace.
    pub(super) namespace: String,
}

/// An answer.
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) body: Value,
}

impl Client {
    /// Sends `body` to where the objects of a kind are, or to one of them, or to a part of it.
    pub(super) async fn send(
        &self,
        method: &str,
        (kind, name): (Kind, &str),
        body: &Value,
    ) -> Answer {
        let content_type = match (method, body) {
            ("PATCH", Value::Array(_)) => "application/json-patch+json",
            ("PATCH", _) => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder()
            .method(method)
            .uri(self.path(kind, name))
            .header("content-type", content_type)
            .header("accept", "application/json")
            .body(Body::from(body))
            .expect("it must be a request");
        let response = self.router.clone().oneshot(request).await.expect("there is no error");
        let code = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("it must have a body");
        let body = serde_json::from_slice(&bytes).expect("an answer must be JSON");
        Answer { code, body }
    }

    /// Creates the object that `manifest` describes.
    pub(super) async fn create(&self, manifest: &Value) -> Answer {
        let named = |kind: &&Kind| manifest["kind"] == kind.name();
        let kind = Kind::ALL.iter().find(named);
        let kind = *kind.unwrap_or_else(|| panic!("there is no kind {}", manifest["kind"]));
        self.send("POST", (kind, ""), manifest).await
    }

    fn path(&self, kind: Kind, name: &str) -> String {
        let group = match kind.api_version() {
            "v1" => "/api/v1".to_owned(),
            version => format!("/apis/{version}"),
        };
        let namespace = match kind.is_namespaced() {
            true => format!("/namespaces/{}", self.namespace),
            false => String::new(),
        };
        let name = if name.is_empty() { String::new() } else { format!("/{name}") };
        format!("{group}{namespace}/{}{name}", kind.plural())
    }
}
