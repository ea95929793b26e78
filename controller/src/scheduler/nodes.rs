//! Nodes, and how much of each is taken. Pure.
//!
//! Which of them have changed is kept for a while, so that who has looked at all of them once needs
//! to look only at those.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Index;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::lanes::LaneId;
use super::request::Request;
use super::tally::{NodeTally, Said};
use crate::api::{Node, Resource};
use crate::limits::NODE_CHANGES_MAX;
use crate::quantity::Amount;

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

impl Nodes {
    /// The node `name`, made if there is none of it.
    pub(super) fn id(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let tally = NodeTally::new(name);
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

    /// Keeps room on a node for a pod that waits, against all that are not more important.
    pub(super) fn nominate(&mut self, id: NodeId, uid: &Arc<str>, request: &Arc<Request>) {
        let nominated = &mut self.all[id].nominated;
        match nominated.iter_mut().find(|(known, _)| known == uid) {
            Some((_, known)) => known.clone_from(request),
            None => nominated.push((Arc::clone(uid), Arc::clone(request))),
        }
        self.note(id);
    }

    /// Keeps it no more, if it did: what had been asked for, and who waited for so much, and waits
    /// there no more.
    pub(super) fn nominate_no_more(
        &mut self,
        id: NodeId,
        uid: &str,
    ) -> Option<(Arc<Request>, Vec<LaneId>)> {
        let nominated = &mut self.all[id].nominated;
        let at = nominated.iter().position(|(other, _)| **other == *uid)?;
        let (_, request) = nominated.swap_remove(at);
        self.note(id);
        let found = self.all[id].satisfied(&request);
        self.tidy(id);
        Some((request, found))
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

    /// The place of one that is gone with all its pods, and that nobody is to come to, is given to
    /// another.
    fn tidy(&mut self, id: NodeId) {
        let tally = &self.all[id];
        let is_empty = tally.pods == 0 && tally.nominated.is_empty();
        if !tally.is_known() && is_empty && self.ids.remove(&tally.name).is_some() {
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
