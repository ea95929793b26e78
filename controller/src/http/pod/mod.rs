//! What a pod has beside its object: its log and its streams; requests to be rid of it; and what it
//! has not.

mod attach;
mod container;
mod eviction;
mod log;
mod refused;
#[cfg(test)]
mod tests;

pub(super) use self::attach::{Place, as_kubelet as attach_as_kubelet};
pub(super) use self::log::{Printed, of as print_log};

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access::User;
use super::options::Query;
use super::refusal::Refusal;
use super::router::Api;
use super::status::Status;
use super::target::{Subresource, Target};
use crate::api::{Kind, Pod};
use crate::limits::STREAMS_MAX;

/// Answers a request about `part` of a pod.
pub(super) async fn answer(
    api: Arc<Api>,
    user: &User,
    target: Target,
    part: Subresource,
    parts: Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    if part == Subresource::Eviction {
        return eviction::evict(&api, user, &target, &parts, body).await;
    }
    let request = Request::new(api, &target, parts)?;
    match (part, &request.parts.method) {
        (Subresource::Log, &Method::GET) => log::answer(&request).await,
        (Subresource::Attach, &Method::GET | &Method::POST) => attach::answer(request).await,
        (Subresource::Exec, &Method::GET | &Method::POST) => Err(refused::exec().into()),
        (Subresource::PortForward, &Method::GET | &Method::POST) => {
            Err(refused::port_forward().into())
        }
        (Subresource::EphemeralContainers, &Method::PUT | &Method::PATCH) => {
            Err(refused::ephemeral_containers().into())
        }
        _ => Err(Status::method_not_allowed().into()),
    }
}

/// A request about a pod that is there.
struct Request {
    api: Arc<Api>,
    parts: Parts,
    query: Query,
    pod: Arc<Pod>,
}

impl Request {
    fn new(api: Arc<Api>, target: &Target, parts: Parts) -> Result<Self, Refusal> {
        let name = target.name.as_deref().unwrap_or_default();
        let pod = api.store.get::<Pod>(&target.key(name));
        let pod = pod.ok_or_else(|| Status::not_found(Kind::Pod, name))?;
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        Ok(Self { api, parts, query, pod })
    }

    /// A place among the streams that go on at once.
    fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        place(&self.api.streams)
    }
}

/// A place among those that `streams` has.
fn place(streams: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    Arc::clone(streams).try_acquire_owned().map_err(|_| {
        let limit = format!("no more than {STREAMS_MAX} logs and attached clients at once");
        Status::too_many_requests(&limit).into()
    })
}
