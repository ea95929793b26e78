//! Pods: prepared for create, validated, with warnings.

use super::error::Errors;
use super::path::Path;
use super::validate::{format, hosts, meta, pod as validate, pod_update};
use super::{Admitted, Invalid, defaults, unsupported};
use crate::api::{Kind, Pod, PodSpec, PodStatus};

/// The first step of admission alone: sets the defaults of a pod.
pub fn default_pod(pod: &mut Pod) {
    defaults::pod(pod);
}

/// The same for what is wanted of a pod.
pub(crate) fn default_pod_spec(spec: &mut PodSpec) {
    defaults::pod_spec(spec);
}

/// Admits a pod that is to be created with this uid. Its name must have been made.
pub fn admit_pod(mut pod: Pod, uid: &str) -> Result<Admitted<Pod>, Invalid> {
    pod.status = Some(PodStatus { phase: Some("Pending".to_owned()), ..PodStatus::default() });
    defaults::pod(&mut pod);
    pod.metadata.uid = Some(uid.to_owned());
    pod.metadata.generation = Some(1);
    let mut errors = Errors::default();
    let at = Path::new("metadata");
    meta::object_meta(&pod.metadata, format::dns_subdomain, &at, &mut errors);
    hosts::hosts(&pod.metadata, &at, &mut errors);
    let empty = PodSpec::default();
    let spec = pod.spec.as_deref().unwrap_or(&empty);
    validate::pod_spec(spec, &Path::new("spec"), &mut errors);
    errors.into_result(Kind::Pod, pod.metadata.name.as_deref())?;
    let mut warnings = Vec::new();
    unsupported::pod(&pod, &mut warnings)?;
    Ok(Admitted { object: pod, warnings })
}

/// Admits `new` to be written over `old`. Its status stays, and of its spec all but what Kubernetes
/// lets change while a pod is there.
pub fn admit_pod_update(mut new: Pod, old: &Pod) -> Result<Admitted<Pod>, Invalid> {
    keep_priority(&mut new, old);
    let uid = old.metadata.uid.clone().unwrap_or_default();
    let mut admitted = admit_pod(new, &uid)?;
    // One that was stored before a default was set by mayfly lacks it still.
    let mut complete = old.clone();
    defaults::pod(&mut complete);
    let empty = PodSpec::default();
    let new_spec = admitted.object.spec.as_deref().unwrap_or(&empty);
    let mut errors = Errors::default();
    pod_update::pod_spec(new_spec, complete.spec.as_deref().unwrap_or(&empty), &mut errors);
    errors.into_result(Kind::Pod, old.metadata.name.as_deref())?;
    admitted.object.status.clone_from(&old.status);
    if admitted.object.spec == complete.spec {
        admitted.object.spec.clone_from(&old.spec);
    }
    Ok(admitted)
}

/// What its class has given a pod stays, if whoever writes it does not say it.
fn keep_priority(new: &mut Pod, old: &Pod) {
    let Some(((priority, policy), spec)) = old
        .spec
        .as_ref()
        .map(|it| (it.priority, it.preemption_policy.clone()))
        .zip(new.spec.as_ref())
    else {
        return;
    };
    if (spec.priority.is_none() && priority.is_some())
        || (spec.preemption_policy.is_none() && policy.is_some())
    {
        let spec: &mut PodSpec = new.spec.get_or_insert_default();
        spec.priority = spec.priority.or(priority);
        spec.preemption_policy = spec.preemption_policy.take().or(policy);
    }
}
