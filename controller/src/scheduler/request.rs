//! What a pod asks of a node. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::affinity::NodeAffinity;
use super::constraints::Constraints;
use super::selectors::SelectorId;
use crate::api::{Key, Pod, PodSpec, Resource, Timestamp};
use crate::quantity::Amount;
use crate::quota::OperatorLimits;
use crate::taints::Tolerance;

/// What a pod that says nothing of CPU is taken to use where nodes are compared, in thousandths of a
/// core: Kubernetes' number. Without it, such pods would all seem to cost nothing.
const CPU_UNSAID_MILLIS: i64 = 100;

/// The same for memory, in bytes: Kubernetes' number.
const MEMORY_UNSAID_BYTES: i64 = 200 << 20;

/// What a pod asks for. Pods of one template ask for the same, and are decided together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Request {
    /// `spec.priority`.
    pub(super) priority: i32,
    /// Whether `spec.preemptionPolicy` lets others go for it.
    pub(super) preempts: bool,
    /// `resources.requests`, by name, summed as Kubernetes does.
    pub(super) resources: BTreeMap<String, Amount>,
    /// What of these weighs where nodes are compared.
    pub(super) weight: Weight,
    /// `spec.nodeSelector`.
    pub(super) selector: BTreeMap<String, String>,
    /// `spec.affinity.nodeAffinity`.
    pub(super) affinity: NodeAffinity,
    /// `spec.tolerations`.
    pub(super) tolerations: Vec<Tolerance>,
    /// What it asks of the pods that are there already; nothing for most.
    pub(super) constraints: Option<Box<Constraints>>,
}

/// Pods that ask for the same, and of which the others ask the same.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Class {
    pub(super) request: Arc<Request>,
    /// Who of those in use selects its pods, in order.
    pub(super) selected_by: Vec<SelectorId>,
}

/// CPU and memory, as nodes are compared by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Weight {
    pub(super) cpu_millis: i64,
    pub(super) memory_bytes: i64,
}

/// Where a pod stands with its scheduling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// It waits for a node.
    Waiting,
    /// It takes up room on this node.
    Bound(&'a str),
    /// It takes up nothing, or is none of our business.
    Indifferent,
}

/// A pod in the order in which pods are served: the highest priority first, then the oldest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    priority: Reverse<i32>,
    created: Option<Timestamp>,
    key: Key,
    pub(super) uid: Arc<str>,
}

impl Turn {
    pub(super) fn of(pod: &Pod, priority: i32, uid: &Arc<str>) -> Self {
        let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
        Self { priority: Reverse(priority), created, key: pod.key(), uid: Arc::clone(uid) }
    }
}

impl<'a> Standing<'a> {
    pub(super) fn of(pod: &'a Pod) -> Self {
        let Some(spec) = &pod.spec else { return Self::Indifferent };
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return Self::Indifferent;
        }
        if let Some(node) = spec.node_name.as_deref().filter(|node| !node.is_empty()) {
            return Self::Bound(node);
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
        Self {
            priority: spec.priority.unwrap_or_default(),
            preempts: spec.preemption_policy.as_deref() != Some("Never"),
            weight: Weight::of(&resources),
            resources,
            selector: spec.node_selector.clone().unwrap_or_default(),
            affinity: NodeAffinity::of(spec),
            tolerations: Tolerance::of(spec),
            constraints: Constraints::of(pod).map(Box::new),
        }
    }

    /// Whether what a pod asks for is in its `spec` alone, so that pods that share that ask for the
    /// same: of other pods, one asks by its own namespace and labels.
    pub(super) fn is_of_spec(spec: &PodSpec) -> bool {
        !Constraints::are_in(spec)
    }
}

impl Class {
    /// The same, but that `selector`, which is newer than the others, selects them as well.
    pub(super) fn selected_by_also(&self, selector: SelectorId) -> Self {
        let others = self.selected_by.iter().copied();
        let selected_by = others.chain([selector]).collect();
        Self { request: Arc::clone(&self.request), selected_by }
    }

    /// The same, but that `selector` selects them no more.
    pub(super) fn selected_by_no_more(&self, selector: SelectorId) -> Self {
        let others = self.selected_by.iter().copied().filter(|it| *it != selector);
        Self { request: Arc::clone(&self.request), selected_by: others.collect() }
    }
}

impl Weight {
    /// What `resources` weigh, with what is taken for those that are not said.
    fn of(resources: &BTreeMap<String, Amount>) -> Self {
        let amount = |name: &str| resources.get(name);
        Self {
            cpu_millis: amount("cpu").map_or(CPU_UNSAID_MILLIS, |it| it.millis()),
            memory_bytes: amount("memory").map_or(MEMORY_UNSAID_BYTES, |it| it.units()),
        }
    }
}
