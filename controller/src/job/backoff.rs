//! How long a Job waits before it replaces failed pods.
//!
//! `base`, doubling with each failure since the last success, up to `cap`. Two users: the Job-wide
//! record, and the failure counts that the last failed pod of an index carries.

use crate::api::{SignedDuration, Timestamp};

use super::pod_view::PodView;

/// The shape of the retry back-off.
///
/// Kubernetes differs: its documentation says six minutes and its code ten; the cap is ours to set,
/// and so is the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffSettings {
    /// The delay after one failure.
    pub base: SignedDuration,
    /// The longest delay.
    pub cap: SignedDuration,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        Self { base: SignedDuration::from_secs(10), cap: SignedDuration::from_mins(6) }
    }
}

impl BackoffSettings {
    /// What is left at `now` of the delay that `failures` failures cause, the last at
    /// `last_failure`. Zero once it is over, and without a failure.
    pub fn remaining(
        &self,
        failures: u32,
        last_failure: Option<Timestamp>,
        now: Timestamp,
    ) -> SignedDuration {
        let (Some(last_failure), 1..) = (last_failure, failures) else {
            return SignedDuration::ZERO;
        };
        let left = self.delay(failures).saturating_sub(now.duration_since(last_failure));
        left.max(SignedDuration::ZERO)
    }

    /// What is left at `now` until the index whose last failed pod is `last_failed` may run again.
    pub fn remaining_for_index(
        &self,
        last_failed: Option<&PodView>,
        now: Timestamp,
    ) -> SignedDuration {
        let Some(pod) = last_failed else { return SignedDuration::ZERO };
        self.remaining(pod.failures_before().saturating_add(1), Some(pod.finished_at), now)
    }

    fn delay(&self, failures: u32) -> SignedDuration {
        // Doubling 31 times from the smallest base exceeds any cap that makes sense.
        let doublings = (failures - 1).min(31);
        self.base.checked_mul(1 << doublings.min(30)).map_or(self.cap, |delay| delay.min(self.cap))
    }
}

/// The failures of a Job since its last success.
///
/// Kept in memory only, beside the Job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackoffRecord {
    /// How many pods failed since one succeeded.
    pub failures_after_last_success: u32,
    /// When the last of them did; none if there was no failure.
    pub last_failure: Option<Timestamp>,
}

impl BackoffRecord {
    /// The record after pods ended: a success forgets the failures up to its own time.
    #[must_use]
    pub fn after(self, succeeded_at: &[Timestamp], failed_at: &[Timestamp]) -> Self {
        let last_success = succeeded_at.iter().max();
        let before = if last_success.is_some() { Self::default() } else { self };
        let since = failed_at.iter().filter(|failed| Some(*failed) > last_success);
        let count = u32::try_from(since.clone().count()).unwrap_or(u32::MAX);
        Self {
            failures_after_last_success: before.failures_after_last_success.saturating_add(count),
            last_failure: since.max().copied().or(before.last_failure),
        }
    }

    /// What is left of the delay at `now`.
    pub fn remaining(&self, settings: &BackoffSettings, now: Timestamp) -> SignedDuration {
        settings.remaining(self.failures_after_last_success, self.last_failure, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_cap() {
        let settings = BackoffSettings::default();
        let delays: Vec<i64> = (1..=8).map(|n| settings.delay(n).as_secs()).collect();
        assert_eq!(delays, [10, 20, 40, 80, 160, 320, 360, 360]);
        assert_eq!(settings.delay(u32::MAX).as_secs(), 360);
    }

    #[test]
    fn is_over_on_the_second() {
        let settings = BackoffSettings::default();
        let at = |second| Timestamp::from_second(second).expect("a second");
        assert_eq!(settings.remaining(1, Some(at(100)), at(109)).as_secs(), 1);
        assert!(settings.remaining(1, Some(at(100)), at(110)).is_zero());
        assert!(settings.remaining(0, None, at(110)).is_zero());
    }

    #[test]
    fn success_forgets_what_failed_before_it() {
        let at = |second| Timestamp::from_second(second).expect("a second");
        let record = BackoffRecord { failures_after_last_success: 3, last_failure: Some(at(1)) };
        let check = |succeeded: &[Timestamp], failed: &[Timestamp], count, last| {
            let after = record.after(succeeded, failed);
            assert_eq!((after.failures_after_last_success, after.last_failure), (count, last));
        };
        check(&[], &[], 3, Some(at(1)));
        check(&[], &[at(5), at(4)], 5, Some(at(5)));
        check(&[at(3)], &[], 0, None);
        check(&[at(3)], &[at(2), at(3), at(4)], 1, Some(at(4)));
    }
}
