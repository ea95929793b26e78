//! Counts the memory that a guest takes, and ends it when that is too much.
//!
//! ```text
//! wasmtime: memories, tables ─▶ MemoryMeter ┐
//! host functions: lists, instances ─────────┤
//! sockets and requests ─────────────────────┼▶ MemoryAccount ─▶ its limit, the pool of all guests
//! files kept in memory ─────────────────────┘
//! ```

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;
use wasmtime::ResourceLimiter;

use crate::limits::{CORE_INSTANCES_MAX, Limits, MEMORIES_MAX, TABLES_MAX};
use crate::meter::Meter;
use crate::outcome::MemoryUse;
use crate::pool::Holding;
use crate::stop::Stop;

/// What one element of a table takes in wasmtime, at most.
const TABLE_ELEMENT_BYTES: u64 = size_of::<usize>() as u64;

/// All memory that one run takes, whoever holds it. A clone is the same account.
///
/// What is too much is not counted; it ends the run, on whatever task that was.
#[derive(Clone, Debug)]
pub(crate) struct MemoryAccount(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bytes: Mutex<u64>,
    bytes_max: u64,
    meter: Meter,
    holding: Holding,
    /// Why the run has to end.
    over: OnceLock<Stop>,
    is_over: CancellationToken,
}

impl MemoryAccount {
    /// The account of a run that may take `bytes_max`, of `holding`.
    pub(crate) fn new(bytes_max: u64, meter: Meter, holding: Holding) -> Self {
        Self(Arc::new(Inner {
            bytes: Mutex::default(),
            bytes_max,
            meter,
            holding,
            over: OnceLock::new(),
            is_over: CancellationToken::new(),
        }))
    }

    /// The account of a run that shares its memory with no other.
    #[cfg(test)]
    pub(crate) fn alone(bytes_max: u64) -> Self {
        Self::new(bytes_max, Meter::new(), crate::pool::MemoryPool::new(u64::MAX).hold(0))
    }

    /// Counts `bytes` until they are given back, or says why the run is over.
    pub(crate) fn take(&self, bytes: u64, what: MemoryUse) -> Result<(), Stop> {
        self.try_take(bytes, what).map_err(|stop| self.end(stop))
    }

    /// Counts `bytes`, if there are as many. Otherwise nothing has happened yet.
    pub(crate) fn try_take(&self, bytes: u64, what: MemoryUse) -> Result<(), Stop> {
        let mut held = self.bytes();
        let sum = held.saturating_add(bytes);
        if sum > self.0.bytes_max {
            return Err(Stop::OutOfMemory(what));
        }
        if !self.0.holding.set(sum) {
            return Err(Stop::NoMemoryLeft);
        }
        *held = sum;
        self.0.meter.holds(sum);
        Ok(())
    }

    /// The same until what is returned is dropped.
    pub(crate) fn hold(&self, bytes: u64, what: MemoryUse) -> Result<Held, Stop> {
        self.take(bytes, what)?;
        Ok(Held { account: self.clone(), bytes })
    }

    /// What was taken is not held any more.
    pub(crate) fn give_back(&self, bytes: u64) {
        let mut held = self.bytes();
        *held = held.saturating_sub(bytes);
        self.0.meter.holds(*held);
        // Less is always to be had.
        self.0.holding.set(*held);
    }

    /// Ends the run, for the first reason that there is.
    pub(crate) fn end(&self, stop: Stop) -> Stop {
        let first = *self.0.over.get_or_init(|| stop);
        self.0.is_over.cancel();
        first
    }

    /// Waits until the run has to end.
    pub(crate) async fn over(&self) -> Stop {
        self.0.is_over.cancelled().await;
        *self.0.over.get().expect("a reason must be there before it is told of")
    }

    /// A panic with the lock held leaves nothing half-done.
    fn bytes(&self) -> MutexGuard<'_, u64> {
        self.0.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Memory that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    account: MemoryAccount,
    bytes: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.account.give_back(self.bytes);
    }
}

