//! Containers of a pod.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Probe, VolumeMount};

use super::meta::{NON_NEGATIVE, each};
use super::{env, format, pod, resources, restart_policy};
use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::api::{Container, PodSpec};

/// Validates the containers and init containers of `spec`, which has these `volumes`.
pub(super) fn containers(
    spec: &PodSpec,
    volumes: &BTreeSet<&str>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let field = at.child("containers");
    if spec.containers.is_empty() {
        errors.required(&field, "");
    }
    let mut names = BTreeSet::new();
    for (index, each) in spec.containers.iter().enumerate() {
        let at = field.index(index);
        container(each, volumes, &at, errors);
        unique_name(each, &mut names, &at, errors);
        probes(each, &at, errors);
    }
    let field = at.child("initContainers");
    for (index, each) in spec.init_containers.iter().flatten().enumerate() {
        let at = field.index(index);
        container(each, volumes, &at, errors);
        unique_name(each, &mut names, &at, errors);
        probes(each, &at, errors);
    }
}

fn unique_name<'a>(
    container: &'a Container,
    names: &mut BTreeSet<&'a str>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    if !names.insert(&container.name) {
        errors.duplicate(&at.child("name"), &container.name);
    }
}

fn container(container: &Container, volumes: &BTreeSet<&str>, at: &Path<'_>, errors: &mut Errors) {
    if container.name.is_empty() {
        errors.required(&at.child("name"), "");
    } else {
        each(format::dns_label(&container.name), |complaint| {
            errors.invalid(&at.child("name"), &container.name, complaint);
        });
    }
    let image = container.image.as_deref().unwrap_or_default();
    if image.is_empty() {
        errors.required(&at.child("image"), "");
    }
    pod::one_of(
        container.termination_message_policy.as_deref(),
        &["FallbackToLogsOnError", "File"],
        &at.child("terminationMessagePolicy"),
        errors,
    );
    ports(container, &at.child("ports"), errors);
    env::variables(container, at, errors);
    mounts(container, volumes, &at.child("volumeMounts"), errors);
    pod::one_of(
        container.image_pull_policy.as_deref(),
        &["Always", "IfNotPresent", "Never"],
        &at.child("imagePullPolicy"),
        errors,
    );
    resources::requirements(container.resources.as_ref(), &at.child("resources"), errors);
    restart_policy::restart_policy(container, at, errors);
}

fn ports(container: &Container, at: &Path<'_>, errors: &mut Errors) {
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let at = at.index(index);
        if port.container_port == 0 {
            errors.required(&at.child("containerPort"), "");
        } else if !(1..=65535).contains(&port.container_port) {
            let detail = "must be between 1 and 65535, inclusive";
            errors.invalid(&at.child("containerPort"), port.container_port, detail);
        }
        let protocols = ["SCTP", "TCP", "UDP"];
        pod::one_of(port.protocol.as_deref(), &protocols, &at.child("protocol"), errors);
    }
}

fn mounts(container: &Container, volumes: &BTreeSet<&str>, at: &Path<'_>, errors: &mut Errors) {
    let mut paths = BTreeSet::new();
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let at = at.index(index);
        if mount.name.is_empty() {
            errors.required(&at.child("name"), "");
        } else if !volumes.contains(&*mount.name) {
            errors.not_found(&at.child("name"), &mount.name);
        }
        if mount.mount_path.is_empty() {
            errors.required(&at.child("mountPath"), "");
        }
        if !paths.insert(&mount.mount_path) {
            errors.invalid(&at.child("mountPath"), &mount.mount_path, "must be unique");
        }
        sub_path(mount, &at, errors);
    }
}

/// A path within a volume must stay within it.
fn sub_path(mount: &VolumeMount, at: &Path<'_>, errors: &mut Errors) {
    let path = mount.sub_path.as_deref().unwrap_or_default();
    let expression = mount.sub_path_expr.as_deref().unwrap_or_default();
    for (field, path) in [("subPath", path), ("subPathExpr", expression)] {
        if path.starts_with('/') {
            errors.invalid(&at.child(field), path, "must be a relative path");
        }
        if path.split('/').any(|part| part == "..") {
            errors.invalid(&at.child(field), path, "must not contain '..'");
        }
    }
    if !path.is_empty() && !expression.is_empty() {
        errors.invalid(
            &at.child("subPathExpr"),
            expression,
            "subPathExpr and subPath are mutually exclusive",
        );
    }
}

fn probes(container: &Container, at: &Path<'_>, errors: &mut Errors) {
    for (field, probe) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        if let Some(probe) = probe {
            self::probe(probe, &at.child(field), errors);
        }
    }
}

fn probe(probe: &Probe, at: &Path<'_>, errors: &mut Errors) {
    let handlers = [
        probe.exec.is_some(),
        probe.grpc.is_some(),
        probe.http_get.is_some(),
        probe.tcp_socket.is_some(),
    ];
    if !handlers.contains(&true) {
        errors.required(at, "must specify a handler type");
    }
    for (field, number) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        if let Some(number) = number.filter(|number| *number < 0) {
            errors.invalid(&at.child(field), number, NON_NEGATIVE);
        }
    }
}
