//! Which nodes are not ready, and what taints that gives them. Pure and total.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Taint;

use super::index::{Index, Known};
use crate::api::Timestamp;
use crate::taints::{
    DISK_PRESSURE, MEMORY_PRESSURE, NO_EXECUTE, NO_SCHEDULE, NOT_READY, PID_PRESSURE, UNREACHABLE,
    UNSCHEDULABLE, taint,
};

/// Where so many of the nodes are lost, it is rather the network or the server: what they run is
/// left alone. Kubernetes' `--unhealthy-zone-threshold`, in per cent.
const LOST_PER_CENT_MAX: usize = 55;

/// As many may be lost in any case: of few nodes, each is many per cent.
const LOST_ANYWAY: usize = 2;

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) marks: Vec<Mark>,
    /// Look again then, if nothing happens before.
    pub(super) wake_at: Option<Timestamp>,
}

/// How a node is to be marked.
#[derive(Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) name: Arc<str>,
    /// This one, not another that has its name by now.
    pub(super) uid: String,
    /// It has just been found to be silent.
    pub(super) falls_silent: bool,
    /// All taints that it is to have from here; those of others stay.
    pub(super) taints: Vec<Taint>,
}

// Taints have no other equality.
impl Eq for Mark {}

/// Decides how the nodes are to be marked.
pub(super) fn reconcile(index: &Index, now: Timestamp) -> Plan {
    let is_lost = |(name, known): &(&Arc<str>, &Known)| {
        !is_ready(known) || index.alive_until(name, known) <= now
    };
    let lost = index.nodes.iter().filter(is_lost).count();
    let spares = spares(lost, index.nodes.len());
    let mut plan = Plan::default();
    for (name, known) in &index.nodes {
        let alive_until = index.alive_until(name, known);
        let is_silent = alive_until <= now;
        // One that says by itself that it knows nothing can't become more silent.
        let falls_silent = is_silent && known.ready.as_deref() != Some("Unknown");
        if !is_silent {
            plan.wake_at = Some(plan.wake_at.map_or(alive_until, |it| it.min(alive_until)));
        }
        let taints = taints(known, is_silent, spares);
        if falls_silent || !is_marked(known, &taints) {
            let (name, uid) = (Arc::clone(name), known.uid.clone());
            plan.marks.push(Mark { name, uid, falls_silent, taints });
        }
    }
    plan
}

/// Whether what runs on lost nodes is left alone, where `lost` of `all` are.
fn spares(lost: usize, all: usize) -> bool {
    lost == all || (lost > LOST_ANYWAY && lost * 100 >= all * LOST_PER_CENT_MAX)
}

fn is_ready(known: &Known) -> bool {
    known.ready.as_deref() == Some("True")
}

/// The taints that are given here, of a node that is `known`.
fn taints(known: &Known, is_silent: bool, spares: bool) -> Vec<Taint> {
    let mut taints = Vec::new();
    let lost = match known.ready.as_deref() {
        _ if is_silent => Some(UNREACHABLE),
        Some("True") => None,
        Some("False") => Some(NOT_READY),
        Some(_) => Some(UNREACHABLE),
        // It has not said anything yet.
        None => None,
    };
    if let Some(key) = lost {
        taints.push(taint(key, NO_SCHEDULE));
        if !spares {
            taints.push(taint(key, NO_EXECUTE));
        }
    }
    let pressures = [
        ("DiskPressure", DISK_PRESSURE),
        ("MemoryPressure", MEMORY_PRESSURE),
        ("PIDPressure", PID_PRESSURE),
    ];
    for (condition, key) in pressures {
        if !is_silent && known.is_true.iter().any(|it| it == condition) {
            taints.push(taint(key, NO_SCHEDULE));
        }
    }
    if known.is_cordoned {
        taints.push(taint(UNSCHEDULABLE, NO_SCHEDULE));
    }
    taints
}

/// Whether `taint` is one of those that are given here.
pub(super) fn is_ours(taint: &Taint) -> bool {
    [NOT_READY, UNREACHABLE, DISK_PRESSURE, MEMORY_PRESSURE, PID_PRESSURE, UNSCHEDULABLE]
        .contains(&taint.key.as_str())
}

/// Whether the node has just `taints`, of those that are given here.
fn is_marked(known: &Known, taints: &[Taint]) -> bool {
    let same = |one: &Taint, other: &Taint| (&one.key, &one.effect) == (&other.key, &other.effect);
    let ours = || known.taints.iter().filter(|it| is_ours(it));
    ours().count() == taints.len() && taints.iter().all(|wanted| ours().any(|it| same(it, wanted)))
}
