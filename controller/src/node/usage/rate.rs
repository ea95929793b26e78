//! How fast something is used up, from samples of how much has been.
//!
//! Pure.

use std::time::Duration;

use tokio::time::Instant;

/// How often a sample is taken of what runs. Two are kept, so a rate is that of the last ten to
/// twenty seconds: about what Kubernetes' metrics-server tells.
pub(super) const SAMPLE_INTERVAL: Duration = Duration::from_secs(10);

/// The shortest time that a rate is told of. A guest computes some ten milliseconds at a time, which
/// is by then a hundredth; and what has ended sooner has no rate.
const WINDOW_MIN: Duration = Duration::from_secs(1);

/// CPU that is used, and the time over which that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In billionths of a core.
    pub nanocores: u64,
    /// Up to now.
    pub window: Duration,
}

/// The last two samples of a time that only grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Samples {
    older: Sample,
    newer: Sample,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    cpu: Duration,
}

impl Samples {
    /// Nothing has been used at `now`.
    pub(super) fn begin(now: Instant) -> Self {
        let none = Sample { at: now, cpu: Duration::ZERO };
        Self { older: none, newer: none }
    }

    /// `cpu` has been used at `now`, which is a sample if the last one is old enough. After a gap
    /// in which nobody looked, all begins anew.
    pub(super) fn take(&mut self, cpu: Duration, now: Instant) {
        let age = now.saturating_duration_since(self.newer.at);
        let sample = Sample { at: now, cpu };
        if age > 2 * SAMPLE_INTERVAL {
            (self.older, self.newer) = (sample, sample);
        } else if age >= SAMPLE_INTERVAL {
            (self.older, self.newer) = (self.newer, sample);
        }
    }

    /// The rate at `now`, when `cpu` has been used; `None` before it can be told.
    pub(super) fn rate(&self, cpu: Duration, now: Instant) -> Option<Rate> {
        let since = |sample: Sample| now.saturating_duration_since(sample.at);
        let is_long = |sample: &Sample| since(*sample) >= WINDOW_MIN;
        let base = [self.newer, self.older].into_iter().find(is_long)?;
        let used = cpu.saturating_sub(base.cpu).as_nanos();
        let window = since(base);
        let nanocores = used.saturating_mul(1_000_000_000) / window.as_nanos();
        Some(Rate { nanocores: u64::try_from(nanocores).unwrap_or(u64::MAX), window })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_that_of_the_last_seconds() {
        let begun = Instant::now();
        let mut samples = Samples::begin(begun);
        let check = |samples: &Samples, at: f64, cpu: f64, expect: Option<(u64, f64)>| {
            let (at, cpu) = (Duration::from_secs_f64(at), Duration::from_secs_f64(cpu));
            let found = samples.rate(cpu, begun + at);
            let found = found.map(|rate| (rate.nanocores, rate.window.as_secs_f64()));
            assert_eq!(found, expect);
        };
        let take = |samples: &mut Samples, at: u64, cpu: u64| {
            samples.take(Duration::from_secs(cpu), begun + Duration::from_secs(at));
        };
        check(&samples, 0.0, 0.0, None);
        check(&samples, 0.9, 0.9, None);
        check(&samples, 1.0, 0.5, Some((500_000_000, 1.0)));
        // Too soon for a sample.
        take(&mut samples, 5, 5);
        check(&samples, 8.0, 4.0, Some((500_000_000, 8.0)));
        // Busy with two cores until then, and not at all after.
        take(&mut samples, 10, 20);
        check(&samples, 10.5, 20.0, Some((1_904_761_904, 10.5)));
        check(&samples, 12.0, 20.0, Some((0, 2.0)));
        take(&mut samples, 20, 20);
        check(&samples, 20.5, 20.0, Some((0, 10.5)));
        take(&mut samples, 50, 20);
        check(&samples, 50.5, 20.5, None);
        check(&samples, 51.0, 20.5, Some((500_000_000, 1.0)));
        // A source that goes back, which none should, uses nothing.
        check(&samples, 52.0, 1.0, Some((0, 2.0)));
    }
}
