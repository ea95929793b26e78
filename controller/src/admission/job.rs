//! Jobs: prepared for create and update, validated, with warnings.

use std::collections::BTreeMap;

use super::error::Errors;
use super::validate::{format, job as validate, job_status, job_update};
use super::{Admitted, Invalid, defaults, keep_system_metadata, unsupported};
use crate::api::names::{CONTROLLER_UID, CONTROLLER_UID_LEGACY, JOB_NAME, JOB_NAME_LEGACY};
use crate::api::{Job, JobSpec, JobStatus, Kind};

pub use super::validate::job::JobOptions;
pub use super::validate::job_status::JobStatusOptions;
pub use super::validate::job_update::JobUpdateOptions;

/// Admits a Job that is to be created with this uid.
///
/// Its name must have been made if it has none ([`super::name`]), since the pods' labels hold it.
pub fn admit_job(mut job: Job, uid: &str) -> Result<Admitted<Job>, Invalid> {
    let had_labels = job.metadata.labels.as_ref().is_some_and(|labels| !labels.is_empty());
    defaults::job(&mut job);
    job.metadata.uid = Some(uid.to_owned());
    prepare_job(&mut job);
    validate_job(&job, JobOptions::default())?;
    let mut warnings: Vec<_> = name_warnings(&job).into_iter().collect();
    warnings.extend(spec_warnings(&job));
    unsupported::job(&job, &mut warnings)?;
    // A stored Job gets its defaults again when it is read, and by then the generated labels are in
    // the template; so a Job without labels of its own or of its template's has them, too.
    let is_bare = job.metadata.labels.as_ref().is_none_or(BTreeMap::is_empty);
    if !had_labels && is_bare {
        job.metadata.labels = template_labels(&job).cloned();
    }
    Ok(Admitted { object: job, warnings })
}

/// Admits a Job that is to be written over `old`.
///
/// Both validations run, that of any Job and that of the change, so most complaints about the spec
/// are there twice, as in Kubernetes. Warnings are about the spec alone, and only when it changes:
/// whoever labels a Job has heard them before.
pub fn admit_job_update(mut job: Job, old: &Job) -> Result<Admitted<Job>, Invalid> {
    defaults::job(&mut job);
    keep_system_metadata(&mut job.metadata, &old.metadata);
    prepare_job_update(&mut job, old);
    let options = JobUpdateOptions::of(old);
    let mut errors = Errors::default();
    validate::job(&job, options.job, &mut errors);
    job_update::update(&job, old, options, &mut errors);
    errors.into_result(Kind::Job, job.metadata.name.as_deref())?;
    let mut warnings = spec_warnings(&job);
    unsupported::job(&job, &mut warnings)?;
    if job.metadata.generation == old.metadata.generation {
        warnings.clear();
    }
    Ok(Admitted { object: job, warnings })
}

/// Admits a status that is to be written over that of `old`; the spec stays.
pub fn admit_job_status(mut job: Job, old: &Job) -> Result<Admitted<Job>, Invalid> {
    job.spec.clone_from(&old.spec);
    keep_system_metadata(&mut job.metadata, &old.metadata);
    job.metadata.generation = old.metadata.generation;
    validate_job_status(&job, old, JobStatusOptions::default())?;
    Ok(Admitted { object: job, warnings: Vec::new() })
}

/// The first step of admission alone: sets the defaults of a Job.
pub fn default_job(job: &mut Job) {
    defaults::job(job);
}

/// The last step of admission alone: every complaint about a Job that is to be created.
pub fn validate_job(job: &Job, options: JobOptions) -> Result<(), Invalid> {
    let mut errors = Errors::default();
    validate::job(job, options, &mut errors);
    errors.into_result(Kind::Job, job.metadata.name.as_deref())
}

/// Every complaint about what changes between `old` and `job`.
pub fn validate_job_update(job: &Job, old: &Job, options: JobUpdateOptions) -> Result<(), Invalid> {
    let mut errors = Errors::default();
    job_update::update(job, old, options, &mut errors);
    errors.into_result(Kind::Job, job.metadata.name.as_deref())
}

/// Every complaint about the status of `job`, written over that of `old`.
pub fn validate_job_status(job: &Job, old: &Job, options: JobStatusOptions) -> Result<(), Invalid> {
    let mut errors = Errors::default();
    job_status::update(job, old, options, &mut errors);
    errors.into_result(Kind::Job, job.metadata.name.as_deref())
}

