//! When a pod has to leave its node for the node's taints. Pure and total.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Taint;

use crate::api::{Key, Pod, Resource, SignedDuration, Timestamp};
use crate::taints::{NO_EXECUTE, NOT_READY, Tolerance, UNREACHABLE};

/// How long a pod that says nothing of it stays on a node that is lost: Kubernetes'
/// `--default-unreachable-toleration-seconds`.
const LOST_TOLERATED: SignedDuration = SignedDuration::from_secs(300);

/// The pods that have to leave, and when.
#[derive(Debug, Default)]
pub(super) struct Evictions {
    /// The taints that make pods go, of each node that has some.
    taints: BTreeMap<Arc<str>, Vec<Taint>>,
    due: BTreeSet<(Timestamp, Key)>,
    pods: HashMap<Key, (Timestamp, String)>,
}

impl Evictions {
    /// Of pods that nobody has told of yet, from nodes with these taints.
    pub(super) fn from_nodes(taints: BTreeMap<Arc<str>, Vec<Taint>>) -> Self {
        Self { taints, ..Self::default() }
    }

    /// Whether these are the taints that it is about.
    pub(super) fn are_of(&self, taints: &BTreeMap<Arc<str>, Vec<Taint>>) -> bool {
        self.taints == *taints
    }

    /// Whether pods matter at all.
    pub(super) fn is_needed(&self) -> bool {
        !self.taints.is_empty()
    }

    /// `pod` is new or has changed.
    pub(super) fn pod(&mut self, pod: &Pod, now: Timestamp) {
        let key = pod.key();
        self.pod_gone(&key);
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        let Some(taints) = node.and_then(|node| self.taints.get(node)) else { return };
        let Some(at) = leaves_at(pod, taints, now) else { return };
        self.due.insert((at, key.clone()));
        self.pods.insert(key, (at, pod.uid().to_owned()));
    }

    /// The pod at `key` is no more.
    pub(super) fn pod_gone(&mut self, key: &Key) {
        if let Some((at, _)) = self.pods.remove(key) {
            self.due.remove(&(at, key.clone()));
        }
    }

    /// Those that have to leave by now, with their uids, `pods_max` at most.
    pub(super) fn due(&self, now: Timestamp, pods_max: usize) -> Vec<(Key, String)> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now).take(pods_max);
        due.filter_map(|(_, key)| Some((key.clone(), self.pods.get(key)?.1.clone()))).collect()
    }

    /// When the next has to.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }
}

/// When `pod` has to leave a node with `taints`; `None` if it may stay. A taint that does not say
/// since when it is there is taken to be new.
///
/// Of several tolerations the shortest counts, from when the taint came.
pub(super) fn leaves_at(pod: &Pod, taints: &[Taint], now: Timestamp) -> Option<Timestamp> {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let is_over = matches!(phase, Some("Succeeded" | "Failed"));
    if is_over || pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let tolerances = pod.spec.as_ref().map(|spec| Tolerance::of(spec)).unwrap_or_default();
    let executing = taints.iter().filter(|taint| taint.effect == NO_EXECUTE);
    executing.filter_map(|taint| leaves_for(taint, &tolerances, now)).min()
}

fn leaves_for(taint: &Taint, tolerances: &[Tolerance], now: Timestamp) -> Option<Timestamp> {
    // Whoever writes the taint says since when; it can't be from the future.
    let since = taint.time_added.as_ref().map_or(now, |time| time.0.min(now));
    let covering: Vec<_> = tolerances.iter().filter(|it| it.covers(taint)).collect();
    if covering.is_empty() {
        let is_lost = [NOT_READY, UNREACHABLE].contains(&taint.key.as_str());
        return if is_lost { since.checked_add(LOST_TOLERATED).ok() } else { Some(since) };
    }
    let shortest = covering.iter().filter_map(|it| it.seconds()).min()?;
    // As many seconds as can be counted are for ever.
    since.checked_add(SignedDuration::from_secs(shortest.max(0))).ok()
}
