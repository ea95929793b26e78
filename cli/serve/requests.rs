//! What is told of requests: one line for each, when it has been answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, Uri};
use mayfly_controller::http::access::User;
use mayfly_controller::http::status::Status;

/// One request, from its head until the last of its answer.
pub(super) struct Record {
    method: Method,
    uri: Uri,
    peer: SocketAddr,
    begun: Instant,
    /// `None` while there is no answer yet.
    code: Option<StatusCode>,
    /// `None` if nobody was let in.
    user: Option<Arc<User>>,
}

impl Record {
    /// Begins with `request`, of a client at `peer`.
    pub(super) fn begin<B>(request: &Request<B>, peer: SocketAddr) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            peer,
            begun: Instant::now(),
            code: None,
            user: None,
        }
    }

    /// The same, once `response` begins.
    pub(super) fn answered(mut self, response: &Response<Body>) -> Self {
        self.code = Some(response.status());
        self.user = response.extensions().get().cloned();
        self
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Self { method, peer, .. } = self;
        // No host: over HTTP/2 it is part of what is asked for.
        let path = self.uri.path_and_query().map_or("", |it| it.as_str());
        let user = self.user.as_ref().map_or("", |user| user.name.as_str());
        let milliseconds = self.begun.elapsed().as_millis();
        match self.code.map(|code| code.as_u16()) {
            Some(code @ 500) => {
                tracing::error!(%method, path, code, milliseconds, user, %peer, "request failed");
            }
            Some(code) => tracing::info!(%method, path, code, milliseconds, user, %peer, "request"),
            None => tracing::info!(%method, path, milliseconds, %peer, "the client went away"),
        }
    }
}

/// Answers everything with that there are too many connections.
pub(super) fn too_many_connections(limit: usize) -> Router {
    Router::new().fallback(move || async move {
        Status::too_many_requests(&format!("no more than {limit} connections at once"))
    })
}
