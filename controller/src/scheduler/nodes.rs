//! Nodes, and how much of each is taken. Pure.
//!
//! Which of them have changed is kept for a while, so that who has looked at all of them once needs
//! to look only at those.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Index;
use std::sync::Arc;

use foldhash::fast::RandomState;
use k8s_openapi::api::core::v1::Taint;

use super::lanes::LaneId;
use super::request::{Request, Weight};
use super::selectors::Step;
use crate::api::names::DISK_PRESSURE;
use crate::api::{Node, Resource};
use crate::limits::NODE_CHANGES_MAX;
use crate::quantity::Amount;
use crate::taints::{
    self, NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, UNSCHEDULABLE, is_tolerated, taint,
};

/// The resource of which each pod takes one.
const PODS: &str = "pods";

/// The place of a node in [`Nodes`].
pub(super) type NodeId = usize;

/// All nodes, and those that pods are bound to and nobody knows yet.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    all: Vec<NodeTally>,
    ids: HashMap<Arc<str>, NodeId, RandomState>,
    /// Places where no node is.
    free: Vec<NodeId>,
    /// Those that have changed last, and how many changes have been forgotten before them.
    changed: VecDeque<NodeId>,
    forgotten: u64,
    /// How many have taints for which another node is better.
    with_mild_taints: usize,
}

/// One node, with a running tally of what its pods have asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeTally {
    name: Arc<str>,
    says: Said,
    /// What it has, as nodes are compared by it.
    has: Weight,
    used: BTreeMap<String, Amount>,
    weighs: Weight,
    pods: u64,
    /// Pods that others have gone or go for, so that nobody else takes their room.
    nominated: Vec<(Arc<str>, Arc<Request>)>,
    /// Who waits for so much of a resource to be free.
    waiting: BTreeMap<String, BTreeSet<(Amount, LaneId)>>,
}

/// What a node says of itself that matters to pods.
#[derive(Clone, Debug, Default, PartialEq)]
struct Said {
    /// Known to the control plane; pods may be bound to a node before it is.
    is_known: bool,
    is_cordoned: bool,
    /// Those that keep pods away.
    taints: Vec<Taint>,
    /// Those that do where there is another node.
    mild_taints: Vec<Taint>,
    labels: BTreeMap<String, String>,
    allocatable: BTreeMap<String, Amount>,
}

/// Why a node does not take a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Refusal {
    /// In the scheduler's own words.
    pub(super) reason: String,
    /// Whether another pod's end would change it.
    pub(super) is_for_now: bool,
}

/// What a node is to a pod, those that are there already left aside.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It has room.
    Fits,
    /// It has not so much of this resource free, but could have.
    Lacks { resource: String, need: Amount },
    /// It does not take the pod while it is as it is.
    Never,
}

impl Nodes {
    /// The node `name`, made if there is none of it.
    pub(super) fn id(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let tally = NodeTally { name: name.into(), ..NodeTally::default() };
        let name = Arc::clone(&tally.name);
        let id = match self.free.pop() {
            Some(id) => {
                self.all[id] = tally;
                id
            }
            None => {
                self.all.push(tally);
                self.all.len() - 1
            }
        };
        self.ids.insert(name, id);
        id
    }

    /// Takes note of what `node` says of itself: its place, if that is something else than before.
    pub(super) fn describe(&mut self, node: &Node) -> Option<NodeId> {
        let id = self.id(&node.key().name);
        let says = Said::by(node);
        if self.all[id].says == says {
            return None;
        }
        self.says(id, says);
        Some(id)
    }

    /// The node is gone; what was bound to it may still be there.
    pub(super) fn forget(&mut self, name: &str) -> Option<NodeId> {
        let id = *self.ids.get(name)?;
        self.says(id, Said::default());
        self.tidy(id);
        Some(id)
    }

    fn says(&mut self, id: NodeId, says: Said) {
        self.with_mild_taints -= usize::from(self.all[id].has_mild_taints());
        self.all[id].describe(says);
        self.with_mild_taints += usize::from(self.all[id].has_mild_taints());
        self.note(id);
    }

    /// `request` takes its room on a node.
    pub(super) fn take(&mut self, id: NodeId, request: &Request) {
        self.all[id].take(request);
        self.note(id);
    }

