//! The defaults of a pod and of a pod template.

use k8s_openapi::api::core::v1::{EnvVar, Probe, Volume};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::set;
use crate::api::{Container, Pod, PodSpec, PodStatus, PodTemplateSpec};
use crate::quantity::Amount;

/// `defaultMode` of files made from objects: 0644.
const FILE_MODE: i32 = 0o644;

/// Sets the defaults of a pod template.
pub(crate) fn pod_template(template: &mut PodTemplateSpec) {
    template.metadata.get_or_insert_default();
    any_spec(template.spec.get_or_insert_default());
}

/// Sets the defaults of a pod, and its first status.
pub(crate) fn pod(pod: &mut Pod) {
    pod_spec(pod.spec.get_or_insert_default());
    pod.status.get_or_insert_with(|| PodStatus {
        phase: Some("Pending".to_owned()),
        ..PodStatus::default()
    });
}

/// Sets the defaults of what is wanted of a pod.
pub(crate) fn pod_spec(spec: &mut PodSpec) {
    set(&mut spec.enable_service_links, true);
    // Kubernetes differs: no token of it is mounted, and the two tolerations of a lost node are not
    // added; whoever evicts acts as if they were.
    if spec.service_account_name.is_none() && spec.service_account.is_none() {
        set(&mut spec.service_account_name, "default");
    }
    let containers = spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten());
    // In a pod (not in a template) what is limited is requested, too.
    for resources in containers.filter_map(|container| container.resources.as_mut()) {
        for (name, quantity) in resources.limits.iter().flatten() {
            let requests = resources.requests.get_or_insert_default();
            requests.entry(name.clone()).or_insert_with(|| quantity.clone());
        }
    }
    any_spec(spec);
    // Where a class is named, these are the class's to say.
    if spec.priority_class_name.as_deref().unwrap_or_default().is_empty() {
        set(&mut spec.priority, 0);
        set(&mut spec.preemption_policy, "PreemptLowerPriority");
    }
}

/// The defaults that a pod and a template have in common.
fn any_spec(spec: &mut PodSpec) {
    set(&mut spec.dns_policy, "ClusterFirst");
    set(&mut spec.restart_policy, "Always");
    set(&mut spec.termination_grace_period_seconds, 30);
    set(&mut spec.scheduler_name, "default-scheduler");
    spec.security_context.get_or_insert_default();
    // Two names of one field; the older one is kept for old clients.
    if spec.service_account_name.is_none() {
        spec.service_account_name.clone_from(&spec.service_account);
    }
    spec.service_account.clone_from(&spec.service_account_name);
    spec.volumes.iter_mut().flatten().for_each(volume);
    spec.init_containers.iter_mut().flatten().for_each(container);
    spec.containers.iter_mut().for_each(container);
}

fn container(container: &mut Container) {
    let pull = pull_policy(container.image.as_deref().unwrap_or_default());
    set(&mut container.image_pull_policy, pull);
    set(&mut container.termination_message_path, "/dev/termination-log");
    set(&mut container.termination_message_policy, "File");
    let resources = container.resources.get_or_insert_default();
    let amounts = resources.limits.iter_mut().chain(&mut resources.requests).flatten();
    for (_, quantity) in amounts {
        // Stored canonically, so that the same amount always reads the same.
        if let Some(amount) = Amount::parse(&quantity.0) {
            quantity.0 = amount.to_string();
        }
    }
    for port in container.ports.iter_mut().flatten() {
        set(&mut port.protocol, "TCP");
    }
    container.env.iter_mut().flatten().for_each(env_var);
    let probes = [
        &mut container.liveness_probe,
        &mut container.readiness_probe,
        &mut container.startup_probe,
    ];
    probes.into_iter().flatten().for_each(probe);
}

/// `Always` for an image that may change under its name, else `IfNotPresent`.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or_default();
    let is_digest = name.contains('@');
    let is_latest = name.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    if is_latest && !is_digest { "Always" } else { "IfNotPresent" }
}

