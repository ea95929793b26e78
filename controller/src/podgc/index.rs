//! What is known of the pods and nodes, kept as they change. Pure.
//!
//! A change costs the logarithm of what is there, and a plan what it does.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::api::{Key, Pod, Resource, Timestamp};
use crate::clock::nanoseconds;

/// The pods that may have to be collected, and the nodes that are there.
#[derive(Debug, Default)]
pub struct Index {
    nodes: HashSet<Arc<str>, RandomState>,
    pods: HashMap<Key, Entry, RandomState>,
    /// Finished pods that were evicted, which go before the others: by when they were made, in
    /// [`nanoseconds`], then by name.
    evicted: BTreeSet<(i64, Key)>,
    /// The other finished ones, likewise.
    finished: BTreeSet<(i64, Key)>,
    bound: HashMap<Arc<str>, HashSet<Key, RandomState>, RandomState>,
    /// Nodes that pods are bound to and that are not there, with since when.
    missing: BTreeMap<Arc<str>, Timestamp>,
    /// Pods that are being deleted and never had a node.
    unscheduled: BTreeSet<Key>,
}

/// What matters of one pod. One that has ended and only waits for its finalizers matters no more.
#[derive(Debug)]
struct Entry {
    uid: Box<str>,
    finished: Option<Finished>,
    node: Option<Arc<str>>,
    is_unscheduled: bool,
}

/// Where a finished pod stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Finished {
    /// One that was evicted has not.
    has_run: bool,
    created_at: i64,
}

impl Index {
    /// `pod` is new or has changed.
    pub fn pod(&mut self, pod: &Pod, now: Timestamp) {
        self.pod_at(&pod.key(), pod, now);
    }

    /// The same of `pod`, whose key is `key`.
    pub fn pod_at(&mut self, key: &Key, pod: &Pod, now: Timestamp) {
        let view = View::of(pod);
        if self.pods.get(key).is_some_and(|known| known.view() == view) {
            return;
        }
        let entry = view.entry();
        self.pod_gone(key);
        if let Some(Finished { has_run, created_at }) = entry.finished {
            self.finished_mut(has_run).insert((created_at, key.clone()));
        }
        if entry.is_unscheduled {
            self.unscheduled.insert(key.clone());
        }
        if let Some(node) = &entry.node {
            if !self.nodes.contains(node) {
                self.missing.entry(Arc::clone(node)).or_insert(now);
            }
            self.bound.entry(Arc::clone(node)).or_default().insert(key.clone());
        }
        self.pods.insert(key.clone(), entry);
    }

    /// The pod at `key` is no more.
    pub fn pod_gone(&mut self, key: &Key) {
        let Some(entry) = self.pods.remove(key) else { return };
        if let Some(Finished { has_run, created_at }) = entry.finished {
            self.finished_mut(has_run).remove(&(created_at, key.clone()));
        }
        self.unscheduled.remove(key);
        if let Some(node) = &entry.node
            && let Some(pods) = self.bound.get_mut(node)
        {
            pods.remove(key);
            if pods.is_empty() {
                self.bound.remove(node);
                self.missing.remove(node);
            }
        }
    }

    fn finished_mut(&mut self, has_run: bool) -> &mut BTreeSet<(i64, Key)> {
        if has_run { &mut self.finished } else { &mut self.evicted }
    }

    /// The node `name` is there.
    pub fn node(&mut self, name: &Arc<str>) {
        self.missing.remove(name);
        self.nodes.insert(Arc::clone(name));
    }

    /// The node `name` is no more.
    pub fn node_gone(&mut self, name: &Arc<str>, now: Timestamp) {
        self.nodes.remove(name);
        if self.bound.contains_key(name) {
            self.missing.entry(Arc::clone(name)).or_insert(now);
        }
    }

    /// How many have finished.
    pub(super) fn finished_count(&self) -> usize {
        self.evicted.len() + self.finished.len()
    }

    /// Those that have finished, who goes first before the others.
    pub(super) fn finished(&self) -> impl Iterator<Item = &Key> {
        self.evicted.iter().chain(&self.finished).map(|(_, key)| key)
    }

    /// The nodes that are not there, with since when.
    pub(super) fn missing(&self) -> impl Iterator<Item = (&Arc<str>, Timestamp)> {
        self.missing.iter().map(|(node, since)| (node, *since))
    }

    /// The pods that are bound to `node`, by namespace and name.
    pub(super) fn bound(&self, node: &str) -> impl Iterator<Item = &Key> {
        let pods: BTreeSet<&Key> = self.bound.get(node).into_iter().flatten().collect();
        pods.into_iter()
    }

    /// Those that are being deleted and never had a node.
    pub(super) fn unscheduled(&self) -> impl Iterator<Item = &Key> {
        self.unscheduled.iter()
    }

    /// The uid of the pod at `key`.
    pub(super) fn uid(&self, key: &Key) -> &str {
        self.pods.get(key).map_or("", |entry| &entry.uid)
    }
}

/// The same as its object says it; most changes of a pod leave it as it was.
#[derive(Debug, PartialEq, Eq)]
struct View<'a> {
    uid: &'a str,
    finished: Option<Finished>,
    node: Option<&'a str>,
    is_unscheduled: bool,
}

impl<'a> View<'a> {
    fn of(pod: &'a Pod) -> Self {
        let metadata = &pod.metadata;
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        let is_finished = matches!(phase, Some("Succeeded" | "Failed"));
        let is_deleted = metadata.deletion_timestamp.is_some();
        let uid = metadata.uid.as_deref().unwrap_or_default();
        // It has ended, and its grace period is over: its finalizers alone hold it.
        let is_settled = is_finished && metadata.deletion_grace_period_seconds == Some(0);
        if is_settled {
            return Self { uid, finished: None, node: None, is_unscheduled: false };
        }
        let reason = status.and_then(|status| status.reason.as_deref());
        let has_run = !(phase == Some("Failed") && reason == Some("Evicted"));
        let created_at = metadata.creation_timestamp.as_ref();
        let created_at = created_at.map_or(i64::MIN, |it| nanoseconds(it.0));
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        let node = node.filter(|node| !node.is_empty());
        Self {
            uid,
            finished: (is_finished && !is_deleted).then_some(Finished { has_run, created_at }),
            node,
            is_unscheduled: is_deleted && node.is_none(),
        }
    }

    fn entry(&self) -> Entry {
        Entry {
            uid: self.uid.into(),
            finished: self.finished,
            node: self.node.map(Arc::from),
            is_unscheduled: self.is_unscheduled,
        }
    }
}

impl Entry {
    fn view(&self) -> View<'_> {
        View {
            uid: &self.uid,
            finished: self.finished,
            node: self.node.as_deref(),
            is_unscheduled: self.is_unscheduled,
        }
    }
}
