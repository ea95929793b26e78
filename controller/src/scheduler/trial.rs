//! Who would have to leave a node so that it takes a pod: tried on what is known, which stays as it
//! is. Pure.
//!
//! Source: `SelectVictimsOnNode` and `MoreImportantPod` of Kubernetes' preemption.

use std::cmp::Reverse;

use super::bound::{Bound, Importance};
use super::company::{self, Company};
use super::index::{Index, Pods};
use super::message::NO_VICTIMS;
use super::nodes::{NodeId, Nodes};
use super::request::Class;
use super::room::Room;
use super::selectors::Step;
use super::sight::Work;
use crate::api::Timestamp;
use crate::limits::PREEMPTION_VICTIMS_MAX;

/// What it costs that some pods go: the less the better.
type Cost = (i32, i64, usize, Reverse<(bool, Option<Timestamp>)>);

/// A pod of `class` that no node takes, and all that it is held against.
pub(super) struct Trial<'a> {
    class: &'a Class,
    /// Which pod it is: what is kept for others of its sort is not kept for it.
    uid: &'a str,
    nodes: &'a Nodes,
    bound: &'a Bound,
    pods: &'a Pods,
    company: Option<Company<'a>>,
    work: &'a mut Work,
}

/// What a node would be to a pod if all that are less important left it.
enum Emptied<'a> {
    /// The same, since there are none.
    Same,
    /// It would not take it either, in the scheduler's own words.
    Refuses(Vec<String>),
    /// It would take it, with so much left.
    Takes(Room<'a>),
}

impl<'a> Trial<'a> {
    /// Of the pod `uid`; which is where has to be kept.
    pub(super) fn of(index: &'a mut Index, class: &'a Class, uid: &'a str) -> Self {
        let Index { nodes, bound, pods, selectors, work, .. } = index;
        let company =
            company::depends_on_pods(class).then(|| Company::of(class, nodes, selectors, work));
        Self { class, uid, nodes, bound, pods, company, work }
    }

    /// The node where it costs the least, and who has to go from there, the most important first;
    /// nothing if that helps nowhere.
    pub(super) fn best(mut self) -> Option<(NodeId, Vec<Importance>)> {
        let mut best: Option<(Cost, NodeId, Vec<Importance>)> = None;
        for (node, _) in self.nodes.known() {
            let Some(victims) = self.victims(node) else { continue };
            let cost = cost(&victims);
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, node, victims));
            }
        }
        best.map(|(_, node, victims)| (node, victims))
    }

    /// The fewest and least important pods that have to leave a node, the most important first; none
    /// if that would not help.
    fn victims(&mut self, node: NodeId) -> Option<Vec<Importance>> {
        let (bound, priority) = (self.bound, self.class.request.priority);
        bound.below(node, priority).next()?;
        if self.is_refused_for_ever(node) {
            return None;
        }
        let emptied = self.empty(node);
        let victims = match emptied {
            Emptied::Takes(mut room) => self.put_back(node, &mut room),
            Emptied::Same | Emptied::Refuses(_) => {
                self.shift_all(node, Step::Comes);
                return None;
            }
        };
        (1..=PREEMPTION_VICTIMS_MAX).contains(&victims.len()).then_some(victims)
    }

    /// Why a node that refuses a pod for now would do so even if all went that are less important.
    pub(super) fn why_not(&mut self, node: NodeId) -> Vec<String> {
        let why = match self.empty(node) {
            Emptied::Refuses(why) => why,
            Emptied::Same | Emptied::Takes(_) => vec![NO_VICTIMS.to_owned()],
        };
        self.shift_all(node, Step::Comes);
        why
    }

    fn is_refused_for_ever(&self, node: NodeId) -> bool {
        let refusals = self.nodes[node].refusals(&self.class.request);
        if !refusals.is_empty() {
            return refusals.iter().any(|refusal| !refusal.is_for_now);
        }
        let refusal = self.company.as_ref().and_then(|it| it.refusal(node));
        refusal.is_some_and(|refusal| !refusal.is_for_now)
    }

    /// Has all leave that are less important.
    fn empty(&mut self, node: NodeId) -> Emptied<'a> {
        let (request, bound) = (&self.class.request, self.bound);
        let mut below = bound.below(node, request.priority).peekable();
        if below.peek().is_none() {
            return Emptied::Same;
        }
        let mut room = self.nodes[node].room(request, Some(self.uid));
        for pod in below {
            self.work.pods += 1;
            if let Some(class) = self.class_of(pod) {
                room.leave(&class.request);
            }
        }
        self.shift_all(node, Step::Leaves);
        if !room.is_enough() {
            return Emptied::Refuses(room.missing().collect());
        }
        match self.company.as_ref().and_then(|it| it.refusal(node)) {
            Some(refusal) => Emptied::Refuses(vec![refusal.reason]),
            None => Emptied::Takes(room),
        }
    }

    /// Has all come back that may stay, the most important first: those that may not. Then these are
    /// back, too.
    fn put_back(&mut self, node: NodeId, room: &mut Room<'_>) -> Vec<Importance> {
        let (request, bound) = (&self.class.request, self.bound);
        let below: Vec<_> = bound.below(node, request.priority).collect();
        // What there would be if all that are not found yet came back.
        let mut with_rest = self.nodes[node].room(request, Some(self.uid));
        let mut victims = Vec::new();
        for pod in below.into_iter().rev() {
            // Nobody else has to go: what remains fits.
            if self.company.is_none() && with_rest.is_enough() {
                break;
            }
            self.work.pods += 1;
            let Some(class) = self.class_of(pod) else { continue };
            room.come(&class.request);
            self.shift(class, node, Step::Comes);
            let refusal = || self.company.as_ref().and_then(|it| it.refusal(node));
            if !room.is_enough() || refusal().is_some() {
                room.leave(&class.request);
                self.shift(class, node, Step::Leaves);
                with_rest.leave(&class.request);
                victims.push(pod.clone());
            }
        }
        for pod in &victims {
            if let Some(class) = self.class_of(pod) {
                self.shift(class, node, Step::Comes);
            }
        }
        victims
    }

    fn class_of(&self, pod: &Importance) -> Option<&'a Class> {
        self.pods.get(&pod.uid).map(|place| &*place.class)
    }

    /// Takes all off a node that are less important, or puts them back.
    fn shift_all(&mut self, node: NodeId, step: Step) {
        if self.company.is_none() {
            return;
        }
        for pod in self.bound.below(node, self.class.request.priority) {
            if let Some(class) = self.class_of(pod) {
                self.shift(class, node, step);
            }
        }
    }

    fn shift(&mut self, other: &Class, node: NodeId, step: Step) {
        if let Some(company) = &mut self.company {
            company.shift(other, node, step);
        }
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
