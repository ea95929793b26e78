//! The one place where time is read.
//!
//! Everything else takes `now` as an argument, or a [`Clock`] where it must wait. A simulated clock
//! follows tokio's, so a test with paused time jumps from one deadline to the next.

use std::time::Duration;

use crate::api::Timestamp;

/// Tells the time, and waits for it.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Simulated { start: Timestamp, at: tokio::time::Instant },
}

impl Clock {
    /// The host's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that shows `start` now and goes on as tokio's does, paused or not.
    pub fn simulated(start: Timestamp) -> Self {
        Self(Source::Simulated { start, at: tokio::time::Instant::now() })
    }

    /// The current time, to the nanosecond. On the wire it is cut to whole seconds.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Simulated { start, at } => *start + at.elapsed(),
        }
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
