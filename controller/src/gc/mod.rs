//! Garbage collection: what is left over when an owner goes.
//!
//! ```text
//! change ─▶ graph of owners ─▶ for each object near it: keep, delete, let go ─▶ transaction
//! ```
//!
//! Dependents whose owners are gone are deleted; foreground deletion and orphaning are carried out
//! for the finalizers that ask for them; and pods that no Job will ever count are let go.

mod graph;

use std::convert::Infallible;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::{Job, Key, Kind, Object, Pod};
use crate::job::claim;
use crate::limits::GC_OBJECTS_MAX;
use crate::store::{DeleteOptions, Gone, Store, Transaction, Watch};

use graph::{Action, Entry, Graph};

/// The kinds that own or are owned. Events are neither, and by far the most.
const KINDS: &[Kind] = &[
    Kind::Job,
    Kind::CronJob,
    Kind::Pod,
    Kind::ConfigMap,
    Kind::Secret,
    Kind::Node,
    Kind::Namespace,
    Kind::ServiceAccount,
    Kind::Lease,
    Kind::ResourceQuota,
    Kind::LimitRange,
    Kind::CertificateSigningRequest,
    Kind::PriorityClass,
];

/// Deletes what has lost its owners.
pub struct Collector {
    store: Store,
}

impl Collector {
    /// For everything in `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Collects until `cancel` fires.
    pub async fn run(self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.collect_forever()).await;
    }

    async fn collect_forever(&self) {
        loop {
            let (objects, mut watch) = self.store.list_and_watch(KINDS);
            let mut graph = Graph::of(&objects);
            drop(objects);
            // Ends when it has fallen behind, and begins again with what there is.
            let Err(Gone { .. }) = self.follow(&mut graph, &mut watch).await;
        }
    }

    async fn follow(&self, graph: &mut Graph, watch: &mut Watch) -> Result<Infallible, Gone> {
        loop {
            // What has happened is taken in first, so that nothing is decided on the past.
            while let Some(change) = watch.try_next() {
                graph.fold(&change);
            }
            watch.keeps_up()?;
            if graph.has_unchecked() {
                self.collect(graph).await;
            } else {
                graph.fold(&*watch.next().await?);
            }
        }
    }

    /// Does what is to be done about some objects.
    async fn collect(&self, graph: &mut Graph) {
        let some = graph.take_unchecked(GC_OBJECTS_MAX);
        let transaction = some.iter().fold(Transaction::new(), |all, entry| {
            all.and(self.release(entry)).and(carry_out(graph.action(entry), entry))
        });
        if transaction.is_empty() {
            return;
        }
        if let Err(error) = self.store.commit(transaction).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "can't collect garbage");
            some.into_iter().for_each(|entry| graph.recheck(entry.uid));
            // What can't be written now is tried again after a while.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Takes the tracking finalizer off a pod that no Job will count.
    fn release(&self, entry: &Entry) -> Transaction {
        let none = Transaction::new();
        if !entry.is_tracked || entry.kind != Kind::Pod {
            return none;
        }
        let Some(pod) = self.store.get::<Pod>(&entry.key) else { return none };
        let owner = claim::controller(&pod.metadata)
            .map(|owner| Key::new(&entry.key.namespace, &owner.name))
            .and_then(|key| self.store.get::<Job>(&key));
        if !claim::is_orphan(&pod.metadata, owner.as_deref()) {
            return none;
        }
        none.modify(entry.key.clone(), Some(entry.uid.to_string()), claim::release)
    }
}

fn carry_out(action: Action, entry: &Entry) -> Transaction {
    let none = Transaction::new();
    let uid = Some(entry.uid.to_string());
    let (kind, key) = (entry.kind, entry.key.clone());
    match action {
        Action::Keep => none,
        Action::Delete => {
            none.collect(kind, key, DeleteOptions { uid, grace_period_seconds: None })
        }
        Action::DropOwners(lost) => none.modify_object(kind, key, uid, move |object| {
            let owners = &mut object.metadata_mut().owner_references;
            if let Some(owners) = owners {
                owners.retain(|owner| lost.iter().all(|uid| **uid != *owner.uid));
            }
            owners.take_if(|owners| owners.is_empty());
        }),
        Action::RemoveFinalizer(name) => {
            none.modify_object(kind, key, uid, move |object| remove_finalizer(object, name))
        }
    }
}

fn remove_finalizer(object: &mut Object, name: &str) {
    let finalizers = &mut object.metadata_mut().finalizers;
    if let Some(finalizers) = finalizers {
        finalizers.retain(|finalizer| finalizer != name);
    }
    finalizers.take_if(|finalizers| finalizers.is_empty());
}

#[cfg(test)]
mod tests;
