//! Everything that the scheduler knows, folded from changes, and what it makes of it. Pure.
//!
//! The cost of a change, and of a decision, does not grow with the pods that wait or are bound: those
//! that ask for the same are decided together, and looked at again only when something has come that
//! may help them; what pods ask of one another is answered by counts that are kept.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::bound::Bound;
use super::company::{self, Company};
use super::known::Requests;
use super::labels::Labels;
use super::lanes::{LaneId, Lanes};
use super::nodes::{NodeId, Nodes};
use super::request::{Class, Standing, Turn};
use super::selectors::{Selectors, Step};
use super::sight::Work;
use crate::api::{Namespace, Node, Pod, Resource};
use crate::limits::PREEMPTION_TRIALS_MAX;
use crate::quota::OperatorLimits;

/// Nodes, the pods on them and the pods that wait.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) nodes: Nodes,
    /// Pods that take up room or wait, by uid.
    pub(super) pods: Pods,
    pub(super) lanes: Lanes,
    pub(super) selectors: Selectors,
    pub(super) bound: Bound,
    pub(super) labels: Labels,
    requests: Requests,
    is_stale: bool,
    pub(super) work: Work,
}

/// Pods by their uids.
pub(super) type Pods = HashMap<Arc<str>, Place, RandomState>;

#[derive(Debug)]
pub(super) struct Place {
    /// As it was seen last.
    pub(super) pod: Arc<Pod>,
    pub(super) class: Arc<Class>,
    pub(super) on: On,
    /// Where room is kept for it, while it waits.
    pub(super) nominated: Option<NodeId>,
    /// It was decided that it has to go for another.
    pub(super) is_preempted: bool,
}

#[derive(Debug)]
pub(super) enum On {
    Node(NodeId),
    Lane(LaneId, Turn),
}

/// What is to be done about one pod.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    Bind {
        pod: Arc<Pod>,
        node: Arc<str>,
    },
    /// It has to wait, and is told why.
    Wait {
        pod: Arc<Pod>,
        message: String,
    },
    /// It has to wait for others to go.
    Preempt {
        pod: Arc<Pod>,
        node: Arc<str>,
        /// Those that do not go already.
        victims: Vec<Arc<Pod>>,
        message: String,
    },
    /// It waits on, and no room is kept for it any more.
    GiveUp {
        pod: Arc<Pod>,
    },
}

impl Index {
    /// One that knows nothing yet but what the operator lets pods have.
    pub(super) fn new(operator: OperatorLimits) -> Self {
        Self { requests: Requests::new(operator), ..Self::default() }
    }

    /// Takes note of a pod as it is now.
    pub(super) fn pod(&mut self, pod: &Arc<Pod>) {
        let uid = pod.uid();
        let labels_matter = self.labels.are_kept();
        match (Standing::of(pod), self.pods.get_mut(uid)) {
            (Standing::Indifferent, _) => self.pod_gone(uid),
            (Standing::Bound(node), Some(place))
                if place.on.is(node, &self.nodes)
                    && !(labels_matter && is_another(&place.pod, pod)) =>
            {
                // Room is taken when it is decided: what comes back of it is no news.
                let before = std::mem::replace(&mut place.pod, Arc::clone(pod));
                if self.bound.is_kept() {
                    self.may_have_started(uid, &before);
                }
            }
            // What was decided is not written yet.
            (Standing::Waiting, Some(Place { on: On::Node(_), .. })) => {}
            (Standing::Waiting, Some(place))
                if place.pod.spec == pod.spec
                    && !(labels_matter && is_another(&place.pod, pod)) =>
            {
                place.pod = Arc::clone(pod);
            }
            (Standing::Bound(node), _) => {
                self.pod_gone(uid);
                let node = self.nodes.id(node);
                self.is_bound(pod, node);
            }
            (Standing::Waiting, _) => {
                self.pod_gone(uid);
                self.waits(pod);
            }
        }
    }

    /// Takes note that a pod takes up room no more, and does not wait.
    pub(super) fn pod_gone(&mut self, uid: &str) {
        let Some((uid, place)) = self.pods.remove_entry(uid) else { return };
        let Place { pod, class, on, nominated, is_preempted } = place;
        self.labels.remove(&uid, &pod);
        let constraints = class.request.constraints.as_deref();
        match on {
            On::Lane(lane, turn) => {
                self.lanes.leave(lane, &turn);
                self.nominate_no_more(&uid, nominated);
            }
            On::Node(node) => {
                let priority = class.request.priority;
                self.bound.remove(node, &uid, &pod, priority);
                let mut helped = self.nodes.release(node, &class.request);
                let step = Step::Leaves;
                helped.extend(self.selectors.step(&class.selected_by, constraints, node, step));
                self.look_again(helped);
                self.wake_preemptors(node, priority);
                if is_preempted {
                    self.bound.went(node, &uid, priority);
                    self.settle_nominees(node);
                }
            }
        }
        if let Some(constraints) = constraints {
            for (id, selector) in self.selectors.end(constraints) {
                self.is_selected_no_more(id, &selector);
            }
        }
    }

