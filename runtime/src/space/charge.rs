//! What a run has stored in a directory that is kept in memory: that is memory of the host's, and
//! counts as the run's.
//!
//! Whose a block is, is not known. So a run is charged with what its calls took of the space, and
//! never with more than is there in all. What one has left behind that is over is charged to the next
//! that begins with the space mounted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Space;
use crate::memory::MemoryAccount;
use crate::outcome::MemoryUse;
use crate::stop::Stop;

/// What one run is charged with, of one space, until it is over.
pub(crate) struct Charge {
    space: Arc<Space>,
    account: MemoryAccount,
    bytes: Mutex<u64>,
}

impl Charge {
    /// Charges a run that begins with what is left of others. If that is too much, the run is over.
    pub(crate) fn begin(space: &Arc<Space>, account: &MemoryAccount) -> Arc<Self> {
        let charge =
            Self { space: Arc::clone(space), account: account.clone(), bytes: Mutex::default() };
        let mut charged = locked(&space.charged);
        let left = space.used().saturating_sub(*charged);
        if account.take(left, MemoryUse::Files).is_ok() {
            *locked(&charge.bytes) = left;
            *charged += left;
        }
        drop(charged);
        Arc::new(charge)
    }

    /// A call of the run has taken `bytes` of the space.
    pub(crate) async fn took(&self, bytes: u64) -> Result<(), Stop> {
        if self.settle(bytes).is_ok() {
            return Ok(());
        }
        // More is taken than is there: the run ends only for what it has stored.
        // If it can't be counted, that has been told, and what is taken is what counts.
        let _ = self.space.count().await;
        self.settle(bytes).map_err(|stop| self.account.end(stop))
    }

    /// Sets right what the run is charged with, once it has taken `more`.
    fn settle(&self, more: u64) -> Result<(), Stop> {
        let mut charged = locked(&self.space.charged);
        let mut bytes = locked(&self.bytes);
        let right = bytes.saturating_add(more).min(self.space.used());
        match right.checked_sub(*bytes) {
            Some(more) => self.account.try_take(more, MemoryUse::Files)?,
            None => self.account.give_back(*bytes - right),
        }
        *charged = (*charged + right).saturating_sub(*bytes);
        *bytes = right;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let mut charged = locked(&self.space.charged);
        *charged = charged.saturating_sub(*locked(&self.bytes));
    }
}

/// A panic with the lock held leaves nothing half-done.
fn locked(bytes: &Mutex<u64>) -> MutexGuard<'_, u64> {
    bytes.lock().unwrap_or_else(PoisonError::into_inner)
}
