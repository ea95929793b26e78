//! Every request that the agent makes, each a function.
//!
//! All of them are allowed to a kubelet by Kubernetes' Node authorizer and its plugin
//! `NodeRestriction`; `examples/kubernetes/README.md` says by which rule, and a test holds the two
//! against each other. One that is added here must stand there.

use hyper::Request;
use kube::core::Request as Builder;
use kube::core::params::{
    DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, Preconditions, WatchParams,
};
use kube::core::request::Error;
use mayfly_controller::api::{Event, Lease, Node};
use mayfly_controller::node::PodIdentity;
use serde::Serialize;
use serde_json::{Value, json};

use crate::limits::{PAGE_PODS, WATCH_SECONDS};

/// A request that can be sent, if it could be made.
pub(crate) type Built = Result<Request<Vec<u8>>, Error>;

/// The namespace of the leases by which nodes say that they are alive.
pub(crate) const LEASES: &str = "kube-node-lease";

/// The name under which fields are owned.
const MANAGER: &str = "mayfly-node";

/// One page of the pods that are bound to `node`; the first if there is no `next`.
///
/// Never out of a cache of the server: what has begun since must not be missing from it.
pub(crate) fn list_pods(node: &str, next: Option<&str>) -> Built {
    let page = ListParams::default().fields(&of_node(node)).limit(PAGE_PODS);
    let page = match next {
        Some(token) => page.continue_token(token),
        None => page,
    };
    Builder::new("/api/v1/pods").list(&page)
}

/// What happens to the pods that are bound to `node` after `version`.
pub(crate) fn watch_pods(node: &str, version: &str) -> Built {
    let watch = WatchParams::default().fields(&of_node(node)).timeout(WATCH_SECONDS);
    Builder::new("/api/v1/pods").watch(&watch, version)
}

/// A pod as it is.
pub(crate) fn get_pod(pod: &PodIdentity) -> Built {
    Builder::new(pods(&pod.namespace)).get(&pod.name, &GetParams::default())
}

/// Changes the status of a pod, which says of which uid it is.
pub(crate) fn patch_pod_status(pod: &PodIdentity, patch: &Value) -> Built {
    let patch = Patch::Strategic(patch);
    Builder::new(pods(&pod.namespace)).patch_subresource("status", &pod.name, &params(), &patch)
}

/// Deletes a pod of which nothing runs any more.
pub(crate) fn delete_pod(pod: &PodIdentity) -> Built {
    let preconditions = Preconditions { uid: Some(pod.uid.clone()), resource_version: None };
    let delete = DeleteParams {
        grace_period_seconds: Some(0),
        preconditions: Some(preconditions),
        ..DeleteParams::default()
    };
    Builder::new(pods(&pod.namespace)).delete(&pod.name, &delete)
}

/// A ConfigMap that a pod of the node names.
pub(crate) fn get_config_map(namespace: &str, name: &str) -> Built {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    Builder::new(path).get(name, &GetParams::default())
}

/// A Secret that a pod of the node names.
pub(crate) fn get_secret(namespace: &str, name: &str) -> Built {
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    Builder::new(path).get(name, &GetParams::default())
}

/// Tells of something that has happened.
pub(crate) fn create_event(event: &Event) -> Built {
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    let path = format!("/api/v1/namespaces/{namespace}/events");
    Builder::new(path).create(&posted(), bytes(event)?)
}

/// Tells that it has happened again.
pub(crate) fn patch_event(event: &Event) -> Built {
    let metadata = &event.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let again = json!({
        "count": event.count, "lastTimestamp": event.last_timestamp, "message": event.message,
    });
    let name = metadata.name.as_deref().unwrap_or_default();
    Builder::new(path).patch(name, &params(), &Patch::Strategic(again))
}

/// Makes the node known.
pub(crate) fn create_node(node: &Node) -> Built {
    Builder::new(NODES).create(&posted(), bytes(node)?)
}

/// The node as the control plane knows it.
pub(crate) fn get_node(name: &str) -> Built {
    Builder::new(NODES).get(name, &GetParams::default())
}

/// Changes what the node says of itself: its status, and the labels that are its own.
pub(crate) fn patch_node_status(name: &str, patch: &Value) -> Built {
    Builder::new(NODES).patch_subresource("status", name, &params(), &Patch::Strategic(patch))
}

/// Whether somebody may ask the node for something.
pub(crate) fn review_access(review: &Value) -> Built {
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    Builder::new(path).create(&PostParams::default(), bytes(review)?)
}

/// The node's lease.
pub(crate) fn get_lease(name: &str) -> Built {
    Builder::new(leases()).get(name, &GetParams::default())
}

/// The node's first lease.
pub(crate) fn create_lease(lease: &Lease) -> Built {
    Builder::new(leases()).create(&posted(), bytes(lease)?)
}

/// Renews the node's lease, of which the last version is known.
pub(crate) fn update_lease(lease: &Lease) -> Built {
    let name = lease.metadata.name.as_deref().unwrap_or_default();
    Builder::new(leases()).replace(name, &posted(), bytes(lease)?)
}

const NODES: &str = "/api/v1/nodes";

fn of_node(node: &str) -> String {
    format!("spec.nodeName={node}")
}

fn pods(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods")
}

fn leases() -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{LEASES}/leases")
}

fn params() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

fn posted() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

fn bytes<T: Serialize>(object: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(object).map_err(Error::SerializeBody)
}
