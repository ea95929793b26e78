//! Who has to go so that a pod of a higher priority finds a place. Pure.
//!
//! Source: Kubernetes' plugin DefaultPreemption. Of the nodes where it helps if pods of lower
//! priorities go, that is taken where the most important of them is the least important, then where
//! they are the least and the fewest. There are no PodDisruptionBudgets here.

use std::sync::Arc;

use super::bound::Importance;
use super::index::{Decision, Index, On};
use super::lanes::LaneId;
use super::message::Preemption;
use super::nodes::NodeId;
use super::request::{Class, Turn};
use super::trial::Trial;
use crate::api::Pod;

impl Index {
    /// Has others go for the next pod of a lane that no node takes, or has it give up the room that
    /// is kept for it to no use; nothing if there is none that this helps.
    ///
    /// Each pod of the lane has its own turn: those that wait for others to go are passed over.
    pub(super) fn preempt(&mut self, id: LaneId) -> Vec<Decision> {
        let lane = self.lanes.lane(id);
        let class = Arc::clone(&lane.class);
        if !class.request.preempts {
            return Vec::new();
        }
        if let Some(turn) = lane.first_idle().cloned() {
            let others_go = self.preempt_for(id, &class, &turn);
            return if others_go.is_empty() { self.give_up(id, &turn) } else { others_go };
        }
        let next = lane.first_without().cloned();
        next.map(|turn| self.preempt_for(id, &class, &turn)).unwrap_or_default()
    }

    /// Has others go for a pod, if that helps.
    fn preempt_for(&mut self, id: LaneId, class: &Class, turn: &Turn) -> Vec<Decision> {
        let priority = class.request.priority;
        if !self.bound.has_below(priority) {
            return Vec::new();
        }
        self.keep_bound();
        let Some((node, victims)) = Trial::of(self, class, &turn.uid).best() else {
            return Vec::new();
        };
        let message = self.why_not(id, None);
        let victims: Vec<_> = victims.iter().filter_map(|it| self.has_to_go(node, it)).collect();
        self.nominate(&turn.uid, node);
        self.lanes.told(id, turn);
        let Some(place) = self.pods.get(&turn.uid) else { return Vec::new() };
        let (pod, name) = (Arc::clone(&place.pod), self.nodes[node].name().clone());
        let mut decisions = vec![Decision::Preempt { pod, node: name, victims, message }];
        // Those that are less important may not fit there any more, and look for another place.
        let nominated = self.nodes[node].nominated.iter();
        let lower: Vec<_> = nominated.filter(|(_, it)| it.priority < priority).cloned().collect();
        decisions.extend(lower.iter().filter_map(|(uid, _)| self.keeps_no_room(uid)));
        decisions
    }

    /// Takes note that a pod has to go from a node: that pod, if it does not go already.
    fn has_to_go(&mut self, node: NodeId, victim: &Importance) -> Option<Arc<Pod>> {
        let place = self.pods.get_mut(&victim.uid)?;
        let goes_already = place.is_preempted || place.pod.metadata.deletion_timestamp.is_some();
        place.is_preempted = true;
        self.bound.goes(node, &victim.uid, victim.priority);
        (!goes_already).then(|| Arc::clone(&place.pod))
    }

    /// A pod for which others have gone to no use keeps no room, and is told why it waits.
    fn give_up(&mut self, id: LaneId, turn: &Turn) -> Vec<Decision> {
        let given_up = self.keeps_no_room(&turn.uid);
        self.lanes.keep_no_more(id, turn);
        self.lanes.told(id, turn);
        let message = self.why_not(id, Some(Preemption::Fails));
        let pod = self.pods.get(&turn.uid).map(|place| Arc::clone(&place.pod));
        let told = pod.map(|pod| Decision::Wait { pod, message });
        given_up.into_iter().chain(told).collect()
    }

    /// Keeps from now on which pod is where.
    pub(super) fn keep_bound(&mut self) {
        if self.bound.is_kept() {
            return;
        }
        let pods = self.pods.iter().filter_map(|(uid, place)| match place.on {
            On::Node(node) => {
                let priority = place.class.request.priority;
                Some((node, Importance::of(uid, &place.pod, priority)))
            }
            On::Lane(..) => None,
        });
        self.bound.keep(pods);
    }
}
