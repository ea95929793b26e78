//! Follows the nodes, their leases and, where pods have to leave, the pods; and writes what follows.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::coop;
use tokio_util::sync::CancellationToken;

use super::eviction::Evictions;
use super::index::Index;
use super::reconcile::{Mark, is_ours, reconcile};
use crate::api::{
    Key, Kind, Lease, Node, NodeCondition, Object, ObjectReference, Pod, PodCondition, Resource,
    Time, Timestamp,
};
use crate::events::{EventType, Recorder};
use crate::limits::EVICTIONS_MAX;
use crate::store::{Change, ChangeKind, DeleteOptions, Gone, Store, Transaction, Watch};
use crate::taints::NO_EXECUTE;

/// How long after an attempt that has failed there is another.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// What a node says of itself, as far as nobody else does.
const CONDITIONS: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// The namespace of the leases by which nodes say that they are alive.
const NODE_LEASES: &str = "kube-node-lease";

/// Marks nodes that fall silent, and deletes the pods that have to leave a node.
pub struct NodeLifecycleController {
    store: Store,
    nodes: Recorder,
    pods: Recorder,
}

/// Something could not be written.
struct NotWritten;

/// Why everything is looked at anew.
enum Again {
    /// What happened was not followed.
    Missed(Gone),
    /// Other nodes than before make pods go.
    Taints,
}

impl NodeLifecycleController {
    /// For the nodes in `store`.
    pub fn new(store: Store) -> Self {
        let nodes = Recorder::new("node-controller", store.names().clone());
        let pods = Recorder::new("taint-eviction-controller", store.names().clone());
        Self { store, nodes, pods }
    }

