//! What is told of requests: one line for each, when it has been answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use mayfly_controller::http::access::User;
use mayfly_controller::http::status::Status;

/// One request, from its head until the last of its answer.
pub(super) struct Record {
    method: String,
    path: String,
    peer: SocketAddr,
    begun: Instant,
    /// `None` while there is no answer yet.
    code: Option<StatusCode>,
    /// Empty if nobody was let in.
    user: String,
}

impl Record {
    /// Begins with `request`, of a client at `peer`.
    pub(super) fn begin<B>(request: &Request<B>, peer: SocketAddr) -> Self {
        let path = request.uri().path_and_query().map_or("", |it| it.as_str());
        Self {
            method: request.method().to_string(),
            path: path.to_owned(),
            peer,
            begun: Instant::now(),
            code: None,
            user: String::new(),
        }
    }

    /// The same, once `response` begins.
    pub(super) fn answered(mut self, response: &Response<Body>) -> Self {
        self.code = Some(response.status());
        if let Some(user) = response.extensions().get::<Arc<User>>() {
            self.user.clone_from(&user.name);
        }
        self
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Self { method, path, peer, user, .. } = self;
        let milliseconds = self.begun.elapsed().as_millis();
        match self.code.map(|code| code.as_u16()) {
            Some(code) if code >= 500 => {
                tracing::error!(method, path, code, milliseconds, user, %peer, "request failed");
            }
            Some(code) => tracing::info!(method, path, code, milliseconds, user, %peer, "request"),
            None => tracing::info!(method, path, milliseconds, %peer, "the client went away"),
        }
    }
}

/// Answers everything with that there are too many connections.
pub(super) fn too_many_connections(limit: usize) -> Router {
    Router::new().fallback(move || async move {
        Status::too_many_requests(&format!("no more than {limit} connections at once"))
    })
}
