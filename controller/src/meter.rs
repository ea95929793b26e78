//! What the parts of the control plane count of themselves: numbers that many threads add to, and
//! that somebody reads now and then.
//!
//! To count costs some atomic additions and never a lock. Nothing is decided by a count, so each is
//! read by itself: two of them may be a moment apart.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// It is so much larger.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// What it has come to.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that somebody sets anew.
#[derive(Debug, Default)]
pub struct Level(AtomicU64);

impl Level {
    /// It is so large now.
    pub fn set(&self, level: u64) {
        self.0.store(level, Relaxed);
    }

    /// What it is.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The work that waits for a controller.
#[derive(Debug)]
pub struct QueueMeter {
    /// Whose.
    pub name: &'static str,
    /// Objects that are to be looked at.
    pub depth: Level,
    /// How often one was added to those.
    pub adds: Counter,
    /// How often what was to be done for one had failed.
    pub retries: Counter,
}

impl QueueMeter {
    /// Of the controller `name`, which has nothing to do.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            depth: Level::default(),
            adds: Counter::default(),
            retries: Counter::default(),
        }
    }
}

/// What a store does.
#[derive(Debug)]
pub struct StoreMeter {
    /// Transactions that were to be made so.
    pub commits: Counter,
    /// How long the disk took for each group of them.
    pub syncs: Histogram,
}

impl Default for StoreMeter {
    fn default() -> Self {
        let bounds =
            &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];
        Self { commits: Counter::default(), syncs: Histogram::new(bounds) }
    }
}

/// How long things take: how many took no longer than each of some bounds.
#[derive(Debug)]
pub struct Histogram {
    /// In seconds, ascending.
    bounds: &'static [f64],
    /// One for each bound, those that took longer than the one before; and one for what took longest.
    counts: Box<[AtomicU64]>,
    /// In microseconds, which fill this after half a million years.
    sum: AtomicU64,
}

/// What a histogram shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Each bound in seconds, and how many took no longer.
    pub buckets: Vec<(f64, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long they took together, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// One with these bounds, in seconds and ascending, that has seen nothing.
    pub fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Something took so long.
    pub fn observe(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let place = self.bounds.partition_point(|bound| *bound < seconds);
        self.counts[place].fetch_add(1, Relaxed);
        self.sum.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// What it shows.
    pub fn read(&self) -> Distribution {
        let mut count = 0;
        let mut upto = |counted: &AtomicU64| {
            count += counted.load(Relaxed);
            count
        };
        let buckets = self.bounds.iter().zip(&self.counts).map(|(it, of)| (*it, upto(of)));
        let buckets = buckets.collect();
        let count = self.counts.last().map_or(0, &mut upto);
        Distribution {
            buckets,
            count,
            sum: Duration::from_micros(self.sum.load(Relaxed)).as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_what_took_no_longer() {
        let histogram = Histogram::new(&[0.001, 0.1, 1.0]);
        for millis in [0, 1, 2, 100, 101, 1_000, 60_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        assert_eq!(
            histogram.read(),
            Distribution { buckets: vec![(0.001, 2), (0.1, 4), (1.0, 6)], count: 7, sum: 61.204 }
        );
    }
}
