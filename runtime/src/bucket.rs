//! A bucket that fills as time passes, and out of which somebody spends. Pure.
//!
//! What is spent is known only afterwards, so more may be taken than there was. That is owed, and
//! whoever owes waits until it is paid: over a long time no more is spent than has flowed in.

use std::time::{Duration, Instant};

/// What one thing that is spent, a byte or a nanosecond, is counted as: fine enough that what flows
/// in within a nanosecond is a whole number.
const SCALE: i128 = 1_000_000_000;

/// A bucket. It never holds more than its capacity, and what would flow over is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// What is in it; below zero, what is owed.
    level: i128,
    capacity: i128,
    per_second: u64,
    filled_at: Instant,
}

impl Bucket {
    /// A bucket that is full of `capacity`, and into which so much flows each second.
    pub(crate) fn full(capacity: u64, per_second: u64, now: Instant) -> Self {
        let capacity = i128::from(capacity) * SCALE;
        Self { level: capacity, capacity, per_second: per_second.max(1), filled_at: now }
    }

    /// A bucket that is empty, and could hold `capacity`.
    pub(crate) fn empty(capacity: u64, per_second: u64, now: Instant) -> Self {
        Self { level: 0, ..Self::full(capacity, per_second, now) }
    }

    /// Takes `amount` out, whether it is there or not.
    pub(crate) fn spend(&mut self, amount: u64, now: Instant) {
        self.fill(now);
        self.level -= i128::from(amount) * SCALE;
    }

    /// How long it takes until nothing is owed; zero if nothing is.
    pub(crate) fn wait(&mut self, now: Instant) -> Duration {
        self.fill(now);
        let owed = self.level.min(0).unsigned_abs();
        let nanos = owed.div_ceil(self.per_second.into());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn fill(&mut self, now: Instant) {
        let nanos = now.saturating_duration_since(self.filled_at).as_nanos();
        let nanos = i128::try_from(nanos).unwrap_or(i128::MAX);
        let flowed = nanos.saturating_mul(self.per_second.into());
        self.level = self.level.saturating_add(flowed).min(self.capacity);
        self.filled_at = self.filled_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_owed_is_waited_for() {
        let start = Instant::now();
        let mut bucket = Bucket::full(100, 10, start);
        bucket.spend(100, start);
        assert_eq!(bucket.wait(start), Duration::ZERO);
        bucket.spend(5, start);
        assert_eq!(bucket.wait(start), SECOND / 2);
        assert_eq!(bucket.wait(start + SECOND / 4), SECOND / 4);
        assert_eq!(bucket.wait(start + SECOND), Duration::ZERO);
    }

    #[test]
    fn it_holds_no_more_than_its_capacity() {
        let start = Instant::now();
        let mut bucket = Bucket::empty(100, 10, start);
        let later = start + 3600 * SECOND;
        bucket.spend(110, later);
        assert_eq!(bucket.wait(later), SECOND);
    }

    #[test]
    fn neither_great_numbers_nor_a_clock_that_stands_still_break_it() {
        let start = Instant::now();
        let mut bucket = Bucket::full(u64::MAX, u64::MAX, start);
        bucket.spend(u64::MAX, start);
        bucket.spend(u64::MAX, start);
        assert_eq!(bucket.wait(start), SECOND);
        let mut bucket = Bucket::empty(0, 0, start + SECOND);
        bucket.spend(1, start);
        assert_eq!(bucket.wait(start), SECOND);
        assert_eq!(bucket.wait(start + SECOND), SECOND);
    }
}
