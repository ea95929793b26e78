//! What `describe` says of Jobs and CronJobs.

use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec, JobStatus};
use k8s_openapi::api::core::v1::Event;
use mayfly_controller::http::table;

use super::events;
use super::metadata::controlled_by;
use super::sheet::{Seen, Sheet, or_unset, title_case};
use super::template;

/// How much of the completed indexes is shown, to the end of the index that goes beyond it.
const INDEXES_CHARS: usize = 50;

/// A Job and its events.
pub(super) fn job(job: &Job, events: Option<&[Event]>, seen: &Seen) -> String {
    let mut sheet = Sheet::default();
    let metadata = &job.metadata;
    let (spec, status) =
        (job.spec.clone().unwrap_or_default(), job.status.clone().unwrap_or_default());
    sheet.field(0, "Name", metadata.name.as_deref().unwrap_or_default());
    sheet.field(0, "Namespace", metadata.namespace.as_deref().unwrap_or_default());
    let selector = spec.selector.as_ref().map(table::selector_text);
    sheet.field(0, "Selector", selector.unwrap_or_default());
    sheet.labels(0, "Labels", metadata.labels.as_ref());
    sheet.annotations(0, metadata.annotations.as_ref());
    sheet.optional(0, "Controlled By", controlled_by(metadata));
    sheet.optional(0, "Parallelism", spec.parallelism);
    sheet.field(0, "Completions", or_unset(spec.completions));
    sheet.optional(0, "Completion Mode", spec.completion_mode.as_ref());
    sheet.optional(0, "Suspend", spec.suspend);
    sheet.optional(0, "Backoff Limit", spec.backoff_limit);
    sheet.optional(0, "TTL Seconds After Finished", spec.ttl_seconds_after_finished);
    times(&mut sheet, &spec, &status, seen);
    pods(&mut sheet, &status);
    if spec.completion_mode.as_deref() == Some("Indexed") {
        let indexes = status.completed_indexes.as_deref().unwrap_or_default();
        sheet.field(0, "Completed Indexes", shortened(indexes));
    }
    template::describe(&mut sheet, &spec.template);
    events::block(&mut sheet, events, seen);
    sheet.finish()
}

fn times(sheet: &mut Sheet, spec: &JobSpec, status: &JobStatus, seen: &Seen) {
    let (start, end) = (status.start_time.as_ref(), status.completion_time.as_ref());
    sheet.optional(0, "Start Time", start.map(|time| seen.time(time)));
    sheet.optional(0, "Completed At", end.map(|time| seen.time(time)));
    if let (Some(start), Some(end)) = (start, end) {
        sheet.field(0, "Duration", table::span(end.0.duration_since(start.0)));
    }
    let deadline = spec.active_deadline_seconds.map(|seconds| format!("{seconds}s"));
    sheet.optional(0, "Active Deadline Seconds", deadline);
}

fn pods(sheet: &mut Sheet, status: &JobStatus) {
    let active = status.active.unwrap_or(0);
    let ready = status.ready.map(|ready| format!(" ({ready} Ready)")).unwrap_or_default();
    let (succeeded, failed) = (status.succeeded.unwrap_or(0), status.failed.unwrap_or(0));
    let text = format!("{active} Active{ready} / {succeeded} Succeeded / {failed} Failed");
    sheet.field(0, "Pods Statuses", text);
}

fn shortened(indexes: &str) -> String {
    if indexes.is_empty() {
        return "<none>".to_owned();
    }
    let end = indexes.match_indices(',').map(|(at, _)| at).find(|at| *at >= INDEXES_CHARS);
    end.map_or_else(|| indexes.to_owned(), |end| format!("{},...", &indexes[..end]))
}

/// A CronJob and its events.
pub(super) fn cron_job(cron_job: &CronJob, events: Option<&[Event]>, seen: &Seen) -> String {
    let mut sheet = Sheet::default();
    let metadata = &cron_job.metadata;
    sheet.field(0, "Name", metadata.name.as_deref().unwrap_or_default());
    sheet.field(0, "Namespace", metadata.namespace.as_deref().unwrap_or_default());
    sheet.labels(0, "Labels", metadata.labels.as_ref());
    sheet.annotations(0, metadata.annotations.as_ref());
    let spec = &cron_job.spec;
    sheet.field(0, "Schedule", &spec.schedule);
    sheet.field(0, "Concurrency Policy", spec.concurrency_policy.as_deref().unwrap_or("Allow"));
    sheet.field(0, "Suspend", or_unset(spec.suspend.map(title_case)));
    sheet.field(0, "Time Zone", or_unset(spec.time_zone.as_ref()));
    let limit = spec.successful_jobs_history_limit;
    sheet.field(0, "Successful Job History Limit", or_unset(limit));
    sheet.field(0, "Failed Job History Limit", or_unset(spec.failed_jobs_history_limit));
    let deadline = spec.starting_deadline_seconds.map(|seconds| format!("{seconds}s"));
    sheet.field(0, "Starting Deadline Seconds", or_unset(deadline));
    job_template(&mut sheet, spec.job_template.spec.as_ref());
    let status = cron_job.status.as_ref();
    let last = status.and_then(|status| status.last_schedule_time.as_ref());
    sheet.field(0, "Last Schedule Time", or_unset(last.map(|time| seen.time(time))));
    let active = status.and_then(|status| status.active.as_ref()).into_iter().flatten();
    let names: Vec<&str> = active.filter_map(|job| job.name.as_deref()).collect();
    sheet.field(
        0,
        "Active Jobs",
        if names.is_empty() { "<none>".into() } else { names.join(", ") },
    );
    events::block(&mut sheet, events, seen);
    sheet.finish()
}

fn job_template(sheet: &mut Sheet, spec: Option<&JobSpec>) {
    let selector = spec.and_then(|spec| spec.selector.as_ref());
    sheet.field(0, "Selector", or_unset(selector.map(table::selector_text)));
    sheet.field(0, "Parallelism", or_unset(spec.and_then(|spec| spec.parallelism)));
    sheet.field(0, "Completions", or_unset(spec.and_then(|spec| spec.completions)));
    let deadline = spec.and_then(|spec| spec.active_deadline_seconds);
    sheet.optional(0, "Active Deadline Seconds", deadline.map(|seconds| format!("{seconds}s")));
    if let Some(spec) = spec {
        template::describe(sheet, &spec.template);
    }
}
