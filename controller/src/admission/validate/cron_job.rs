//! CronJobs.

use jiff::tz::TimeZone;

use super::meta::{NON_NEGATIVE, object_meta, object_meta_update};
use super::{format, job};
use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::api::{CronJob, CronJobSpec, JobSpec};
use crate::cronjob::schedule::{Schedule, time_zone};

/// The longest name: what is left of a Job's after the time that is added to it.
const NAME_MAX: usize = 52;

/// Validates a CronJob that is to be created.
pub(crate) fn create(cron_job: &CronJob, errors: &mut Errors) {
    let at = Path::new("metadata");
    object_meta(&cron_job.metadata, format::dns_subdomain, &at, errors);
    cron_job_spec(&cron_job.spec, None, errors);
    let name = cron_job.metadata.name.as_deref().unwrap_or_default();
    if name.len() > NAME_MAX {
        let detail = format!("must be no more than {NAME_MAX} characters");
        errors.invalid(&at.child("name"), name, &detail);
    }
}

/// Validates a CronJob that is written over `old`.
pub(crate) fn update(cron_job: &CronJob, old: &CronJob, errors: &mut Errors) {
    object_meta_update(&cron_job.metadata, &old.metadata, &Path::new("metadata"), errors);
    cron_job_spec(&cron_job.spec, Some(&old.spec), errors);
}

/// Validates a spec, written over `old` if there is one.
pub(crate) fn cron_job_spec(spec: &CronJobSpec, old: Option<&CronJobSpec>, errors: &mut Errors) {
    let at = Path::new("spec");
    if spec.schedule.is_empty() {
        errors.required(&at.child("schedule"), "");
    } else {
        let had_zone = old.is_some_and(|old| old.schedule.contains("TZ"));
        let zone = spec.time_zone.as_deref();
        schedule(&spec.schedule, had_zone, zone, &at.child("schedule"), errors);
    }
    non_negative(spec.starting_deadline_seconds, &at.child("startingDeadlineSeconds"), errors);
    if old.is_none_or(|old| old.time_zone != spec.time_zone)
        && let Some(name) = &spec.time_zone
    {
        named_zone(name, &at.child("timeZone"), errors);
    }
    let policy = spec.concurrency_policy.as_deref();
    let field = at.child("concurrencyPolicy");
    super::pod::one_of(policy, &["Allow", "Forbid", "Replace"], &field, errors);
    let empty = JobSpec::default();
    let template = spec.job_template.spec.as_deref().unwrap_or(&empty);
    job_template(template, &at.child("jobTemplate").child("spec"), errors);
    for (field, limit) in [
        ("successfulJobsHistoryLimit", spec.successful_jobs_history_limit),
        ("failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ] {
        non_negative(limit.map(i64::from), &at.child(field), errors);
    }
}

fn non_negative(number: Option<i64>, at: &Path<'_>, errors: &mut Errors) {
    if let Some(number) = number.filter(|number| *number < 0) {
        errors.invalid(at, number, NON_NEGATIVE);
    }
}

/// Validates a schedule, which may name a time zone only if it did so before.
pub(crate) fn schedule(
    text: &str,
    may_name_zone: bool,
    zone: Option<&str>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    if let Err(error) = Schedule::parse(text, TimeZone::UTC) {
        errors.invalid(at, text, &error.to_string());
        // What panics in the library goes no further.
        if matches!(error, crate::cronjob::ScheduleError::ZoneWithoutEnd) {
            return;
        }
    }
    if !text.contains("TZ") {
        return;
    }
    if !may_name_zone {
        let detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        errors.invalid(at, text, detail);
    } else if zone.is_some() {
        let detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
        errors.invalid(at, text, detail);
    }
}

/// Validates the name of a time zone.
pub(crate) fn named_zone(name: &str, at: &Path<'_>, errors: &mut Errors) {
    if name.is_empty() {
        return errors.invalid(at, name, "timeZone must be nil or non-empty string");
    }
    let is_part = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
        // The pattern is not anchored: one good character is enough.
        part.bytes().any(allowed) && !matches!(part, "." | "..") && !part.starts_with('-')
    };
    if !name.split('/').all(is_part) {
        return errors.invalid(at, name, &format!("unknown time zone {name}"));
    }
    if name.eq_ignore_ascii_case("local") {
        let detail = "timeZone must be an explicit time zone as defined in \
                      https://www.iana.org/time-zones";
        errors.invalid(at, name, detail);
    }
    if let Err(error) = time_zone(name) {
        errors.invalid(at, name, &error.to_string());
    }
}

/// The Job to be made is validated as any, but for its selector, which is made with it.
fn job_template(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    job::template_spec(spec, at, errors);
    if let Some(selector) = &spec.selector {
        let detail = "`selector` will be auto-generated";
        errors.invalid(&at.child("selector"), Some(selector), detail);
    }
    if spec.manual_selector == Some(true) {
        errors.not_supported(&at.child("manualSelector"), true, &["nil", "false"]);
    }
}