/// Counts linear memories and tables, as wasmtime asks for them.
///
/// To refuse would make `memory.grow` return -1, and what comes of that differs from guest to
/// guest. To end the guest is the same for all, and can be told apart from every other end.
#[derive(Debug)]
pub(crate) struct MemoryMeter {
    account: MemoryAccount,
    /// The most that one of them may have.
    one_bytes_max: u64,
    /// What the last growth added, in case that the host then could not provide it.
    growing: u64,
}

impl MemoryMeter {
    pub(crate) fn new(account: MemoryAccount, limits: &Limits) -> Self {
        Self { account, one_bytes_max: limits.one_memory_bytes, growing: 0 }
    }

    /// What all of the run's memory is counted by.
    pub(crate) fn account(&self) -> &MemoryAccount {
        &self.account
    }

    /// Lets one memory, or the elements of one table, be of `desired` bytes and no longer of
    /// `current`; not if the module itself declares that there are fewer, which is its own affair.
    fn grow(&mut self, current: u64, desired: u64, is_declared: bool) -> Result<bool, Stop> {
        self.growing = 0;
        if !is_declared {
            return Ok(false);
        }
        let by = desired.saturating_sub(current);
        self.account.take(by, MemoryUse::Memories)?;
        if desired > self.one_bytes_max {
            self.account.give_back(by);
            return Err(self.account.end(Stop::OutOfMemory(MemoryUse::OneMemory)));
        }
        self.growing = by;
        Ok(true)
    }

    fn grow_failed(&mut self) {
        self.account.give_back(std::mem::take(&mut self.growing));
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_declared = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(self.grow(current as u64, desired as u64, is_declared)?)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.grow_failed();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_declared = maximum.is_none_or(|maximum| desired <= maximum);
        let bytes = |elements: usize| (elements as u64).saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(self.grow(bytes(current), bytes(desired), is_declared)?)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.grow_failed();
        Ok(())
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::MemoryPool;

    fn account(bytes_max: u64) -> (MemoryAccount, Meter) {
        let meter = Meter::new();
        let holding = MemoryPool::new(100).hold(0);
        (MemoryAccount::new(bytes_max, meter.clone(), holding), meter)
    }

    #[tokio::test]
    async fn what_is_held_is_counted_and_too_much_ends_the_run() {
        let (account, meter) = account(50);
        let held = account.hold(30, MemoryUse::Network).unwrap();
        account.take(20, MemoryUse::Memories).unwrap();
        assert_eq!(meter.usage().memory_bytes, 50);
        let stop = Stop::OutOfMemory(MemoryUse::Files);
        assert_eq!(account.try_take(1, MemoryUse::Files), Err(stop));
        assert!(!account.0.is_over.is_cancelled());
        drop(held);
        assert_eq!((meter.usage().memory_bytes, meter.usage().memory_bytes_peak), (20, 50));
        assert_eq!(account.take(31, MemoryUse::Files), Err(stop));
        // Whoever is next is told of the first.
        assert_eq!(account.take(31, MemoryUse::Network), Err(stop));
        assert_eq!(account.over().await, stop);
        assert_eq!(meter.usage().memory_bytes, 20);
    }

    #[test]
    fn what_all_have_is_a_limit_as_well() {
        let (account, meter) = account(200);
        account.take(100, MemoryUse::Memories).unwrap();
        assert_eq!(account.take(1, MemoryUse::Memories), Err(Stop::NoMemoryLeft));
        assert_eq!(meter.usage().memory_bytes, 100);
    }

    #[test]
    fn one_memory_has_a_limit_of_its_own() {
        let (account, meter) = account(90);
        let limits = Limits { one_memory_bytes: 40, ..Limits::default() };
        let mut memories = MemoryMeter::new(account, &limits);
        assert!(memories.memory_growing(0, 40, None).unwrap());
        assert!(memories.table_growing(0, 5, Some(5)).unwrap());
        assert!(!memories.table_growing(5, 6, Some(5)).unwrap());
        memories.table_growing(0, 1, None).unwrap();
        memories.table_grow_failed(wasmtime::Error::msg("no")).unwrap();
        assert_eq!(meter.usage().memory_bytes, 80);
        let error = memories.table_growing(5, 6, None).unwrap_err();
        let stop = error.downcast_ref::<Stop>();
        assert_eq!(stop, Some(&Stop::OutOfMemory(MemoryUse::OneMemory)));
    }
}