/// Makes `job` what is stored over `old`: its status stays, and its generation counts what has
/// become of its spec.
pub fn prepare_job_update(job: &mut Job, old: &Job) {
    job.status.clone_from(&old.status);
    let is_same = job_update::same(&job.spec, &old.spec);
    let generation = old.metadata.generation.unwrap_or_default();
    job.metadata.generation = Some(if is_same { generation } else { generation + 1 });
}

/// Makes `job`, which has its uid and defaults, what is stored of a new Job: no status, and the
/// selector and labels by which it finds its pods.
pub fn prepare_job(job: &mut Job) {
    job.status = Some(JobStatus::default());
    job.metadata.generation = Some(1);
    let uid = job.metadata.uid.clone().unwrap_or_default();
    let name = job.metadata.name.clone().unwrap_or_default();
    let spec: &mut JobSpec = job.spec.get_or_insert_default();
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

fn name_warnings(job: &Job) -> Option<String> {
    let complaints = format::dns_label(job.metadata.name.as_deref().unwrap_or_default());
    (!complaints.is_empty()).then(|| {
        format!(
            "metadata.name: this is used in Pod names and hostnames, which can result in \
             surprising behavior; a DNS label is recommended: [{}]",
            complaints.join(" ")
        )
    })
}

fn spec_warnings(job: &Job) -> Vec<String> {
    let is_vast = job.spec.as_ref().is_some_and(|spec| {
        spec.completion_mode.as_deref() == Some("Indexed")
            && spec.completions > Some(validate::COMPLETIONS_HIGH)
            && spec.parallelism > Some(validate::HIGH_COMPLETIONS_PARALLELISM_MAX)
    });
    let warning = "spec: In Indexed Jobs with a number of completions higher than 10^5 and a \
                   parallelism higher than 10^4, Kubernetes might not be able to track \
                   completedIndexes when a big number of indexes fail";
    is_vast.then(|| warning.to_owned()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stored(spec: &Value) -> Job {
        let mut job = json!({ "metadata": { "name": "a.b" }, "spec": {
            "template": { "spec": {
                "restartPolicy": "Never", "containers": [{ "name": "a", "image": "b:1" }],
            } },
        } });
        job["spec"].as_object_mut().expect("an object").extend(spec.as_object().cloned().unwrap());
        admit_job(serde_json::from_value(job).expect("a Job"), "u").expect("it is good").object
    }

    /// What is said of `change` to the spec of `old`: warnings, or complaints.
    fn check(old: &Job, change: &Value, expect: &str) {
        let mut new = serde_json::to_value(old).expect("a Job has a JSON form");
        new["spec"]
            .as_object_mut()
            .expect("an object")
            .extend(change.as_object().cloned().unwrap());
        let new = serde_json::from_value(new).expect("a Job");
        let said = match admit_job_update(new, old) {
            Ok(admitted) => admitted.warnings.join("; "),
            Err(invalid) => invalid.to_string(),
        };
        assert_eq!(said, expect, "{change}");
    }

    #[test]
    fn warns_of_a_name_only_when_it_is_given() {
        let job = stored(&json!({}));
        let created = admit_job(job.clone(), "u").expect("it is good");
        assert!(created.warnings[0].starts_with("metadata.name: "), "{:?}", created.warnings);
        check(&job, &json!({ "parallelism": 2 }), "");
    }

    #[test]
    fn warns_of_a_spec_only_when_it_changes() {
        let job = stored(&json!({ "template": { "spec": {
            "restartPolicy": "Never", "runtimeClassName": "other",
            "containers": [{ "name": "a", "image": "b:1" }],
        } } }));
        let warning = "spec.template.spec.runtimeClassName: mayfly has one runtime, its own";
        check(&job, &json!({ "parallelism": 2 }), warning);
        check(&job, &json!({}), "");
    }

    #[test]
    fn a_policy_without_rules_is_not_the_same_as_none() {
        let refused = "Job.batch \"a.b\" is invalid: spec.podFailurePolicy: Invalid value: \
                       {\"Rules\":[]}: field is immutable";
        let change =
            json!({ "podFailurePolicy": { "rules": [] }, "podReplacementPolicy": "Failed" });
        check(&stored(&json!({})), &change, refused);
    }
}
