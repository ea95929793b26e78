//! One node, and how much of it is taken. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Taint;

use super::lanes::LaneId;
use super::request::{Request, Weight};
use super::room::Room;
use crate::api::Node;
use crate::api::names::DISK_PRESSURE;
use crate::quantity::Amount;
use crate::taints::{
    self, NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, UNSCHEDULABLE, is_tolerated, taint,
};

/// The resource of which each pod takes one.
pub(super) const PODS: &str = "pods";

/// The one that is not counted by a node that does not say how much it has: scratch space.
const SCRATCH: &str = "ephemeral-storage";

/// One node, with a running tally of what its pods have asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeTally {
    pub(super) name: Arc<str>,
    pub(super) says: Said,
    /// What it has, as nodes are compared by it.
    has: Weight,
    used: BTreeMap<String, Amount>,
    weighs: Taken,
    pub(super) pods: u64,
    /// Pods that others have gone or go for, so that nobody else takes their room.
    pub(super) nominated: Vec<(Arc<str>, Arc<Request>)>,
    /// Who waits for so much of a resource to be free.
    pub(super) waiting: BTreeMap<String, BTreeSet<(Amount, LaneId)>>,
}

/// What a node says of itself that matters to pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
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

/// CPU and memory that pods take, as nodes are compared by them: more of them than fit into what one
/// pod can ask for.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    cpu_millis: i128,
    memory_bytes: i128,
}

impl Said {
    pub(super) fn by(node: &Node) -> Self {
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
    /// One of which nothing is known but its name.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    pub(super) fn describe(&mut self, says: Said) {
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

    pub(super) fn has_mild_taints(&self) -> bool {
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

    pub(super) fn take(&mut self, request: &Request) {
        self.pods += 1;
        self.weighs.cpu_millis += i128::from(request.weight.cpu_millis);
        self.weighs.memory_bytes += i128::from(request.weight.memory_bytes);
        for (name, amount) in &request.resources {
            match self.used.get_mut(name) {
                Some(used) => *used = *used + *amount,
                None => drop(self.used.insert(name.clone(), *amount)),
            }
        }
    }

    pub(super) fn release(&mut self, request: &Request) {
        self.pods = self.pods.saturating_sub(1);
        self.weighs.cpu_millis -= i128::from(request.weight.cpu_millis);
        self.weighs.memory_bytes -= i128::from(request.weight.memory_bytes);
        for (name, amount) in &request.resources {
            if let Some(used) = self.used.get_mut(name) {
                *used = *used - *amount;
            }
        }
    }

    /// Whoever waits for so much of what `request` has given back as is free now.
    pub(super) fn satisfied(&mut self, request: &Request) -> Vec<LaneId> {
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

    /// The same, where room is kept for pods that are as important as this one, or more so: for all
    /// that ask for something else, or for all but this `pod`.
    fn free_for(&self, resource: &str, request: &Request, pod: Option<&str>) -> Amount {
        let free = self.free(resource);
        if self.nominated.is_empty() {
            return free;
        }
        let is_other = |uid: &Arc<str>, other: &Arc<Request>| match pod {
            Some(pod) => **uid != *pod,
            None => !std::ptr::eq(&**other, request),
        };
        let others = self.nominated.iter().filter(|(uid, other)| is_other(uid, other));
        let others = others.map(|(_, other)| other);
        let others = others.filter(|it| it.priority >= request.priority);
        let kept: Amount = match resource {
            PODS => Amount::from_units(others.count() as u64),
            resource => others.filter_map(|it| it.resources.get(resource)).copied().sum(),
        };
        free - kept
    }

    /// One of those that ask for this for whom room is kept here, if there is one.
    pub(super) fn nominee(&self, request: &Request) -> Option<&Arc<str>> {
        let own = self.nominated.iter().find(|(_, it)| std::ptr::eq(&**it, request));
        own.map(|(uid, _)| uid)
    }

    /// What is free for a pod that asks for this, or for this very `pod`, of all that it asks for.
    pub(super) fn room<'a>(&self, request: &'a Request, pod: Option<&str>) -> Room<'a> {
        let needs = needs(request).filter(|(name, _)| !self.does_not_count(name));
        Room::new(needs.map(|(name, need)| (name, self.free_for(name, request, pod) - need)))
    }

    /// Whether it takes a pod that asks for this only if it is otherwise itself, whoever goes.
    pub(super) fn is_out_of_question(&self, request: &Request) -> bool {
        self.look(request) == Look::Never
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
        for (resource, need) in needs(request) {
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
        if need <= self.free_for(resource, request, None) || self.does_not_count(resource) {
            return None;
        }
        Some(Refusal {
            reason: insufficient(resource),
            is_for_now: need <= self.allocatable(resource),
        })
    }

    /// Whether it takes whatever pods ask for of a resource.
    fn does_not_count(&self, resource: &str) -> bool {
        resource == SCRATCH && !self.says.allocatable.contains_key(resource)
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
        needs(request).filter_map(|(resource, need)| self.lacks(resource, need, request)).collect()
    }

    /// How well it suits a pod that fits: Kubernetes' scores LeastAllocated and BalancedAllocation,
    /// each from nothing to [`FULL`](super::score::FULL).
    pub(super) fn score(&self, request: &Request) -> i64 {
        let cpu = self.weighs.cpu_millis + i128::from(request.weight.cpu_millis);
        let memory = self.weighs.memory_bytes + i128::from(request.weight.memory_bytes);
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

/// What a pod that asks for this takes, by name.
fn needs(request: &Request) -> impl Iterator<Item = (&str, Amount)> {
    let resources = request.resources.iter().map(|(name, amount)| (name.as_str(), *amount));
    std::iter::once((PODS, Amount::from_units(1))).chain(resources)
}

/// What is said where there is too little of a resource.
pub(super) fn insufficient(resource: &str) -> String {
    match resource {
        PODS => "Too many pods".to_owned(),
        other => format!("Insufficient {other}"),
    }
}
