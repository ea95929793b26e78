//! The memory that all guests of an engine hold together.
//!
//! Each run has some set aside for it, whether it takes that or not, and may take more while there is
//! some left that is set aside for nobody. If a run begins and there is too little to set aside,
//! those end that have taken most beyond their own, as processes do when a machine has no memory
//! left.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The memory of an engine's guests.
#[derive(Debug)]
pub(crate) struct MemoryPool {
    bytes_max: u64,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// Of all runs together.
    bytes: u64,
    next: u64,
    runs: BTreeMap<u64, Run>,
}

#[derive(Debug)]
struct Run {
    reserved: u64,
    /// What it holds, and no less than what is set aside for it.
    bytes: u64,
    /// Fires when it has to end.
    taken: CancellationToken,
}

/// What one run holds of a pool; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Holding {
    pool: Arc<MemoryPool>,
    number: u64,
    taken: CancellationToken,
}

impl MemoryPool {
    /// A pool of so many bytes.
    pub(crate) fn new(bytes_max: u64) -> Arc<Self> {
        Arc::new(Self { bytes_max, held: Mutex::default() })
    }

    /// Sets `reserved` bytes aside for a run that begins.
    pub(crate) fn hold(self: &Arc<Self>, reserved: u64) -> Holding {
        let taken = CancellationToken::new();
        let mut held = self.held();
        let number = held.next;
        held.next += 1;
        held.bytes = held.bytes.saturating_add(reserved);
        held.runs.insert(number, Run { reserved, bytes: reserved, taken: taken.clone() });
        held.take_back(self.bytes_max);
        Holding { pool: Arc::clone(self), number, taken }
    }

    /// A panic with the lock held leaves nothing half-done.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Ends runs until what is set aside is there: the one that has most beyond its own first.
    fn take_back(&mut self, bytes_max: u64) {
        // What those that are ending have beyond their own is as good as there.
        let beyond = |run: &Run| run.bytes - run.reserved;
        let ending = self.runs.values().filter(|run| run.taken.is_cancelled()).map(beyond);
        let mut missing = self.bytes.saturating_sub(ending.sum()).saturating_sub(bytes_max);
        while missing > 0 {
            let going_on = self.runs.values().filter(|run| !run.taken.is_cancelled());
            let Some(most) = going_on.max_by_key(|run| beyond(run)).filter(|it| beyond(it) > 0)
            else {
                return;
            };
            most.taken.cancel();
            missing = missing.saturating_sub(beyond(most));
        }
    }
}

impl Holding {
    /// Says that the run holds so many bytes from now on; false, and nothing is changed, if there is
    /// no memory left for that.
    pub(crate) fn set(&self, bytes: u64) -> bool {
        let mut held = self.pool.held();
        let total = held.bytes;
        let Some(run) = held.runs.get_mut(&self.number) else { return false };
        let bytes = bytes.max(run.reserved);
        let total = (total - run.bytes).saturating_add(bytes);
        if bytes > run.bytes && total > self.pool.bytes_max {
            return false;
        }
        run.bytes = bytes;
        held.bytes = total;
        true
    }

    /// Fires when the run has to end, because what it holds is others'.
    pub(crate) fn taken(&self) -> CancellationToken {
        self.taken.clone()
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut held = self.pool.held();
        if let Some(run) = held.runs.remove(&self.number) {
            held.bytes -= run.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_is_there_and_the_rest_is_for_all() {
        let pool = MemoryPool::new(100);
        let (a, b) = (pool.hold(30), pool.hold(0));
        assert!(a.set(30) && b.set(70));
        assert!(!b.set(71) && !a.set(31));
        assert!(b.set(60) && a.set(40));
        drop(b);
        assert!(a.set(100));
        assert!(!a.taken().is_cancelled());
        drop(a);
        assert_eq!(pool.held().bytes, 0);
    }

    #[test]
    fn whoever_has_most_beyond_its_own_ends_when_others_begin() {
        let pool = MemoryPool::new(100);
        let runs = [pool.hold(50), pool.hold(0), pool.hold(0)];
        assert!(runs[0].set(60) && runs[1].set(25) && runs[2].set(15));
        let ended = || runs.each_ref().map(|run| run.taken().is_cancelled());
        let first = pool.hold(5);
        assert_eq!(ended(), [false, true, false]);
        // What has been taken back is enough for this one.
        let second = pool.hold(20);
        assert_eq!(ended(), [false, true, false]);
        let third = pool.hold(10);
        assert_eq!(ended(), [false, true, true]);
        // What is set aside for itself is nobody's to take.
        let fourth = pool.hold(1000);
        assert_eq!(ended(), [true, true, true]);
        let fifth = pool.hold(1000);
        assert!(!fifth.taken().is_cancelled() && !fourth.taken().is_cancelled());
        drop((runs, first, second, third, fourth, fifth));
        assert_eq!(pool.held().bytes, 0);
    }
}
