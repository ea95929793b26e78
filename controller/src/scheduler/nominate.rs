//! Room that is kept on nodes for pods that others go for, and who may have others go by now. Pure.
//!
//! Source: `status.nominatedNodeName`, and `PodEligibleToPreemptOthers` of Kubernetes' plugin
//! DefaultPreemption.

use std::sync::Arc;

use super::index::{Decision, Index, On};
use super::nodes::NodeId;
use super::room::Sum;

impl Index {
    /// Keeps room on a node for a pod that waits.
    pub(super) fn nominate(&mut self, uid: &Arc<str>, node: NodeId) {
        let Some(place) = self.pods.get_mut(uid) else { return };
        let before = place.nominated.replace(node);
        if before != Some(node) {
            let request = Arc::clone(&place.class.request);
            self.nodes.nominate(node, uid, &request);
            self.nominate_no_more(uid, before);
        }
        self.settle_nominees(node);
    }

    /// Keeps room no more for a pod that may wait no more, either.
    pub(super) fn nominate_no_more(&mut self, uid: &str, node: Option<NodeId>) {
        let Some(node) = node else { return };
        if let Some((request, helped)) = self.nodes.nominate_no_more(node, uid) {
            self.look_again(helped);
            self.wake_preemptors(node, request.priority);
        }
    }

    /// A pod that still waits has no room kept for it any more: what is to be done about that.
    pub(super) fn keeps_no_room(&mut self, uid: &str) -> Option<Decision> {
        let place = self.pods.get_mut(uid)?;
        let node = place.nominated.take()?;
        let pod = Arc::clone(&place.pod);
        if let On::Lane(lane, turn) = &place.on {
            let lane = *lane;
            self.lanes.keep_no_more(lane, turn);
            self.look_again(vec![lane]);
        }
        self.nominate_no_more(uid, Some(node));
        Some(Decision::GiveUp { pod })
    }

    /// Those for which room is kept on a node wait as long as others go from there for them, and
    /// the node may take them at all. Who waits for nobody may have others go again.
    pub(super) fn settle_nominees(&mut self, node: NodeId) {
        let mut helped = Vec::new();
        for (uid, request) in &self.nodes[node].nominated {
            let Some(On::Lane(lane, turn)) = self.pods.get(uid).map(|it| &it.on) else { continue };
            let waits = self.bound.go_below(node, request.priority)
                && !self.nodes[node].is_out_of_question(request);
            if self.lanes.keep(*lane, turn, waits) {
                helped.push(*lane);
            }
        }
        self.look_again(helped);
    }

    /// A pod of `priority` is on a node no more, or no room is kept for it there any more. Who is
    /// stuck may now have others go from there, if that makes enough room: those that are not more
    /// important. For one that is, the pod would have gone itself.
    pub(super) fn wake_preemptors(&mut self, node: NodeId, priority: i32) {
        let Some(lowest) = self.bound.lowest().filter(|lowest| *lowest < priority) else { return };
        let stuck = self.lanes.stuck_between(lowest, priority);
        if stuck.is_empty() {
            return;
        }
        self.keep_bound();
        let mut helped = Vec::new();
        let mut below = self.bound.on(node).peekable();
        let mut gone = Sum::default();
        for id in stuck {
            self.work.nodes += 1;
            let request = &self.lanes.lane(id).class.request;
            while let Some(pod) = below.next_if(|it| it.priority < request.priority) {
                if let Some(place) = self.pods.get(&pod.uid) {
                    gone.add(&place.class.request);
                }
            }
            let tally = &self.nodes[node];
            if request.preempts && !gone.is_nothing() && !tally.is_out_of_question(request) {
                let mut room = tally.room(request, None);
                room.leave_all(&gone);
                if room.is_enough() {
                    helped.push(id);
                }
            }
        }
        drop(below);
        self.look_again(helped);
    }
}
