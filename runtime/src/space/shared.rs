//! Space that several directories share, with what their owner keeps besides.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use super::amount::{subtract, try_add};
use super::{Full, Space, WeakSpace};

/// A limit of bytes for several [`Space`]s together.
pub struct SharedSpace {
    bytes_max: u64,
    /// The sum of what is taken of each, and of what is [kept](Self::keep).
    taken: AtomicU64,
    /// What is kept besides them.
    kept: AtomicU64,
    spaces: Mutex<Vec<WeakSpace>>,
    is_being_counted: AtomicBool,
    exceeded: Box<dyn Fn() + Send + Sync>,
}

impl SharedSpace {
    /// A limit of `bytes_max`. `exceeded` is called when more has been found; it must not block.
    pub fn new(bytes_max: u64, exceeded: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            taken: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            spaces: Mutex::default(),
            is_being_counted: AtomicBool::new(false),
            exceeded: Box::new(exceeded),
        })
    }

    /// Counts what the owner has stored by itself. If that is too much with all the rest, it is told
    /// soon after, not by this call, and only if that is made within tokio.
    pub fn keep(self: &Arc<Self>, bytes: u64) {
        self.kept.fetch_add(bytes, SeqCst);
        let taken = self.taken.fetch_add(bytes, SeqCst);
        let is_much = taken.saturating_add(bytes) > self.bytes_max;
        if is_much
            && let Ok(tokio) = tokio::runtime::Handle::try_current()
            && !self.is_being_counted.swap(true, SeqCst)
        {
            let shared = Arc::clone(self);
            tokio.spawn(async move {
                let counted = shared.count().await;
                shared.is_being_counted.store(false, SeqCst);
                if counted.is_ok() && shared.left().is_none() {
                    shared.tell();
                }
            });
        }
    }

    /// Counts that the owner has removed what it had stored.
    pub fn release(&self, bytes: u64) {
        subtract(&self.kept, bytes);
        self.remove(bytes);
    }

    /// Bytes that are stored, at most.
    pub fn used(&self) -> u64 {
        self.taken.load(SeqCst)
    }

    pub(super) fn join(&self, space: WeakSpace) {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).push(space);
    }

    pub(super) fn try_add(&self, bytes: u64) -> bool {
        try_add(&self.taken, bytes, self.bytes_max)
    }

    pub(super) fn add(&self, bytes: u64) {
        self.taken.fetch_add(bytes, SeqCst);
    }

    pub(super) fn remove(&self, bytes: u64) {
        subtract(&self.taken, bytes);
    }

    /// What is taken of one of the spaces has been set right by that much.
    pub(super) fn correct(&self, change: i128) {
        let bytes = u64::try_from(change.unsigned_abs()).unwrap_or(u64::MAX);
        if change < 0 { self.remove(bytes) } else { self.add(bytes) }
    }

    /// Counts all of them.
    pub(super) async fn count(&self) -> Result<(), Full> {
        for space in self.spaces() {
            space.count().await?;
        }
        Ok(())
    }

    /// What is left of what was found when each was last counted; `None` if that was too much.
    pub(super) fn left(&self) -> Option<u64> {
        let found = self.spaces().iter().map(|space| space.found.get().bytes).sum::<u64>();
        self.bytes_max.checked_sub(found.saturating_add(self.kept.load(SeqCst)))
    }

    pub(super) fn tell(&self) {
        (self.exceeded)();
    }

    fn spaces(&self) -> Vec<Arc<Space>> {
        let spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        spaces.iter().filter_map(WeakSpace::upgrade).collect()
    }
}

impl std::fmt::Debug for SharedSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedSpace")
            .field("bytes_max", &self.bytes_max)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}
