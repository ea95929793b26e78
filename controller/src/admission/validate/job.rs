//! Jobs.

use std::collections::BTreeMap;

use super::meta::{NON_NEGATIVE, each, object_meta};
use super::shown::AsStored;
use super::{format, pod, pod_failure_policy, selector, success_policy};
use crate::admission::error::{Errors, Json};
use crate::admission::path::Path;
use crate::api::names::{CONTROLLER_UID, CONTROLLER_UID_LEGACY, JOB_NAME, JOB_NAME_LEGACY};
use crate::api::{Job, JobSpec};

/// The most pods of an Indexed Job at once: what its status can still tell of.
const INDEXED_PARALLELISM_MAX: i32 = 100_000;
/// The most indexes of an Indexed Job that may fail: as many as its status can list.
const FAILED_INDEXES_MAX: i32 = 100_000;
/// Above this many completions, the status of a Job could grow too large for one object.
pub(crate) const COMPLETIONS_HIGH: i32 = 100_000;
/// With so many completions, the most pods at once.
pub(crate) const HIGH_COMPLETIONS_PARALLELISM_MAX: i32 = 10_000;
/// With so many completions, the most indexes that may fail.
const HIGH_COMPLETIONS_FAILED_INDEXES_MAX: i32 = 10_000;
/// The longest `managedBy`.
const MANAGED_BY_BYTES_MAX: usize = 63;

/// What is demanded of a Job depends on how it came to be.
#[derive(Clone, Copy, Debug)]
pub struct JobOptions {
    /// Whether the pod template needs the generated labels that have a prefix, besides the legacy
    /// ones. A Job made before they existed is updated without.
    pub require_prefixed_labels: bool,
    /// Whether the values of the selector's expressions may be no label values, since an older
    /// server let them pass.
    pub allow_bad_selector_values: bool,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self { require_prefixed_labels: true, allow_bad_selector_values: false }
    }
}

/// Validates a Job that has its defaults.
pub(crate) fn job(job: &Job, options: JobOptions, errors: &mut Errors) {
    object_meta(&job.metadata, format::dns_subdomain, &Path::new("metadata"), errors);
    let empty = JobSpec::default();
    let spec = job.spec.as_deref().unwrap_or(&empty);
    generated_selector(job, spec, options, errors);
    job_spec(spec, options, &Path::new("spec"), errors);
    let completions = spec.completions.unwrap_or_default();
    if is_indexed(spec) && completions > 0 {
        let name = job.metadata.name.as_deref().unwrap_or_default();
        let last_pod = format!("{name}-{}", completions - 1);
        if !format::dns_label(&last_pod).is_empty() {
            let detail = format!("will not able to create pod with invalid DNS label: {last_pod}");
            errors.invalid(&Path::new("metadata").child("name"), name, &detail);
        }
    }
}

/// Whether the pod template of `job` has the generated labels that have a prefix.
pub(super) fn has_prefixed_labels(job: &Job) -> bool {
    let meta = job.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
    let labels = meta.and_then(|meta| meta.labels.as_ref());
    labels
        .is_some_and(|labels| labels.contains_key(CONTROLLER_UID) && labels.contains_key(JOB_NAME))
}

/// Whether the selector of `job` compares with what can't be the value of a label.
pub(super) fn has_bad_selector_values(job: &Job) -> bool {
    let selector = job.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let expressions = selector.and_then(|selector| selector.match_expressions.as_ref());
    let mut values =
        expressions.into_iter().flatten().flat_map(|expression| expression.values.iter().flatten());
    values.any(|value| !format::label_value(value).is_empty())
}

pub(super) fn is_indexed(spec: &JobSpec) -> bool {
    spec.completion_mode.as_deref() == Some("Indexed")
}

