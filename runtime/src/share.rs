//! The share of a core that a guest may compute for. Pure.
//!
//! What a turn of it takes is known when the turn is over, and can be more than there was: a single
//! instruction can fill a gigabyte. It then rests until that is paid off, however long the turn was
//! and however small its share is.

use std::time::{Duration, Instant};

use crate::bucket::Bucket;

/// What has not been used is kept for so long: as in the kernel, whose CPU quotas are counted in
/// periods of this length. It makes up for turns that come late because others are computing.
const KEPT: Duration = Duration::from_millis(100);

/// A share of a core, of which some has been used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share(Bucket);

impl Share {
    /// A share of `cpu_millis` thousandths of a core, none of which has been saved up.
    pub(crate) fn new(cpu_millis: u64, now: Instant) -> Self {
        let nanos_per_second = cpu_millis.saturating_mul(1_000_000);
        let kept = nanos_per_second / u64::try_from(1000 / KEPT.as_millis()).unwrap_or(1);
        Self(Bucket::empty(kept, nanos_per_second, now))
    }

    /// Takes note of a turn that has just ended, and took so much of a core's time.
    pub(crate) fn computed(&mut self, time: Duration, now: Instant) {
        self.0.spend(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), now);
    }

    /// How long the guest must rest; zero if it may have a turn.
    pub(crate) fn rest(&mut self, now: Instant) -> Duration {
        self.0.wait(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LIFE: Duration = Duration::from_secs(5);
    const TURN: Duration = Duration::from_millis(10);

    /// Numbers that look like chance, the same for the same seed.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) % bound
        }

        fn micros_below(&mut self, bound: u64) -> Duration {
            Duration::from_micros(self.below(bound))
        }
    }

    /// Lives for some seconds, and gives the turns that it had: when each began, and how long it
    /// was. It comes to each so much later than it might as `late` says.
    fn turns(
        cpu_millis: u64,
        turn: &mut dyn FnMut() -> Duration,
        late: &mut dyn FnMut() -> Duration,
    ) -> Vec<(Duration, Duration)> {
        let start = Instant::now();
        let mut now = start;
        let mut share = Share::new(cpu_millis, start);
        let mut turns = Vec::new();
        while now < start + LIFE {
            now += share.rest(now) + late();
            assert_eq!(share.rest(now), Duration::ZERO, "a rest must be long enough");
            let took = turn();
            turns.push((now - start, took));
            now += took;
            share.computed(took, now);
        }
        turns
    }

    /// The most that the `turns` took of any second, and the longest of them.
    fn busiest_second(turns: &[(Duration, Duration)]) -> (Duration, Duration) {
        let longest = turns.iter().map(|(_, took)| *took).max().unwrap_or_default();
        // A second that begins with a turn, or one that ends with one, is the busiest.
        let starts = turns.iter().map(|(at, _)| *at);
        let ends = turns.iter().map(|(at, took)| (*at + *took).saturating_sub(SECOND));
        let used = |from: Duration| -> Duration {
            let first = turns.partition_point(|(at, took)| *at + *took <= from);
            let after = turns.partition_point(|(at, _)| *at < from + SECOND);
            let within = |at: Duration| at.clamp(from, from + SECOND);
            let inside = turns[first..after].iter();
            inside.map(|(at, took)| within(*at + *took) - within(*at)).sum()
        };
        (starts.chain(ends).map(used).max().unwrap_or_default(), longest)
    }

    #[test]
    fn no_second_has_more_than_its_share_and_one_turn() {
        for cpu_millis in [10, 100, 250, 500, 900, 1000] {
            let busy = turns(cpu_millis, &mut || TURN, &mut || Duration::ZERO);
            let (used, _) = busiest_second(&busy);
            let share = SECOND * u32::try_from(cpu_millis).unwrap() / 1000;
            assert!(used <= share + TURN, "{cpu_millis}m: {used:?}");
        }
    }

    #[test]
    fn what_is_saved_up_is_never_more_than_a_tenth_of_a_second_gives() {
        for seed in 0..60 {
            let mut chance = Chance(seed);
            let cpu_millis = 10 + chance.below(991);
            let (longest_turn, latest) = (2_000 + chance.below(60_000), 1 + chance.below(400_000));
            let (mut lengths, mut delays) = (Chance(seed + 1000), Chance(seed + 2000));
            let turns = turns(
                cpu_millis,
                &mut || lengths.micros_below(longest_turn),
                // Mostly not at all, as when it is busy.
                &mut || match delays.below(8) {
                    0 => delays.micros_below(latest),
                    _ => Duration::ZERO,
                },
            );
            let (used, longest) = busiest_second(&turns);
            let share = (SECOND + KEPT) * u32::try_from(cpu_millis).unwrap() / 1000;
            assert!(used <= share + longest, "seed {seed}: {cpu_millis}m: {used:?}");
        }
    }

    #[test]
    fn turns_that_come_late_are_made_up_for() {
        // Each turn comes 5 ms after it might, as on a busy machine.
        let late = turns(500, &mut || TURN, &mut || Duration::from_millis(5));
        let used: Duration = late.iter().map(|(_, took)| *took).sum();
        assert!(used >= LIFE / 2 - TURN, "{used:?}");
    }

    #[test]
    fn a_long_turn_is_paid_off_even_out_of_a_small_share() {
        let start = Instant::now();
        let mut share = Share::new(10, start);
        share.computed(SECOND, start + SECOND);
        // What flowed in meanwhile was lost but for a tenth of a second's.
        let rest = share.rest(start + SECOND);
        assert_eq!(rest, 100 * SECOND - KEPT);
    }
}
