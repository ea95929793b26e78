//! The selectors in use, and how many pods each of them selects on each node: kept as pods come and
//! go, so that nobody looks through them when a pod is placed. Pure.
//!
//! What a domain holds is the sum over its nodes, of which there are few.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::constraints::{Constraints, Role};
use super::lanes::LaneId;
use super::nodes::NodeId;
use super::selector::{NamespaceLabels, Selector};
use crate::api::Pod;

/// Which selector it is; none has the number of another that is gone.
pub(super) type SelectorId = u64;

/// How many pods there are, by node.
#[derive(Debug, Default)]
pub(super) struct Counts(Vec<u64>);

/// Every selector that some pod asks by, be it bound or waiting.
#[derive(Debug, Default)]
pub(super) struct Selectors {
    all: BTreeMap<SelectorId, InUse>,
    ids: HashMap<Arc<Selector>, SelectorId, RandomState>,
    /// By a label that every pod has that is selected: its key, then its value.
    by_pair: HashMap<String, HashMap<String, BTreeSet<SelectorId>, RandomState>, RandomState>,
    /// Those of which no such label is known.
    without_pair: BTreeSet<SelectorId>,
    next: SelectorId,
    pub(super) namespaces: NamespaceLabels,
}

#[derive(Debug)]
struct InUse {
    selector: Arc<Selector>,
    /// How often pods ask by it.
    uses: u64,
    /// Bound pods that it selects.
    selected: Counts,
    /// Bound pods that ask by it, by what they are to those that it selects, and by the label that
    /// says what is near.
    asking: BTreeMap<(Role, String), Counts>,
    /// Lanes that are stuck and depend on these counts.
    stuck: BTreeSet<LaneId>,
}

/// Bound pods that ask by a selector.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) selector: SelectorId,
    /// What they are to those that are selected.
    pub(super) role: Role,
    /// The label by which near is meant.
    pub(super) key: &'a str,
    /// How many there are.
    pub(super) counts: &'a Counts,
}

/// Whether a pod comes to a node or leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Comes,
    Leaves,
}

impl Counts {
    /// How many there are on a node.
    pub(super) fn on(&self, node: NodeId) -> u64 {
        self.0.get(node).copied().unwrap_or_default()
    }

    fn step(&mut self, node: NodeId, step: Step) {
        if self.0.len() <= node {
            self.0.resize(node + 1, 0);
        }
        let count = &mut self.0[node];
        *count = match step {
            Step::Comes => *count + 1,
            Step::Leaves => count.saturating_sub(1),
        };
    }
}

