//! Which time a CronJob is due for, and when to look again.
//!
//! Of several that were missed only the most recent counts: the others are lost, as in Kubernetes,
//! whose arithmetic this is, so that both choose the same one.

use crate::api::{SignedDuration, Timestamp};

use super::schedule::Schedule;

/// More missed times than this are worth a warning.
const MISSED_TIMES_MAX: i64 = 100;

/// How long after a time comes we look, so that it has come by every clock involved.
const DELTA: SignedDuration = SignedDuration::from_millis(100);

/// What the times of a CronJob follow from.
#[derive(Clone, Copy, Debug)]
pub struct Times<'a> {
    /// When it is due.
    pub schedule: &'a Schedule,
    /// The last time it was started for, or else when it was created.
    pub since: Timestamp,
    /// How late it may be started.
    pub starting_deadline: Option<SignedDuration>,
}

/// How many times have been missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Less than two.
    None,
    /// Some.
    Few,
    /// So many that somebody should know.
    Many,
}

/// What has come of a schedule by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MostRecent {
    /// Where counting begins.
    pub earliest: Timestamp,
    /// The last time that has come; none if none has.
    pub time: Option<Timestamp>,
    /// How many have come, by a rough count.
    pub missed: Missed,
}

/// How far back missed times count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// As far as a Job may still be started.
    StartingDeadline,
    /// All the way.
    Everything,
}

/// The schedule never comes, or comes all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("time difference between two schedules is less than 1 second")]
pub struct NoInterval;

impl Times<'_> {
    /// The last time that has come by `now`.
    pub fn most_recent(&self, now: Timestamp, reach: Reach) -> Result<MostRecent, NoInterval> {
        let earliest = self.earliest(now, reach);
        let found = |time, missed| Ok(MostRecent { earliest, time, missed });
        let first = self.schedule.next(earliest).ok_or(NoInterval)?;
        if now < first {
            return found(None, Missed::None);
        }
        let second = self.schedule.next(first).ok_or(NoInterval)?;
        if now < second {
            return found(Some(first), Missed::None);
        }
        let interval = second.duration_since(first).as_secs();
        if interval < 1 {
            return Err(NoInterval);
        }
        let missed = now.duration_since(first).as_secs() / interval + 1;
        // One interval less than would be right if all were equal, since they need not be.
        let start = first + SignedDuration::from_secs((missed - 2) * interval);
        let steps =
            std::iter::successors(self.schedule.next(start), |time| self.schedule.next(*time));
        let time = steps.take_while(|time| *time <= now).last();
        found(time, if missed > MISSED_TIMES_MAX { Missed::Many } else { Missed::Few })
    }

    /// When to look again: shortly after the next time comes. Never if it does not come.
    pub fn requeue_at(&self, now: Timestamp) -> Option<Timestamp> {
        let base = match self.most_recent(now, Reach::Everything) {
            Ok(MostRecent { time: Some(time), .. }) => time,
            Ok(MostRecent { earliest, missed: Missed::None, .. }) => earliest,
            _ => now,
        };
        self.schedule.next(base)?.checked_add(DELTA).ok()
    }

    fn earliest(&self, now: Timestamp, reach: Reach) -> Timestamp {
        match self.starting_deadline.filter(|_| reach == Reach::StartingDeadline) {
            Some(deadline) => now.checked_sub(deadline).unwrap_or(Timestamp::MIN).max(self.since),
            None => self.since,
        }
    }
}
