//! Pods: prepared for create, validated, with warnings.

use super::error::Errors;
use super::path::Path;
use super::validate::{format, meta, pod as validate};
use super::{Admitted, Invalid, defaults, unsupported};
use crate::api::{Kind, Pod, PodSpec, PodStatus};

/// The first step of admission alone: sets the defaults of a pod.
pub fn default_pod(pod: &mut Pod) {
    defaults::pod(pod);
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
    let empty = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&empty);
    validate::pod_spec(spec, &Path::new("spec"), &mut errors);
    errors.into_result(Kind::Pod, pod.metadata.name.as_deref())?;
    let mut warnings = Vec::new();
    unsupported::pod(&pod, &mut warnings)?;
    Ok(Admitted { object: pod, warnings })
}
