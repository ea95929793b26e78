//! Amounts of what is stored, and their sums that many guests add to at once.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// How much something takes, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) bytes: u64,
    /// Names.
    pub(crate) entries: u64,
}

impl Amount {
    pub(super) fn plus(self, more: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(more.bytes),
            entries: self.entries.saturating_add(more.entries),
        }
    }
}

/// A sum of amounts. Its two parts are each right at all times, and together when nobody adds.
#[derive(Debug, Default)]
pub(super) struct Tally {
    bytes: AtomicU64,
    entries: AtomicU64,
}

impl Tally {
    pub(super) fn get(&self) -> Amount {
        Amount { bytes: self.bytes.load(SeqCst), entries: self.entries.load(SeqCst) }
    }

    pub(super) fn set(&self, amount: Amount) {
        self.bytes.store(amount.bytes, SeqCst);
        self.entries.store(amount.entries, SeqCst);
    }

    pub(super) fn add(&self, amount: Amount) {
        self.bytes.fetch_add(amount.bytes, SeqCst);
        self.entries.fetch_add(amount.entries, SeqCst);
    }

    pub(super) fn remove(&self, amount: Amount) {
        subtract(&self.bytes, amount.bytes);
        subtract(&self.entries, amount.entries);
    }

    /// Adds, unless that is more than `max`. Entries that were added where bytes can't be stay: they
    /// are too many until the next count, never too few.
    pub(super) fn try_add(&self, amount: Amount, max: Amount) -> bool {
        try_add(&self.entries, amount.entries, max.entries)
            && try_add(&self.bytes, amount.bytes, max.bytes)
    }

    /// Makes `right` of what was `before`, and keeps what has been added since. Gives by how much
    /// more bytes it is now.
    pub(super) fn correct(&self, before: Amount, right: Amount) -> i128 {
        correct(&self.entries, before.entries, right.entries);
        correct(&self.bytes, before.bytes, right.bytes)
    }
}

/// Adds, unless that is more than `max`; adding nothing is always possible.
pub(super) fn try_add(sum: &AtomicU64, amount: u64, max: u64) -> bool {
    let fits = |sum: u64| sum.checked_add(amount).filter(|sum| *sum <= max);
    amount == 0 || sum.fetch_update(SeqCst, SeqCst, fits).is_ok()
}

pub(super) fn subtract(sum: &AtomicU64, amount: u64) {
    let _ = sum.fetch_update(SeqCst, SeqCst, |sum| Some(sum.saturating_sub(amount)));
}

fn correct(sum: &AtomicU64, before: u64, right: u64) -> i128 {
    match right.checked_sub(before) {
        Some(more) => drop(sum.fetch_add(more, SeqCst)),
        None => subtract(sum, before - right),
    }
    i128::from(right) - i128::from(before)
}
