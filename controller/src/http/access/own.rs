//! What a node may do of all that nodes may: to itself, and for its own pods.
//!
//! Source: Kubernetes' Node authorizer, for what is read and which objects are meant, and its
//! admission plugin `NodeRestriction`, for what is written. Roles can't say it, since it depends on
//! which pods are bound to the node by now.

use crate::api::{CertificateSigningRequest, Key, Kind, Node, Object, ObjectMeta, Pod};
use crate::certificates::{Purpose, Request};
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::router::Api;
use crate::http::status::Status;
use crate::store::Transaction;

use super::attributes::Attributes;
use super::user::User;

/// Where nodes have their leases.
const LEASES: &str = "kube-node-lease";

/// Labels in Kubernetes' own domains that a node may give itself.
const OWN_LABELS: &[&str] = &[
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// Domains of labels that are kubelets' own.
const OWN_DOMAINS: &[&str] = &["kubelet.kubernetes.io", "node.kubernetes.io"];

/// Whether the node called `node` may do what is `asked`, which nodes may do.
pub(super) fn may(api: &Api, node: &str, asked: &Attributes, query: &Query) -> bool {
    let (store, verb) = (&api.store, asked.verb.as_str());
    match (asked.group.as_str(), asked.qualified_resource().as_str()) {
        // Which one it is stands in the object; `restrict` looks at that.
        ("", "nodes") if verb == "create" => true,
        ("", "nodes" | "nodes/status") => asked.name == node,
        ("", "pods") if matches!(verb, "list" | "watch") && asked.name.is_empty() => {
            let selector = query.get("fieldSelector").unwrap_or_default();
            let mut terms = selector.split(',');
            terms.any(|term| {
                let value = term.strip_prefix("spec.nodeName=");
                value.map(|it| it.trim_start_matches('=')) == Some(node)
            })
        }
        ("", "pods" | "pods/status" | "pods/eviction") => {
            let pod = store.get::<Pod>(&Key::new(&asked.namespace, &asked.name));
            pod.is_some_and(|pod| is_bound(&pod, node))
        }
        ("", "configmaps" | "secrets") => {
            let kind = if asked.resource == "secrets" { Kind::Secret } else { Kind::ConfigMap };
            let key = Key::new(&asked.namespace, &asked.name);
            verb == "get" && api.references.has(store, node, kind, key)
        }
        ("coordination.k8s.io", "leases") => {
            asked.namespace == LEASES && (verb == "create" || asked.name == node)
        }
        ("", "events")
        | ("authentication.k8s.io" | "authorization.k8s.io" | "certificates.k8s.io", _) => true,
        _ => false,
    }
}

fn is_bound(pod: &Pod, node: &str) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(node)
}

/// Refuses what the node called `node` must not write: `new` over `old`, or new.
pub(super) fn restrict(node: &str, old: Option<&Object>, new: &Object) -> Result<(), Refusal> {
    let name = new.metadata().name.clone().unwrap_or_default();
    let refused = |why: String| Err(Status::forbidden(new.kind(), &name, &why).into());
    match new {
        Object::Node(new) => {
            if name != node {
                return refused(format!("node {node:?} is not allowed to modify node {name:?}"));
            }
            if let Some(label) = foreign_label(old.map(Object::metadata), &new.metadata) {
                return refused(format!("is not allowed to modify label {label:?}"));
            }
            // Owners that are not there would have the node collected, with its taints.
            let owners =
                |metadata: &ObjectMeta| metadata.owner_references.clone().unwrap_or_default();
            let before = old.map(|old| owners(old.metadata())).unwrap_or_default();
            if before != owners(&new.metadata) {
                return refused(format!("node {node:?} is not allowed to modify ownerReferences"));
            }
            let Some(Object::Node(old)) = old else { return Ok(()) };
            // As it is written: the time of a taint is more exact here than any client knows it.
            let written = |node: &Node| serde_json::to_value(&node.spec).unwrap_or_default();
            if written(old) != written(new) {
                return refused(format!("node {node:?} is not allowed to modify its spec"));
            }
            Ok(())
        }
        Object::Pod(new) => match old {
            // Another has its name since it was asked whether it is the node's.
            Some(Object::Pod(old)) if !is_bound(old, node) => {
                refused(format!("node {node:?} can only update pods that are bound to it"))
            }
            Some(old) if old.metadata().labels == new.metadata.labels => Ok(()),
            Some(_) => refused(format!("node {node:?} cannot update labels through pod status")),
            None => refused(format!("node {node:?} is not allowed to create pods")),
        },
        Object::Lease(_) if new.key() != Key::new(LEASES, node) => {
            let why = "can only access node lease with the same name as the requesting node";
            refused(why.to_owned())
        }
        Object::CertificateSigningRequest(new) => certificate(node, new),
        _ if matches!(new.kind(), Kind::Lease | Kind::Event) => Ok(()),
        _ => refused(format!("node {node:?} is not allowed to write it")),
    }
}

