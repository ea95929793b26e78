//! The only mutable state: every live object, its versions, and what has changed.
//!
//! ```text
//! Transaction ─▶ checked against the newest state ─▶ disk ─▶ readers and watchers
//! ```
//!
//! It gives uids, name suffixes, timestamps and resource versions, and carries out what deletion
//! means. It decides nothing else: what a Job needs is not known here.

mod apply;
mod deletion;
mod error;
mod names;
mod state;
mod transaction;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};

use crate::api::{Key, Kind, Object, Resource};
use crate::clock::Clock;

pub use error::{CommitError, Gone};
pub use names::Names;
pub use transaction::{Committed, DeleteOptions, Transaction};
pub use watch::{Change, ChangeKind, Watch};

use apply::Batch;
use state::Shared;

/// Every live object, one commit at a time. A clone is the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    clock: Clock,
    names: Names,
    /// Held from the check of a transaction until its publication, so that nothing comes between.
    committing: Mutex<()>,
}

/// Some objects of one kind, as they were together.
#[derive(Clone, Debug)]
pub struct List<T> {
    /// By namespace, then name.
    pub items: Vec<Arc<T>>,
    /// The state that they are of; a watch from here on misses nothing.
    pub resource_version: u64,
}

impl Store {
    /// An empty store that lives as long as the process.
    ///
    /// It commits in the caller and starts no thread, so it works while tokio's time is paused.
    pub fn in_memory(clock: Clock, names: Names) -> Self {
        let committing = Mutex::new(());
        Self { inner: Arc::new(Inner { shared: Arc::default(), clock, names, committing }) }
    }

    /// The clock that its timestamps are of.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Where its uids and name suffixes come from.
    pub fn names(&self) -> &Names {
        &self.inner.names
    }

    /// The object of kind `T` at `key`.
    pub fn get<T: Resource>(&self, key: &Key) -> Option<Arc<T>> {
        self.get_object(T::KIND, key).as_ref().and_then(T::from_object).cloned()
    }

    /// The object of `kind` at `key`.
    pub fn get_object(&self, kind: Kind, key: &Key) -> Option<Object> {
        self.inner.shared.read().get(kind, key).cloned()
    }

    /// The objects of kind `T`, of one namespace or of all.
    pub fn list<T: Resource>(&self, namespace: Option<&str>) -> List<T> {
        let state = self.inner.shared.read();
        let items = state.objects(T::KIND, namespace).filter_map(T::from_object).cloned().collect();
        List { items, resource_version: state.version() }
    }

    /// The objects of `kind`, of one namespace or of all, and the resource version they are of.
    pub fn list_objects(&self, kind: Kind, namespace: Option<&str>) -> (Vec<Object>, u64) {
        let state = self.inner.shared.read();
        (state.objects(kind, namespace).cloned().collect(), state.version())
    }

    /// The resource version of the newest visible state.
    pub fn resource_version(&self) -> u64 {
        self.inner.shared.read().version()
    }

    /// Makes `transaction` so, whole or not at all.
    ///
    /// Its operations are checked against the newest state. When this returns, they are durable and
    /// visible. If the future is dropped before, the transaction may happen or not.
    #[expect(clippy::unused_async, reason = "a durable store waits for its disk")]
    pub async fn commit(&self, transaction: Transaction) -> Result<Committed, CommitError> {
        let inner = &*self.inner;
        let _alone = inner.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let (committed, changes) = {
            let state = inner.shared.read();
            let mut batch = Batch::new(&state, &inner.names, inner.clock.now());
            let committed = batch.apply(transaction)?;
            (committed, batch.into_changes())
        };
        inner.shared.publish(changes);
        Ok(committed)
    }

    /// The changes to objects of `kinds` after the resource version `after`.
    ///
    /// [`Gone`] if they are no longer, or not yet, known: list again, and watch from there.
    pub fn watch(&self, kinds: &[Kind], after: u64) -> Result<Watch, Gone> {
        Watch::new(Arc::clone(&self.inner.shared), kinds, after)
    }
}

#[cfg(test)]
mod tests;