    /// Works until `cancel` fires.
    pub async fn run(self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.work_forever()).await;
    }

    async fn work_forever(&self) {
        let clock = self.store.clock();
        let mut index = Index::default();
        loop {
            // Of pods, only those that are there count, whatever was missed.
            let mut evictions = Evictions::from_nodes(index.executing());
            // Pods are by far the most, and mostly nobody has to leave.
            let all = [Kind::Node, Kind::Lease, Kind::Pod];
            let kinds = if evictions.is_needed() { &all[..] } else { &all[..2] };
            let (objects, mut watch) = self.store.list_and_watch(kinds);
            let now = clock.now();
            // Of those that are there, what was heard of them before counts on.
            index.retain(&objects);
            for object in &objects {
                fold(&mut index, &mut evictions, object, true, now);
            }
            drop(objects);
            match self.follow(&mut index, &mut evictions, &mut watch).await {
                Ok(Again::Taints | Again::Missed(Gone { .. })) => {}
                Err(NotWritten) => clock.sleep(RETRY_DELAY).await,
            }
        }
    }

    async fn follow(
        &self,
        index: &mut Index,
        evictions: &mut Evictions,
        watch: &mut Watch,
    ) -> Result<Again, NotWritten> {
        let clock = self.store.clock();
        loop {
            // What has happened is taken in first, so that nothing is decided on the past.
            while let Some(change) = watch.try_next() {
                fold_change(index, evictions, &change, clock.now());
            }
            if let Err(gone) = watch.keeps_up() {
                return Ok(Again::Missed(gone));
            }
            let now = clock.now();
            let plan = reconcile(index, now);
            if !plan.marks.is_empty() {
                self.mark(plan.marks, now).await?;
                continue;
            }
            if !evictions.are_of(&index.executing()) {
                return Ok(Again::Taints);
            }
            let due = evictions.due(now, EVICTIONS_MAX);
            if !due.is_empty() {
                self.evict(due, now).await?;
                continue;
            }
            let wake_at = plan.wake_at.into_iter().chain(evictions.next_at()).min();
            let timer = async {
                match wake_at {
                    Some(wake_at) => clock.sleep_until(wake_at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                change = watch.next() => match change {
                    Ok(change) => fold_change(index, evictions, &change, clock.now()),
                    Err(gone) => return Ok(Again::Missed(gone)),
                },
                () = timer => {}
            }
        }
    }

    async fn mark(&self, marks: Vec<Mark>, now: Timestamp) -> Result<(), NotWritten> {
        let mut all = Transaction::new();
        for mark in marks {
            if mark.falls_silent {
                tracing::warn!(node = %mark.name, "nothing is heard of a node any more");
                // The pods first: if this is cut off, it begins again.
                self.not_ready(&mark.name, now).await?;
                all = all.and(self.silent(&mark.name, now));
            }
            let (key, uid) = (Key::new("", &mark.name), Some(mark.uid.clone()));
            all = all.modify(key, uid, move |node: &mut Node| write(node, mark, now));
        }
        self.commit(all, "nodes could not be marked, which is tried again").await
    }

    /// Tells that `node` has fallen silent.
    fn silent(&self, node: &str, now: Timestamp) -> Transaction {
        let message = format!("Node {node} status is now: NodeNotReady");
        // As Kubernetes does, by the node's name in the place of its uid.
        let about = about(Kind::Node, &Key::new("", node), node);
        self.nodes.record(&about, EventType::Normal, "NodeNotReady", &message, now)
    }

    /// The pods of `node` are not ready any more: nobody can say that they are.
    async fn not_ready(&self, node: &str, now: Timestamp) -> Result<(), NotWritten> {
        let mut theirs = Vec::new();
        for pod in self.store.each::<Pod>() {
            if is_ready_on(&pod, node) {
                theirs.push((pod.key(), pod.uid().to_owned()));
            }
            coop::consume_budget().await;
        }
        theirs.sort_unstable();
        for some in theirs.chunks(EVICTIONS_MAX) {
            let all = some.iter().fold(Transaction::new(), |all, (key, uid)| {
                let about = about(Kind::Pod, key, uid);
                let (reason, message) = ("NodeNotReady", "Node is not ready");
                let event = self.nodes.record(&about, EventType::Warning, reason, message, now);
                let not_ready = move |pod: &mut Pod| not_ready(pod, now);
                all.modify(key.clone(), Some(uid.clone()), not_ready).and(event)
            });
            self.commit(all, "pods of a lost node could not be marked").await?;
        }
        Ok(())
    }

    async fn evict(&self, pods: Vec<(Key, String)>, now: Timestamp) -> Result<(), NotWritten> {
        let all = pods.into_iter().fold(Transaction::new(), |all, (key, uid)| {
            let options = DeleteOptions { uid: Some(uid.clone()), grace_period_seconds: None };
            let message = format!("Marking for deletion Pod {key}");
            let about = about(Kind::Pod, &key, &uid);
            let reason = "TaintManagerEviction";
            let event = self.pods.record(&about, EventType::Normal, reason, &message, now);
            all.modify(key.clone(), Some(uid), move |pod: &mut Pod| disrupt(pod, now))
                .delete(Kind::Pod, key, options)
                .and(event)
        });
        self.commit(all, "pods could not be evicted, which is tried again").await
    }

    async fn commit(&self, all: Transaction, otherwise: &str) -> Result<(), NotWritten> {
        self.store.commit(all).await.map(drop).map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "{otherwise}");
            NotWritten
        })
    }
}

fn fold_change(index: &mut Index, evictions: &mut Evictions, change: &Change, now: Timestamp) {
    fold(index, evictions, &change.object, change.what != ChangeKind::Deleted, now);
}

fn fold(
    index: &mut Index,
    evictions: &mut Evictions,
    object: &Object,
    is_there: bool,
    now: Timestamp,
) {
    if let Some(node) = Node::from_object(object).map(Arc::as_ref) {
        match is_there {
            true => index.node(node, now),
            false => index.node_gone(&node.key().name),
        }
    }
    if let Some(lease) = Lease::from_object(object).map(Arc::as_ref)
        && &*lease.key().namespace == NODE_LEASES
    {
        match is_there {
            true => index.lease(lease, now),
            false => index.lease_gone(&lease.key().name),
        }
    }
    if let Some(pod) = Pod::from_object(object).map(Arc::as_ref) {
        match is_there {
            true => evictions.pod(pod, now),
            false => evictions.pod_gone(&pod.key()),
        }
    }
}

