//! Which pods are collected now. Pure and total.

use std::time::Duration;

use super::index::Index;
use crate::api::{Key, Timestamp};
use crate::limits::POD_GC_PODS_MAX;

/// How long a node may be missing before its pods are given up: Kubernetes' quarantine.
const QUARANTINE: Duration = Duration::from_secs(40);

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Delete these.
    pub collect: Vec<Collected>,
    /// Look again then, if nothing happens before.
    pub wake_at: Option<Timestamp>,
}

/// A pod that is collected.
#[derive(Debug, PartialEq, Eq)]
pub struct Collected {
    /// Its key.
    pub key: Key,
    /// This one, not another that has its name by now.
    pub uid: String,
    /// Why.
    pub why: Why,
}

/// Why a pod is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has finished, and more have than are kept.
    Finished,
    /// Its node is gone for good.
    NodeGone,
    /// It was deleted before it had a node.
    Unscheduled,
}

/// Decides which pods are collected, if `finished_max` finished ones are kept; 0 keeps all.
pub fn reconcile(index: &Index, finished_max: usize, now: Timestamp) -> Plan {
    let excess = match finished_max {
        0 => 0,
        kept => index.finished_count().saturating_sub(kept),
    };
    let finished = index.finished().take(excess).map(|key| (key, Why::Finished));
    let (gone, waiting): (Vec<_>, Vec<_>) =
        index.missing().partition(|(_, since)| *since + QUARANTINE <= now);
    let orphaned = gone.into_iter().flat_map(|(node, _)| index.bound(node));
    let orphaned = orphaned.map(|key| (key, Why::NodeGone));
    let unscheduled = index.unscheduled().map(|key| (key, Why::Unscheduled));
    let collected = |(key, why): (&Key, Why)| Collected {
        key: key.clone(),
        uid: index.uid(key).to_owned(),
        why,
    };
    let all = finished.chain(orphaned).chain(unscheduled);
    Plan {
        collect: all.take(POD_GC_PODS_MAX).map(collected).collect(),
        wake_at: waiting.into_iter().map(|(_, since)| since + QUARANTINE).min(),
    }
}
