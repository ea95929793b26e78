//! The one place where time is read.
//!
//! Everything else takes `now` as an argument, or a [`Clock`] where it must wait. A simulated clock
//! follows tokio's, so a test with paused time jumps from one deadline to the next.
//!
//! What it shows is the time of day, which an operator or NTP may set; what it waits by is tokio's
//! time, which nobody can.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::api::{SignedDuration, Timestamp};

/// Tells the time, and waits for it.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Simulated(Arc<Mutex<Shown>>),
}

/// What a simulated clock showed at some time.
#[derive(Clone, Copy, Debug)]
struct Shown {
    time: Timestamp,
    at: Instant,
}

impl Clock {
    /// The host's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that shows `start` now and goes on as tokio's does, paused or not.
    pub fn simulated(start: Timestamp) -> Self {
        let shown = Shown { time: start, at: Instant::now() };
        Self(Source::Simulated(Arc::new(Mutex::new(shown))))
    }

    /// Sets a simulated clock, and all clones of it, forwards or back. Whoever waits goes on
    /// waiting: only what is shown has changed.
    ///
    /// # Panics
    ///
    /// If it is the host's clock, which is not ours to set.
    pub fn jump(&self, by: SignedDuration) {
        let Source::Simulated(shown) = &self.0 else { panic!("only a simulated clock can be set") };
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.time = shown.time.saturating_add(by).unwrap_or(shown.time);
    }

    /// The current time, to the nanosecond. On the wire it is cut to whole seconds.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Simulated(shown) => {
                let Shown { time, at } = *shown.lock().unwrap_or_else(PoisonError::into_inner);
                time + at.elapsed()
            }
        }
    }

    /// A moment of the time that it waits by, to tell how long something takes.
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Time that this process has computed; none by a simulated clock.
    pub fn process_cpu(&self) -> Duration {
        match &self.0 {
            Source::System => {
                let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
                Duration::try_from(spent).unwrap_or_default()
            }
            Source::Simulated(_) => Duration::ZERO,
        }
    }

    /// Waits so long, whatever the clock shows meanwhile.
    pub async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Waits until the clock shows `deadline`, at once if it has passed.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        // A clock that was set back in the meantime shows on waking that there is more to wait.
        while let Ok(left) = Duration::try_from(deadline.duration_since(self.now())) {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

/// `time` as nanoseconds since 1970, for who holds very many: half the size. Ends with the years 1677
/// and 2262, and keeps the order.
pub(crate) fn nanoseconds(time: Timestamp) -> i64 {
    let exact = time.as_nanosecond();
    i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_is_waited_for() {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        let shown = clock.clone();
        let deadline = Timestamp::UNIX_EPOCH + Duration::from_secs(10);
        let begun = Instant::now();
        let set = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            clock.jump(SignedDuration::from_secs(-3));
            assert_eq!(shown.now(), Timestamp::UNIX_EPOCH + Duration::from_secs(1));
        };
        tokio::join!(shown.sleep_until(deadline), set);
        assert_eq!(begun.elapsed(), Duration::from_secs(13));
        clock.jump(SignedDuration::from_hours(1));
        shown.sleep_until(deadline + Duration::from_secs(60)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(13));

        let set = async { clock.jump(SignedDuration::from_hours(-1)) };
        tokio::join!(shown.sleep(Duration::from_secs(2)), set);
        assert_eq!(begun.elapsed(), Duration::from_secs(15));
    }

    #[test]
    fn nanoseconds_keep_the_order_of_all_times() {
        let second = |second| Timestamp::from_second(second).expect("a time");
        let times =
            [Timestamp::MIN, second(-9_000_000_000), second(-1), second(0), second(9_000_000_000)];
        assert!(times.map(nanoseconds).is_sorted_by(|one, next| one < next));
        assert_eq!(nanoseconds(second(2)), 2_000_000_000);
        assert_eq!(nanoseconds(Timestamp::MAX), i64::MAX);
    }
}
