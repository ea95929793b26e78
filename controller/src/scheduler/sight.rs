//! What the nodes are to the pods of one lane, kept as nodes change. Pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::lanes::LaneId;
use super::nodes::{NodeId, Nodes};
use super::request::Request;
use super::tally::Look;
use crate::quantity::Amount;

/// What has been done to decide, in steps that each take about the same time. It is what says how the
/// cost of deciding grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    /// Nodes that were held against what pods ask for.
    pub(super) nodes: u64,
    /// Lanes that were looked at again, since something that they wait for may have come.
    pub(super) lanes: u64,
    /// Pods that were held against a selector, or tried to be without.
    pub(super) pods: u64,
}

/// Every node, as it is to the pods of one lane.
#[derive(Debug, Default)]
pub(super) struct Sight {
    views: Vec<View>,
    /// Those that have room, the best first.
    order: BTreeSet<Rank>,
    /// The version of the nodes that this is of.
    seen: Option<u64>,
}

#[derive(Debug, Default)]
enum View {
    #[default]
    Unseen,
    Fits(Rank),
    /// It waits there for so much.
    Lacks {
        resource: String,
        need: Amount,
    },
    Never,
}

/// A node among those that have room: that with the best score first, then that with the fewest pods,
/// then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) score: Reverse<i64>,
    pub(super) pods: u64,
    pub(super) name: Arc<str>,
    pub(super) node: NodeId,
}

impl Sight {
    /// Looks at the nodes that have changed since.
    pub(super) fn refresh(
        &mut self,
        lane: LaneId,
        request: &Request,
        nodes: &mut Nodes,
        work: &mut Work,
    ) {
        let seen = self.seen.replace(nodes.version());
        let changed: Vec<NodeId> = match seen.and_then(|seen| nodes.changed_since(seen)) {
            Some(changed) => changed.collect(),
            None => nodes.ids().collect(),
        };
        for node in changed {
            self.look_at(node, lane, request, nodes, work);
        }
    }

    /// Looks at one node; whether it has room.
    pub(super) fn look_at(
        &mut self,
        node: NodeId,
        lane: LaneId,
        request: &Request,
        nodes: &mut Nodes,
        work: &mut Work,
    ) -> bool {
        work.nodes += 1;
        if self.views.len() <= node {
            self.views.resize_with(node + 1, View::default);
        }
        self.leave(node, lane, nodes);
        let tally = &nodes[node];
        let view = match tally.look(request) {
            Look::Never => View::Never,
            Look::Lacks { resource, need } => {
                nodes.wait(node, lane, &resource, need);
                View::Lacks { resource, need }
            }
            Look::Fits => {
                let score = Reverse(tally.score(request));
                let rank = Rank { score, pods: tally.pods(), name: tally.name().clone(), node };
                self.order.insert(rank.clone());
                View::Fits(rank)
            }
        };
        let has_room = matches!(view, View::Fits(_));
        self.views[node] = view;
        has_room
    }

    /// The nodes that have room, the best first.
    pub(super) fn fitting(&self) -> impl Iterator<Item = &Rank> {
        self.order.iter()
    }

    /// Waits nowhere any more.
    pub(super) fn leave_all(&mut self, lane: LaneId, nodes: &mut Nodes) {
        for node in 0..self.views.len() {
            self.leave(node, lane, nodes);
        }
    }

    fn leave(&mut self, node: NodeId, lane: LaneId, nodes: &mut Nodes) {
        match std::mem::take(&mut self.views[node]) {
            View::Fits(rank) => drop(self.order.remove(&rank)),
            View::Lacks { resource, need } => nodes.wait_no_more(node, lane, &resource, need),
            View::Unseen | View::Never => {}
        }
    }
}
