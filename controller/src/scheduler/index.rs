//! Everything that the scheduler knows, folded from changes, and what it makes of it. Pure.
//!
//! The cost of a change does not grow with the pods that wait: those that ask for the same are
//! decided together, and looked at again only when something has become free.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::nodes::{NodeTally, Refusal, unschedulable};
use super::request::{Request, Standing, Turn};
use crate::api::{Key, Node, Pod, Resource};
use crate::quota::OperatorLimits;

/// Nodes, the pods on them and the pods that wait.
#[derive(Debug, Default)]
pub(super) struct Index {
    nodes: BTreeMap<String, NodeTally>,
    /// Pods that take up room or wait, by uid.
    pods: HashMap<String, Place, RandomState>,
    waiting: BTreeMap<Arc<Request>, Queue>,
    operator: OperatorLimits,
}

#[derive(Debug)]
struct Place {
    request: Arc<Request>,
    /// The node it is on, or its turn.
    on: Result<String, Turn>,
}

/// Pods that ask for the same, the oldest first.
#[derive(Debug, Default)]
struct Queue {
    turns: BTreeSet<Turn>,
    /// Those that nobody has told yet that they have to wait.
    untold: BTreeSet<Turn>,
    /// Whether no node takes any of them, as things are.
    is_stuck: bool,
}

/// What is to be done about one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Bind {
        key: Key,
        uid: String,
        node: String,
    },
    /// It has to wait, and is told why.
    Wait {
        key: Key,
        uid: String,
        message: String,
    },
}

impl Index {
    /// One that knows nothing yet but what the operator lets pods have.
    pub(super) fn new(operator: OperatorLimits) -> Self {
        Self { operator, ..Self::default() }
    }

    /// Takes note of a pod as it is now.
    pub(super) fn pod(&mut self, pod: &Pod) {
        let uid = pod.uid();
        match (Standing::of(pod), self.pods.get(uid)) {
            (Standing::Indifferent, _) => self.pod_gone(uid),
            // Room is taken when it is decided: what comes back of it is no news.
            (Standing::Bound(node), Some(place)) if place.on.as_ref() == Ok(&node) => {}
            (Standing::Waiting, Some(_)) => {}
            (Standing::Bound(node), _) => {
                self.pod_gone(uid);
                let request = Arc::new(Request::of(pod, &self.operator));
                self.bound(uid, request, node);
            }
            (Standing::Waiting, None) => {
                let request = Arc::new(Request::of(pod, &self.operator));
                let (request, turn) = (self.shared(request), Turn::of(pod));
                let queue = self.waiting.entry(Arc::clone(&request)).or_default();
                if !is_told(pod) {
                    queue.untold.insert(turn.clone());
                }
                queue.turns.insert(turn.clone());
                self.pods.insert(uid.to_owned(), Place { request, on: Err(turn) });
            }
        }
    }

    /// Takes note that a pod takes up room no more, and does not wait.
    pub(super) fn pod_gone(&mut self, uid: &str) {
        let Some(Place { request, on }) = self.pods.remove(uid) else { return };
        match on {
            Ok(node) => {
                if let Some(tally) = self.nodes.get_mut(&node) {
                    tally.release(&request);
                }
                self.look_again();
            }
            Err(turn) => self.unqueue(&request, &turn),
        }
    }

    /// Takes note of a node as it is now.
    pub(super) fn node(&mut self, node: &Node) {
        self.nodes.entry(node.key().name.to_string()).or_default().describe(node);
        self.look_again();
    }

    /// Takes note that a node is no more.
    pub(super) fn node_gone(&mut self, name: &str) {
        if let Some(tally) = self.nodes.get_mut(name) {
            tally.forget();
        }
    }

    /// Whether there is a node at all.
    pub(super) fn has_nodes(&self) -> bool {
        self.nodes.values().any(NodeTally::is_known)
    }

    /// Decides on at most `decisions_max` pods, the oldest first, and takes their room.
    pub(super) fn decide(&mut self, decisions_max: usize) -> Vec<Decision> {
        let mut decisions = Vec::new();
        // The pod whose turn it is, of each request that is not stuck.
        let mut heads: BTreeMap<Turn, Arc<Request>> = BTreeMap::new();
        for (request, queue) in self.waiting.iter().filter(|(_, queue)| !queue.is_stuck) {
            if let Some(turn) = queue.turns.first() {
                heads.insert(turn.clone(), Arc::clone(request));
            }
        }
        while decisions.len() < decisions_max
            && let Some((turn, request)) = heads.pop_first()
        {
            let Some(node) = self.roomiest(&request) else {
                self.queue(&request).is_stuck = true;
                continue;
            };
            self.unqueue(&request, &turn);
            self.bound(&turn.uid, Arc::clone(&request), node.clone());
            if let Some(queue) = self.waiting.get(&request)
                && let Some(next) = queue.turns.first()
            {
                heads.insert(next.clone(), request);
            }
            decisions.push(Decision::Bind { key: turn.key, uid: turn.uid, node });
        }
        self.tell(&mut decisions, decisions_max);
        decisions
    }

    /// Tells the pods that are stuck why, each once.
    fn tell(&mut self, decisions: &mut Vec<Decision>, decisions_max: usize) {
        let nodes = &self.nodes;
        for (request, queue) in &mut self.waiting {
            if !queue.is_stuck || queue.untold.is_empty() {
                continue;
            }
            let known = nodes.values().filter(|tally| tally.is_known());
            let refusals: Vec<Vec<Refusal>> = known.map(|it| it.refusals(request)).collect();
            let message = unschedulable(&refusals);
            while decisions.len() < decisions_max
                && let Some(Turn { key, uid, .. }) = queue.untold.pop_first()
            {
                decisions.push(Decision::Wait { key, uid, message: message.clone() });
            }
        }
    }

    /// The node with the fewest pods of those that take this.
    fn roomiest(&self, request: &Request) -> Option<String> {
        let nodes = self.nodes.iter().filter(|(_, tally)| tally.is_known());
        let fitting = nodes.filter(|(_, tally)| tally.refusals(request).is_empty());
        fitting.min_by_key(|(_, tally)| tally.pods()).map(|(name, _)| name.clone())
    }

    fn bound(&mut self, uid: &str, request: Arc<Request>, node: String) {
        self.nodes.entry(node.clone()).or_default().take(&request);
        self.pods.insert(uid.to_owned(), Place { request, on: Ok(node) });
    }

    fn unqueue(&mut self, request: &Arc<Request>, turn: &Turn) {
        let Some(queue) = self.waiting.get_mut(request) else { return };
        queue.turns.remove(turn);
        queue.untold.remove(turn);
        if queue.turns.is_empty() {
            self.waiting.remove(request);
        }
    }

    fn queue(&mut self, request: &Arc<Request>) -> &mut Queue {
        self.waiting.entry(Arc::clone(request)).or_default()
    }

    /// Something has become free, so nobody is stuck any more.
    fn look_again(&mut self) {
        for queue in self.waiting.values_mut() {
            queue.is_stuck = false;
        }
    }

    /// The same request, held once.
    fn shared(&self, request: Arc<Request>) -> Arc<Request> {
        self.waiting.get_key_value(&request).map_or(request, |(known, _)| Arc::clone(known))
    }
}

/// Whether an earlier process has told the pod already that it has to wait.
fn is_told(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut scheduled = conditions.filter(|condition| condition.type_ == "PodScheduled");
    scheduled.any(|condition| condition.reason.as_deref() == Some("Unschedulable"))
}

#[cfg(test)]
mod tests;
