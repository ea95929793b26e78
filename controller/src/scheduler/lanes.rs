//! The pods that wait: a lane for each sort of them, since what keeps one keeps all. Pure.
//!
//! A lane is ready, or it is stuck: no node takes its pods as things are. One that is stuck is not
//! looked at until something has come that may help it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::nodes::Nodes;
use super::request::{Class, Turn};
use super::sight::Sight;
use crate::limits::SCHEDULER_LANES_MAX;

/// Which lane it is; none has the number of another that is gone.
pub(super) type LaneId = u64;

/// All lanes. A few that are empty are kept, with what they have seen of the nodes.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    all: BTreeMap<LaneId, Lane>,
    ids: HashMap<Arc<Class>, LaneId, RandomState>,
    next: LaneId,
    /// Whose turn it is, of each lane that is ready and has pods.
    ready: BTreeMap<Turn, LaneId>,
    stuck: BTreeSet<LaneId>,
    /// Those of them with pods that do not know yet.
    untold: BTreeSet<LaneId>,
}

/// Pods that ask for the same, the oldest first.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) class: Arc<Class>,
    turns: BTreeSet<Turn>,
    /// Those that nobody has told yet that they have to wait.
    untold: BTreeSet<Turn>,
    /// What stands for it among those that are ready.
    head: Option<Turn>,
    is_stuck: bool,
    pub(super) sight: Sight,
}

impl Lane {
    /// The pod that is first.
    pub(super) fn first(&self) -> Option<&Turn> {
        self.turns.first()
    }
}

impl Lanes {
    /// A pod waits from now on; in which lane.
    pub(super) fn join(
        &mut self,
        class: &Arc<Class>,
        turn: Turn,
        is_told: bool,
        nodes: &mut Nodes,
    ) -> LaneId {
        let id = self.of(class, nodes);
        let lane = self.lane(id);
        if !is_told {
            lane.untold.insert(turn.clone());
        }
        lane.turns.insert(turn);
        self.settle(id);
        id
    }

    /// A pod waits no more; whether it had been told that it has to.
    pub(super) fn leave(&mut self, id: LaneId, turn: &Turn) -> bool {
        let lane = self.lane(id);
        lane.turns.remove(turn);
        let is_told = !lane.untold.remove(turn);
        // Who comes next is not held up by what was when there was nobody.
        if lane.turns.is_empty() {
            lane.is_stuck = false;
        }
        self.settle(id);
        is_told
    }

    /// Whose turn it is, and in which lane.
    pub(super) fn first(&self) -> Option<(Turn, LaneId)> {
        self.ready.first_key_value().map(|(turn, id)| (turn.clone(), *id))
    }

    /// No node takes its pods, as things are.
    pub(super) fn stick(&mut self, id: LaneId) {
        self.lane(id).is_stuck = true;
        self.settle(id);
    }

    /// Something has come that may help it; whether it had been stuck.
    pub(super) fn wake(&mut self, id: LaneId) -> bool {
        let Some(lane) = self.all.get_mut(&id).filter(|lane| lane.is_stuck) else { return false };
        lane.is_stuck = false;
        self.settle(id);
        true
    }

    /// Those that are stuck.
    pub(super) fn stuck(&self) -> Vec<LaneId> {
        self.stuck.iter().copied().collect()
    }

    /// One that is stuck and has pods that do not know it.
    pub(super) fn to_tell(&self) -> Option<LaneId> {
        self.untold.first().copied()
    }

    /// A pod of a stuck lane that does not know it; it is told now.
    pub(super) fn tell(&mut self, id: LaneId) -> Option<Turn> {
        let told = self.lane(id).untold.pop_first();
        self.settle(id);
        told
    }

    /// A pod knows it already, or is told now.
    pub(super) fn told(&mut self, id: LaneId, turn: &Turn) {
        self.lane(id).untold.remove(turn);
        self.settle(id);
    }

    /// A lane that is there.
    pub(super) fn lane(&mut self, id: LaneId) -> &mut Lane {
        self.all.get_mut(&id).expect("a lane with pods must be there")
    }

    /// Whether nobody waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.values().all(|lane| lane.turns.is_empty())
    }

    /// The lane of `class`, made if there is none.
    fn of(&mut self, class: &Arc<Class>, nodes: &mut Nodes) -> LaneId {
        if let Some(id) = self.ids.get(class) {
            return *id;
        }
        if self.all.len() >= SCHEDULER_LANES_MAX {
            self.forget_empty(nodes);
        }
        let id = self.next;
        self.next += 1;
        let lane = Lane {
            class: Arc::clone(class),
            turns: BTreeSet::new(),
            untold: BTreeSet::new(),
            head: None,
            is_stuck: false,
            sight: Sight::default(),
        };
        self.all.insert(id, lane);
        self.ids.insert(Arc::clone(class), id);
        id
    }

    fn forget_empty(&mut self, nodes: &mut Nodes) {
        let ids = &mut self.ids;
        self.all.retain(|id, lane| {
            let is_kept = !lane.turns.is_empty();
            if !is_kept {
                lane.sight.leave_all(*id, nodes);
                ids.remove(&lane.class);
            }
            is_kept
        });
    }

    /// Has a lane stand where it belongs.
    fn settle(&mut self, id: LaneId) {
        let lane = self.all.get_mut(&id).expect("a lane with pods must be there");
        let head = if lane.is_stuck { None } else { lane.turns.first() };
        if lane.head.as_ref() != head {
            if let Some(before) = lane.head.take() {
                self.ready.remove(&before);
            }
            if let Some(head) = head {
                self.ready.insert(head.clone(), id);
                lane.head = Some(head.clone());
            }
        }
        let stands = |set: &mut BTreeSet<LaneId>, is_in: bool| match is_in {
            true => set.insert(id),
            false => set.remove(&id),
        };
        if lane.is_stuck || !self.stuck.is_empty() {
            stands(&mut self.stuck, lane.is_stuck);
            stands(&mut self.untold, lane.is_stuck && !lane.untold.is_empty());
        }
    }
}
