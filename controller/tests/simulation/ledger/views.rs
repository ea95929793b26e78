//! Small questions about objects, answered from their fields alone.

use std::collections::BTreeSet;

use mayfly_controller::api::{ContainerStatus, Job, JobStatus, ObjectMeta, Pod, names};

pub(crate) fn status(job: &Job) -> JobStatus {
    job.status.clone().unwrap_or_default()
}

pub(crate) fn is_true(job: &Job, condition: &str) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|it| it.type_ == condition && it.status == "True")
}

pub(crate) fn is_finished(job: &Job) -> bool {
    is_true(job, "Complete") || is_true(job, "Failed")
}

pub(crate) fn is_deleting(metadata: &ObjectMeta) -> bool {
    metadata.deletion_timestamp.is_some()
}

/// Whether the Job is being deleted, and its pods are to stay.
pub(crate) fn is_orphaning(job: &Job) -> bool {
    let finalizers = job.metadata.finalizers.iter().flatten();
    is_deleting(&job.metadata) && finalizers.into_iter().any(|it| it == "orphan")
}

pub(crate) fn is_indexed(job: &Job) -> bool {
    job.spec.as_ref().and_then(|spec| spec.completion_mode.as_deref()) == Some("Indexed")
}

pub(crate) fn is_suspended(job: &Job) -> bool {
    job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true)
}

pub(crate) fn parallelism(job: &Job) -> usize {
    let parallelism = job.spec.as_ref().and_then(|spec| spec.parallelism).unwrap_or(1);
    usize::try_from(parallelism).unwrap_or_default()
}

/// None for a work queue.
pub(crate) fn completions(job: &Job) -> Option<usize> {
    let completions = job.spec.as_ref().and_then(|spec| spec.completions)?;
    usize::try_from(completions).ok()
}

/// Whether a pod is replaced only once it has ended.
pub(crate) fn waits_for_end(job: &Job) -> bool {
    let spec = job.spec.as_ref();
    spec.is_some_and(|spec| {
        spec.pod_failure_policy.is_some()
            || spec.pod_replacement_policy.as_deref() == Some("Failed")
    })
}

/// Whether some failures are not counted.
pub(crate) fn ignores_failures(job: &Job) -> bool {
    let policy = job.spec.as_ref().and_then(|spec| spec.pod_failure_policy.as_ref());
    policy.is_some_and(|policy| policy.rules.iter().any(|rule| rule.action == "Ignore"))
}

/// What a list of indexes in a status says.
pub(crate) fn indexes(text: Option<&str>) -> BTreeSet<u32> {
    let parts = text.unwrap_or_default().split(',').filter(|part| !part.is_empty());
    let number = |text: &str| text.parse::<u32>().expect("a list of indexes holds numbers");
    parts
        .flat_map(|part| match part.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => number(part)..=number(part),
        })
        .collect()
}

pub(crate) fn completed_indexes(job: &Job) -> BTreeSet<u32> {
    indexes(status(job).completed_indexes.as_deref())
}

pub(crate) fn failed_indexes(job: &Job) -> BTreeSet<u32> {
    indexes(status(job).failed_indexes.as_deref())
}

/// The uid of the controller of an object, if that is of this kind.
pub(crate) fn owner<'a>(metadata: &'a ObjectMeta, kind: &str) -> Option<&'a str> {
    let mut owners = metadata.owner_references.iter().flatten();
    let owner = owners.find(|owner| owner.controller == Some(true) && owner.kind == kind)?;
    Some(&owner.uid)
}

pub(crate) fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    status.and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

pub(crate) fn has_ended(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

pub(crate) fn is_active(pod: &Pod) -> bool {
    !has_ended(pod) && !is_deleting(&pod.metadata)
}

pub(crate) fn is_tracked(pod: &Pod) -> bool {
    let mut finalizers = pod.metadata.finalizers.iter().flatten();
    finalizers.any(|finalizer| finalizer == names::JOB_TRACKING_FINALIZER)
}

pub(crate) fn index(pod: &Pod) -> Option<u32> {
    pod.metadata.annotations.as_ref()?.get(names::JOB_COMPLETION_INDEX)?.parse().ok()
}

/// What its status says of all containers of `pod`.
pub(crate) fn container_statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let lists = pod.status.iter().flat_map(|status| {
        [&status.init_container_statuses, &status.container_statuses].into_iter().flatten()
    });
    lists.flatten()
}
