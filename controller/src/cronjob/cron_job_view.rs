//! A CronJob as its controller sees it: parsed once, defaults applied.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::api::{CronJob, CronJobStatus, Key, Resource, SignedDuration, Timestamp};

use super::schedule::{Schedule, ScheduleError, UnknownTimeZone, time_zone};
use super::times::Times;

/// `spec.concurrencyPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConcurrencyPolicy {
    /// Jobs may be active beside each other.
    Allow,
    /// A Job is not started while another is active.
    Forbid,
    /// What is active is deleted before a Job is started.
    Replace,
}

/// A CronJob.
#[derive(Clone, Debug)]
pub struct CronJobView {
    /// The object itself: its template and its status are copied from here.
    pub object: Arc<CronJob>,
    /// Its namespace and name.
    pub key: Key,
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// Whether it starts no Jobs for now.
    pub suspended: bool,
    /// What becomes of Jobs that are still active when the next one is due.
    pub concurrency_policy: ConcurrencyPolicy,
    /// How late a Job may be started.
    pub starting_deadline: Option<SignedDuration>,
    /// How many Complete Jobs are kept; none for all.
    pub successful_jobs_kept: Option<usize>,
    /// How many Failed Jobs are kept; none for all.
    pub failed_jobs_kept: Option<usize>,
    /// The zone of `spec.timeZone`, UTC if it is unset.
    pub zone: Result<TimeZone, UnknownTimeZone>,
    /// When it is due, in that zone unless the text names one.
    pub schedule: Result<Schedule, ScheduleError>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl CronJobView {
    /// What there is to see of `cron_job`.
    ///
    /// Negative numbers, which admission refuses, read as 0.
    pub fn parse(cron_job: Arc<CronJob>) -> Self {
        let spec = &cron_job.spec;
        let zone = time_zone(spec.time_zone.as_deref().unwrap_or_default());
        let schedule_zone = zone.clone().unwrap_or(TimeZone::UTC);
        let kept = |limit: Option<i32>| limit.map(|limit| usize::try_from(limit).unwrap_or(0));
        let created_at = cron_job.metadata.creation_timestamp.as_ref();
        Self {
            key: cron_job.key(),
            uid: cron_job.uid().into(),
            deleting: cron_job.metadata.deletion_timestamp.is_some(),
            suspended: spec.suspend == Some(true),
            concurrency_policy: match spec.concurrency_policy.as_deref() {
                Some("Forbid") => ConcurrencyPolicy::Forbid,
                Some("Replace") => ConcurrencyPolicy::Replace,
                _ => ConcurrencyPolicy::Allow,
            },
            starting_deadline: spec
                .starting_deadline_seconds
                .map(|seconds| SignedDuration::from_secs(seconds.max(0))),
            successful_jobs_kept: kept(spec.successful_jobs_history_limit),
            failed_jobs_kept: kept(spec.failed_jobs_history_limit),
            schedule: Schedule::parse(&spec.schedule, schedule_zone),
            zone,
            created_at: created_at.map_or(Timestamp::UNIX_EPOCH, |time| time.0),
            object: cron_job,
        }
    }

    /// The status as it is stored.
    pub fn status(&self) -> CronJobStatus {
        self.object.status.clone().unwrap_or_default()
    }

    /// Whether the schedule names a time zone itself, which then goes before `spec.timeZone`.
    pub fn names_zone_in_schedule(&self) -> bool {
        self.object.spec.schedule.contains("TZ")
    }

    /// When it is due by `schedule`, its own, once it has `status`.
    pub fn times<'a>(&self, schedule: &'a Schedule, status: &CronJobStatus) -> Times<'a> {
        let last = status.last_schedule_time.as_ref().map(|time| time.0);
        Times {
            schedule,
            since: last.unwrap_or(self.created_at),
            starting_deadline: self.starting_deadline,
        }
    }
}
