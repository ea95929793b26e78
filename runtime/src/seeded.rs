//! A world that is the same on every run: clocks, random numbers and what files say of themselves
//! come from a seed, and from what the guest does.
//!
//! A clock of its kind goes on when it is looked at and when the guest sleeps, at no other time. So
//! sleeping takes no time, and what the guest sees does not depend on how quick the host is.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rand_core::TryRng;
use sha2::{Digest as _, Sha256};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// How far a clock goes on each time that it is looked at. Short enough that times look right, long
/// enough that a guest that waits for a second by looking does so a million times and no more.
const STEP: Duration = Duration::from_micros(1);

/// The earliest time at which a run begins: 2020-01-01, in seconds since 1970. Programs take what is
/// far from the present for a mistake.
const START_SECONDS: u64 = 1_577_836_800;

/// A run begins within so many seconds of that, as its seed has it: ten years.
const START_WITHIN_SECONDS: u64 = 10 * 365 * 86_400;

/// What a guest is given by a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed([u8; 32]);

impl Seed {
    /// The seed that `text` is; any text is one.
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Random numbers, others for each `purpose`.
    pub(crate) fn random(self, purpose: &str) -> Random {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(purpose.as_bytes());
        Random { key: hasher.finalize().into(), block: 0, bytes: [0; 32], used: 32 }
    }
}

/// Random numbers without end: the SHA-256 of a key and a counter.
pub(crate) struct Random {
    key: [u8; 32],
    block: u64,
    bytes: [u8; 32],
    used: usize,
}

impl Random {
    /// The next eight bytes, as a number.
    pub(crate) fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill(&mut self, into: &mut [u8]) {
        let mut into = into;
        while !into.is_empty() {
            if self.used == self.bytes.len() {
                let mut hasher = Sha256::new();
                hasher.update(self.key);
                hasher.update(self.block.to_le_bytes());
                self.bytes = hasher.finalize().into();
                (self.block, self.used) = (self.block + 1, 0);
            }
            let length = into.len().min(self.bytes.len() - self.used);
            into[..length].copy_from_slice(&self.bytes[self.used..self.used + length]);
            self.used += length;
            into = &mut into[length..];
        }
    }
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.number())
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        self.fill(into);
        Ok(())
    }
}

/// A clock of a run. A clone is the same clock.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    start: Duration,
    /// Nanoseconds since the start.
    elapsed: Arc<AtomicU64>,
}

impl Clock {
    fn new(seed: Seed) -> Self {
        let offset = seed.random("start").number() % START_WITHIN_SECONDS;
        Self { start: Duration::from_secs(START_SECONDS + offset), elapsed: Arc::default() }
    }

    /// When the run began, since 1970.
    pub(crate) fn start(&self) -> Duration {
        self.start
    }

    /// Nanoseconds since the start, without looking at the clock.
    pub(crate) fn elapsed(&self) -> u64 {
        self.elapsed.load(Relaxed)
    }

    /// Sleeps until so many nanoseconds since the start.
    pub(crate) fn sleep_until(&self, elapsed: u64) {
        self.elapsed.fetch_max(elapsed, Relaxed);
    }

    fn look(&self) -> u64 {
        let step = STEP.as_nanos() as u64;
        // One guest looks at it, on one thread at a time.
        let now = self.elapsed().saturating_add(step);
        self.elapsed.store(now, Relaxed);
        now
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        STEP.as_nanos() as u64
    }

    fn now(&self) -> u64 {
        self.look()
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        STEP
    }

    fn now(&self) -> Duration {
        self.start + Duration::from_nanos(self.look())
    }
}

/// What a world needs to be the same on every run.
#[derive(Debug)]
pub(crate) struct Seeded {
    seed: Seed,
    pub(crate) clock: Clock,
    /// How many sources of random numbers have been opened.
    sources: u64,
}

impl Seeded {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, clock: Clock::new(seed), sources: 0 }
    }

    /// Random numbers, others each time.
    pub(crate) fn random(&mut self) -> Random {
        self.sources += 1;
        self.seed.random(&format!("source {}", self.sources))
    }

    /// What stands for the host's number of the file at `path`. The host's own is another on each
    /// run, and may be that of a file that was there before.
    pub(crate) fn file_number(&self, path: &str) -> u64 {
        // Zero is none for some programs.
        self.seed.random(&format!("file {path}")).number().max(1)
    }

    /// When a file was changed and read: at the start, whatever the host says. In nanoseconds since
    /// 1970.
    pub(crate) fn file_time(&self) -> u64 {
        u64::try_from(self.clock.start().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_each_time_and_others_for_each_purpose() {
        let bytes = |seed: &str, purpose: &str, pieces: usize| {
            let mut random = Seed::of(seed).random(purpose);
            let mut bytes = [0; 100];
            bytes.chunks_mut(pieces).for_each(|piece| random.fill(piece));
            bytes
        };
        let first = bytes("a", "x", 100);
        assert_eq!(bytes("a", "x", 7), first, "pieces must not matter");
        assert_ne!(bytes("b", "x", 100), first);
        assert_ne!(bytes("a", "y", 100), first);
        assert_ne!(first[..32], first[32..64]);
    }

    #[test]
    fn a_clock_goes_on_when_it_is_looked_at_and_by_sleeping() {
        let clock = Clock::new(Seed::of("a"));
        let other = clock.clone();
        assert_eq!(HostMonotonicClock::now(&clock), 1000);
        assert_eq!(HostWallClock::now(&other), clock.start() + 2 * STEP);
        clock.sleep_until(5_000_000_000);
        clock.sleep_until(1);
        assert_eq!(HostMonotonicClock::now(&other), 5_000_001_000);
        assert_eq!(Clock::new(Seed::of("a")).start(), clock.start());
        assert_ne!(Clock::new(Seed::of("b")).start(), clock.start());
        assert!(clock.start() >= Duration::from_secs(START_SECONDS));
        clock.sleep_until(u64::MAX);
        assert_eq!(HostMonotonicClock::now(&clock), u64::MAX);
    }
}
