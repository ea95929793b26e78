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
    /// Those that are stuck, by their priority.
    stuck: BTreeSet<(i32, LaneId)>,
    /// Those of them with pods that do not know yet.
    untold: BTreeSet<LaneId>,
    /// How many there are when those that are empty are looked for the next time.
    sweep_at: usize,
}

/// Pods that ask for the same, the oldest first.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) class: Arc<Class>,
    /// Those for which no room is kept.
    turns: BTreeSet<Turn>,
    /// Those for which room is kept on a node.
    kept: BTreeSet<Turn>,
    /// Those of them that wait for nobody to go from there.
    idle: BTreeSet<Turn>,
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
        match (self.turns.first(), self.kept.first()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// The first for which room is kept to no use.
    pub(super) fn first_idle(&self) -> Option<&Turn> {
        self.idle.first()
    }

    /// The first for which no room is kept.
    pub(super) fn first_without(&self) -> Option<&Turn> {
        self.turns.first()
    }

    /// Whether others are on their way out for a pod.
    pub(super) fn is_waited_for(&self, turn: &Turn) -> bool {
        self.kept.contains(turn) && !self.idle.contains(turn)
    }

    fn is_empty(&self) -> bool {
        self.turns.is_empty() && self.kept.is_empty()
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
        // What keeps one keeps all, but those for which others go already: it may have others go, too.
        if lane.turns.is_empty() {
            lane.is_stuck = false;
        }
        lane.turns.insert(turn);
        self.settle(id);
        id
    }

    /// A pod waits no more; whether it had been told that it has to.
    pub(super) fn leave(&mut self, id: LaneId, turn: &Turn) -> bool {
        let lane = self.lane(id);
        if !lane.turns.remove(turn) {
            lane.kept.remove(turn);
            lane.idle.remove(turn);
        }
        let is_told = !lane.untold.remove(turn);
        // Who comes next is not held up by what was when there was nobody.
        if lane.is_empty() {
            lane.is_stuck = false;
        }
        self.settle(id);
        is_told
    }

    /// Room is kept for a pod, which `waits` for others to go from there or not; whether it does not
    /// any more.
    pub(super) fn keep(&mut self, id: LaneId, turn: &Turn, waits: bool) -> bool {
        let lane = self.lane(id);
        lane.turns.remove(turn);
        let is_new = lane.kept.insert(turn.clone());
        let is_other = match waits {
            true => lane.idle.remove(turn),
            false => lane.idle.insert(turn.clone()),
        };
        self.settle(id);
        !waits && (is_new || is_other)
    }

    /// No room is kept any more for a pod, which still waits.
    pub(super) fn keep_no_more(&mut self, id: LaneId, turn: &Turn) {
        let lane = self.lane(id);
        if lane.kept.remove(turn) {
            lane.idle.remove(turn);
            lane.turns.insert(turn.clone());
        }
        self.settle(id);
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
        self.stuck.iter().map(|(_, id)| *id).collect()
    }

    /// Those that are stuck, of a priority above `lowest` and not above `highest`; that of the lowest
    /// first.
    pub(super) fn stuck_between(&self, lowest: i32, highest: i32) -> Vec<LaneId> {
        let above = self.stuck.range((lowest, LaneId::MAX)..=(highest, LaneId::MAX));
        above.map(|(_, id)| *id).collect()
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
        self.all.values().all(Lane::is_empty)
    }

    /// The lane of `class`, made if there is none.
    fn of(&mut self, class: &Arc<Class>, nodes: &mut Nodes) -> LaneId {
        if let Some(id) = self.ids.get(class) {
            return *id;
        }
        if self.all.len() >= self.sweep_at.max(SCHEDULER_LANES_MAX) {
            self.forget_empty(nodes);
            // Where most have pods, it is not worth the while for each that comes.
            self.sweep_at = 2 * self.all.len();
        }
        let id = self.next;
        self.next += 1;
        let lane = Lane {
            class: Arc::clone(class),
            turns: BTreeSet::new(),
            kept: BTreeSet::new(),
            idle: BTreeSet::new(),
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
            let is_kept = !lane.is_empty();
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
        let head = if lane.is_stuck { None } else { lane.first() };
        if lane.head.as_ref() != head {
            let head = head.cloned();
            if let Some(before) = std::mem::replace(&mut lane.head, head) {
                self.ready.remove(&before);
            }
            if let Some(head) = &lane.head {
                self.ready.insert(head.clone(), id);
            }
        }
        if lane.is_stuck || !self.stuck.is_empty() {
            let stands = (lane.class.request.priority, id);
            match lane.is_stuck {
                true => self.stuck.insert(stands),
                false => self.stuck.remove(&stands),
            };
            match lane.is_stuck && !lane.untold.is_empty() {
                true => self.untold.insert(id),
                false => self.untold.remove(&id),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Pod;
    use crate::scheduler::request::Request;

    /// Has a pod of a sort of its own wait.
    fn join(lanes: &mut Lanes, number: usize) -> (LaneId, Turn) {
        let selector = [("sort".to_owned(), number.to_string())].into();
        let request = Arc::new(Request { selector, ..Request::default() });
        let class = Arc::new(Class { request, selected_by: Vec::new() });
        let turn = Turn::of(&Pod::default(), 0, &Arc::from(number.to_string()));
        let nodes = &mut Nodes::default();
        (lanes.join(&class, turn.clone(), false, nodes), turn)
    }

    #[test]
    fn those_that_are_empty_go_and_are_not_looked_for_each_time() {
        let mut lanes = Lanes::default();
        let mut sweeps = 0;
        let mut joined = Vec::new();
        for number in 0..10 * SCHEDULER_LANES_MAX {
            let before = lanes.sweep_at;
            joined.push(join(&mut lanes, number));
            sweeps += u32::from(lanes.sweep_at != before);
        }
        assert_eq!(sweeps, 4, "at 256, 512, 1,024 and 2,048");
        for (id, turn) in &joined {
            lanes.leave(*id, turn);
        }
        for number in 0..10 * SCHEDULER_LANES_MAX {
            let (id, turn) = join(&mut lanes, 10_000 + number);
            lanes.leave(id, &turn);
        }
        assert!(lanes.all.len() <= SCHEDULER_LANES_MAX, "{}", lanes.all.len());
    }
}