    /// Takes note of a node as it is now.
    pub(super) fn node(&mut self, node: &Node) {
        if let Some(node) = self.nodes.describe(node) {
            self.node_changed(node);
        }
    }

    /// Takes note that a node is no more.
    pub(super) fn node_gone(&mut self, name: &str) {
        if let Some(node) = self.nodes.forget(name) {
            self.node_changed(node);
        }
    }

    /// Takes note of a namespace as it is now.
    pub(super) fn namespace(&mut self, namespace: &Namespace) {
        let (name, labels) = (namespace.key().name, namespace.metadata.labels.clone());
        let labels = labels.unwrap_or_default();
        let namespaces = &mut self.selectors.namespaces;
        let is_new = !namespaces.contains_key(&*name);
        // One that is not known is taken to have no labels.
        let before = namespaces.insert(name.to_string(), labels.clone()).unwrap_or_default();
        // Mostly it is there before its pods, and nobody has been held against it yet.
        let is_of = |place: &Place| place.pod.metadata.namespace.as_deref() == Some(&*name);
        self.is_stale |= before != labels
            && self.selectors.look_at_namespaces()
            && (!is_new || self.pods.values().any(is_of));
    }

    /// Takes note that a namespace is no more.
    pub(super) fn namespace_gone(&mut self, name: &str) {
        self.selectors.namespaces.remove(name);
    }

    /// Whether it has to be made anew, since other pods are selected than before.
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// Whether there is a node at all.
    pub(super) fn has_nodes(&self) -> bool {
        self.nodes.is_some()
    }

    /// What has been done so far to decide.
    pub(super) fn work(&self) -> Work {
        self.work
    }

    /// Decides on at most `decisions_max` pods, those of the highest priority and then the oldest
    /// first, and takes their room.
    pub(super) fn decide(&mut self, decisions_max: usize) -> Vec<Decision> {
        let (mut decisions, mut others) = (Vec::new(), 0);
        let tried_max = self.work.pods + PREEMPTION_TRIALS_MAX;
        while decisions.len() + others < decisions_max
            && (decisions.is_empty() || self.work.pods < tried_max)
            && let Some((turn, lane)) = self.lanes.first()
        {
            if let Some(node) = self.best_node(lane) {
                decisions.extend(self.bind(turn, lane, node));
                continue;
            }
            let others_go = self.preempt(lane);
            if others_go.is_empty() {
                self.stick(lane);
            }
            for decision in &others_go {
                // Those that go are decided on, too.
                if let Decision::Preempt { victims, .. } = decision {
                    others += victims.len();
                }
            }
            decisions.extend(others_go);
        }
        self.tell(&mut decisions, decisions_max);
        decisions
    }

    /// The best node for the pods of a lane, if one takes them.
    fn best_node(&mut self, id: LaneId) -> Option<NodeId> {
        let Self { nodes, lanes, selectors, work, .. } = self;
        let lane = lanes.lane(id);
        lane.sight.refresh(id, &lane.class.request, nodes, work);
        let mut fitting = lane.sight.fitting().peekable();
        fitting.peek()?;
        if !company::matters(&lane.class, nodes.have_mild_taints()) {
            return fitting.next().map(|rank| rank.node);
        }
        Company::of(&lane.class, nodes, selectors, work).best(fitting)
    }

    /// Binds the pod whose turn it is, or one that asks for the same and for which room is kept there.
    fn bind(&mut self, turn: Turn, lane: LaneId, node: NodeId) -> Option<Decision> {
        let request = &self.lanes.lane(lane).class.request;
        let nominee = self.nodes[node].nominee(request).and_then(|uid| self.pods.get(uid));
        let turn = match nominee.map(|place| &place.on) {
            Some(On::Lane(of, nominee)) if *of == lane => nominee.clone(),
            _ => turn,
        };
        self.lanes.leave(lane, &turn);
        let place = self.pods.get_mut(&turn.uid)?;
        place.on = On::Node(node);
        let nominated = place.nominated.take();
        let (pod, class) = (Arc::clone(&place.pod), Arc::clone(&place.class));
        self.comes(&turn.uid, &pod, &class, node);
        // That room is taken now: nobody else has it.
        self.nominate_no_more(&turn.uid, nominated);
        Some(Decision::Bind { pod, node: self.nodes[node].name().clone() })
    }

    /// No node takes the pods of a lane, until something comes that may help them.
    fn stick(&mut self, id: LaneId) {
        let class = Arc::clone(&self.lanes.lane(id).class);
        let constraints = class.request.constraints.as_deref();
        self.selectors.watch(id, &class.selected_by, constraints);
        self.lanes.stick(id);
    }

