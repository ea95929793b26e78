//! The scheduler: gives each pod that has none a node.
//!
//! ```text
//! pods, nodes ─▶ index (tallies, kept as things change) ─▶ decisions ─▶ one transaction
//! ```
//!
//! What fits where is decided in `index` and `nodes`, both pure. It knows nothing of Jobs, and of a
//! node only what its object says.

mod index;
mod nodes;
mod request;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::{
    Key, Kind, Node, Object, ObjectReference, Pod, PodCondition, Resource, Time, Timestamp,
};
use crate::events::{EventType, Recorder};
use crate::limits::SCHEDULER_DECISIONS_MAX;
use crate::quota::OperatorLimits;
use crate::store::{Change, ChangeKind, Gone, Store, Transaction, Watch};

use index::{Decision, Index};

/// How long pods wait untold for the first node, which registers itself as they come.
const FIRST_NODE_WITHIN: Duration = Duration::from_secs(5);

/// How long after decisions could not be written they are made again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Binds pods to nodes.
pub struct Scheduler {
    store: Store,
    recorder: Recorder,
    operator: OperatorLimits,
}

/// The decisions could not be written.
struct NotWritten;

impl Scheduler {
    /// For the pods and nodes in `store`.
    pub fn new(store: Store) -> Self {
        let recorder = Recorder::new("default-scheduler", store.names().clone());
        Self { store, recorder, operator: OperatorLimits::default() }
    }

    /// The same, which counts what the operator lets pods have that do not say what they request.
    #[must_use]
    pub fn with_operator_limits(self, operator: OperatorLimits) -> Self {
        Self { operator, ..self }
    }

    /// Schedules until `cancel` fires.
    pub async fn run(self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.schedule_forever()).await;
    }

    async fn schedule_forever(&self) {
        let clock = self.store.clock();
        let patient_until = clock.now() + FIRST_NODE_WITHIN;
        loop {
            let (objects, version) = self.store.list_kinds(&[Kind::Node, Kind::Pod]);
            let Ok(mut watch) = self.store.watch(&[Kind::Node, Kind::Pod], version) else {
                continue;
            };
            let mut index = Index::new(self.operator);
            objects.iter().for_each(|object| fold(&mut index, object, true));
            drop(objects);
            // Ends when it has fallen behind, or its decisions could not be written: what it knows
            // is no more what there is, so it begins again.
            if let Err(NotWritten) = self.follow(&mut index, &mut watch, patient_until).await {
                clock.sleep(RETRY_DELAY).await;
            }
        }
    }

    async fn follow(
        &self,
        index: &mut Index,
        watch: &mut Watch,
        patient_until: Timestamp,
    ) -> Result<Gone, NotWritten> {
        let clock = self.store.clock();
        loop {
            // What has happened is taken in first, so that nothing is decided on the past.
            while let Some(change) = watch.try_next() {
                fold_change(index, &change);
            }
            let is_patient = !index.has_nodes() && clock.now() < patient_until;
            let decisions = match is_patient {
                true => Vec::new(),
                false => index.decide(SCHEDULER_DECISIONS_MAX),
            };
            if !decisions.is_empty() {
                self.write(decisions).await?;
                continue;
            }
            tokio::select! {
                biased;
                change = watch.next() => match change {
                    Ok(change) => fold_change(index, &change),
                    Err(gone) => return Ok(gone),
                },
                () = clock.sleep_until(patient_until), if is_patient => {}
            }
        }
    }

    /// Writes all `decisions` at once.
    async fn write(&self, decisions: Vec<Decision>) -> Result<(), NotWritten> {
        let now = self.store.clock().now();
        let transaction = decisions
            .into_iter()
            .fold(Transaction::new(), |all, decision| all.and(self.carry_out(decision, now)));
        self.store.commit(transaction).await.map(drop).map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "pods could not be bound, which is tried again");
            NotWritten
        })
    }

    fn carry_out(&self, decision: Decision, now: Timestamp) -> Transaction {
        let (key, uid, event_type, reason, message, node) = match decision {
            Decision::Bind { key, uid, node } => {
                let message = format!("Successfully assigned {key} to {node}");
                (key, uid, EventType::Normal, "Scheduled", message, Some(node))
            }
            Decision::Wait { key, uid, message } => {
                (key, uid, EventType::Warning, "FailedScheduling", message, None)
            }
        };
        let event = self.recorder.record(&about(&key, &uid), event_type, reason, &message, now);
        let write = move |pod: &mut Pod| match node {
            Some(node) => bind(pod, node, now),
            None => tell(pod, message, now),
        };
        Transaction::new().modify(key, Some(uid), write).and(event)
    }
}

fn fold_change(index: &mut Index, change: &Change) {
    fold(index, &change.object, change.what != ChangeKind::Deleted);
}

fn fold(index: &mut Index, object: &Object, is_there: bool) {
    let (pod, node) = (Pod::from_object(object), Node::from_object(object));
    match (pod.map(Arc::as_ref), node.map(Arc::as_ref), is_there) {
        (Some(pod), _, true) => index.pod(pod),
        (Some(pod), _, false) => index.pod_gone(pod.uid()),
        (_, Some(node), true) => index.node(node),
        (_, Some(node), false) => index.node_gone(&node.key().name),
        (None, None, _) => {}
    }
}

/// Gives `pod` its node, unless it has one by now or is going.
fn bind(pod: &mut Pod, node: String, now: Timestamp) {
    let Some(spec) = &mut pod.spec else { return };
    if spec.node_name.is_some() || pod.metadata.deletion_timestamp.is_some() {
        return;
    }
    spec.node_name = Some(node);
    set_scheduled(pod, true, None, now);
}

/// Tells `pod` why it has to wait.
fn tell(pod: &mut Pod, message: String, now: Timestamp) {
    if pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_none()) {
        set_scheduled(pod, false, Some(message), now);
    }
}

fn set_scheduled(pod: &mut Pod, is_scheduled: bool, message: Option<String>, now: Timestamp) {
    let condition = PodCondition {
        last_probe_time: None,
        last_transition_time: Some(Time(now)),
        observed_generation: pod.metadata.generation,
        reason: message.is_some().then(|| "Unschedulable".to_owned()),
        message,
        status: if is_scheduled { "True" } else { "False" }.to_owned(),
        type_: "PodScheduled".to_owned(),
    };
    let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    match conditions.iter_mut().find(|known| known.type_ == condition.type_) {
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
}

fn about(key: &Key, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(Kind::Pod.api_version().to_owned()),
        kind: Some(Kind::Pod.name().to_owned()),
        namespace: Some(key.namespace.to_string()),
        name: Some(key.name.to_string()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests;