impl Selectors {
    /// Those that select `pod`, in order.
    pub(super) fn selecting(&self, pod: &Pod) -> Vec<SelectorId> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let labels = pod.metadata.labels.iter().flatten();
        let by_pair = labels.filter_map(|(key, value)| self.by_pair.get(key)?.get(value));
        let candidates = by_pair.flatten().chain(&self.without_pair).copied();
        let selects = |id: &SelectorId| self.all[id].selector.selects(pod, &self.namespaces);
        let mut found: Vec<_> = candidates.filter(selects).collect();
        found.sort_unstable();
        found
    }

    /// A pod asks by those of `constraints`; which of them nobody has asked by before.
    pub(super) fn begin(&mut self, constraints: &Constraints) -> Vec<SelectorId> {
        let mut new = Vec::new();
        for selector in constraints.selectors() {
            if let Some(id) = self.ids.get(selector) {
                self.all.get_mut(id).expect("what has a number must be there").uses += 1;
                continue;
            }
            let id = self.next;
            self.next += 1;
            match selector.pair() {
                Some((key, value)) => {
                    let by_value = self.by_pair.entry(key.to_owned()).or_default();
                    by_value.entry(value.to_owned()).or_default().insert(id);
                }
                None => drop(self.without_pair.insert(id)),
            }
            let selector = Arc::clone(selector);
            self.ids.insert(Arc::clone(&selector), id);
            self.all.insert(id, InUse::new(selector));
            new.push(id);
        }
        new
    }

    /// A pod does not ask by them any more; which of them nobody asks by now.
    pub(super) fn end(&mut self, constraints: &Constraints) -> Vec<(SelectorId, Arc<Selector>)> {
        let mut forgotten = Vec::new();
        for selector in constraints.selectors() {
            let Some(id) = self.ids.get(selector).copied() else { continue };
            let in_use = self.all.get_mut(&id).expect("what has a number must be there");
            in_use.uses = in_use.uses.saturating_sub(1);
            if in_use.uses == 0 {
                self.forget(id, selector);
                forgotten.push((id, Arc::clone(selector)));
            }
        }
        forgotten
    }

    fn forget(&mut self, id: SelectorId, selector: &Arc<Selector>) {
        self.all.remove(&id);
        self.ids.remove(selector);
        self.without_pair.remove(&id);
        if let Some((key, value)) = selector.pair()
            && let Some(by_value) = self.by_pair.get_mut(key)
            && let Some(ids) = by_value.get_mut(value)
        {
            ids.remove(&id);
            if ids.is_empty() {
                by_value.remove(value);
            }
            if by_value.is_empty() {
                self.by_pair.remove(key);
            }
        }
    }

    /// A pod that `selected_by` select, and that asks by `constraints`, comes to a node or leaves it;
    /// the lanes that this may help.
    pub(super) fn step(
        &mut self,
        selected_by: &[SelectorId],
        constraints: Option<&Constraints>,
        node: NodeId,
        step: Step,
    ) -> Vec<LaneId> {
        let mut helped = Vec::new();
        for id in selected_by {
            let Some(in_use) = self.all.get_mut(id) else { continue };
            in_use.selected.step(node, step);
            helped.extend(std::mem::take(&mut in_use.stuck));
        }
        for (role, term) in constraints.into_iter().flat_map(Constraints::owned) {
            let Some(in_use) = self.ids.get(&term.selector).and_then(|id| self.all.get_mut(id))
            else {
                continue;
            };
            in_use.asking.entry((role, term.key.clone())).or_default().step(node, step);
            helped.extend(std::mem::take(&mut in_use.stuck));
        }
        helped
    }

    /// A bound pod is found that a new selector selects.
    pub(super) fn found(&mut self, id: SelectorId, node: NodeId) {
        if let Some(in_use) = self.all.get_mut(&id) {
            in_use.selected.step(node, Step::Comes);
        }
    }

    /// `lane` is stuck, and depends on what these count.
    pub(super) fn watch(
        &mut self,
        lane: LaneId,
        selected_by: &[SelectorId],
        constraints: Option<&Constraints>,
    ) {
        let selectors = constraints.into_iter().flat_map(Constraints::selectors);
        let own: Vec<_> = selectors.filter_map(|it| self.ids.get(it).copied()).collect();
        for id in own.iter().chain(selected_by) {
            if let Some(in_use) = self.all.get_mut(id) {
                in_use.stuck.insert(lane);
            }
        }
    }

    /// The number of `selector`, if it is in use.
    pub(super) fn id(&self, selector: &Arc<Selector>) -> Option<SelectorId> {
        self.ids.get(selector).copied()
    }

    /// The selector of that number.
    pub(super) fn get(&self, id: SelectorId) -> Option<&Arc<Selector>> {
        self.all.get(&id).map(|it| &it.selector)
    }

    /// The bound pods that a selector selects.
    pub(super) fn selected(&self, selector: &Arc<Selector>) -> &Counts {
        static NONE: Counts = Counts(Vec::new());
        let in_use = self.ids.get(selector).and_then(|id| self.all.get(id));
        in_use.map_or(&NONE, |it| &it.selected)
    }

    /// The bound pods that ask by one of `selected_by`.
    pub(super) fn asking<'a>(
        &'a self,
        selected_by: &'a [SelectorId],
    ) -> impl Iterator<Item = Asking<'a>> {
        let in_use = selected_by.iter().filter_map(move |id| Some((*id, self.all.get(id)?)));
        in_use.flat_map(|(selector, it)| {
            let asking = it.asking.iter();
            asking.map(move |((role, key), counts)| Asking { selector, role: *role, key, counts })
        })
    }

    /// Whether nothing is in use, and nothing is kept of what was.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let are_gone = self.by_pair.is_empty() && self.without_pair.is_empty();
        self.all.is_empty() && self.ids.is_empty() && are_gone
    }

    /// Whether the labels of namespaces matter to somebody.
    pub(super) fn look_at_namespaces(&self) -> bool {
        self.all.values().any(|it| it.selector.looks_at_namespaces())
    }
}

impl InUse {
    fn new(selector: Arc<Selector>) -> Self {
        Self {
            selector,
            uses: 1,
            selected: Counts::default(),
            asking: BTreeMap::new(),
            stuck: BTreeSet::new(),
        }
    }
}