    fn waits(&mut self, pod: &Arc<Pod>) {
        let (uid, class) = self.enters(pod);
        let turn = Turn::of(pod, class.request.priority, &uid);
        let lane = self.lanes.join(&class, turn.clone(), is_told(pod), &mut self.nodes);
        let class = Arc::clone(&self.lanes.lane(lane).class);
        self.pods.insert(Arc::clone(&uid), Place::new(pod, class, On::Lane(lane, turn)));
        let nominated = pod.status.as_ref().and_then(|it| it.nominated_node_name.as_deref());
        if let Some(node) = nominated.filter(|node| !node.is_empty()) {
            let node = self.nodes.id(node);
            self.nominate(&uid, node);
        }
    }

    fn is_bound(&mut self, pod: &Arc<Pod>, node: NodeId) {
        let (uid, class) = self.enters(pod);
        self.comes(&uid, pod, &class, node);
        let is_preempted = goes_for_another(pod);
        let place = Place::new(pod, Arc::clone(&class), On::Node(node));
        self.pods.insert(Arc::clone(&uid), Place { is_preempted, ..place });
        if is_preempted {
            self.bound.goes(node, &uid, class.request.priority);
            self.settle_nominees(node);
        }
    }

    /// A pod on a node is not as it was `before`.
    fn may_have_started(&mut self, uid: &str, before: &Pod) {
        let Some((uid, place)) = self.pods.get_key_value(uid) else { return };
        if let On::Node(node) = place.on {
            let priority = place.class.request.priority;
            self.bound.changes(node, uid, [before, &place.pod], priority);
        }
    }

    /// A pod of `class` takes up room on a node from now on.
    fn comes(&mut self, uid: &Arc<str>, pod: &Pod, class: &Class, node: NodeId) {
        self.nodes.take(node, &class.request);
        self.bound.add(node, uid, pod, class.request.priority);
        let constraints = class.request.constraints.as_deref();
        if company::depends_on_pods(class) {
            let step = Step::Comes;
            let helped = self.selectors.step(&class.selected_by, constraints, node, step);
            self.look_again(helped);
        }
    }

    /// A pod is there that was not before: its uid and its class.
    fn enters(&mut self, pod: &Arc<Pod>) -> (Arc<str>, Arc<Class>) {
        let uid: Arc<str> = pod.uid().into();
        let class = self.requests.of(pod);
        if let Some(constraints) = &class.request.constraints {
            if !self.labels.are_kept() {
                self.labels.keep(self.pods.iter().map(|(uid, place)| (uid, &*place.pod)));
            }
            for selector in self.selectors.begin(constraints) {
                self.find_selected(selector);
            }
        }
        self.labels.add(&uid, pod);
        let selected_by = self.selectors.selecting(pod);
        if selected_by.is_empty() {
            return (uid, class);
        }
        (uid, Arc::new(Class { request: Arc::clone(&class.request), selected_by }))
    }

    /// What a node says has changed, which may help any lane that is stuck.
    fn node_changed(&mut self, node: NodeId) {
        self.settle_nominees(node);
        for id in self.lanes.stuck() {
            let lane = self.lanes.lane(id);
            let (sight, request) = (&mut lane.sight, &lane.class.request);
            let has_room = sight.look_at(node, id, request, &mut self.nodes, &mut self.work);
            let has_victims = self.bound.has_below(lane.class.request.priority);
            if has_room || has_victims || company::depends_on_pods(&lane.class) {
                self.look_again(vec![id]);
            }
        }
    }

    /// Something has come that may help these lanes.
    pub(super) fn look_again(&mut self, lanes: Vec<LaneId>) {
        for lane in lanes {
            self.work.lanes += u64::from(self.lanes.wake(lane));
        }
    }
}

impl Place {
    fn new(pod: &Arc<Pod>, class: Arc<Class>, on: On) -> Self {
        Self { pod: Arc::clone(pod), class, on, nominated: None, is_preempted: false }
    }
}

impl On {
    fn is(&self, node: &str, nodes: &Nodes) -> bool {
        matches!(self, Self::Node(id) if **nodes[*id].name() == *node)
    }
}

/// Whether others select it by something else than before.
fn is_another(before: &Arc<Pod>, now: &Arc<Pod>) -> bool {
    let is_ending = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    before.metadata.labels != now.metadata.labels || is_ending(before) != is_ending(now)
}

/// Whether a pod is on its way out for one of a higher priority: not for another reason.
///
/// Source: `podTerminatingByPreemption` of Kubernetes' plugin DefaultPreemption.
fn goes_for_another(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut disrupted = conditions.filter(|condition| condition.type_ == "DisruptionTarget");
    pod.metadata.deletion_timestamp.is_some()
        && disrupted
            .any(|it| it.status == "True" && it.reason.as_deref() == Some("PreemptionByScheduler"))
}

/// Whether an earlier process has told the pod already that it has to wait.
fn is_told(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut scheduled = conditions.filter(|condition| condition.type_ == "PodScheduled");
    scheduled.any(|condition| condition.reason.as_deref() == Some("Unschedulable"))
}

#[cfg(test)]
mod tests;