    /// `request` gives back its room; who waited for so much, and waits there no more.
    pub(super) fn release(&mut self, id: NodeId, request: &Request) -> Vec<LaneId> {
        self.all[id].release(request);
        self.note(id);
        let found = self.all[id].satisfied(request);
        self.tidy(id);
        found
    }

    /// The same as both, only to see what it would mean.
    pub(super) fn shift(&mut self, id: NodeId, request: &Request, step: Step) {
        match step {
            Step::Comes => self.all[id].take(request),
            Step::Leaves => self.all[id].release(request),
        }
    }

    /// Keeps room on a node for a pod that waits, against all that are not more important.
    pub(super) fn nominate(&mut self, id: NodeId, uid: &Arc<str>, request: &Arc<Request>) {
        self.all[id].nominated.push((Arc::clone(uid), Arc::clone(request)));
        self.note(id);
    }

    /// Keeps it no more; who waited for so much, and waits there no more.
    pub(super) fn nominate_no_more(&mut self, id: NodeId, uid: &str) -> Vec<LaneId> {
        let nominated = &mut self.all[id].nominated;
        let Some(at) = nominated.iter().position(|(other, _)| **other == *uid) else {
            return Vec::new();
        };
        let (_, request) = nominated.swap_remove(at);
        self.note(id);
        self.all[id].satisfied(&request)
    }

    /// `lane` waits for so much of `resource` on a node.
    pub(super) fn wait(&mut self, id: NodeId, lane: LaneId, resource: &str, need: Amount) {
        let waiting = &mut self.all[id].waiting;
        match waiting.get_mut(resource) {
            Some(waiting) => drop(waiting.insert((need, lane))),
            None => drop(waiting.insert(resource.to_owned(), BTreeSet::from([(need, lane)]))),
        }
    }

    /// `lane` does not wait for that any more.
    pub(super) fn wait_no_more(&mut self, id: NodeId, lane: LaneId, resource: &str, need: Amount) {
        if let Some(waiting) = self.all[id].waiting.get_mut(resource) {
            waiting.remove(&(need, lane));
        }
    }

    /// How often a node has changed so far.
    pub(super) fn version(&self) -> u64 {
        self.forgotten + self.changed.len() as u64
    }

    /// The nodes that have changed since `version`; nothing if that is too long ago to be known, or
    /// if those are more than all.
    pub(super) fn changed_since(&self, version: u64) -> Option<impl Iterator<Item = NodeId> + '_> {
        let from = usize::try_from(version.checked_sub(self.forgotten)?).ok()?;
        let is_few = self.changed.len() - from < self.all.len();
        is_few.then(|| self.changed.range(from..).copied())
    }

    /// Every place, also where no node is.
    pub(super) fn ids(&self) -> std::ops::Range<NodeId> {
        0..self.all.len()
    }

    /// The nodes that the control plane knows, in order of their names.
    pub(super) fn known(&self) -> Vec<(NodeId, &NodeTally)> {
        let known = self.all.iter().enumerate().filter(|(_, tally)| tally.is_known());
        let mut known: Vec<_> = known.collect();
        known.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        known
    }

    /// Whether there is a node at all.
    pub(super) fn is_some(&self) -> bool {
        self.all.iter().any(NodeTally::is_known)
    }

    /// Whether some have taints for which another node is better.
    pub(super) fn have_mild_taints(&self) -> bool {
        self.with_mild_taints > 0
    }

    fn note(&mut self, id: NodeId) {
        self.changed.push_back(id);
        if self.changed.len() > NODE_CHANGES_MAX {
            self.changed.pop_front();
            self.forgotten += 1;
        }
    }

    /// The place of one that is gone with all its pods is given to another.
    fn tidy(&mut self, id: NodeId) {
        let tally = &self.all[id];
        if !tally.is_known() && tally.pods == 0 && self.ids.remove(&tally.name).is_some() {
            self.free.push(id);
        }
    }
}

impl Index<NodeId> for Nodes {
    type Output = NodeTally;

    fn index(&self, id: NodeId) -> &NodeTally {
        &self.all[id]
    }
}