/// The labels and the selector that tie pods to their Job must be those that we make ourselves.
fn generated_selector(job: &Job, spec: &JobSpec, options: JobOptions, errors: &mut Errors) {
    let Some(selector) = spec.selector.as_ref().filter(|_| spec.manual_selector != Some(true))
    else {
        return;
    };
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let uid = job.metadata.uid.as_deref().unwrap_or_default();
    if uid.is_empty() {
        errors.required(&Path::new("metadata").child("uid"), "");
    }
    let legacy = [(CONTROLLER_UID_LEGACY, uid), (JOB_NAME_LEGACY, name)];
    let prefixed = [(CONTROLLER_UID, uid), (JOB_NAME, name)];
    let prefixed = prefixed.iter().filter(|_| options.require_prefixed_labels);
    let none = BTreeMap::new();
    let meta = spec.template.metadata.as_ref();
    let labels = meta.and_then(|meta| meta.labels.as_ref()).unwrap_or(&none);
    let at = Path::new("spec.template.metadata.labels");
    let mut expected = BTreeMap::new();
    for (key, value) in legacy.iter().chain(prefixed) {
        let detail = format!("must be '{value}'");
        match labels.get(*key) {
            None => errors.required(&at.key(key), &detail),
            Some(found) if found != value => errors.invalid(&at.key(key), Json(labels), &detail),
            Some(_) => {}
        }
        expected.insert((*key).to_owned(), (*value).to_owned());
    }
    if !selector::matches(Some(selector), &expected) {
        let at = Path::new("spec.selector");
        errors.invalid(&at, Some(selector), "`selector` not auto-generated");
    }
}

/// Validates the spec of a Job, with its selector.
pub(super) fn job_spec(spec: &JobSpec, options: JobOptions, at: &Path<'_>, errors: &mut Errors) {
    template_spec(spec, at, errors);
    match &spec.selector {
        None => errors.required(&at.child("selector"), ""),
        Some(selector) => {
            let bad_values = options.allow_bad_selector_values;
            selector::label_selector(selector, &at.child("selector"), bad_values, errors);
        }
    }
    let none = BTreeMap::new();
    let labels = spec.template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
    if !selector::matches(spec.selector.as_ref(), labels.unwrap_or(&none)) {
        let at = at.child("template.metadata.labels");
        errors.invalid(&at, Json(labels), "`selector` does not match template `labels`");
    }
}

/// Validates the spec of a Job but for its selector, which the job template of a CronJob lacks.
pub(super) fn template_spec(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    counts(spec, at, errors);
    if let Some(name) = &spec.managed_by {
        managed_by(name, &at.child("managedBy"), errors);
    }
    match spec.completion_mode.as_deref() {
        Some("Indexed") => indexed(spec, at, errors),
        None | Some("NonIndexed") => {}
        Some(mode) => {
            errors.not_supported(&at.child("completionMode"), mode, &["NonIndexed", "Indexed"]);
        }
    }
    if matches!(spec.completion_mode.as_deref(), None | Some("NonIndexed")) {
        not_indexed(spec, at, errors);
    }
    if let Some(policy) = &spec.pod_failure_policy {
        pod_failure_policy::policy(policy, spec, &at.child("podFailurePolicy"), errors);
    }
    if let Some(policy) = spec.success_policy.as_ref().filter(|_| is_indexed(spec)) {
        success_policy::policy(policy, spec, &at.child("successPolicy"), errors);
    }
    pod_replacement_policy(spec, &at.child("podReplacementPolicy"), errors);
    pod::pod_template(&spec.template, &at.child("template"), errors);
    let at = at.child("template.spec.restartPolicy");
    restart_policy(spec, &at, errors);
}

fn counts(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    for (field, count) in [
        ("parallelism", spec.parallelism.map(i64::from)),
        ("completions", spec.completions.map(i64::from)),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit.map(i64::from)),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished.map(i64::from)),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index.map(i64::from)),
        ("maxFailedIndexes", spec.max_failed_indexes.map(i64::from)),
    ] {
        if let Some(count) = count.filter(|count| *count < 0) {
            errors.invalid(&at.child(field), count, NON_NEGATIVE);
        }
    }
    if spec.max_failed_indexes.is_some() && spec.backoff_limit_per_index.is_none() {
        errors.required(&at.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified");
    }
}

