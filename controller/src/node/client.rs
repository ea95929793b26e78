//! How the agent sees the control plane: a few requests about the pods bound to one node.
//!
//! It says only what an API server can do for a node, so that the same agent can work for the store
//! of its own process, for another host's, or for a real Kubernetes cluster.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use super::runtime::PodIdentity;
use crate::api::{ConfigMap, Node, Pod, PodStatus, Secret};
use crate::events::EventType;

/// A node's requests to its control plane. A clone is the same connection.
pub trait ClusterClient: Clone + Send + Sync + 'static {
    /// What follows the pods of a node.
    type Watch: PodWatch;

    /// Follows the pods whose `spec.nodeName` is `node`, beginning with all that there are.
    fn watch_pods(&self, node: &str) -> Self::Watch;

    /// Takes note that a run of `container` of `pod` is about to begin, the `restart`th one, so that
    /// the node's next process knows of it whatever becomes of this one. A client whose control plane
    /// is always there needs no note: the next report is durable as soon as it is made.
    fn begins(
        &self,
        pod: &PodIdentity,
        container: &str,
        restart: u32,
    ) -> impl Future<Output = Result<(), ClientError>> + Send {
        let _ = (pod, container, restart);
        std::future::ready(Ok(()))
    }

    /// Writes the status with the usage and records the events of `pod`, and returns when the status is durable.
    ///
    /// Conditions that the status does not name stay, a terminal phase stays, the end of a run stays
    /// until another has begun, and so does a pod that is gone or has another uid by now: none of
    /// these is an error.
    fn report(
        &self,
        pod: &PodIdentity,
        report: Report,
    ) -> impl Future<Output = Result<(), ClientError>> + Send;

    /// Deletes `pod` with no grace: nothing of it runs any more.
    fn remove(&self, pod: &PodIdentity) -> impl Future<Output = Result<(), ClientError>> + Send;

    /// The ConfigMap `name`, if there is one.
    fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<Arc<ConfigMap>>, ClientError>> + Send;

    /// The Secret `name`, if there is one.
    fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<Arc<Secret>>, ClientError>> + Send;

    /// Makes `node` known with its status, or tells again that it is alive. Labels and everything
    /// else that others have given the node stay.
    fn register(&self, node: Node) -> impl Future<Output = Result<(), ClientError>> + Send;
}

/// The pods of one node, as they change.
pub trait PodWatch: Send + 'static {
    /// The next change, when there is one. It never ends: what it loses it makes good by
    /// [`PodsChange::Are`]. Dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = PodsChange> + Send;
}

/// What is new about a node's pods.
#[derive(Clone, Debug)]
pub enum PodsChange {
    /// These are all: the first news, and what follows a gap.
    Are(Vec<Arc<Pod>>),
    /// This one is new or has changed.
    Is(Arc<Pod>),
    /// This one is no more.
    Gone(PodIdentity),
}

/// What a node has to say of one pod.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Its status, if that has changed.
    pub status: Option<PodStatus>,
    /// Annotations that tell its usage, in the place of all that begin with
    /// [`USAGE_PREFIX`](crate::api::names::USAGE_PREFIX); empty if there is nothing to tell yet, or
    /// no status.
    pub usage: BTreeMap<String, String>,
    /// What happened, in order.
    pub events: Vec<PodEvent>,
}

/// Something that happened to a pod, worth telling a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodEvent {
    /// Whether it is bad.
    pub event_type: EventType,
    /// A CamelCase word for it.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
    /// The part of the pod that it is about, such as `spec.containers{main}`.
    pub field_path: Option<String>,
}

/// Why a request to the control plane came to nothing. It may be tried again.
#[derive(Debug, thiserror::Error)]
#[error("{attempt}")]
pub struct ClientError {
    /// What was being done, with the name of the object.
    pub attempt: String,
    /// What went wrong.
    pub source: Box<dyn Error + Send + Sync>,
}
