//! Fields of a container.

use k8s_openapi::api::core::v1::{Capabilities, ResourceRequirements, SecurityContext};

use super::Findings;
use super::pod::{is_not, is_some};
use crate::admission::path::Path;
use crate::api::Container;

/// The resources that a node has.
const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

const NO_PROBES: &str = "mayfly does not probe containers";

/// Looks at a container, which is at `at`.
pub(super) fn container(container: &Container, at: &Path<'_>, findings: &mut Findings<'_>) {
    let Container {
        // Honoured.
        args: _,
        command: _,
        env: _,
        env_from: _,
        image: _,
        image_pull_policy: _,
        name: _,
        restart_policy: _,
        restart_policy_rules: _,
        stdin: _,
        stdin_once: _,
        termination_message_path: _,
        termination_message_policy: _,
        working_dir: _,
        // Nothing is ever resized.
        resize_policy: _,
        // Refused or warned of below.
        lifecycle,
        liveness_probe,
        ports,
        readiness_probe,
        resources,
        security_context,
        startup_probe,
        tty,
        volume_devices,
        volume_mounts: _,
    } = container;
    for (is_there, field, why) in [
        (lifecycle.is_some(), "lifecycle", "mayfly runs nothing at a container's start or end"),
        (liveness_probe.is_some(), "livenessProbe", NO_PROBES),
        (readiness_probe.is_some(), "readinessProbe", NO_PROBES),
        (startup_probe.is_some(), "startupProbe", NO_PROBES),
        (is_some(volume_devices), "volumeDevices", "mayfly has no block devices"),
    ] {
        if is_there {
            findings.refuse(&at.child(field), why);
        }
    }
    items(container, at, findings);
    for (is_there, field, why) in [
        (is_some(ports), "ports", "a container has no network here, so nothing can connect to it"),
        (*tty == Some(true), "tty", "a container never has a terminal here"),
    ] {
        if is_there {
            findings.warn(&at.child(field), why);
        }
    }
    if let Some(resources) = resources {
        self::resources(resources, &at.child("resources"), findings);
    }
    if let Some(context) = security_context {
        security(context, &at.child("securityContext"), findings);
    }
}

/// Looks within the lists of a container.
fn items(container: &Container, at: &Path<'_>, findings: &mut Findings<'_>) {
    for (index, variable) in container.env.iter().flatten().enumerate() {
        if variable.value_from.as_ref().is_some_and(|source| source.file_key_ref.is_some()) {
            let at = at.item("env", index);
            let at = at.child("valueFrom.fileKeyRef");
            findings.refuse(&at, "mayfly reads no variables from files");
        }
    }
    for (index, port) in container.ports.iter().flatten().enumerate() {
        if port.host_port.is_some_and(|port| port != 0) {
            let at = at.item("ports", index);
            let at = at.child("hostPort");
            findings.refuse(&at, "mayfly can't give a container a port of the host");
        }
    }
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        if is_not(&mount.mount_propagation, "None") {
            let at = at.item("volumeMounts", index);
            let at = at.child("mountPropagation");
            findings.refuse(&at, "nothing is ever mounted within a volume here");
        }
    }
}

fn resources(resources: &ResourceRequirements, at: &Path<'_>, findings: &mut Findings<'_>) {
    let ResourceRequirements { claims, limits, requests } = resources;
    if is_some(claims) {
        findings.refuse(&at.child("claims"), "mayfly has no devices to claim");
    }
    for (field, map) in [("limits", limits), ("requests", requests)] {
        for name in map.iter().flatten().map(|(name, _)| name) {
            let why = match (field, name.as_str()) {
                (_, name) if RESOURCES.contains(&name) => continue,
                _ => "mayfly has no such resource",
            };
            findings.warn(&at.child(field).key(name), why);
        }
    }
}

fn security(context: &SecurityContext, at: &Path<'_>, findings: &mut Findings<'_>) {
    let SecurityContext {
        // Fulfilled: a sandbox has no privileges to gain, no root user, no system calls to filter
        // and no root filesystem to write to.
        allow_privilege_escalation: _,
        read_only_root_filesystem: _,
        run_as_non_root: _,
        seccomp_profile: _,
        app_armor_profile,
        capabilities,
        privileged,
        proc_mount,
        run_as_group,
        run_as_user,
        se_linux_options,
        windows_options,
    } = context;
    let added = capabilities.as_ref().is_some_and(|Capabilities { add, drop: _ }| is_some(add));
    for (is_there, field, why) in [
        (*privileged == Some(true), "privileged", "no container has privileges here"),
        (added, "capabilities.add", "no container has capabilities here"),
        (is_not(proc_mount, "Default"), "procMount", "a container has no /proc here"),
        (windows_options.is_some(), "windowsOptions", "mayfly runs nothing on Windows"),
    ] {
        if is_there {
            findings.refuse(&at.child(field), why);
        }
    }
    for (is_there, field) in [
        (app_armor_profile.is_some(), "appArmorProfile"),
        (run_as_group.is_some(), "runAsGroup"),
        (run_as_user.is_some(), "runAsUser"),
        (se_linux_options.is_some(), "seLinuxOptions"),
    ] {
        if is_there {
            findings.warn(&at.child(field), "a container has no users here, so this has no effect");
        }
    }
}
