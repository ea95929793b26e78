//! Of each CronJob, what kube-state-metrics says of it.

use super::lines::Lines;
use super::table::{Metric, Of, gauge};
use super::value::{seconds, yes};
use crate::api::{CronJob, CronJobSpec, CronJobStatus, Time};
use crate::cronjob::Schedule;
use crate::cronjob::schedule::time_zone;

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "kube_cronjob_info",
        "A CronJob that there is",
        &["schedule", "concurrency_policy", "timezone"],
        Of::CronJob(|cron_job, lines| {
            let spec = &cron_job.spec;
            let policy = spec.concurrency_policy.as_deref().unwrap_or_default();
            let zone = spec.time_zone.as_deref().unwrap_or("local");
            lines.info(&[&spec.schedule, policy, zone]);
        }),
    ),
    gauge(
        "kube_cronjob_created",
        "When it was created, in seconds since the epoch",
        &[],
        Of::CronJob(|it, lines| lines.put_some(seconds(it.metadata.creation_timestamp.as_ref()))),
    ),
    gauge(
        "kube_cronjob_status_active",
        "How many of its Jobs have not ended",
        &[],
        Of::CronJob(|it, lines| {
            let active = it.status.as_ref().and_then(|it| it.active.as_deref());
            lines.put(&[], super::lines::float(active.unwrap_or_default().len() as u64));
        }),
    ),
    gauge(
        "kube_cronjob_status_last_schedule_time",
        "When it last made a Job, in seconds since the epoch",
        &[],
        Of::CronJob(|it, lines| time(it, |it| it.last_schedule_time.as_ref(), lines)),
    ),
    gauge(
        "kube_cronjob_status_last_successful_time",
        "When a Job of it last completed, in seconds since the epoch",
        &[],
        Of::CronJob(|it, lines| time(it, |it| it.last_successful_time.as_ref(), lines)),
    ),
    gauge(
        "kube_cronjob_spec_suspend",
        "Whether it makes no Jobs for now",
        &[],
        Of::CronJob(|it, lines| lines.put(&[], yes(is_suspended(it)))),
    ),
    gauge(
        "kube_cronjob_spec_starting_deadline_seconds",
        "How late it may still make a Job",
        &[],
        Of::CronJob(|it, lines| {
            let deadline = it.spec.starting_deadline_seconds;
            #[expect(clippy::cast_precision_loss, reason = "Prometheus keeps all numbers so")]
            lines.put_some(deadline.map(|it| it as f64));
        }),
    ),
    gauge(
        "kube_cronjob_next_schedule_time",
        "When it is next to make a Job after the last one, in seconds since the epoch",
        &[],
        Of::CronJob(next),
    ),
    gauge(
        "kube_cronjob_schedule_invalid",
        "Its schedule can't be read",
        &[],
        Of::CronJob(|it, lines| {
            if schedule(it).is_none() {
                lines.info(&[]);
            }
        }),
    ),
    gauge(
        "kube_cronjob_metadata_resource_version",
        "Its resourceVersion",
        &[],
        Of::CronJob(|it, lines| {
            let version = it.metadata.resource_version.as_deref();
            lines.put_some(version.and_then(|it| it.parse().ok()));
        }),
    ),
    gauge(
        "kube_cronjob_spec_successful_job_history_limit",
        "How many Jobs of it are kept that have completed",
        &[],
        Of::CronJob(|it, lines| kept(it, |it| it.successful_jobs_history_limit, lines)),
    ),
    gauge(
        "kube_cronjob_spec_failed_job_history_limit",
        "How many Jobs of it are kept that have failed",
        &[],
        Of::CronJob(|it, lines| kept(it, |it| it.failed_jobs_history_limit, lines)),
    ),
];

fn time(it: &CronJob, read: fn(&CronJobStatus) -> Option<&Time>, lines: &mut Lines<'_>) {
    lines.put_some(seconds(it.status.as_ref().and_then(read)));
}

fn kept(it: &CronJob, read: fn(&CronJobSpec) -> Option<i32>, lines: &mut Lines<'_>) {
    lines.put_some(read(&it.spec).map(f64::from));
}

fn is_suspended(it: &CronJob) -> bool {
    it.spec.suspend == Some(true)
}

fn schedule(it: &CronJob) -> Option<Schedule> {
    let spec = &it.spec;
    let zone = time_zone(spec.time_zone.as_deref().unwrap_or_default()).ok()?;
    Schedule::parse(&spec.schedule, zone).ok()
}

fn next(it: &CronJob, lines: &mut Lines<'_>) {
    let last = it.status.as_ref().and_then(|it| it.last_schedule_time.as_ref());
    let last = last.or(it.metadata.creation_timestamp.as_ref());
    if is_suspended(it) {
        return;
    }
    let next = schedule(it).zip(last).and_then(|(schedule, last)| schedule.next(last.0));
    lines.put_some(seconds(next.map(Time).as_ref()));
}
