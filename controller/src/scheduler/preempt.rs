//! Who has to go so that a pod of a higher priority finds a place. Pure.
//!
//! Source: Kubernetes' plugin DefaultPreemption. Of the nodes where it helps if pods of lower
//! priorities go, that is taken where the most important of them is the least important, then where
//! they are the least and the fewest. There are no PodDisruptionBudgets here.

use std::cmp::Reverse;
use std::sync::Arc;

use super::bound::Importance;
use super::company::{self, Company};
use super::index::{Decision, Index, On};
use super::lanes::LaneId;
use super::nodes::{Look, NodeId, Refusal};
use super::request::Class;
use super::selectors::Step;
use crate::limits::PREEMPTION_VICTIMS_MAX;

/// What it costs that some pods go: the less the better.
type Cost = (i32, i64, usize, Reverse<(bool, Option<crate::api::Timestamp>)>);

impl Index {
    /// Has others go for the first pod of a lane that no node takes, if that helps.
    pub(super) fn preempt(&mut self, id: LaneId) -> Option<Decision> {
        let lane = self.lanes.lane(id);
        let (class, turn) = (Arc::clone(&lane.class), lane.first()?.clone());
        let priority = class.request.priority;
        if !class.request.preempts || !self.bound.has_below(priority) {
            return None;
        }
        self.keep_bound();
        if self.waits_for_victims(&turn.uid, priority) {
            return None;
        }
        let nodes: Vec<NodeId> = self.nodes.known().into_iter().map(|(node, _)| node).collect();
        let mut best: Option<(Cost, NodeId, Vec<Importance>)> = None;
        for node in nodes {
            let Some(victims) = self.victims(&class, node) else { continue };
            let cost = cost(&victims);
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, node, victims));
            }
        }
        let (_, node, victims) = best?;
        let message = self.why_not(id, false);
        self.nominate(&turn.uid, node);
        self.lanes.told(id, &turn);
        for victim in &victims {
            if let Some(place) = self.pods.get_mut(&victim.uid) {
                place.is_preempted = true;
            }
        }
        let pod = |uid: &Arc<str>| self.pods.get(uid).map(|place| Arc::clone(&place.pod));
        let victims = victims.iter().filter_map(|victim| pod(&victim.uid)).collect();
        let node = self.nodes[node].name().clone();
        Some(Decision::Preempt { pod: pod(&turn.uid)?, node, victims, message })
    }

    /// Whether pods are on their way out for this one already.
    fn waits_for_victims(&self, uid: &str, priority: i32) -> bool {
        let node = self.pods.get(uid).and_then(|place| place.nominated);
        let below = node.map(|node| self.bound.below(node, priority)).unwrap_or_default();
        below
            .iter()
            .filter_map(|it| self.pods.get(&it.uid))
            .any(|place| place.is_preempted || place.pod.metadata.deletion_timestamp.is_some())
    }

    fn keep_bound(&mut self) {
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

    /// The fewest and least important pods that have to leave a node, the most important first; none
    /// if that would not help.
    fn victims(&mut self, class: &Class, node: NodeId) -> Option<Vec<Importance>> {
        let below = self.bound.below(node, class.request.priority);
        if below.is_empty() || self.is_refused_for_ever(class, node) {
            return None;
        }
        below.iter().for_each(|pod| self.shift(&pod.uid, node, Step::Leaves));
        if !self.would_take(class, node) {
            below.iter().for_each(|pod| self.shift(&pod.uid, node, Step::Comes));
            return None;
        }
        let mut victims = Vec::new();
        for pod in below.iter().rev() {
            self.shift(&pod.uid, node, Step::Comes);
            if !self.would_take(class, node) {
                self.shift(&pod.uid, node, Step::Leaves);
                victims.push(pod.clone());
            }
        }
        victims.iter().for_each(|pod| self.shift(&pod.uid, node, Step::Comes));
        (1..=PREEMPTION_VICTIMS_MAX).contains(&victims.len()).then_some(victims)
    }

    fn is_refused_for_ever(&mut self, class: &Class, node: NodeId) -> bool {
        let refusals = self.nodes[node].refusals(&class.request);
        if !refusals.is_empty() {
            return refusals.iter().any(|refusal| !refusal.is_for_now);
        }
        self.company_refusal(class, node).is_some_and(|refusal| !refusal.is_for_now)
    }

    fn would_take(&mut self, class: &Class, node: NodeId) -> bool {
        self.work.nodes += 1;
        self.nodes[node].look(&class.request) == Look::Fits
            && self.company_refusal(class, node).is_none()
    }

    fn company_refusal(&mut self, class: &Class, node: NodeId) -> Option<Refusal> {
        if !company::depends_on_pods(class) {
            return None;
        }
        Company::of(class, &self.nodes, &self.selectors, &mut self.work).refusal(node)
    }

    /// Takes a pod off its node, or puts it back, only to see what that would mean.
    fn shift(&mut self, uid: &str, node: NodeId, step: Step) {
        let Some(place) = self.pods.get(uid) else { return };
        let request = &place.class.request;
        self.nodes.shift(node, request, step);
        let constraints = request.constraints.as_deref();
        self.selectors.shift(&place.class.selected_by, constraints, node, step);
    }
}

fn cost(victims: &[Importance]) -> Cost {
    let highest = victims.first().map(|it| it.priority).unwrap_or_default();
    // Each counts, also those below zero.
    let sum = victims.iter().map(|it| i64::from(it.priority) + i64::from(i32::MAX) + 1).sum();
    let most_important = victims.iter().filter(|it| it.priority == highest);
    let earliest = most_important.map(|it| it.started.0).min().unwrap_or_default();
    (highest, sum, victims.len(), Reverse(earliest))
}
