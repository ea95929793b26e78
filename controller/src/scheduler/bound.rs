//! The pods that have a node, by how important they are: who goes first where one has to. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::nodes::NodeId;
use crate::api::{Pod, Timestamp};

/// A pod on a node, the least important first: that of the lowest priority, and of those the one that
/// has started last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Importance {
    pub(super) priority: i32,
    /// `None` is one that has not started yet.
    pub(super) started: Reverse<(bool, Option<Timestamp>)>,
    pub(super) uid: Arc<str>,
}

type OnNode = BTreeSet<Importance>;

/// All pods that have a node. Which is where is kept from the moment on when somebody asks for it:
/// where all have one priority nobody does.
#[derive(Debug, Default)]
pub(super) struct Bound {
    /// How many there are of each priority.
    counts: BTreeMap<i32, u64>,
    by_node: Option<HashMap<NodeId, OnNode, RandomState>>,
    /// Those that are on their way out for one of a higher priority.
    going: BTreeSet<(NodeId, i32, Arc<str>)>,
}

impl Importance {
    pub(super) fn of(uid: &Arc<str>, pod: &Pod, priority: i32) -> Self {
        let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref());
        let started = started.map(|time| time.0);
        // One that has not started counts as starting now.
        Self { priority, started: Reverse((started.is_none(), started)), uid: Arc::clone(uid) }
    }
}

impl Bound {
    /// Whether there is one of a lower priority.
    pub(super) fn has_below(&self, priority: i32) -> bool {
        self.lowest().is_some_and(|lowest| lowest < priority)
    }

    /// Whether it is kept which is where.
    pub(super) fn is_kept(&self) -> bool {
        self.by_node.is_some()
    }

    /// Keeps from now on which is where; `pods` are all that there are.
    pub(super) fn keep(&mut self, pods: impl Iterator<Item = (NodeId, Importance)>) {
        let mut by_node: HashMap<NodeId, OnNode, RandomState> = HashMap::default();
        for (node, pod) in pods {
            by_node.entry(node).or_default().insert(pod);
        }
        self.by_node = Some(by_node);
    }

    /// A pod has a node.
    pub(super) fn add(&mut self, node: NodeId, uid: &Arc<str>, pod: &Pod, priority: i32) {
        *self.counts.entry(priority).or_default() += 1;
        if let Some(by_node) = &mut self.by_node {
            by_node.entry(node).or_default().insert(Importance::of(uid, pod, priority));
        }
    }

    /// A pod is not as it was `before`: it may have started.
    pub(super) fn changes(
        &mut self,
        node: NodeId,
        uid: &Arc<str>,
        [before, now]: [&Pod; 2],
        priority: i32,
    ) {
        let Some(on_node) = self.by_node.as_mut().and_then(|it| it.get_mut(&node)) else { return };
        let before = Importance::of(uid, before, priority);
        let now = Importance::of(uid, now, priority);
        if before != now {
            on_node.remove(&before);
            on_node.insert(now);
        }
    }

    /// A pod has none any more; `pod` is as it was seen last.
    pub(super) fn remove(&mut self, node: NodeId, uid: &Arc<str>, pod: &Pod, priority: i32) {
        if let Some(count) = self.counts.get_mut(&priority) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&priority);
            }
        }
        if let Some(on_node) = self.by_node.as_mut().and_then(|it| it.get_mut(&node)) {
            on_node.remove(&Importance::of(uid, pod, priority));
        }
    }

    /// The lowest priority that one has.
    pub(super) fn lowest(&self) -> Option<i32> {
        self.counts.first_key_value().map(|(lowest, _)| *lowest)
    }

    /// Those on a node, the least important first.
    pub(super) fn on(&self, node: NodeId) -> impl Iterator<Item = &Importance> {
        let on_node = self.by_node.as_ref().and_then(|it| it.get(&node));
        on_node.into_iter().flatten()
    }

    /// Those of them of a lower priority.
    pub(super) fn below(&self, node: NodeId, priority: i32) -> impl Iterator<Item = &Importance> {
        self.on(node).take_while(move |it| it.priority < priority)
    }

    /// One goes for another of a higher priority.
    pub(super) fn goes(&mut self, node: NodeId, uid: &Arc<str>, priority: i32) {
        self.going.insert((node, priority, Arc::clone(uid)));
    }

    /// One that went is gone.
    pub(super) fn went(&mut self, node: NodeId, uid: &Arc<str>, priority: i32) {
        self.going.remove(&(node, priority, Arc::clone(uid)));
    }

    /// Whether some of a lower priority go for others.
    pub(super) fn go_below(&self, node: NodeId, priority: i32) -> bool {
        let from = (node, i32::MIN, Arc::from(""));
        self.going.range(from..).next().is_some_and(|(on, it, _)| *on == node && *it < priority)
    }
}
