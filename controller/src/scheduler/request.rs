//! What a pod asks of a node. Pure.

use std::collections::BTreeMap;

use crate::api::{Key, Pod, Resource, Timestamp};
use crate::quantity::Amount;
use crate::quota::OperatorLimits;
use crate::taints::Tolerance;

/// What a pod asks for. Pods of one template ask for the same, and are decided together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    /// `resources.requests`, by name, summed as Kubernetes does.
    pub(super) resources: BTreeMap<String, Amount>,
    /// `spec.nodeSelector`.
    pub(super) selector: BTreeMap<String, String>,
    /// `spec.tolerations`.
    pub(super) tolerations: Vec<Tolerance>,
}

/// Where a pod stands with its scheduling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It waits for a node.
    Waiting,
    /// It takes up room on this node.
    Bound(String),
    /// It takes up nothing, or is none of our business.
    Indifferent,
}

/// A pod in the order in which pods are served: the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) created: Option<Timestamp>,
    pub(super) key: Key,
    pub(super) uid: String,
}

impl Turn {
    pub(super) fn of(pod: &Pod) -> Self {
        let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
        Self { created, key: pod.key(), uid: pod.uid().to_owned() }
    }
}

impl Standing {
    pub(super) fn of(pod: &Pod) -> Self {
        let Some(spec) = &pod.spec else { return Self::Indifferent };
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return Self::Indifferent;
        }
        if let Some(node) = spec.node_name.as_ref().filter(|node| !node.is_empty()) {
            return Self::Bound(node.clone());
        }
        // Kubernetes differs: whoever `schedulerName` names, there is no other scheduler here.
        let is_gated = spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty());
        let is_deleted = pod.metadata.deletion_timestamp.is_some();
        if is_gated || is_deleted { Self::Indifferent } else { Self::Waiting }
    }
}

impl Request {
    /// What `pod` asks for, where containers that do not say are counted with what they may take.
    pub(super) fn of(pod: &Pod, operator: &OperatorLimits) -> Self {
        let Some(spec) = &pod.spec else { return Self::default() };
        let mut resources = operator.requests(spec);
        resources.retain(|_, amount| *amount > Amount::ZERO);
        let selector = spec.node_selector.clone().unwrap_or_default();
        Self { resources, selector, tolerations: Tolerance::of(spec) }
    }
}