impl Said {
    fn by(node: &Node) -> Self {
        let status = node.status.as_ref();
        let allocatable = status.and_then(|it| it.allocatable.as_ref().or(it.capacity.as_ref()));
        let amounts = allocatable.into_iter().flatten();
        let taints = || node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
        let keeps_away = |taint: &&Taint| [NO_SCHEDULE, NO_EXECUTE].contains(&&*taint.effect);
        let mut hard: Vec<_> = taints().filter(keeps_away).map(without_time).collect();
        // Nothing more comes before somebody has given it the taint, either.
        let mut conditions = status.into_iter().flat_map(|it| it.conditions.iter().flatten());
        if conditions.any(|it| it.type_ == DISK_PRESSURE && it.status == "True") {
            hard.push(taint(taints::DISK_PRESSURE, NO_SCHEDULE));
        }
        let mild = taints().filter(|taint| taint.effect == PREFER_NO_SCHEDULE);
        Self {
            is_known: true,
            is_cordoned: node.spec.as_ref().and_then(|it| it.unschedulable).unwrap_or_default(),
            taints: hard,
            mild_taints: mild.map(without_time).collect(),
            labels: node.metadata.labels.clone().unwrap_or_default(),
            allocatable: amounts.map(|(name, it)| (name.clone(), Amount::of(it))).collect(),
        }
    }
}

impl NodeTally {
    fn describe(&mut self, says: Said) {
        let amount = |name: &str| says.allocatable.get(name).copied().unwrap_or_default();
        self.has =
            Weight { cpu_millis: amount("cpu").millis(), memory_bytes: amount("memory").units() };
        self.says = says;
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn is_known(&self) -> bool {
        self.says.is_known
    }

    /// The value of its label `key`.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.says.labels.get(key).map(String::as_str)
    }

    /// How many pods take up room on it.
    pub(super) fn pods(&self) -> u64 {
        self.pods
    }

    fn has_mild_taints(&self) -> bool {
        !self.says.mild_taints.is_empty()
    }

