//! What a change of a CronJob means for when to look at it.

use crate::api::Timestamp;

use super::cron_job_view::CronJobView;
use super::plan::CronJobEvent;

/// When to look at a CronJob that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// At once.
    Now,
    /// When it is due by its new schedule.
    WhenDue(Timestamp),
    /// Not before it is changed again, since it has no schedule any more. People are told this.
    Never(CronJobEvent),
}

/// When to look at a CronJob that was `old` and is `new`.
pub fn update(old: &CronJobView, new: &CronJobView, now: Timestamp) -> Reaction {
    let (before, after) = (&old.object.spec, &new.object.spec);
    if before.schedule == after.schedule && before.time_zone == after.time_zone {
        return Reaction::Now;
    }
    match &new.schedule {
        // One that is never due is looked at, and people are told.
        Ok(schedule) => new
            .times(schedule, &new.status())
            .requeue_at(now)
            .map_or(Reaction::Now, Reaction::WhenDue),
        Err(_) => Reaction::Never(CronJobEvent::warning(
            "UnParseableCronJobSchedule",
            format!("unparseable schedule for cronjob: {}", after.schedule),
        )),
    }
}
