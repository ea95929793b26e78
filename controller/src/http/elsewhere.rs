//! Pods on nodes that are processes of their own: what only such a node knows, it is asked.
//!
//! As the API server of Kubernetes asks kubelets. How, is known to whoever serves: nothing here has
//! sockets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    CONNECTION, CONTENT_TYPE, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use futures_util::{StreamExt as _, stream};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::kubelet::Answer;
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

/// Why a kubelet may refuse to have its pod attached to: the input is another client's, or the container
/// does not run, among others.
const MAY_REFUSE: &[StatusCode] = &[
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::CONFLICT,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
];

/// What a client that wants a WebSocket says of it. Nothing else that it says is for the node, its
/// credentials least of all.
const OF_CLIENT: &[HeaderName] =
    &[CONNECTION, UPGRADE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION];

/// What a kubelet that agrees says of it.
const OF_NODE: &[HeaderName] = &[CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL];

/// How long a node may say nothing.
const NODE_PATIENCE: Duration = Duration::from_secs(NODE_ANSWER_SECONDS);

const SHUTTING_DOWN: &str = "the server is shutting down";

/// Asks the kubelets of other nodes.
pub trait Kubelets: Send + Sync + 'static {
    /// Sends a `GET` of `path`, with its query, to the kubelet of `node`. Gives its answer as it comes,
    /// or why there is none.
    fn get(&self, node: Arc<Node>, path: String) -> Answer<Result<Response<Body>, String>>;

    /// The same with `headers`, which want another protocol.
    fn switch(
        &self,
        node: Arc<Node>,
        path: String,
        headers: HeaderMap,
    ) -> Answer<Result<Switched, String>>;
}

/// What a kubelet answers to who wants another protocol.
pub struct Switched {
    /// Its answer.
    pub answer: Response<Body>,
    /// What is said from then on, if the answer is that it has switched.
    pub stream: Option<Box<dyn Duplex>>,
}

/// A stream both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

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
    let (kubelets, node) = kubelet_of(api, name)?;
    let failed = failing(name, &path);
    let answer = in_time(api, kubelets.get(node, path)).await?.map_err(&failed)?;
    checked(answer, MAY_ANSWER, failed)
}

/// Joins a client that wants a WebSocket with the kubelet of the node `name`, at `path`; or gives why the
/// kubelet refuses. `place` is the client's until one of both leaves, or the server shuts down.
pub(super) async fn switch(
    api: &Api,
    name: &str,
    path: String,
    mut parts: Parts,
    place: OwnedSemaphorePermit,
) -> Result<Response<Body>, Refusal> {
    let client = parts.extensions.remove::<OnUpgrade>();
    let client = client.ok_or_else(|| Status::bad_request("Upgrade request required"))?;
    let (kubelets, node) = kubelet_of(api, name)?;
    let failed = failing(name, &path);
    let asked = kubelets.switch(node, path, some(&parts.headers, OF_CLIENT));
    let Switched { answer, stream } = in_time(api, asked).await?.map_err(&failed)?;
    let Some(mut stream) = stream else {
        let answer = checked(answer, MAY_REFUSE, failed)?;
        return Ok(pass_on(api, answer, place, false));
    };
    let shutdown = api.shutdown.clone();
    tokio::spawn(async move {
        let joined = async {
            let mut client = TokioIo::new(client.await.map_err(io::Error::other)?);
            copy_bidirectional(&mut client, &mut stream).await
        };
        if let Some(Err(error)) = shutdown.run_until_cancelled(joined).await {
            tracing::debug!(%error, "a client that was attached to a pod on another host has gone");
        }
        drop(place);
    });
    let mut switched = Response::new(Body::empty());
    *switched.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *switched.headers_mut() = some(answer.headers(), OF_NODE);
    Ok(switched)
}

/// The node `name`, and who asks its kubelet.
fn kubelet_of<'a>(api: &'a Api, name: &str) -> Result<(&'a Arc<dyn Kubelets>, Arc<Node>), Refusal> {
    let node = api.store.get::<Node>(&Key::new("", name));
    let (Some(elsewhere), Some(node)) = (&api.elsewhere, node) else {
        return Err(Status::internal(&format!("node {name:?} is not known")).into());
    };
    Ok((&elsewhere.kubelets, node))
}

/// What is said of a failure to ask the node `name` for `path`.
fn failing(name: &str, path: &str) -> impl Fn(String) -> Status + use<> {
    let shown = path.split('?').next().unwrap_or_default();
    let what = format!("asking node {name} for {shown}");
    move |why| Status::internal(&format!("{what}: {why}"))
}

/// What is `told` by a node, if it does not take too long, while the server works.
async fn in_time<T>(
    api: &Api,
    told: Answer<Result<T, String>>,
) -> Result<Result<T, String>, Status> {
    let told = api.shutdown.run_until_cancelled(timeout(NODE_PATIENCE, told)).await;
    let told = told.ok_or_else(|| Status::unavailable(SHUTTING_DOWN))?;
    let late = |_| Err(format!("it has not answered within {NODE_ANSWER_SECONDS} seconds"));
    Ok(told.unwrap_or_else(late))
}

/// `answer`, if it is one that a kubelet may give, as it may be shown to clients.
fn checked(
    mut answer: Response<Body>,
    may_be: &[StatusCode],
    failed: impl Fn(String) -> Status,
) -> Result<Response<Body>, Refusal> {
    if !may_be.contains(&answer.status()) {
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

/// Those of `headers` that have one of `names`.
fn some(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut some = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            some.append(name.clone(), value.clone());
        }
    }
    some
}
