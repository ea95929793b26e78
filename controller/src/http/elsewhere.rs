//! Pods on nodes that are processes of their own: what only such a node knows, it is asked.
//!
//! As the API server of Kubernetes asks kubelets. How, is known to whoever serves: nothing here has
//! sockets.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Response, StatusCode};
use futures_util::{StreamExt as _, stream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::refusal::Refusal;
use super::router::Api;
use super::status::Status;
use crate::api::{Key, Node, Pod};
use crate::limits::NODE_ANSWER_SECONDS;

/// How a kubelet tells what is wrong.
const JSON: &str = "application/json";

/// What a kubelet may answer with; anything else is its own fault, not that of who asks.
const MAY_ANSWER: &[StatusCode] = &[
    StatusCode::OK,
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::TOO_MANY_REQUESTS,
];

/// How long a node may say nothing.
const NODE_PATIENCE: Duration = Duration::from_secs(NODE_ANSWER_SECONDS);

const SHUTTING_DOWN: &str = "the server is shutting down";

/// Asks the kubelets of other nodes.
pub trait Kubelets: Send + Sync + 'static {
    /// Sends a `GET` of `path`, with its query, to the kubelet of `node`. Gives its answer as it comes,
    /// or why there is none.
    fn get(
        &self,
        node: Arc<Node>,
        path: String,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Body>, String>> + Send>>;
}

/// The node in this process, and those who ask the others.
#[derive(Clone)]
pub(super) struct Elsewhere {
    pub(super) own: String,
    pub(super) kubelets: Arc<dyn Kubelets>,
}

/// `answer`, which has `place` until all of it was read. It breaks off when the server shuts down, as
/// what is told of this host does; and, unless it `follows` something that may have nothing to tell for
/// days, when the node says nothing for too long.
pub(super) fn pass_on(
    api: &Api,
    answer: Response<Body>,
    place: OwnedSemaphorePermit,
    follows: bool,
) -> Response<Body> {
    let shutdown = api.shutdown.clone();
    answer.map(|body| {
        let pieces = (body.into_data_stream(), place);
        Body::from_stream(stream::try_unfold(pieces, move |(mut body, place)| {
            let shutdown = shutdown.clone();
            async move {
                let next = async {
                    match follows {
                        true => Ok(body.next().await),
                        false => timeout(NODE_PATIENCE, body.next()).await,
                    }
                };
                let next = shutdown.run_until_cancelled(next).await;
                let next = next.ok_or_else(|| io::Error::other(SHUTTING_DOWN))?;
                let piece = next.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
                let piece = piece.transpose().map_err(io::Error::other)?;
                Ok::<_, io::Error>(piece.map(|piece| (piece, (body, place))))
            }
        }))
    })
}

/// The node that `pod` is on, if that is not the one in this process.
pub(super) fn node_of<'a>(api: &Api, pod: &'a Pod) -> Option<&'a str> {
    let elsewhere = api.elsewhere.as_ref()?;
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    node.filter(|node| !node.is_empty() && *node != elsewhere.own)
}

/// What the kubelet of the node `name` answers to a `GET` of `path`.
pub(super) async fn ask(api: &Api, name: &str, path: String) -> Result<Response<Body>, Refusal> {
    let node = api.store.get::<Node>(&Key::new("", name));
    let (Some(elsewhere), Some(node)) = (&api.elsewhere, node) else {
        return Err(Status::internal(&format!("node {name:?} is not known")).into());
    };
    let shown = path.split('?').next().unwrap_or_default().to_owned();
    let failed = |why: String| Status::internal(&format!("asking node {name} for {shown}: {why}"));
    let answer = timeout(NODE_PATIENCE, elsewhere.kubelets.get(node, path));
    let answer = api.shutdown.run_until_cancelled(answer).await;
    let answer = answer.ok_or_else(|| Status::unavailable(SHUTTING_DOWN))?;
    let late = |_| Err(format!("it has not answered within {NODE_ANSWER_SECONDS} seconds"));
    let mut answer = answer.unwrap_or_else(late).map_err(failed)?;
    if !MAY_ANSWER.contains(&answer.status()) {
        return Err(failed(format!("it answered with {}", answer.status())).into());
    }
    // A node is not trusted with what a browser may make of it.
    let headers = answer.headers_mut();
    if headers.get(CONTENT_TYPE).is_none_or(|it| it != JSON) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(answer)
}
