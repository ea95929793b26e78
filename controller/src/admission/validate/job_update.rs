//! What may change in the spec of a Job.

use serde::Serialize;

use super::job::{self, JobOptions, is_indexed};
use super::meta::{IMMUTABLE, object_meta_update};
use super::shown::AsStored;
use super::stored::Stored;
use crate::admission::error::{Errors, Show};
use crate::admission::path::Path;
use crate::api::{Container, Job, JobSpec, PodSpec, PodTemplateSpec};

/// What of the pod template may change, which depends on the Job as it was.
#[derive(Clone, Copy, Debug, Default)]
pub struct JobUpdateOptions {
    /// What is demanded of any Job.
    pub job: JobOptions,
    /// Where pods may run: node affinity and selector, tolerations, gates, labels, annotations.
    pub mutable_scheduling_directives: bool,
    /// What containers request and are limited to.
    pub mutable_pod_resources: bool,
}

impl JobUpdateOptions {
    /// What an update of `old` is allowed and demanded.
    pub fn of(old: &Job) -> Self {
        // Only while no pod of the template as it was can be there or come.
        let is_mutable = is_at_rest(old);
        Self {
            job: JobOptions {
                require_prefixed_labels: job::has_prefixed_labels(old),
                allow_bad_selector_values: job::has_bad_selector_values(old),
            },
            mutable_scheduling_directives: is_mutable,
            mutable_pod_resources: is_mutable,
        }
    }
}

/// Whether a Job is suspended, and its pods have gone.
fn is_at_rest(job: &Job) -> bool {
    let is_suspended = job.spec.as_ref().is_some_and(|spec| spec.suspend == Some(true));
    let Some(status) = &job.status else { return is_suspended };
    let mut conditions = status.conditions.iter().flatten();
    let is_marked = conditions.any(|it| it.type_ == "Suspended" && it.status == "True");
    let has_stopped = status.start_time.is_none() || is_marked;
    is_suspended && has_stopped && status.active.unwrap_or_default() == 0
}

/// Validates a Job that is written over `old`.
pub(crate) fn update(job: &Job, old: &Job, options: JobUpdateOptions, errors: &mut Errors) {
    object_meta_update(&job.metadata, &old.metadata, &Path::new("metadata"), errors);
    let empty = JobSpec::default();
    let (spec, old) =
        (job.spec.as_deref().unwrap_or(&empty), old.spec.as_deref().unwrap_or(&empty));
    let at = Path::new("spec");
    job::job_spec(spec, options.job, &at, errors);
    completions(spec, old, &at.child("completions"), errors);
    if !same(&spec.selector, &old.selector) {
        errors.invalid(&at.child("selector"), spec.selector.as_ref(), IMMUTABLE);
    }
    template(&spec.template, &old.template, options, &at.child("template"), errors);
    let mut immutable = |field: &str, is_same: bool, value: Option<String>| {
        if !is_same {
            errors.invalid(&at.child(field), Shown(value), IMMUTABLE);
        }
    };
    let mode = spec.completion_mode.as_deref();
    immutable("completionMode", spec.completion_mode == old.completion_mode, shown(mode));
    immutable(
        "podFailurePolicy",
        same_policy(spec.pod_failure_policy.as_ref(), old.pod_failure_policy.as_ref()),
        shown(spec.pod_failure_policy.as_ref().map(AsStored)),
    );
    immutable(
        "backoffLimitPerIndex",
        spec.backoff_limit_per_index == old.backoff_limit_per_index,
        shown(spec.backoff_limit_per_index),
    );
    let managed_by = spec.managed_by.as_deref();
    immutable("managedBy", spec.managed_by == old.managed_by, shown(managed_by));
    immutable(
        "successPolicy",
        same_policy(spec.success_policy.as_ref(), old.success_policy.as_ref()),
        shown(spec.success_policy.as_ref().map(AsStored)),
    );
}