/// Refuses the node called `node` to `verb` what is another's, if it is a pod; what fails if it is one
/// by then.
pub(super) fn restrict_deletion(
    node: &str,
    verb: &str,
    old: &Object,
) -> Result<Transaction, Refusal> {
    let Object::Pod(pod) = old else { return Ok(Transaction::new()) };
    if !is_bound(pod, node) {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let why = format!("node {node:?} can only {verb} pods with spec.nodeName set to itself");
        return Err(Status::forbidden(Kind::Pod, &name, &why).into());
    }
    let (uid, node) = (pod.metadata.uid.clone(), node.to_owned());
    Ok(Transaction::new().require(old.key(), uid, move |pod: &Pod| is_bound(pod, &node)))
}

/// Refuses a request for the certificate of another node.
fn certificate(node: &str, new: &CertificateSigningRequest) -> Result<(), Refusal> {
    let refused = |why: String| {
        let name = new.metadata.name.as_deref().unwrap_or_default();
        Err(Status::forbidden(Kind::CertificateSigningRequest, name, &why).into())
    };
    if Purpose::of_signer(&new.spec.signer_name).is_none() {
        return Ok(());
    }
    match Request::parse(&new.spec.request.0) {
        Err(error) => refused(format!("unable to parse csr: {error}")),
        Ok(asked) if asked.common_name.strip_prefix(User::NODE_PREFIX) != Some(node) => {
            refused(format!("can only create a node CSR with CN={}{node}", User::NODE_PREFIX))
        }
        Ok(_) => Ok(()),
    }
}

/// A label of Kubernetes' own domains that is changed and is not a node's to change.
fn foreign_label(old: Option<&ObjectMeta>, new: &ObjectMeta) -> Option<String> {
    let before = old.and_then(|it| it.labels.clone()).unwrap_or_default();
    let after = new.labels.clone().unwrap_or_default();
    let mut changed =
        before.keys().chain(after.keys()).filter(|it| before.get(*it) != after.get(*it));
    changed.find(|label| is_foreign(label)).cloned()
}

fn is_foreign(label: &str) -> bool {
    let Some((domain, _)) = label.split_once('/') else { return false };
    let is_in = |parent: &str| {
        domain.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_kubernetes = is_in("kubernetes.io") || is_in("k8s.io");
    let is_own = OWN_LABELS.contains(&label) || OWN_DOMAINS.iter().any(|own| is_in(own));
    is_kubernetes && !is_own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_kubernetes_that_are_not_a_nodes_own() {
        let check = |label: &str, expect: bool| assert_eq!(is_foreign(label), expect, "{label}");
        check("type", false);
        check("example.org/zone", false);
        check("kubernetes.io/arch", false);
        check("node.kubernetes.io/anything", false);
        check("sub.kubelet.kubernetes.io/anything", false);
        check("node-restriction.kubernetes.io/pool", true);
        check("node-role.kubernetes.io/control-plane", true);
        check("notkubernetes.io/x", false);
        check("k8s.io/x", true);
    }
}
