//! What is known of the nodes, kept as they and their leases change. Pure.
//!
//! What counts is when something new was heard of a node, by our own clock: those of other hosts may
//! be wrong, and a server that starts has not heard anybody yet.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Taint;

use crate::api::{Kind, Lease, Node, Object, Resource, SignedDuration, Time, Timestamp};
use crate::taints::NO_EXECUTE;

/// How long a node without a lease may be silent, and one whose lease does not say.
const GRACE: SignedDuration = SignedDuration::from_secs(40);

/// The nodes that are there, and when something was heard of them.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) nodes: BTreeMap<Arc<str>, Known>,
    /// By the node's name; one may come before its node.
    leases: HashMap<Arc<str>, Heard>,
}

/// One node.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) uid: String,
    /// The state of its condition `Ready`, if it has one.
    pub(super) ready: Option<String>,
    /// The types of its conditions that are `True`.
    pub(super) is_true: Vec<String>,
    pub(super) is_cordoned: bool,
    /// Each with since when it is there, as far as is known.
    pub(super) taints: Vec<Taint>,
    heard: Heard,
}

/// The last sign of life.
#[derive(Clone, Debug)]
struct Heard {
    /// What the node said of the time; only that it changes matters.
    mark: Option<Timestamp>,
    at: Timestamp,
    holds: SignedDuration,
}

impl Index {
    /// Forgets nodes and leases that are not among `objects`.
    pub(super) fn retain(&mut self, objects: &[Object]) {
        let names = |kind: Kind| -> HashSet<Arc<str>> {
            let objects = objects.iter().filter(|object| object.kind() == kind);
            objects.map(|object| object.key().name).collect()
        };
        let (nodes, leases) = (names(Kind::Node), names(Kind::Lease));
        self.nodes.retain(|name, _| nodes.contains(name));
        self.leases.retain(|name, _| leases.contains(name));
    }

    /// `node` is new or has changed.
    pub(super) fn node(&mut self, node: &Node, now: Timestamp) {
        let (name, status) = (node.key().name, node.status.as_ref());
        let conditions = || status.into_iter().flat_map(|it| it.conditions.iter().flatten());
        let ready = conditions().find(|it| it.type_ == "Ready");
        let mark = ready.and_then(|it| it.last_heartbeat_time.as_ref()).map(|time| time.0);
        let before = self.nodes.get(&name);
        let heard = Heard::again(before.map(|it| it.heard.clone()), mark, GRACE, now);
        let spec = node.spec.as_ref();
        let mut taints = spec.and_then(|it| it.taints.clone()).unwrap_or_default();
        for taint in &mut taints {
            let before = before.iter().flat_map(|it| &it.taints);
            let mut same = before.filter(|it| (&it.key, &it.effect) == (&taint.key, &taint.effect));
            let since = || same.next().and_then(|it| it.time_added.clone()).or(Some(Time(now)));
            taint.time_added = taint.time_added.take().or_else(since);
        }
        let known = Known {
            uid: node.uid().to_owned(),
            ready: ready.map(|it| it.status.clone()),
            is_true: conditions()
                .filter(|it| it.status == "True")
                .map(|it| it.type_.clone())
                .collect(),
            is_cordoned: spec.and_then(|it| it.unschedulable).unwrap_or_default(),
            taints,
            heard,
        };
        self.nodes.insert(name, known);
    }

    /// The node `name` is no more.
    pub(super) fn node_gone(&mut self, name: &str) {
        self.nodes.remove(name);
    }

    /// `lease`, a node's, is new or has changed.
    pub(super) fn lease(&mut self, lease: &Lease, now: Timestamp) {
        let (name, spec) = (lease.key().name, lease.spec.as_ref());
        let mark = spec.and_then(|it| it.renew_time.as_ref()).map(|time| time.0);
        let seconds = spec.and_then(|it| it.lease_duration_seconds).filter(|it| *it > 0);
        let holds = seconds.map_or(GRACE, |it| SignedDuration::from_secs(it.into()));
        let heard = Heard::again(self.leases.remove(&name), mark, holds, now);
        self.leases.insert(name, heard);
    }

    /// The lease of the node `name` is no more.
    pub(super) fn lease_gone(&mut self, name: &str) {
        self.leases.remove(name);
    }

    /// The taints that make pods go, of each node that has some.
    pub(super) fn executing(&self) -> BTreeMap<Arc<str>, Vec<Taint>> {
        let executing = |known: &Known| {
            let taints = known.taints.iter().filter(|it| it.effect == NO_EXECUTE);
            taints.cloned().collect::<Vec<_>>()
        };
        let nodes = self.nodes.iter().map(|(name, known)| (Arc::clone(name), executing(known)));
        nodes.filter(|(_, taints)| !taints.is_empty()).collect()
    }

    /// Until when the node `name`, which is `known`, is taken to be alive.
    pub(super) fn alive_until(&self, name: &str, known: &Known) -> Timestamp {
        let until = |heard: &Heard| heard.at + heard.holds;
        match self.leases.get(name) {
            Some(lease) => until(lease),
            None => until(&known.heard),
        }
    }
}

impl Heard {
    /// What is known after a sign that says `mark`, where `before` was known.
    fn again(
        before: Option<Self>,
        mark: Option<Timestamp>,
        holds: SignedDuration,
        now: Timestamp,
    ) -> Self {
        let same = before.filter(|before| before.mark == mark);
        Self { mark, at: same.map_or(now, |before| before.at), holds }
    }
}
