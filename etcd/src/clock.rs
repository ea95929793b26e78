//! The clock by which a lease is reckoned: one that goes on while this host is suspended, as etcd's does
//! meanwhile.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment, as the time since this host was started. Nobody can set that clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

impl Moment {
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
        Self(Duration::new(seconds, nanoseconds))
    }

    /// The moment so long after this one.
    pub(crate) fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }

    /// How long it is until this moment; nothing once it has passed.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_sub(Self::now().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_time_since_the_host_was_started() {
        let uptime = || {
            let text = std::fs::read_to_string("/proc/uptime").unwrap();
            let seconds: f64 = text.split(' ').next().unwrap().parse().unwrap();
            Moment(Duration::from_secs_f64(seconds))
        };
        // The system says it in hundredths of a second.
        let hundredth = Duration::from_millis(10);
        let (before, now, after) = (uptime(), Moment::now(), uptime());
        assert!(before <= now && now <= after.after(hundredth), "{before:?} {now:?} {after:?}");
    }

    #[test]
    fn what_has_passed_leaves_nothing() {
        let now = Moment::now();
        assert_eq!(now.left(), Duration::ZERO);
        let left = now.after(Duration::from_secs(60)).left();
        assert!(Duration::from_secs(30) < left && left <= Duration::from_secs(60));
    }
}
