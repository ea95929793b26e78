//! What is good Kubernetes and can't be honoured here: refused, or told in a warning.
//!
//! The last step of admission, on objects that are valid. Every structure is taken apart field by
//! field, so that a field that a later Kubernetes adds does not compile until it has been decided
//! on. What would change what a program does or may do is refused; what has no effect on it here is
//! a warning; what a sandbox fulfils by its nature passes in silence.

mod annotations;
mod container;
mod pod;
mod volume;

use super::Invalid;
use super::error::Errors;
use super::path::Path;
use crate::api::names::JOB_CONTROLLER;
use crate::api::{CronJob, Job, JobSpec, Kind, Pod};

/// What was found.
struct Findings<'a> {
    refused: Errors,
    warnings: &'a mut Vec<String>,
}

impl<'a> Findings<'a> {
    fn new(warnings: &'a mut Vec<String>) -> Self {
        Self { refused: Errors::default(), warnings }
    }

    /// The field at `at` can't be there: `why`.
    fn refuse(&mut self, at: &Path<'_>, why: &str) {
        self.refused.forbidden(at, &format!("{why}; remove the field"));
    }

    /// The field at `at` has no effect here: `why`.
    fn warn(&mut self, at: &Path<'_>, why: &str) {
        self.warnings.push(format!("{at}: {why}"));
    }
}

/// Refuses or warns of what a Job asks for and does not get.
pub(super) fn job(job: &Job, warnings: &mut Vec<String>) -> Result<(), Invalid> {
    let mut findings = Findings::new(warnings);
    if let Some(spec) = &job.spec {
        job_spec(spec, &Path::new("spec"), &mut findings);
    }
    findings.refused.into_result(Kind::Job, job.metadata.name.as_deref())
}

/// Refuses or warns of what the Jobs of a CronJob ask for and do not get.
pub(super) fn cron_job(cron_job: &CronJob, warnings: &mut Vec<String>) -> Result<(), Invalid> {
    let mut findings = Findings::new(warnings);
    if let Some(spec) = &cron_job.spec.job_template.spec {
        job_spec(spec, &Path::new("spec").child("jobTemplate").child("spec"), &mut findings);
    }
    findings.refused.into_result(Kind::CronJob, cron_job.metadata.name.as_deref())
}

fn job_spec(spec: &JobSpec, at: &Path<'_>, findings: &mut Findings<'_>) {
    if let Some(manager) = spec.managed_by.as_deref().filter(|name| *name != JOB_CONTROLLER) {
        let why = format!("mayfly leaves this Job to {manager} and runs nothing of it");
        findings.warn(&at.child("managedBy"), &why);
    }
    let at = at.child("template");
    if let Some(metadata) = &spec.template.metadata {
        annotations::annotations(metadata, &at.child("metadata"), findings);
    }
    if let Some(spec) = &spec.template.spec {
        pod::pod_spec(spec, &at.child("spec"), findings);
    }
}

/// Refuses or warns of what a pod asks for and does not get.
pub(super) fn pod(pod: &Pod, warnings: &mut Vec<String>) -> Result<(), Invalid> {
    let mut findings = Findings::new(warnings);
    annotations::annotations(&pod.metadata, &Path::new("metadata"), &mut findings);
    if let Some(spec) = &pod.spec {
        pod::pod_spec(spec, &Path::new("spec"), &mut findings);
    }
    findings.refused.into_result(Kind::Pod, pod.metadata.name.as_deref())
}

#[cfg(test)]
mod tests;
