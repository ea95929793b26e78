//! Follows what is in the namespaces that have quotas, and keeps the status of those right.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::index::Index;
use super::reconcile::{Observed, reconcile, settle};
use crate::api::{Kind, Object, Resource, ResourceQuota};
use crate::limits::QUOTAS_PER_COMMIT_MAX;
use crate::store::{Change, ChangeKind, CommitError, Gone, Store, Transaction, Watch};

/// What is followed while there is no quota.
const QUOTAS: &[Kind] = &[Kind::ResourceQuota];

/// What quotas count. Events are counted by none.
const COUNTED: &[Kind] = &[
    Kind::Job,
    Kind::CronJob,
    Kind::Pod,
    Kind::ConfigMap,
    Kind::Secret,
    Kind::ServiceAccount,
    Kind::Lease,
    Kind::ResourceQuota,
    Kind::LimitRange,
];

/// How long after an attempt that has failed there is another.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Keeps the status of quotas right.
pub struct QuotaController {
    store: Store,
    index: Index,
    /// By namespace up to which version of the store its tallies are.
    counted: HashMap<Arc<str>, u64>,
}

impl QuotaController {
    /// For the quotas in `store`. It does nothing until it [runs](Self::run).
    pub fn new(store: Store) -> Self {
        Self { store, index: Index::default(), counted: HashMap::new() }
    }

    /// Counts once what is used of every quota in `store`, so that whoever comes next need not wait
    /// for a controller to do it.
    pub async fn count_all(store: &Store) -> Result<(), CommitError> {
        let mut counter = Self::new(store.clone());
        for quota in store.list::<ResourceQuota>(None).items {
            counter.count(&quota.key().namespace);
        }
        let settled = counter.index.take_changed();
        for some in settled.chunks(QUOTAS_PER_COMMIT_MAX) {
            store
                .commit(some.iter().map(settlement).fold(Transaction::new(), Transaction::and))
                .await?;
        }
        Ok(())
    }

    /// Runs until `cancel` fires. There must be one at a time.
    pub async fn run(mut self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.run_forever()).await;
    }

    async fn run_forever(&mut self) {
        loop {
            self.index = Index::default();
            self.counted.clear();
            let list = self.store.list::<ResourceQuota>(None);
            for quota in &list.items {
                self.count(&quota.key().namespace);
            }
            let Ok(watch) = self.store.watch(self.kinds(), list.resource_version) else { continue };
            // Ends when it has fallen behind, and begins again with what there is.
            let Err(Gone { .. }) = self.follow(watch).await;
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        if self.index.is_empty() { QUOTAS } else { COUNTED }
    }

    async fn follow(&mut self, mut watch: Watch) -> Result<Infallible, Gone> {
        let clock = self.store.clock().clone();
        let mut sees_all = !self.index.is_empty();
        loop {
            // Everything up to one moment is taken in first: half a transaction is nobody's state.
            while let Some(change) = watch.try_next() {
                self.note(&change);
            }
            // What is in a namespace matters only if it has a quota.
            if sees_all == self.index.is_empty() {
                sees_all = !sees_all;
                watch = self.store.watch(self.kinds(), watch.resource_version())?;
                continue;
            }
            self.index.give_up(clock.now());
            self.sync().await;
            let due = self.index.next_due();
            let timer = async {
                match due {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                change = watch.next() => self.note(&*change?),
                () = timer => {}
            }
        }
    }

    fn note(&mut self, change: &Change) {
        let namespace = &change.key.namespace;
        if self.counted.get(namespace).is_some_and(|counted| change.resource_version <= *counted) {
            return;
        }
        if let Object::ResourceQuota(quota) = &change.object
            && (change.what == ChangeKind::Deleted || !self.index.knows(quota))
        {
            return self.count(namespace);
        }
        let after = (change.what != ChangeKind::Deleted).then_some(&change.object);
        self.index.fold(change.before.as_ref(), after, self.store.clock().now());
    }

    /// Counts all that is in `namespace`.
    fn count(&mut self, namespace: &Arc<str>) {
        let (objects, version) = self.store.list_namespace(COUNTED, namespace);
        self.index.recount(namespace, &objects, self.store.clock().now());
        self.counted.insert(Arc::clone(namespace), version);
    }

    /// Writes what is different.
    async fn sync(&mut self) {
        let changed = self.index.take_changed();
        for some in changed.chunks(QUOTAS_PER_COMMIT_MAX) {
            let transaction =
                some.iter().map(settlement).fold(Transaction::new(), Transaction::and);
            if transaction.is_empty() {
                continue;
            }
            if let Err(error) = self.store.commit(transaction).await {
                tracing::warn!(error = &error as &dyn Error, "can't say what is used of quotas");
                some.iter().for_each(|observed| self.index.recheck(observed.quota.key()));
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// What puts the status of a quota right.
fn settlement(observed: &Observed) -> Transaction {
    let plan = reconcile(observed);
    if plan.is_empty() {
        return Transaction::new();
    }
    let (key, uid) = (observed.quota.key(), observed.quota.uid().to_owned());
    let observed = Arc::clone(&observed.quota);
    Transaction::new().modify(key, Some(uid), move |quota: &mut ResourceQuota| {
        settle(&plan, &observed, quota);
    })
}
