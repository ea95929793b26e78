//! Which pods belong to which Job.
//!
//! A pod is a Job's if the Job is its controller and the Job's selector matches it. Pods that match
//! and have no controller are adopted, those of its own that match no more are let go.

use crate::api::names::JOB_TRACKING_FINALIZER;
use crate::api::{Job, LabelSelector, ObjectMeta, OwnerReference, Pod};

use super::conditions;
use super::job_view::JobView;
use super::pod_view::{PodRef, is_tracked};
use super::template::owner_reference;

/// A pod that has to change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The Job takes it in.
    Adopt(PodRef),
    /// The Job lets it go.
    Disown(PodRef),
}

impl Claim {
    /// Whether it is about the pod with `uid`.
    pub fn is_about(&self, uid: &str) -> bool {
        let (Self::Adopt(pod) | Self::Disown(pod)) = self;
        *pod.uid == *uid
    }
}

/// What a pod is to a Job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belonging {
    /// One of its own.
    Own,
    /// Nobody's, and the Job takes it in.
    Adoptable,
    /// Its own by reference, but no more by its labels.
    Stray,
    /// None of its business.
    Foreign,
}

/// What the pod with `metadata` is to `job`, which is in the same namespace.
pub fn belonging(job: &JobView, metadata: &ObjectMeta) -> Belonging {
    let selector = job.object.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let matches = selector.is_some_and(|selector| selects(selector, metadata));
    match controller(metadata) {
        Some(owner) if *owner.uid != *job.uid => Belonging::Foreign,
        Some(_) if matches || job.deleting => Belonging::Own,
        Some(_) => Belonging::Stray,
        None if matches && !job.deleting && metadata.deletion_timestamp.is_none() => {
            Belonging::Adoptable
        }
        None => Belonging::Foreign,
    }
}

/// The owner that manages the object with `metadata`.
pub fn controller(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// Whether a pod that still carries the tracking finalizer has no Job that would ever take it off.
///
/// `owner` is the Job of the name and namespace in the pod's controller reference, if it exists.
pub fn is_orphan(pod: &ObjectMeta, owner: Option<&Job>) -> bool {
    let Some(reference) = controller(pod) else { return true };
    if reference.api_version != "batch/v1" || reference.kind != "Job" {
        return false;
    }
    let same = |job: &&Job| job.metadata.uid.as_deref() == Some(reference.uid.as_str());
    let Some(job) = owner.filter(same) else { return true };
    let managed_by_us = JobView::is_managed_by_us(job);
    let written = job.status.as_ref().and_then(|status| status.conditions.as_deref());
    let finished = written.is_some_and(conditions::say_finished);
    managed_by_us && finished
}

/// Makes `job` the controller of `pod`, and tracks the pod.
pub fn adopt(job: &JobView, pod: &mut Pod) {
    pod.metadata.owner_references.get_or_insert_default().push(owner_reference(job));
    if !is_tracked(&pod.metadata) {
        let finalizers = pod.metadata.finalizers.get_or_insert_default();
        finalizers.push(JOB_TRACKING_FINALIZER.to_owned());
    }
}

/// Ends that the Job with `uid` is the controller of `pod`, and that the pod is tracked.
pub fn disown(uid: &str, pod: &mut Pod) {
    if let Some(owners) = &mut pod.metadata.owner_references {
        owners.retain(|owner| owner.uid != uid);
    }
    pod.metadata.owner_references.take_if(|owners| owners.is_empty());
    release(pod);
}

/// Takes the tracking finalizer off `pod`.
pub fn release(pod: &mut Pod) {
    if let Some(finalizers) = &mut pod.metadata.finalizers {
        finalizers.retain(|finalizer| finalizer != JOB_TRACKING_FINALIZER);
    }
    pod.metadata.finalizers.take_if(|finalizers| finalizers.is_empty());
}

/// Whether `selector` matches the labels in `metadata`. One that asks for nothing matches all.
fn selects(selector: &LabelSelector, metadata: &ObjectMeta) -> bool {
    let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key));
    let equal = selector.match_labels.iter().flatten();
    let expressions = selector.match_expressions.iter().flatten();
    equal.clone().all(|(key, value)| label(key) == Some(value))
        && expressions.clone().all(|requirement| {
            let values = requirement.values.as_deref().unwrap_or_default();
            let listed = label(&requirement.key).map(|value| values.contains(value));
            match requirement.operator.as_str() {
                "In" => listed == Some(true),
                "NotIn" => listed != Some(true),
                "Exists" => listed.is_some(),
                "DoesNotExist" => listed.is_none(),
                _ => false,
            }
        })
}
