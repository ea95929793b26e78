//! CronJobs: prepared for create and update, validated, with warnings.

use super::error::Errors;
use super::path::Path;
use super::validate::{cron_job as validate, format, job_update::same};
use super::{Admitted, Invalid, defaults, keep_system_metadata, unsupported};
use crate::api::{CronJob, CronJobStatus, Kind};

/// Admits a CronJob that is to be created with this uid. Its name must have been made.
pub fn admit_cron_job(mut cron_job: CronJob, uid: &str) -> Result<Admitted<CronJob>, Invalid> {
    defaults::cron_job(&mut cron_job);
    cron_job.metadata.uid = Some(uid.to_owned());
    cron_job.metadata.generation = Some(1);
    cron_job.status = Some(CronJobStatus::default());
    validate_cron_job(&cron_job)?;
    let mut warnings = Vec::new();
    let complaints = format::dns_label(cron_job.metadata.name.as_deref().unwrap_or_default());
    if !complaints.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in Pod names and hostnames, which can result in \
             surprising behavior; a DNS label is recommended: [{}]",
            complaints.join(" ")
        ));
    }
    unsupported::cron_job(&cron_job, &mut warnings)?;
    Ok(Admitted { object: cron_job, warnings })
}

/// Admits a CronJob that is to be written over `old`.
pub fn admit_cron_job_update(
    mut cron_job: CronJob,
    old: &CronJob,
) -> Result<Admitted<CronJob>, Invalid> {
    defaults::cron_job(&mut cron_job);
    keep_system_metadata(&mut cron_job.metadata, &old.metadata);
    cron_job.status.clone_from(&old.status);
    let generation = old.metadata.generation.unwrap_or_default();
    let is_same = same(&cron_job.spec, &old.spec);
    cron_job.metadata.generation = Some(if is_same { generation } else { generation + 1 });
    validate_cron_job_update(&cron_job, old)?;
    let mut warnings = Vec::new();
    if cron_job.spec.schedule.contains("TZ") {
        // The doubled spec is Kubernetes' own.
        warnings.push(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see \
             https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
                .to_owned(),
        );
    }
    // One that was stored before mayfly looked at its template can still be suspended.
    if !same(&cron_job.spec.job_template, &old.spec.job_template) {
        unsupported::cron_job(&cron_job, &mut warnings)?;
    }
    Ok(Admitted { object: cron_job, warnings })
}

/// The first step of admission alone: sets the defaults of a CronJob.
pub fn default_cron_job(cron_job: &mut CronJob) {
    defaults::cron_job(cron_job);
}

/// Every complaint about a CronJob that is to be created.
pub fn validate_cron_job(cron_job: &CronJob) -> Result<(), Invalid> {
    let mut errors = Errors::default();
    validate::create(cron_job, &mut errors);
    errors.into_result(Kind::CronJob, cron_job.metadata.name.as_deref())
}

/// Every complaint about a CronJob that is to be written over `old`.
pub fn validate_cron_job_update(cron_job: &CronJob, old: &CronJob) -> Result<(), Invalid> {
    let mut errors = Errors::default();
    validate::update(cron_job, old, &mut errors);
    errors.into_result(Kind::CronJob, cron_job.metadata.name.as_deref())
}

/// Every complaint about the schedule of a CronJob, which may name a time zone only if it did so
/// before.
pub fn validate_schedule(
    text: &str,
    may_name_zone: bool,
    time_zone: Option<&str>,
) -> Result<(), Invalid> {
    let mut errors = Errors::default();
    validate::schedule(text, may_name_zone, time_zone, &Path::new("schedule"), &mut errors);
    errors.into_result(Kind::CronJob, None)
}

/// Every complaint about the name of a time zone.
pub fn validate_time_zone(name: &str) -> Result<(), Invalid> {
    let mut errors = Errors::default();
    validate::named_zone(name, &Path::new("timeZone"), &mut errors);
    errors.into_result(Kind::CronJob, None)
}
