//! Follows the pods and nodes, and deletes what the plan says.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::index::Index;
use super::reconcile::{Collected, Why, reconcile};
use crate::api::{Kind, Node, Object, Pod, PodCondition, Resource, Time, Timestamp};
use crate::store::{Change, ChangeKind, DeleteOptions, Gone, Store, Transaction, Watch};

/// What is followed. Nodes come first, so that none is missed that is there.
const KINDS: &[Kind] = &[Kind::Node, Kind::Pod];

/// How long after an attempt that has failed there is another.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Collects pods.
pub struct PodGcController {
    store: Store,
    finished_max: usize,
}

/// Something could not be written.
struct NotWritten;

impl PodGcController {
    /// For the pods in `store`, of which `finished_max` finished ones are kept; 0 keeps all.
    pub fn new(store: Store, finished_max: usize) -> Self {
        Self { store, finished_max }
    }

    /// Collects until `cancel` fires.
    pub async fn run(self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.collect_forever()).await;
    }

    async fn collect_forever(&self) {
        let clock = self.store.clock();
        loop {
            let (objects, mut watch) = self.store.list_and_watch(KINDS);
            let mut index = Index::default();
            let now = clock.now();
            objects.iter().for_each(|object| fold(&mut index, object, true, now));
            drop(objects);
            // Ends when it has fallen behind or something could not be written, and begins again
            // with what there is.
            if let Err(NotWritten) = self.follow(&mut index, &mut watch).await {
                clock.sleep(RETRY_DELAY).await;
            }
        }
    }

    async fn follow(&self, index: &mut Index, watch: &mut Watch) -> Result<Gone, NotWritten> {
        let clock = self.store.clock();
        loop {
            // What has happened is taken in first, so that nothing is decided on the past.
            while let Some(change) = watch.try_next() {
                fold_change(index, &change, clock.now());
            }
            if let Err(gone) = watch.keeps_up() {
                return Ok(gone);
            }
            let plan = reconcile(index, self.finished_max, clock.now());
            if !plan.collect.is_empty() {
                self.collect(plan.collect).await?;
                continue;
            }
            let timer = async {
                match plan.wake_at {
                    Some(wake_at) => clock.sleep_until(wake_at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                change = watch.next() => match change {
                    Ok(change) => fold_change(index, &change, clock.now()),
                    Err(gone) => return Ok(gone),
                },
                () = timer => {}
            }
        }
    }

    async fn collect(&self, pods: Vec<Collected>) -> Result<(), NotWritten> {
        let now = self.store.clock().now();
        let all = pods.into_iter().fold(Transaction::new(), |all, pod| {
            let Collected { key, uid, why } = pod;
            let options = DeleteOptions { uid: Some(uid.clone()), grace_period_seconds: Some(0) };
            let all = match why {
                // It stays as it has ended.
                Why::Finished => all,
                Why::NodeGone | Why::Unscheduled => {
                    all.modify(key.clone(), Some(uid), move |pod: &mut Pod| fail(pod, why, now))
                }
            };
            all.collect(Kind::Pod, key, options)
        });
        self.store.commit(all).await.map(drop).map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "pods could not be collected, which is tried again");
            NotWritten
        })
    }
}

fn fold_change(index: &mut Index, change: &Change, now: Timestamp) {
    match (Pod::from_object(&change.object), change.what) {
        (Some(_), ChangeKind::Deleted) => index.pod_gone(&change.key),
        (Some(pod), _) => index.pod_at(&change.key, pod, now),
        (None, what) => fold(index, &change.object, what != ChangeKind::Deleted, now),
    }
}

fn fold(index: &mut Index, object: &Object, is_there: bool, now: Timestamp) {
    let (pod, node) = (Pod::from_object(object), Node::from_object(object));
    match (pod.map(Arc::as_ref), node.map(Arc::as_ref), is_there) {
        (Some(pod), _, true) => index.pod(pod, now),
        (Some(pod), _, false) => index.pod_gone(&pod.key()),
        (_, Some(node), true) => index.node(&node.key().name),
        (_, Some(node), false) => index.node_gone(&node.key().name, now),
        (None, None, _) => {}
    }
}

/// Makes `pod` one that has failed, if it has not ended: nobody is left who would say so, and its
/// Job waits for it.
fn fail(pod: &mut Pod, why: Why, now: Timestamp) {
    let generation = pod.metadata.generation;
    let status = pod.status.get_or_insert_default();
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return;
    }
    status.phase = Some("Failed".to_owned());
    status.observed_generation = generation;
    if why == Why::NodeGone {
        let conditions = status.conditions.get_or_insert_default();
        conditions.retain(|condition| condition.type_ != "DisruptionTarget");
        conditions.push(PodCondition {
            type_: "DisruptionTarget".to_owned(),
            status: "True".to_owned(),
            reason: Some("DeletionByPodGC".to_owned()),
            message: Some("PodGC: node no longer exists".to_owned()),
            last_transition_time: Some(Time(now)),
            observed_generation: generation,
            ..PodCondition::default()
        });
    }
}