fn env_var(variable: &mut EnvVar) {
    let Some(source) = &mut variable.value_from else { return };
    if let Some(field) = &mut source.field_ref {
        set(&mut field.api_version, "v1");
    }
    if let Some(resource) = &mut source.resource_field_ref {
        resource.divisor.get_or_insert_with(|| Quantity("0".to_owned()));
    }
}

fn probe(probe: &mut Probe) {
    set(&mut probe.timeout_seconds, 1);
    set(&mut probe.period_seconds, 10);
    set(&mut probe.success_threshold, 1);
    set(&mut probe.failure_threshold, 3);
}

fn volume(volume: &mut Volume) {
    let bare = Volume { name: volume.name.clone(), ..Volume::default() };
    if *volume == bare {
        volume.empty_dir.get_or_insert_default();
    }
    if let Some(source) = &mut volume.config_map {
        set(&mut source.default_mode, FILE_MODE);
    }
    if let Some(source) = &mut volume.secret {
        set(&mut source.default_mode, FILE_MODE);
    }
    if let Some(source) = &mut volume.downward_api {
        set(&mut source.default_mode, FILE_MODE);
        source.items.iter_mut().flatten().filter_map(|item| item.field_ref.as_mut()).for_each(
            |field| {
                set(&mut field.api_version, "v1");
            },
        );
    }
    if let Some(source) = &mut volume.projected {
        set(&mut source.default_mode, FILE_MODE);
        for token in source.sources.iter_mut().flatten() {
            if let Some(token) = &mut token.service_account_token {
                set(&mut token.expiration_seconds, 3600);
            }
        }
    }
    if let Some(source) = &mut volume.host_path {
        set(&mut source.type_, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_canonically_and_what_is_limited_is_requested() {
        let pod = serde_json::json!({"spec": {"containers": [
            {"name": "a", "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}}},
        ]}});
        let mut pod: Pod = serde_json::from_value(pod).expect("must be a Pod");
        super::pod(&mut pod);
        let container = &pod.spec.as_ref().expect("must have a spec").containers[0];
        let resources = serde_json::to_value(&container.resources).expect("must have a JSON form");
        let amounts = serde_json::json!({"cpu": "500m", "memory": "1Gi"});
        assert_eq!(resources, serde_json::json!({"limits": amounts, "requests": amounts}));
    }

    #[test]
    fn a_pod_has_what_every_pod_has() {
        let pod = serde_json::json!({"spec": {"containers": [{"name": "a", "image": "b:1"}]}});
        let mut pod: Pod = serde_json::from_value(pod).expect("must be a Pod");
        super::pod(&mut pod);
        let spec = serde_json::to_value(&pod.spec).expect("must have a JSON form");
        for (field, value) in [
            ("restartPolicy", serde_json::json!("Always")),
            ("terminationGracePeriodSeconds", serde_json::json!(30)),
            ("dnsPolicy", serde_json::json!("ClusterFirst")),
            ("serviceAccountName", serde_json::json!("default")),
            ("serviceAccount", serde_json::json!("default")),
            ("securityContext", serde_json::json!({})),
            ("schedulerName", serde_json::json!("default-scheduler")),
            ("priority", serde_json::json!(0)),
            ("enableServiceLinks", serde_json::json!(true)),
            ("preemptionPolicy", serde_json::json!("PreemptLowerPriority")),
        ] {
            assert_eq!(spec[field], value, "{field}");
        }
        let once = pod.clone();
        super::pod(&mut pod);
        assert_eq!(pod, once, "defaults are set once");
    }

    #[test]
    fn an_image_is_pulled_anew_when_its_name_may_change_meaning() {
        for (image, expect) in [
            ("perl", "Always"),
            ("perl:latest", "Always"),
            ("host:5000/perl", "Always"),
            ("perl:5.34.0", "IfNotPresent"),
            ("host:5000/perl:5", "IfNotPresent"),
            ("perl@sha256:00", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), expect, "{image}");
        }
    }
}