/// Writes what `mark` says.
fn write(node: &mut Node, mark: Mark, now: Timestamp) {
    let Mark { falls_silent, taints, .. } = mark;
    let spec = node.spec.get_or_insert_default();
    let before = spec.taints.take().unwrap_or_default();
    let (ours, mut all): (Vec<_>, Vec<_>) = before.into_iter().partition(is_ours);
    for mut taint in taints {
        let mut ours = ours.iter();
        let known = ours.find(|it| (&it.key, &it.effect) == (&taint.key, &taint.effect));
        taint.time_added = match known {
            Some(known) => known.time_added.clone(),
            None => (taint.effect == NO_EXECUTE).then_some(Time(now)),
        };
        all.push(taint);
    }
    spec.taints = Some(all).filter(|all| !all.is_empty());
    if falls_silent {
        let status = node.status.get_or_insert_default();
        let conditions = status.conditions.get_or_insert_default();
        CONDITIONS.iter().for_each(|name| unknown(conditions, name, now));
    }
}

/// Makes the condition `name` one of which nobody knows.
fn unknown(conditions: &mut Vec<NodeCondition>, name: &str, now: Timestamp) {
    let (reason, message) = ("NodeStatusUnknown", "Kubelet stopped posting node status.");
    let known = conditions.iter_mut().find(|it| it.type_ == name);
    match known {
        Some(known) if known.status == "Unknown" => {}
        Some(known) => {
            known.status = "Unknown".to_owned();
            known.reason = Some(reason.to_owned());
            known.message = Some(message.to_owned());
            known.last_transition_time = Some(Time(now));
        }
        None => conditions.push(NodeCondition {
            type_: name.to_owned(),
            status: "Unknown".to_owned(),
            reason: Some("NodeStatusNeverUpdated".to_owned()),
            message: Some("Kubelet never posted node status.".to_owned()),
            last_transition_time: Some(Time(now)),
            last_heartbeat_time: Some(Time(now)),
        }),
    }
}

fn is_ready_on(pod: &Pod, node: &str) -> bool {
    let is_there = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(node);
    let status = pod.status.as_ref();
    let mut conditions = status.into_iter().flat_map(|it| it.conditions.iter().flatten());
    is_there && conditions.any(|it| it.type_ == "Ready" && it.status == "True")
}

fn not_ready(pod: &mut Pod, now: Timestamp) {
    let conditions = pod.status.iter_mut().flat_map(|it| it.conditions.iter_mut().flatten());
    for ready in conditions.filter(|it| it.type_ == "Ready" && it.status == "True") {
        ready.status = "False".to_owned();
        ready.last_transition_time = Some(Time(now));
    }
}

/// Says of `pod` why it is going to be deleted.
fn disrupt(pod: &mut Pod, now: Timestamp) {
    let condition = PodCondition {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
        reason: Some("DeletionByTaintManager".to_owned()),
        message: Some("Taint manager: deleting due to NoExecute taint".to_owned()),
        last_transition_time: Some(Time(now)),
        observed_generation: pod.metadata.generation,
        ..PodCondition::default()
    };
    let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    conditions.retain(|it| it.type_ != condition.type_);
    conditions.push(condition);
}

fn about(kind: Kind, key: &Key, uid: &str) -> ObjectReference {
    let namespace = Some(key.namespace.to_string()).filter(|namespace| !namespace.is_empty());
    ObjectReference {
        api_version: Some(kind.api_version().to_owned()),
        kind: Some(kind.name().to_owned()),
        namespace,
        name: Some(key.name.to_string()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}
