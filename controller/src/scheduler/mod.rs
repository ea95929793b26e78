//! The scheduler: gives each pod that has none a node.
//!
//! ```text
//! pods ──▶ lanes, one for each sort of pods ─┐
//! nodes ─▶ what each has and what is taken ──┼▶ decisions ─▶ one transaction
//! pods ──▶ counts for each selector in use ──┘
//! ```
//!
//! `index` folds what changes and decides; all below it is pure. It knows nothing of Jobs, and of a
//! node only what its object says.

mod affinity;
mod bound;
mod company;
mod constraints;
mod index;
mod known;
mod labels;
mod lanes;
mod message;
mod nodes;
mod nominate;
mod preempt;
mod request;
mod room;
mod score;
mod selected;
mod selector;
mod selectors;
mod sight;
mod tally;
mod tell;
mod trial;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::{
    Kind, Object, ObjectReference, Pod, PodCondition, PodSpec, Resource, Shared, Time, Timestamp,
};
use crate::events::{EventType, Recorder};
use crate::limits::SCHEDULER_DECISIONS_MAX;
use crate::quota::OperatorLimits;
use crate::store::{Change, ChangeKind, DeleteOptions, Store, Transaction, Watch};

use index::{Decision, Index};
use known::BoundSpecs;

/// What it has to know of, those first that others are read by.
const KINDS: [Kind; 3] = [Kind::Namespace, Kind::Node, Kind::Pod];

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

/// What it knows is no more what there is.
struct Stale;

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
        let mut specs = BoundSpecs::default();
        loop {
            let (objects, version) = self.store.list_kinds(&KINDS);
            let Ok(mut watch) = self.store.watch(&KINDS, version) else { continue };
            let mut index = Index::new(self.operator);
            objects.iter().for_each(|object| fold(&mut index, object, true));
            drop(objects);
            // Ends when it has fallen behind, or its decisions could not be written: what it knows
            // is no more what there is, so it begins again.
            let follow = self.follow(&mut index, &mut specs, &mut watch, patient_until);
            if let Err(NotWritten) = follow.await {
                clock.sleep(RETRY_DELAY).await;
            }
        }
    }

    async fn follow(
        &self,
        index: &mut Index,
        specs: &mut BoundSpecs,
        watch: &mut Watch,
        patient_until: Timestamp,
    ) -> Result<Stale, NotWritten> {
        let clock = self.store.clock();
        loop {
            // What has happened is taken in first, so that nothing is decided on the past.
            while let Some(change) = watch.try_next() {
                fold_change(index, &change);
            }
            if index.is_stale() {
                return Ok(Stale);
            }
            let is_patient = !index.has_nodes() && clock.now() < patient_until;
            let decisions = match is_patient {
                true => Vec::new(),
                false => index.decide(SCHEDULER_DECISIONS_MAX),
            };
            if !decisions.is_empty() {
                let (decided, work) = (decisions.len(), index.work());
                tracing::debug!(decided, ?work, "pods were decided on");
                self.write(decisions, specs).await?;
                continue;
            }
            tokio::select! {
                biased;
                change = watch.next() => match change {
                    Ok(change) => fold_change(index, &change),
                    Err(_) => return Ok(Stale),
                },
                () = clock.sleep_until(patient_until), if is_patient => {}
            }
        }
    }

    /// Writes all `decisions` at once.
    async fn write(
        &self,
        decisions: Vec<Decision>,
        specs: &mut BoundSpecs,
    ) -> Result<(), NotWritten> {
        let now = self.store.clock().now();
        let transaction = decisions.into_iter().fold(Transaction::new(), |all, decision| {
            all.and(self.carry_out(decision, specs, now))
        });
        self.store.commit(transaction).await.map(drop).map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "pods could not be bound, which is tried again");
            NotWritten
        })
    }

    fn carry_out(&self, decision: Decision, specs: &mut BoundSpecs, now: Timestamp) -> Transaction {
        match decision {
            Decision::Bind { pod, node } => {
                let message = format!("Successfully assigned {} to {node}", pod.key());
                let event = self.tells(&pod, EventType::Normal, "Scheduled", &message, now);
                let spec = pod.spec.clone().unwrap_or_default();
                let bound = specs.on(&spec, &node);
                modify(&pod, move |pod| bind(pod, &spec, bound, now)).and(event)
            }
            Decision::Wait { pod, message } => {
                let reason = "FailedScheduling";
                let event = self.tells(&pod, EventType::Warning, reason, &message, now);
                modify(&pod, move |pod| tell(pod, message, now)).and(event)
            }
            Decision::Preempt { pod, node, victims, message } => {
                let reason = "FailedScheduling";
                let event = self.tells(&pod, EventType::Warning, reason, &message, now);
                let preempted = format!("Preempted by pod {} on node {node}", pod.uid());
                let scheduler = scheduler_of(&pod);
                let waits = modify(&pod, move |pod| {
                    pod.status.get_or_insert_default().nominated_node_name = Some(node.to_string());
                    tell(pod, message, now);
                });
                victims.iter().fold(waits.and(event), |all, victim| {
                    let event = self.tells(victim, EventType::Normal, "Preempted", &preempted, now);
                    all.and(leave(victim, &scheduler, now)).and(event)
                })
            }
            Decision::GiveUp { pod } => modify(&pod, |pod| {
                if let Some(status) = &mut pod.status {
                    status.nominated_node_name = None;
                }
            }),
        }
    }

    fn tells(
        &self,
        pod: &Pod,
        event_type: EventType,
        reason: &str,
        message: &str,
        now: Timestamp,
    ) -> Transaction {
        self.recorder.record(&about(pod), event_type, reason, message, now)
    }
}