/// Whether both policies mean the same. One without rules is still a policy: it changes when pods
/// are replaced.
fn same_policy<T: Serialize>(policy: Option<&T>, old: Option<&T>) -> bool {
    policy.is_some() == old.is_some() && same(&policy, &old)
}

fn shown(value: Option<impl Show>) -> Option<String> {
    value.map_or_else(|| Some("null".to_owned()), Show::show)
}

/// A value as it is shown.
struct Shown(Option<String>);

impl Show for Shown {
    fn show(self) -> Option<String> {
        self.0
    }
}

fn completions(spec: &JobSpec, old: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    if spec.completions == old.completions {
        return;
    }
    match spec.completions {
        _ if !is_indexed(spec) => {
            errors.invalid(at, Shown(shown(spec.completions)), IMMUTABLE);
        }
        Some(count) if spec.parallelism != Some(count) => {
            errors.invalid(at, count, "can only be modified in tandem with spec.parallelism");
        }
        // That it must be set is said elsewhere.
        _ => {}
    }
}

fn template(
    template: &PodTemplateSpec,
    old: &PodTemplateSpec,
    options: JobUpdateOptions,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    // What may change is made equal, so that whatever still differs may not.
    let mut old = old.clone();
    if options.mutable_scheduling_directives {
        take_scheduling_directives(template, &mut old);
    }
    if options.mutable_pod_resources {
        take_resources(template.spec.as_deref(), old.spec.as_deref_mut());
        if !same(&template.spec, &old.spec) {
            let spec = template.spec.clone().unwrap_or_default();
            errors.invalid(&at.child("spec"), Stored(&*spec), IMMUTABLE);
        }
    } else if !same(template, &old) {
        errors.invalid(at, Stored(template), IMMUTABLE);
    }
}

fn take_scheduling_directives(from: &PodTemplateSpec, to: &mut PodTemplateSpec) {
    let meta = to.metadata.get_or_insert_default();
    let from_meta = from.metadata.clone().unwrap_or_default();
    meta.labels = from_meta.labels;
    meta.annotations = from_meta.annotations;
    let spec: &mut PodSpec = to.spec.get_or_insert_default();
    let from = from.spec.clone().unwrap_or_default().into_inner();
    spec.node_selector = from.node_selector;
    spec.tolerations = from.tolerations;
    spec.scheduling_gates = from.scheduling_gates;
    let affinity = spec.affinity.get_or_insert_default();
    affinity.node_affinity = from.affinity.and_then(|affinity| affinity.node_affinity);
}

/// Only where the containers are the same ones in the same order.
fn take_resources(from: Option<&PodSpec>, to: Option<&mut PodSpec>) {
    let (Some(from), Some(to)) = (from, to) else { return };
    let take = |from: &[Container], to: &mut [Container]| {
        if from.len() == to.len() {
            for (from, to) in from.iter().zip(to).filter(|(from, to)| from.name == to.name) {
                to.resources.clone_from(&from.resources);
            }
        }
    };
    take(&from.containers, &mut to.containers);
    let init = from.init_containers.as_deref().unwrap_or_default();
    take(init, to.init_containers.as_deref_mut().unwrap_or_default());
}

/// Whether both mean the same: an empty list or map is as good as none.
pub(crate) fn same<T: Serialize>(a: &T, b: &T) -> bool {
    let pruned = |value: &T| {
        let mut value = serde_json::to_value(value).expect("an object must have a JSON form");
        prune(&mut value);
        value
    };
    pruned(a) == pruned(b)
}

fn prune(value: &mut serde_json::Value) {
    let is_empty = |value: &serde_json::Value| match value {
        serde_json::Value::Null => true,
        serde_json::Value::Array(items) => items.is_empty(),
        serde_json::Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(prune),
        serde_json::Value::Object(fields) => {
            fields.values_mut().for_each(prune);
            fields.retain(|_, value| !is_empty(value));
        }
        _ => {}
    }
}
