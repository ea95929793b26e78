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

use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::header::UPGRADE;
use axum::http::{HeaderMap, Response};

use self::channel::{PROTOCOLS, Protocol};
use self::session::{Outputs, Session};
use super::{Request, container};
use crate::http::elsewhere;
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::status::Status;
use crate::limits::ATTACH_MESSAGE_BYTES_MAX;
use crate::node::logs::{Attached, Run};
use crate::node::{NoInput, PodIdentity};

/// Attaches a client to a container of a pod.
pub(super) async fn answer(request: Request) -> Result<Response<Body>, Refusal> {
    let place = request.place()?;
    let Request { api, mut parts, query, pod } = request;
    let options = Options::parse(&query)?;
    let container = container::name(&pod, options.container.as_deref())?;
    let pod_name = pod.metadata.name.clone().unwrap_or_default();
    if pod.spec.as_ref().is_none_or(|spec| spec.node_name.as_deref().is_none_or(str::is_empty)) {
        let message = format!("pod {pod_name} does not have a host assigned");
        return Err(Status::bad_request(message).into());
    }
    if elsewhere::node_of(&api, &pod).is_some() {
        return Err(Status::not_implemented("attaching to pods on other hosts").into());
    }
    let Some(logs) = api.logs.clone() else {
        return Err(Status::not_implemented("attach").into());
    };
    let identity = PodIdentity::of(&pod);
    let namespace = identity.namespace.clone();
    let not_running = || {
        let what = format!("container {container} not found in pod {pod_name}_{namespace}");
        Status::internal(&format!("unable to upgrade connection: {what}"))
    };
    let restart = container::running(&pod, &container).ok_or_else(not_running)?;
    let run = Run { pod: identity, container: container.clone(), restart };
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
    let input = match options.has_stdin.then(|| api.inputs.take(&run)) {
        Some(Ok(input)) => Some(input),
        Some(Err(NoInput::Taken)) => return Err(Status::input_taken(&pod_name, &container).into()),
        // As in Kubernetes, it is then typed into the void.
        Some(Err(NoInput::Absent | NoInput::Closed)) | None => None,
    };
    let shutdown = api.shutdown.clone();
    let session = Session::new(protocol, output, options.outputs, input, shutdown, place);
    let upgrade =
        upgrade.max_message_size(ATTACH_MESSAGE_BYTES_MAX).max_frame_size(ATTACH_MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(|socket| session.run(socket)))
}

/// `PodAttachOptions`.
struct Options {
    container: Option<String>,
    has_stdin: bool,
    outputs: Outputs,
}

impl Options {
    fn parse(query: &Query) -> Result<Self, Refusal> {
        let has_stdin = query.is_set("stdin");
        let outputs = Outputs { stdout: query.is_set("stdout"), stderr: query.is_set("stderr") };
        if query.is_set("tty") {
            let message = "a container never has a terminal here: attach without --tty (-t)";
            return Err(Status::bad_request(message).into());
        }
        if !has_stdin && !outputs.stdout && !outputs.stderr {
            let message = "you must specify at least 1 of stdin, stdout, stderr";
            return Err(Status::bad_request(message).into());
        }
        Ok(Self { container: query.get("container").map(str::to_owned), has_stdin, outputs })
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
