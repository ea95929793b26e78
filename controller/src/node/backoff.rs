//! The node's two back-offs: of a crashing container's restarts, and of an image that can't be had.
//!
//! Source: section 17 of the semantics. It knows nothing of what it delays.

use std::time::Duration;

use crate::api::{SignedDuration, Timestamp};

/// How long after its last use a back-off starts from its base again: fixed, whatever the cap.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_secs(600);

/// The first delay and the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffCurve {
    /// The first delay; the next is twice as long.
    pub base: Duration,
    /// No delay is longer.
    pub cap: Duration,
}

impl BackoffCurve {
    /// Kubernetes' own for containers and images: 10 s doubling to 300 s.
    pub const KUBELET: Self = Self { base: Duration::from_secs(10), cap: Duration::from_secs(300) };
}

/// How often something has gone wrong of late.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    curve: BackoffCurve,
    armed: Option<Armed>,
}

#[derive(Clone, Copy, Debug)]
struct Armed {
    delay: Duration,
    at: Timestamp,
}

impl Backoff {
    pub(crate) fn new(curve: BackoffCurve) -> Self {
        Self { curve, armed: None }
    }

    /// The delay that is in force for something that went wrong at `event`, if any, and its end.
    ///
    /// The window runs from the event, not from when the back-off was armed.
    pub(crate) fn window(&self, event: Timestamp) -> Option<(Duration, Timestamp)> {
        let armed = self.armed.filter(|armed| !is_forgotten(armed, event))?;
        Some((armed.delay, event + armed.delay))
    }

    /// Arms the next delay, at `now`, because of something that went wrong at `event`.
    pub(crate) fn arm(&mut self, event: Timestamp, now: Timestamp) {
        let delay = match self.armed.filter(|armed| !is_forgotten(armed, event)) {
            Some(armed) => armed.delay.saturating_mul(2),
            None => self.curve.base,
        };
        self.armed = Some(Armed { delay: delay.min(self.curve.cap), at: now });
    }
}

fn is_forgotten(armed: &Armed, event: Timestamp) -> bool {
    event.duration_since(armed.at) > FORGOTTEN_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Plays a container that runs for `run` seconds each time, and gives the delay after each end.
    fn delays(curve: BackoffCurve, run: i64, ends: usize) -> Vec<i64> {
        let mut backoff = Backoff::new(curve);
        let mut now = at(0);
        let mut delays = Vec::new();
        for _ in 0..ends {
            now += SignedDuration::from_secs(run);
            let ended = now;
            if let Some((_, until)) = backoff.window(ended) {
                now = until;
            }
            delays.push(now.duration_since(ended).as_secs());
            backoff.arm(ended, now);
        }
        delays
    }

    #[test]
    fn restarts_are_delayed_as_the_kubelet_does() {
        let check = |run, expected: &[i64]| {
            assert_eq!(delays(BackoffCurve::KUBELET, run, expected.len()), expected, "run {run}");
        };
        check(1, &[0, 10, 20, 40, 80, 160, 300, 300]);
        check(60, &[0, 10, 20, 40, 80, 160, 300, 300]);
        check(600, &[0, 10, 20, 40]);
        // After more than ten minutes of running it is forgiven, and restarted at once.
        check(601, &[0, 0, 0, 0]);
    }

    #[test]
    fn a_lower_cap_lowers_the_base() {
        let seconds = Duration::from_secs;
        let check = |base, cap, expected: &[i64]| {
            let curve = BackoffCurve { base: seconds(base), cap: seconds(cap) };
            assert_eq!(delays(curve, 1, expected.len()), expected);
        };
        check(10, 5, &[0, 5, 5]);
        check(10, 25, &[0, 10, 20, 25, 25]);
    }
}
