//! What goes wrong, and when.

use std::time::Duration;

use fastrand::Rng;
use mayfly_controller::api::SignedDuration;

use super::{chance, pick, time_below};

/// What goes wrong in one simulation.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    /// In order of time.
    pub(crate) events: Vec<(Duration, Fault)>,
    pub(crate) disk: DiskFaults,
}

/// One thing that goes wrong at some time.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The clock on the wall is set.
    ClockJump(SignedDuration),
    /// The process is killed, whatever it does.
    Crash { away: Duration },
    /// The second node is cut off: it goes on, and nobody hears of it.
    NodeCutOff,
    /// The second node's process is killed, with its guests.
    NodeKilled,
    /// The second node is there again.
    NodeReturns,
}

/// What is wrong with the disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskFaults {
    pub(crate) latency_max: Duration,
    /// The chance that a write is refused, at any time.
    pub(crate) refusals: f64,
    /// When it is full: from and to.
    pub(crate) full: Vec<(Duration, Duration)>,
    /// Crashes at batches, counted from the beginning.
    pub(crate) crashes: Vec<(u64, Crash)>,
    /// Says that a write is kept before it is. No disk may; whether that is noticed is the question.
    pub(crate) lies: bool,
}

/// A crash while a batch is being written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    pub(crate) kept: Kept,
    pub(crate) away: Duration,
}

/// What stays of a batch that was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    All,
    /// Lost, or torn and so dropped.
    Nothing,
}

impl Faults {
    pub(crate) fn draw(random: &mut Rng, lasts: Duration, has_second_node: bool) -> Self {
        let mut events = Vec::new();
        for _ in 0..pick(random, &[0, 0, 1, 3, 6]) {
            events.push((time_below(random, lasts), Fault::ClockJump(jump(random))));
        }
        for _ in 0..pick(random, &[0, 0, 1, 2, 4]) {
            events.push((time_below(random, lasts), Fault::Crash { away: away(random) }));
        }
        if has_second_node {
            for _ in 0..pick(random, &[0, 1, 2, 3]) {
                let from = time_below(random, lasts);
                let fault = if random.bool() { Fault::NodeCutOff } else { Fault::NodeKilled };
                events.push((from, fault));
                events.push((from + time_below(random, lasts / 2), Fault::NodeReturns));
            }
        }
        events.sort_by_key(|(at, _)| *at);
        Self { events, disk: DiskFaults::draw(random, lasts) }
    }
}

impl DiskFaults {
    fn draw(random: &mut Rng, lasts: Duration) -> Self {
        let milliseconds = Duration::from_millis;
        let mut full = Vec::new();
        for _ in 0..pick(random, &[0, 0, 0, 1, 2]) {
            let from = time_below(random, lasts);
            full.push((from, from + time_below(random, lasts / 4)));
        }
        let mut crashes = Vec::new();
        let mut batch = 0;
        for _ in 0..pick(random, &[0, 0, 1, 3, 8]) {
            batch += random.u64(1..100);
            let kept = if random.bool() { Kept::All } else { Kept::Nothing };
            crashes.push((batch, Crash { kept, away: away(random) }));
        }
        Self {
            latency_max: pick(
                random,
                &[milliseconds(0), milliseconds(2), milliseconds(50), milliseconds(5000)],
            ),
            refusals: pick(random, &[0.0, 0.0, 0.02, 0.2]),
            full,
            crashes,
            lies: false,
        }
    }

    pub(crate) fn is_full(&self, at: Duration) -> bool {
        self.full.iter().any(|(from, to)| *from <= at && at < *to)
    }
}

/// From a second to some hours, forwards or back.
fn jump(random: &mut Rng) -> SignedDuration {
    let seconds = 2_i64.pow(random.u32(0..14));
    SignedDuration::from_secs(if random.bool() { seconds } else { -seconds })
}

/// How long it takes until somebody starts the process again.
fn away(random: &mut Rng) -> Duration {
    let most = pick(random, &[Duration::ZERO, Duration::from_secs(5), Duration::from_secs(600)]);
    let most = if chance(random, 0.5) { most } else { Duration::ZERO };
    time_below(random, most)
}
