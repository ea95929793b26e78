//! `pods/x/attach`: the streams of a container that runs, over a WebSocket.
//!
//! ```text
//!             ┌─ 0 ◀─ what is typed ── client
//! container ──┼─ 1 ─▶ standard output ──▶ ┐
//!             └─ 2 ─▶ standard error ───▶ ┼ client
//!         its end ─ 3 ─▶ a Status ──────▶ ┘
//! ```
//!
//! What can be known before is answered before the protocols are switched, so that every client can
//! read it. SPDY, in which Kubernetes once carried the same, is not spoken here.

mod channel;
mod session;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::header::UPGRADE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::channel::{PROTOCOLS, Protocol};
use self::session::{Outputs, Session};
use super::{Request, container};
use crate::api::Pod;
use crate::http::elsewhere;
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::status::Status;
use crate::limits::ATTACH_MESSAGE_BYTES_MAX;
use crate::node::logs::{Attached, Logs, Run};
use crate::node::{Inputs, NoInput, PodIdentity};

/// What is attached to, and where it is.
pub(in crate::http) struct Place<'a> {
    pub(in crate::http) pod: &'a Pod,
    pub(in crate::http) container: &'a str,
    pub(in crate::http) logs: &'a Logs,
    pub(in crate::http) inputs: &'a Inputs,
    /// One permit for each client that is attached.
    pub(in crate::http) streams: &'a Arc<Semaphore>,
    pub(in crate::http) shutdown: &'a CancellationToken,
}

/// Attaches a client to a container of a pod; to one on another node, through that node.
pub(super) async fn answer(request: Request) -> Result<Response<Body>, Refusal> {
    let Request { api, parts, query, pod } = request;
    let options = Options::parse(&query, OF_API)?;
    let container = &container::name(&pod, query.get("container"))?;
    let pod_name = pod.metadata.name.clone().unwrap_or_default();
    if pod.spec.as_ref().is_none_or(|spec| spec.node_name.as_deref().is_none_or(str::is_empty)) {
        let message = format!("pod {pod_name} does not have a host assigned");
        return Err(Status::bad_request(message).into());
    }
    if let Some(node) = elsewhere::node_of(&api, &pod) {
        let place = super::place(&api.streams)?;
        check_protocol(&parts.headers)?;
        let PodIdentity { namespace, name, .. } = PodIdentity::of(&pod);
        let path = format!("/attach/{namespace}/{name}/{container}?{}", options.of_kubelet());
        return elsewhere::switch(&api, node, path, parts, place).await;
    }
    let Some(logs) = &api.logs else { return Err(Status::not_implemented("attach").into()) };
    let (inputs, streams, shutdown) = (&api.inputs, &api.streams, &api.shutdown);
    attach(Place { pod: &pod, container, logs, inputs, streams, shutdown }, &options, parts).await
}

/// Attaches whom an API server passes on with `query` to a container of this node.
pub(in crate::http) async fn as_kubelet(
    place: Place<'_>,
    query: &Query,
    parts: Parts,
) -> Result<Response<Body>, Refusal> {
    attach(place, &Options::parse(query, OF_KUBELET)?, parts).await
}

async fn attach(
    place: Place<'_>,
    options: &Options,
    mut parts: Parts,
) -> Result<Response<Body>, Refusal> {
    let Place { pod, container, logs, inputs, streams, shutdown } = place;
    let place = super::place(streams)?;
    let identity = PodIdentity::of(pod);
    let (pod_name, namespace) = (identity.name.clone(), identity.namespace.clone());
    let not_running = || {
        let what = format!("container {container} not found in pod {pod_name}_{namespace}");
        Status::internal(&format!("unable to upgrade connection: {what}"))
    };
    let restart = container::running(pod, container).ok_or_else(not_running)?;
    let run = Run { pod: identity, container: container.to_owned(), restart };
    check_protocol(&parts.headers)?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|rejection| Status::bad_request(rejection.body_text()))?;
    let upgrade = upgrade.protocols(PROTOCOLS.map(Protocol::name));
    let Some(protocol) = upgrade.selected_protocol().and_then(Protocol::of) else {
        let spoken = PROTOCOLS.map(Protocol::name).join(", ");
        let message = format!("unable to upgrade: of the subprotocols, only {spoken} are spoken");
        return Err(Status::bad_request(message).into());
    };
    let output: Attached = logs
        .attach(&run)
        .map_err(|error| Status::internal(&format!("reading the log: {error}")))?
        .ok_or_else(not_running)?;
    let input = match options.has_stdin.then(|| inputs.take(&run)) {
        Some(Ok(input)) => Some(input),
        Some(Err(NoInput::Taken)) => return Err(Status::input_taken(&pod_name, container).into()),
        // As in Kubernetes, it is then typed into the void.
        Some(Err(NoInput::Absent | NoInput::Closed)) | None => None,
    };
    let session = Session::new(protocol, output, options.outputs, input, shutdown.clone(), place);
    let upgrade =
        upgrade.max_message_size(ATTACH_MESSAGE_BYTES_MAX).max_frame_size(ATTACH_MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(|socket| session.run(socket)))
}

/// How the streams that a client wants are named in a query: input, output, error and terminal.
type Words = [&'static str; 4];

/// To an API server: `PodAttachOptions`.
const OF_API: Words = ["stdin", "stdout", "stderr", "tty"];

/// To a kubelet (its `remotecommand` options).
const OF_KUBELET: Words = ["input", "output", "error", "tty"];

/// Which streams a client wants.
struct Options {
    has_stdin: bool,
    outputs: Outputs,
}

impl Options {
    fn parse(query: &Query, words: Words) -> Result<Self, Refusal> {
        let [has_stdin, stdout, stderr, has_terminal] = words.map(|word| query.is_set(word));
        if has_terminal {
            let message = "a container never has a terminal here: attach without --tty (-t)";
            return Err(Status::bad_request(message).into());
        }
        if !has_stdin && !stdout && !stderr {
            let message = "you must specify at least 1 of stdin, stdout, stderr";
            return Err(Status::bad_request(message).into());
        }
        Ok(Self { has_stdin, outputs: Outputs { stdout, stderr } })
    }

    /// The query by which a kubelet is asked for the same.
    fn of_kubelet(&self) -> String {
        let wanted = [self.has_stdin, self.outputs.stdout, self.outputs.stderr];
        let wanted = OF_KUBELET.into_iter().zip(wanted).filter(|(_, is_wanted)| *is_wanted);
        wanted.map(|(word, _)| format!("{word}=1")).collect::<Vec<_>>().join("&")
    }
}

/// Refuses what is no request for a WebSocket.
fn check_protocol(headers: &HeaderMap) -> Result<(), Refusal> {
    let upgrade = headers.get(UPGRADE).and_then(|upgrade| upgrade.to_str().ok());
    let Some(upgrade) = upgrade else {
        return Err(Status::bad_request("Upgrade request required").into());
    };
    if upgrade.to_ascii_lowercase().starts_with("spdy/") {
        let message = "unable to upgrade: SPDY is not spoken here, only WebSockets; kubectl 1.31 and \
                       later use them";
        return Err(Status::bad_request(message).into());
    }
    Ok(())
}
