//! Pods and pod templates.

use std::collections::BTreeSet;

use super::meta::{annotations, each, labels};
use super::{affinity, container, format, hosts::hosts, scheduling, volume};
use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::api::{PodSpec, PodTemplateSpec};

/// Validates a pod template.
pub(crate) fn pod_template(template: &PodTemplateSpec, at: &Path<'_>, errors: &mut Errors) {
    if let Some(meta) = &template.metadata {
        labels(meta.labels.as_ref(), &at.child("labels"), errors);
        annotations(meta.annotations.as_ref(), &at.child("annotations"), errors);
        hosts(meta, &at.child("metadata"), errors);
    }
    let empty = PodSpec::default();
    let spec = template.spec.as_deref().unwrap_or(&empty);
    pod_spec(spec, &at.child("spec"), errors);
    if spec.ephemeral_containers.iter().flatten().next().is_some() {
        let field = at.child("spec.ephemeralContainers");
        errors.forbidden(&field, "ephemeral containers not allowed in pod template");
    }
}

/// Validates the spec of a pod.
pub(crate) fn pod_spec(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    let volumes = volume::volumes(spec, &at.child("volumes"), errors);
    container::containers(spec, &volumes, at, errors);
    restart_policy(spec, &at.child("restartPolicy"), errors);
    one_of(
        spec.dns_policy.as_deref(),
        &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
        &at.child("dnsPolicy"),
        errors,
    );
    labels(spec.node_selector.as_ref(), &at.child("nodeSelector"), errors);
    if let Some(affinity) = &spec.affinity {
        affinity::affinity(affinity, &at.child("affinity"), errors);
    }
    let spread = spec.topology_spread_constraints.as_deref().unwrap_or_default();
    scheduling::spread(spread, &at.child("topologySpreadConstraints"), errors);
    for (field, name) in
        [("serviceAccountName", &spec.service_account_name), ("nodeName", &spec.node_name)]
    {
        let name = name.as_deref().filter(|name| !name.is_empty());
        each(name.map(format::dns_subdomain).unwrap_or_default(), |complaint| {
            errors.invalid(&at.child(field), name.unwrap_or_default(), complaint);
        });
    }
    if let Some(seconds) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let detail = format!("must be between 1 and {}, inclusive", i32::MAX);
        errors.invalid(&at.child("activeDeadlineSeconds"), seconds, &detail);
    }
    for (field, name) in [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)] {
        let name = name.as_deref().filter(|name| !name.is_empty());
        each(name.map(format::dns_label).unwrap_or_default(), |complaint| {
            errors.invalid(&at.child(field), name.unwrap_or_default(), complaint);
        });
    }
    let tolerations = spec.tolerations.as_deref().unwrap_or_default();
    scheduling::tolerations(tolerations, &at.child("tolerations"), errors);
    let class = spec.priority_class_name.as_deref().filter(|name| !name.is_empty());
    each(class.map(format::dns_subdomain).unwrap_or_default(), |complaint| {
        errors.invalid(&at.child("priorityClassName"), class.unwrap_or_default(), complaint);
    });
    let policy = spec.preemption_policy.as_deref();
    preemption_policy(policy, &at.child("preemptionPolicy"), errors);
}

/// Validates what a pod may do to others, if that is said.
pub(crate) fn preemption_policy(policy: Option<&str>, at: &Path<'_>, errors: &mut Errors) {
    if policy.is_some() {
        one_of(policy, &["PreemptLowerPriority", "Never"], at, errors);
    }
}

fn restart_policy(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    one_of(spec.restart_policy.as_deref(), &["Always", "OnFailure", "Never"], at, errors);
}

/// Complains unless `value` is one of `allowed`.
pub(super) fn one_of(value: Option<&str>, allowed: &[&str], at: &Path<'_>, errors: &mut Errors) {
    match value.unwrap_or_default() {
        "" => errors.required(at, ""),
        value if allowed.contains(&value) => {}
        value => errors.not_supported(at, value, allowed),
    }
}

/// The names of the containers and init containers of `template`.
pub(super) fn container_names(template: &PodTemplateSpec) -> BTreeSet<&str> {
    let spec = template.spec.as_ref();
    let containers = spec
        .into_iter()
        .flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
    containers.map(|container| container.name.as_str()).collect()
}
