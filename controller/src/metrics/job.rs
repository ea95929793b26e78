//! Of each Job, what kube-state-metrics says of it.

use super::lines::Lines;
use super::table::{Metric, Of, gauge};
use super::value::{CONDITION, condition, owners, seconds, yes};
use crate::api::{Job, JobCondition, JobSpec, JobStatus};

/// Why a Job has failed, as far as kube-state-metrics tells reasons apart.
const REASONS: [&str; 3] = ["BackoffLimitExceeded", "DeadlineExceeded", "Evicted"];

pub(super) const METRICS: &[Metric] = &[
    gauge("kube_job_info", "A Job that there is", &[], Of::Job(|_, lines| lines.info(&[]))),
    gauge(
        "kube_job_created",
        "When it was created, in seconds since the epoch",
        &[],
        Of::Job(|job, lines| lines.put_some(seconds(job.metadata.creation_timestamp.as_ref()))),
    ),
    gauge(
        "kube_job_spec_parallelism",
        "How many of its pods may run at a time",
        &[],
        Of::Job(|job, lines| lines.put_some(spec(job, |it| it.parallelism).map(f64::from))),
    ),
    gauge(
        "kube_job_spec_completions",
        "How many of its pods are to succeed",
        &[],
        Of::Job(|job, lines| lines.put_some(spec(job, |it| it.completions).map(f64::from))),
    ),
    gauge(
        "kube_job_spec_active_deadline_seconds",
        "How long it may be active after its start time",
        &[],
        Of::Job(|job, lines| {
            #[expect(clippy::cast_precision_loss, reason = "Prometheus keeps all numbers so")]
            lines.put_some(spec(job, |it| it.active_deadline_seconds).map(|it| it as f64));
        }),
    ),
    gauge(
        "kube_job_status_succeeded",
        "How many of its pods have succeeded",
        &[],
        Of::Job(|job, lines| lines.put(&[], count(job, |it| it.succeeded))),
    ),
    gauge(
        "kube_job_status_failed",
        "How many of its pods have failed, or for which reason it has",
        &["reason"],
        Of::Job(failed),
    ),
    gauge(
        "kube_job_status_active",
        "How many of its pods have not ended",
        &[],
        Of::Job(|job, lines| lines.put(&[], count(job, |it| it.active))),
    ),
    gauge(
        "kube_job_status_ready",
        "How many of its pods are ready",
        &[],
        Of::Job(|job, lines| lines.put(&[], count(job, |it| it.ready))),
    ),
    gauge(
        "kube_job_complete",
        "Whether it has completed",
        &["condition"],
        Of::Job(|job, lines| has(job, "Complete", lines)),
    ),
    gauge(
        "kube_job_failed",
        "Whether it has failed",
        &["condition"],
        Of::Job(|job, lines| has(job, "Failed", lines)),
    ),
    gauge(
        "kube_job_status_start_time",
        "When it began, in seconds since the epoch",
        &[],
        Of::Job(|job, lines| {
            lines.put_some(seconds(job.status.as_ref().and_then(|it| it.start_time.as_ref())));
        }),
    ),
    gauge(
        "kube_job_status_completion_time",
        "When it completed, in seconds since the epoch",
        &[],
        Of::Job(|job, lines| {
            lines.put_some(seconds(job.status.as_ref().and_then(|it| it.completion_time.as_ref())));
        }),
    ),
    gauge(
        "kube_job_status_suspended",
        "Whether it is suspended",
        &[],
        Of::Job(|job, lines| {
            lines.put_some(found(job, "Suspended").map(|it| yes(it.status == "True")));
        }),
    ),
    gauge(
        "kube_job_owner",
        "What owns it",
        &["owner_kind", "owner_name", "owner_is_controller"],
        Of::Job(|job, lines| {
            owners(&job.metadata).iter().for_each(|owner| lines.info(owner));
        }),
    ),
];

fn spec<T>(job: &Job, read: fn(&JobSpec) -> Option<T>) -> Option<T> {
    job.spec.as_deref().and_then(read)
}

fn count(job: &Job, read: fn(&JobStatus) -> Option<i32>) -> f64 {
    job.status.as_ref().and_then(read).map_or(0.0, f64::from)
}

fn found<'a>(job: &'a Job, wanted: &str) -> Option<&'a JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|it| it.type_ == wanted)
}

fn has(job: &Job, wanted: &str, lines: &mut Lines<'_>) {
    if let Some(found) = found(job, wanted) {
        lines.put_states(CONDITION, condition(&found.status));
    }
}

/// As kube-state-metrics has it: a number without a reason as long as there is none, 1 for a reason
/// that it knows, and the number for any other.
fn failed(job: &Job, lines: &mut Lines<'_>) {
    let number = count(job, |it| it.failed);
    if number == 0.0 {
        return lines.put(&[], 0.0);
    }
    let failed = found(job, "Failed");
    let reason = failed.and_then(|it| it.reason.as_deref()).unwrap_or_default();
    if failed.is_some() {
        lines.put_states(&REASONS, reason);
    }
    if !REASONS.contains(&reason) {
        lines.put(&[""], number);
    }
}