/// The scheduler that `pod` names.
fn scheduler_of(pod: &Pod) -> String {
    let name = pod.spec.as_ref().and_then(|spec| spec.scheduler_name.clone());
    name.unwrap_or_else(|| "default-scheduler".to_owned())
}

/// Has a pod go for one of a higher priority, which names this scheduler.
fn leave(victim: &Pod, scheduler: &str, now: Timestamp) -> Transaction {
    let uid = Some(victim.uid().to_owned());
    let options = DeleteOptions { uid, grace_period_seconds: None };
    let message = format!("{scheduler}: preempting to accommodate a higher priority pod");
    let marked = modify(victim, move |pod| {
        let reason = Some("PreemptionByScheduler".to_owned());
        set_condition(pod, "DisruptionTarget", "True", reason, Some(message), now);
    });
    marked.delete(Kind::Pod, victim.key(), options)
}

fn modify(pod: &Pod, change: impl FnOnce(&mut Pod) + Send + 'static) -> Transaction {
    Transaction::new().modify(pod.key(), Some(pod.uid().to_owned()), change)
}

fn fold_change(index: &mut Index, change: &Change) {
    fold(index, &change.object, change.what != ChangeKind::Deleted);
}

fn fold(index: &mut Index, object: &Object, is_there: bool) {
    match (object, is_there) {
        (Object::Pod(pod), true) => index.pod(pod),
        (Object::Pod(pod), false) => index.pod_gone(pod.uid()),
        (Object::Node(node), true) => index.node(node),
        (Object::Node(node), false) => index.node_gone(&node.key().name),
        (Object::Namespace(namespace), true) => index.namespace(namespace),
        (Object::Namespace(namespace), false) => index.namespace_gone(&namespace.key().name),
        _ => {}
    }
}

/// Gives `pod` its node, unless it has one by now or is going. What `bound` is of `spec` is made
/// once for all pods that share that.
fn bind(pod: &mut Pod, spec: &Shared<PodSpec>, bound: Shared<PodSpec>, now: Timestamp) {
    let Some(own) = &mut pod.spec else { return };
    if own.node_name.is_some() || pod.metadata.deletion_timestamp.is_some() {
        return;
    }
    if own.is_one_with(spec) {
        *own = bound;
    } else {
        own.node_name.clone_from(&bound.node_name);
    }
    if let Some(status) = &mut pod.status {
        status.nominated_node_name = None;
    }
    set_condition(pod, "PodScheduled", "True", None, None, now);
}

/// Tells `pod` why it has to wait.
fn tell(pod: &mut Pod, message: String, now: Timestamp) {
    if pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_none()) {
        let reason = Some("Unschedulable".to_owned());
        set_condition(pod, "PodScheduled", "False", reason, Some(message), now);
    }
}

/// Gives `pod` a condition. When it last became what it is stays if it is that already.
fn set_condition(
    pod: &mut Pod,
    type_: &str,
    status: &str,
    reason: Option<String>,
    message: Option<String>,
    now: Timestamp,
) {
    let mut condition = PodCondition {
        last_probe_time: None,
        last_transition_time: Some(Time(now)),
        observed_generation: pod.metadata.generation,
        reason,
        message,
        status: status.to_owned(),
        type_: type_.to_owned(),
    };
    let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    match conditions.iter_mut().find(|known| known.type_ == condition.type_) {
        Some(known) => {
            if known.status == condition.status {
                condition.last_transition_time = known.last_transition_time.take();
            }
            *known = condition;
        }
        None => conditions.push(condition),
    }
}

fn about(pod: &Pod) -> ObjectReference {
    ObjectReference {
        api_version: Some(Kind::Pod.api_version().to_owned()),
        kind: Some(Kind::Pod.name().to_owned()),
        namespace: pod.metadata.namespace.clone(),
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests;