fn managed_by(name: &str, at: &Path<'_>, errors: &mut Errors) {
    if name.is_empty() {
        return errors.required(at, "");
    }
    match name.split_once('/') {
        Some((host, path)) if !host.is_empty() && !path.is_empty() => {
            each(format::dns_subdomain(host), |complaint| errors.invalid(at, host, complaint));
            each(format::http_path(path), |complaint| errors.invalid(at, path, complaint));
        }
        _ => {
            let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
            errors.invalid(at, name, detail);
        }
    }
    if name.len() > MANAGED_BY_BYTES_MAX {
        errors.too_long(at, MANAGED_BY_BYTES_MAX);
    }
}

fn indexed(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    let parallelism = spec.parallelism.unwrap_or_default();
    if spec.completions.is_none() {
        errors.required(&at.child("completions"), "when completion mode is Indexed");
    }
    if parallelism > INDEXED_PARALLELISM_MAX {
        let detail = format!(
            "must be less than or equal to {INDEXED_PARALLELISM_MAX} when completion mode is Indexed"
        );
        errors.invalid(&at.child("parallelism"), parallelism, &detail);
    }
    let failed_indexes = at.child("maxFailedIndexes");
    if let Some(max) = spec.max_failed_indexes {
        if spec.completions.is_some_and(|completions| max > completions) {
            errors.invalid(&failed_indexes, max, "must be less than or equal to completions");
        }
        if max > FAILED_INDEXES_MAX {
            let detail = format!("must be less than or equal to {FAILED_INDEXES_MAX}");
            errors.invalid(&failed_indexes, max, &detail);
        }
    }
    let has_high_completions =
        spec.completions.is_some_and(|completions| completions > COMPLETIONS_HIGH);
    if !has_high_completions || spec.backoff_limit_per_index.is_none() {
        return;
    }
    let detail = |max: i32| {
        format!(
            "must be less than or equal to {max} when completions are above {COMPLETIONS_HIGH} and \
             used with backoff limit per index"
        )
    };
    if spec.max_failed_indexes.is_none() {
        let detail = format!("must be specified when completions is above {COMPLETIONS_HIGH}");
        errors.required(&failed_indexes, &detail);
    }
    if parallelism > HIGH_COMPLETIONS_PARALLELISM_MAX {
        let detail = detail(HIGH_COMPLETIONS_PARALLELISM_MAX);
        errors.invalid(&at.child("parallelism"), parallelism, &detail);
    }
    if let Some(max) = spec.max_failed_indexes
        && max > HIGH_COMPLETIONS_FAILED_INDEXES_MAX
    {
        errors.invalid(&failed_indexes, max, &detail(HIGH_COMPLETIONS_FAILED_INDEXES_MAX));
    }
}

fn not_indexed(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    const DETAIL: &str = "requires indexed completion mode";
    if let Some(limit) = spec.backoff_limit_per_index {
        errors.invalid(&at.child("backoffLimitPerIndex"), limit, DETAIL);
    }
    if let Some(max) = spec.max_failed_indexes {
        errors.invalid(&at.child("maxFailedIndexes"), max, DETAIL);
    }
    if let Some(policy) = &spec.success_policy {
        errors.invalid(&at.child("successPolicy"), AsStored(policy), DETAIL);
    }
}

fn pod_replacement_policy(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    let Some(policy) = &spec.pod_replacement_policy else { return };
    let supported: &[&str] = match spec.pod_failure_policy {
        // Whether a pod has failed is known only once it has ended.
        Some(_) => &["Failed"],
        None => &["Failed", "TerminatingOrFailed"],
    };
    if !supported.contains(&&**policy) {
        errors.not_supported(at, policy, supported);
    }
}

fn restart_policy(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    let pod = spec.template.spec.as_ref();
    let policy = pod.and_then(|pod| pod.restart_policy.as_deref()).unwrap_or_default();
    match policy {
        "" | "Always" => errors.required(at, "valid values: \"OnFailure\", \"Never\""),
        "OnFailure" if spec.pod_failure_policy.is_some() => errors.invalid(
            at,
            policy,
            "only \"Never\" is supported when podFailurePolicy is specified",
        ),
        "OnFailure" | "Never" => {}
        other => errors.not_supported(at, other, &["OnFailure", "Never"]),
    }
}
