//! What a run of the test leaves to chance, all of it from one seed.

use std::time::Duration;

/// Where the seed comes from when a run is to be made again.
const SEED: &str = "MAYFLY_SEED";

/// A source of chances.
pub(super) struct Chance {
    seed: u64,
    numbers: fastrand::Rng,
}

impl Chance {
    /// From the seed that is asked for, or from a fresh one.
    pub(super) fn new() -> Self {
        let seed = match std::env::var(SEED) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{SEED} must be a number: {text}")),
            Err(_) => fastrand::u64(..),
        };
        Self { seed, numbers: fastrand::Rng::with_seed(seed) }
    }

    /// What makes the same choices again. The moments are then the same as far as the machine takes
    /// the same time.
    pub(super) fn replay(&self) -> String {
        format!("{SEED}={} cargo test --test main crash", self.seed)
    }

    pub(super) fn one_in(&mut self, count: u32) -> bool {
        self.numbers.u32(0..count) == 0
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.numbers.usize(0..bound)
    }

    pub(super) fn pick<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        if among.is_empty() { None } else { among.get(self.below(among.len())) }
    }

    /// From a millisecond to `longest`, each order of magnitude as likely as the next: some moments
    /// are in the middle of the first write, some after hundreds of them. One in three is any, so
    /// that much is under way.
    pub(super) fn moment(&mut self, longest: Duration) -> Duration {
        if self.one_in(3) {
            return longest.mul_f64(self.numbers.f64());
        }
        let shortest = Duration::from_millis(1).as_secs_f64();
        let orders = (longest.as_secs_f64() / shortest).ln();
        Duration::from_secs_f64(shortest * (orders * self.numbers.f64()).exp())
    }
}
