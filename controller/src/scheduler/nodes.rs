//! Nodes, and how much of each is taken. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;

use super::request::Request;
use crate::api::Node;
use crate::api::names::DISK_PRESSURE;
use crate::quantity::Amount;
use crate::taints::{self, NO_EXECUTE, NO_SCHEDULE, UNSCHEDULABLE, is_tolerated, taint};

/// One node, with a running tally of what its pods have asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeTally {
    /// Known to the control plane; pods may be bound to a node before it is.
    is_known: bool,
    is_cordoned: bool,
    /// Those that keep pods away.
    taints: Vec<Taint>,
    labels: BTreeMap<String, String>,
    allocatable: BTreeMap<String, Amount>,
    used: BTreeMap<String, Amount>,
    pods: u64,
}

/// Why a node does not take a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Refusal {
    /// In the scheduler's own words.
    pub(super) reason: String,
    /// Whether another pod's end would change it.
    pub(super) is_for_now: bool,
}

impl NodeTally {
    /// Takes note of what the node says of itself.
    pub(super) fn describe(&mut self, node: &Node) {
        let status = node.status.as_ref();
        let allocatable = status.and_then(|it| it.allocatable.as_ref().or(it.capacity.as_ref()));
        let amounts = allocatable.into_iter().flatten();
        self.allocatable = amounts.map(|(name, it)| (name.clone(), Amount::of(it))).collect();
        self.labels = node.metadata.labels.clone().unwrap_or_default();
        self.is_cordoned =
            node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or_default();
        let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
        let keeps_away = |taint: &&Taint| [NO_SCHEDULE, NO_EXECUTE].contains(&&*taint.effect);
        self.taints = taints.filter(keeps_away).cloned().collect();
        // Nothing more comes before somebody has given it the taint, either.
        let mut conditions = status.into_iter().flat_map(|it| it.conditions.iter().flatten());
        if conditions.any(|it| it.type_ == DISK_PRESSURE && it.status == "True") {
            self.taints.push(taint(taints::DISK_PRESSURE, NO_SCHEDULE));
        }
        self.is_known = true;
    }

    /// The node is gone; what was bound to it may still be there.
    pub(super) fn forget(&mut self) {
        *self = Self { used: std::mem::take(&mut self.used), pods: self.pods, ..Self::default() };
    }

    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    /// How many pods take up room on it.
    pub(super) fn pods(&self) -> u64 {
        self.pods
    }

    pub(super) fn take(&mut self, request: &Request) {
        self.pods += 1;
        for (name, amount) in &request.resources {
            let used = self.used.entry(name.clone()).or_default();
            *used = *used + *amount;
        }
    }

    pub(super) fn release(&mut self, request: &Request) {
        self.pods = self.pods.saturating_sub(1);
        for (name, amount) in &request.resources {
            if let Some(used) = self.used.get_mut(name) {
                *used = *used - *amount;
            }
        }
    }

    /// Why it does not take a pod that asks for this; nothing if it does.
    pub(super) fn refusals(&self, request: &Request) -> Vec<Refusal> {
        let lasting = |reason: &str| Refusal { reason: reason.to_owned(), is_for_now: false };
        let cordoned = taint(UNSCHEDULABLE, NO_SCHEDULE);
        if self.is_cordoned && !is_tolerated(&cordoned, &request.tolerations) {
            return vec![lasting("node(s) were unschedulable")];
        }
        let untolerated = |taint: &&Taint| !is_tolerated(taint, &request.tolerations);
        if let Some(Taint { key, value, .. }) = self.taints.iter().find(untolerated) {
            let value = value.as_deref().unwrap_or_default();
            return vec![lasting(&format!("node(s) had untolerated taint {{{key}: {value}}}"))];
        }
        if request.selector.iter().any(|(name, value)| self.labels.get(name) != Some(value)) {
            return vec![lasting("node(s) didn't match Pod's node affinity/selector")];
        }
        let mut refusals = Vec::new();
        let pods_max = self.allocatable.get("pods").copied().unwrap_or_default();
        if Amount::from_units(self.pods + 1) > pods_max {
            let is_for_now = pods_max > Amount::ZERO;
            refusals.push(Refusal { reason: "Too many pods".to_owned(), is_for_now });
        }
        for (name, amount) in &request.resources {
            let Some(allocatable) = self.allocatable.get(name) else {
                // Scratch space is not counted by a node that does not say how much it has.
                if name != "ephemeral-storage" {
                    refusals.push(lasting(&format!("Insufficient {name}")));
                }
                continue;
            };
            let used = self.used.get(name).copied().unwrap_or_default();
            if used + *amount > *allocatable {
                let reason = format!("Insufficient {name}");
                refusals.push(Refusal { reason, is_for_now: *amount <= *allocatable });
            }
        }
        refusals
    }
}

/// What is said of a pod that no node takes; `refusals` are those of each node.
pub(super) fn unschedulable(refusals: &[Vec<Refusal>]) -> String {
    let nodes = refusals.len();
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let reasons = refusals.iter().flatten().map(|refusal| refusal.reason.as_str());
    let preemption = refusals.iter().map(|refusals| {
        if refusals.iter().all(|refusal| refusal.is_for_now) {
            "No preemption victims found for incoming pod"
        } else {
            "Preemption is not helpful for scheduling"
        }
    });
    let (reasons, preemption) = (counted(reasons), counted(preemption));
    format!(
        "0/{nodes} nodes are available: {reasons}. no new claims to deallocate, \
         preemption: 0/{nodes} nodes are available: {preemption}."
    )
}

/// `2 this, 1 that`, in order of the text.
fn counted<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut counts = BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_insert(0) += 1;
    }
    let mut counted: Vec<_> =
        counts.iter().map(|(text, count)| format!("{count} {text}")).collect();
    counted.sort();
    counted.join(", ")
}
