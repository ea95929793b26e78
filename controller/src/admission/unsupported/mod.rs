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
use crate::api::{Job, Kind, Pod};

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
    fn refuse(&mut self, at: &Path, why: &str) {
        self.refused.forbidden(at, &format!("{why}; remove the field"));
    }

    /// The field at `at` has no effect here: `why`.
    fn warn(&mut self, at: &Path, why: &str) {
        self.warnings.push(format!("{at}: {why}"));
    }
}

/// Refuses or warns of what a Job asks for and does not get.
pub(super) fn job(job: &Job, warnings: &mut Vec<String>) -> Result<(), Invalid> {
    let mut findings = Findings::new(warnings);
    let Some(spec) = &job.spec else { return Ok(()) };
    if let Some(manager) = spec.managed_by.as_deref().filter(|name| *name != JOB_CONTROLLER) {
        let at = Path::new("spec").child("managedBy");
        findings.warn(&at, &format!("mayfly leaves this Job to {manager} and runs nothing of it"));
    }
    let at = Path::new("spec").child("template");
    if let Some(metadata) = &spec.template.metadata {
        annotations::annotations(metadata, &at.child("metadata"), &mut findings);
    }
    if let Some(spec) = &spec.template.spec {
        pod::pod_spec(spec, &at.child("spec"), &mut findings);
    }
    findings.refused.into_result(Kind::Job, job.metadata.name.as_deref())
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
