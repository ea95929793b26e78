//! Jobs: prepared for create and update, validated, with warnings.

use std::collections::BTreeMap;

use super::error::Errors;
use super::validate::{format, job as validate};
use super::{Admitted, Invalid, defaults, unsupported};
use crate::api::names::{CONTROLLER_UID, CONTROLLER_UID_LEGACY, JOB_NAME, JOB_NAME_LEGACY};
use crate::api::{Job, JobStatus, Kind};

pub use self::validate::JobOptions;

/// Admits a Job that is to be created with this uid.
///
/// Its name must have been made if it has none ([`super::name`]), since the pods' labels hold it.
pub fn admit_job(mut job: Job, uid: &str) -> Result<Admitted<Job>, Invalid> {
    let had_labels = job.metadata.labels.as_ref().is_some_and(|labels| !labels.is_empty());
    defaults::job(&mut job);
    job.metadata.uid = Some(uid.to_owned());
    prepare_for_create(&mut job);
    let mut errors = Errors::default();
    validate::job(&job, JobOptions::default(), &mut errors);
    errors.into_result(Kind::Job, job.metadata.name.as_deref())?;
    let mut warnings = warnings(&job);
    unsupported::job(&job, &mut warnings)?;
    // A stored Job gets its defaults again when it is read, and by then the generated labels are in
    // the template; so a Job without labels of its own or of its template's has them, too.
    let is_bare = job.metadata.labels.as_ref().is_none_or(BTreeMap::is_empty);
    if !had_labels && is_bare {
        job.metadata.labels = template_labels(&job).cloned();
    }
    Ok(Admitted { object: job, warnings })
}

/// Makes `job`, which has its uid and defaults, what is stored of a new Job: no status, and the
/// selector and labels by which it finds its pods.
pub fn prepare_for_create(job: &mut Job) {
    job.status = Some(JobStatus::default());
    job.metadata.generation = Some(1);
    let uid = job.metadata.uid.clone().unwrap_or_default();
    let name = job.metadata.name.clone().unwrap_or_default();
    let spec = job.spec.get_or_insert_default();
    if spec.manual_selector == Some(true) {
        return;
    }
    let meta = spec.template.metadata.get_or_insert_default();
    let labels = meta.labels.get_or_insert_default();
    for (key, value) in [
        (CONTROLLER_UID, &uid),
        (CONTROLLER_UID_LEGACY, &uid),
        (JOB_NAME, &name),
        (JOB_NAME_LEGACY, &name),
    ] {
        labels.entry(key.to_owned()).or_insert_with(|| value.clone());
    }
    let selector = spec.selector.get_or_insert_default();
    let pairs = selector.match_labels.get_or_insert_default();
    pairs.entry(CONTROLLER_UID.to_owned()).or_insert(uid);
}

fn template_labels(job: &Job) -> Option<&BTreeMap<String, String>> {
    job.spec.as_ref()?.template.metadata.as_ref()?.labels.as_ref()
}

fn warnings(job: &Job) -> Vec<String> {
    let mut warnings = Vec::new();
    let complaints = format::dns_label(job.metadata.name.as_deref().unwrap_or_default());
    if !complaints.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in Pod names and hostnames, which can result in \
             surprising behavior; a DNS label is recommended: [{}]",
            complaints.join(" ")
        ));
    }
    let Some(spec) = &job.spec else { return warnings };
    if spec.completion_mode.as_deref() == Some("Indexed")
        && spec.completions > Some(validate::COMPLETIONS_HIGH)
        && spec.parallelism > Some(validate::HIGH_COMPLETIONS_PARALLELISM_MAX)
    {
        warnings.push(
            "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism \
             higher than 10^4, Kubernetes might not be able to track completedIndexes when a big \
             number of indexes fail"
                .to_owned(),
        );
    }
    warnings
}