    /// How many of those are not tolerated.
    pub(super) fn mild_taints(&self, request: &Request) -> i64 {
        let untolerated = |taint: &&Taint| !is_tolerated(taint, &request.tolerations);
        let count = self.says.mild_taints.iter().filter(untolerated).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    /// The sum of the weights for which the node is preferred.
    pub(super) fn preference(&self, request: &Request) -> i64 {
        request.affinity.preference(&self.name, &self.says.labels)
    }

    /// Whether it is one of those that are asked for, by labels and name.
    pub(super) fn is_asked_for(&self, request: &Request) -> bool {
        let labels = &self.says.labels;
        request.selector.iter().all(|(name, value)| labels.get(name) == Some(value))
            && request.affinity.allows(&self.name, labels)
    }

    /// Whether one of its taints keeps such a pod away.
    pub(super) fn has_untolerated_taint(&self, request: &Request) -> bool {
        self.says.taints.iter().any(|taint| !is_tolerated(taint, &request.tolerations))
    }

    /// Whether it is cordoned for such a pod.
    fn is_cordoned(&self, request: &Request) -> bool {
        self.says.is_cordoned
            && !is_tolerated(&taint(UNSCHEDULABLE, NO_SCHEDULE), &request.tolerations)
    }

    fn take(&mut self, request: &Request) {
        self.pods += 1;
        self.weighs.cpu_millis += request.weight.cpu_millis;
        self.weighs.memory_bytes += request.weight.memory_bytes;
        for (name, amount) in &request.resources {
            match self.used.get_mut(name) {
                Some(used) => *used = *used + *amount,
                None => drop(self.used.insert(name.clone(), *amount)),
            }
        }
    }

    fn release(&mut self, request: &Request) {
        self.pods = self.pods.saturating_sub(1);
        self.weighs.cpu_millis -= request.weight.cpu_millis;
        self.weighs.memory_bytes -= request.weight.memory_bytes;
        for (name, amount) in &request.resources {
            if let Some(used) = self.used.get_mut(name) {
                *used = *used - *amount;
            }
        }
    }

    /// Whoever waits for so much of what `request` has given back as is free now.
    fn satisfied(&mut self, request: &Request) -> Vec<LaneId> {
        let mut found = Vec::new();
        if self.waiting.is_empty() {
            return found;
        }
        for name in request.resources.keys().map(String::as_str).chain([PODS]) {
            let free = self.free(name);
            let Some(waiting) = self.waiting.get_mut(name) else { continue };
            while let Some((need, lane)) = waiting.first().copied()
                && need <= free
            {
                waiting.pop_first();
                found.push(lane);
            }
        }
        found
    }

    fn allocatable(&self, resource: &str) -> Amount {
        self.says.allocatable.get(resource).copied().unwrap_or_default()
    }

    fn free(&self, resource: &str) -> Amount {
        let used = match resource {
            PODS => Amount::from_units(self.pods),
            other => self.used.get(other).copied().unwrap_or_default(),
        };
        self.allocatable(resource) - used
    }

    /// The same, where room is kept for pods that are as important as this one, or more so.
    fn free_for(&self, resource: &str, request: &Request) -> Amount {
        let free = self.free(resource);
        if self.nominated.is_empty() {
            return free;
        }
        let others = self.nominated.iter().map(|(_, other)| &**other);
        let others = others.filter(|it| !std::ptr::eq(*it, request));
        let others = others.filter(|it| it.priority >= request.priority);
        let kept: Amount = match resource {
            PODS => Amount::from_units(others.count() as u64),
            resource => others.filter_map(|it| it.resources.get(resource)).copied().sum(),
        };
        free - kept
    }

    /// Whether it takes a pod that asks for this.
    pub(super) fn look(&self, request: &Request) -> Look {
        let is_away = !self.is_known()
            || self.is_cordoned(request)
            || self.has_untolerated_taint(request)
            || !self.is_asked_for(request);
        if is_away {
            return Look::Never;
        }
        let mut lacks = None;
        let one = Amount::from_units(1);
        let resources = request.resources.iter().map(|(name, amount)| (name.as_str(), *amount));
        for (resource, need) in std::iter::once((PODS, one)).chain(resources) {
            match self.lacks(resource, need, request) {
                None => {}
                Some(Refusal { is_for_now: false, .. }) => return Look::Never,
                Some(_) => {
                    lacks.get_or_insert_with(|| (resource.to_owned(), need));
                }
            }
        }
        lacks.map_or(Look::Fits, |(resource, need)| Look::Lacks { resource, need })
    }

    /// Why there is not so much of `resource` for `request`, if so.
    fn lacks(&self, resource: &str, need: Amount, request: &Request) -> Option<Refusal> {
        if need <= self.free_for(resource, request) {
            return None;
        }
        // Scratch space is not counted by a node that does not say how much it has.
        if resource == "ephemeral-storage" && !self.says.allocatable.contains_key(resource) {
            return None;
        }
        let reason = match resource {
            PODS => "Too many pods".to_owned(),
            other => format!("Insufficient {other}"),
        };
        Some(Refusal { reason, is_for_now: need <= self.allocatable(resource) })
    }

    /// Why it does not take a pod that asks for this; nothing if it does.
    pub(super) fn refusals(&self, request: &Request) -> Vec<Refusal> {
        if self.is_cordoned(request) {
            return vec![Refusal::lasting("node(s) were unschedulable")];
        }
        if self.has_untolerated_taint(request) {
            return vec![Refusal::lasting("node(s) had untolerated taint(s)")];
        }
        if !self.is_asked_for(request) {
            return vec![Refusal::lasting("node(s) didn't match Pod's node affinity/selector")];
        }
        let resources = request.resources.iter().map(|(name, amount)| (name.as_str(), *amount));
        let all = std::iter::once((PODS, Amount::from_units(1))).chain(resources);
        all.filter_map(|(resource, need)| self.lacks(resource, need, request)).collect()
    }

    /// How well it suits a pod that fits: Kubernetes' scores LeastAllocated and BalancedAllocation,
    /// each from nothing to [`FULL`](super::score::FULL).
    pub(super) fn score(&self, request: &Request) -> i64 {
        let cpu = self.weighs.cpu_millis + request.weight.cpu_millis;
        let memory = self.weighs.memory_bytes + request.weight.memory_bytes;
        super::score::room(
            super::score::share(cpu, self.has.cpu_millis),
            super::score::share(memory, self.has.memory_bytes),
        )
    }
}

impl Refusal {
    /// One that no other pod's end would change.
    pub(super) fn lasting(reason: &str) -> Self {
        Self { reason: reason.to_owned(), is_for_now: false }
    }

    /// One that another pod's end may change.
    pub(super) fn for_now(reason: &str) -> Self {
        Self { reason: reason.to_owned(), is_for_now: true }
    }
}

/// When it was added does not matter to pods.
fn without_time(taint: &Taint) -> Taint {
    Taint { time_added: None, ..taint.clone() }
}
