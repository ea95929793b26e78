//! Fields of a pod.

use k8s_openapi::api::core::v1::PodSecurityContext;

use super::{Findings, container, volume};
use crate::admission::path::Path;
use crate::api::PodSpec;

const NO_NETWORK: &str = "a container has no network of its own here, so this has no effect";
const NO_USERS: &str = "a container has no users here, so this has no effect";

/// Looks at a pod's spec, which is at `at`.
pub(super) fn pod_spec(spec: &PodSpec, at: &Path<'_>, findings: &mut Findings<'_>) {
    decided(spec);
    for (is_there, field, why) in refused(spec) {
        if is_there {
            findings.refuse(&at.child(field), why);
        }
    }
    let told = without_effect(spec).into_iter().chain(without_network(spec));
    for (is_there, field, why) in told {
        if is_there {
            findings.warn(&at.child(field), why);
        }
    }
    if let Some(context) = &spec.security_context {
        security(context, &at.child("securityContext"), findings);
    }
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        volume::volume(volume, &at.child("volumes").index(index), findings);
    }
    for (index, container) in spec.init_containers.iter().flatten().enumerate() {
        container::container(container, &at.child("initContainers").index(index), findings);
    }
    for (index, container) in spec.containers.iter().enumerate() {
        container::container(container, &at.child("containers").index(index), findings);
    }
}

/// Compiles while every field of a pod has been decided on.
fn decided(spec: &PodSpec) {
    let PodSpec {
        // Honoured.
        active_deadline_seconds: _,
        affinity: _,
        containers: _,
        hostname: _,
        image_pull_secrets: _,
        init_containers: _,
        node_name: _,
        node_selector: _,
        preemption_policy: _,
        priority: _,
        priority_class_name: _,
        restart_policy: _,
        security_context: _,
        termination_grace_period_seconds: _,
        tolerations: _,
        topology_spread_constraints: _,
        volumes: _,
        // Fulfilled, whatever they say: there is no token, no service, and nobody else's process to
        // see.
        automount_service_account_token: _,
        enable_service_links: _,
        host_users: _,
        overhead: _,
        // The older name of another field.
        service_account: _,
        // Refused.
        ephemeral_containers: _,
        host_ipc: _,
        host_network: _,
        host_pid: _,
        os: _,
        resource_claims: _,
        scheduling_gates: _,
        scheduling_group: _,
        // Warned of.
        dns_config: _,
        dns_policy: _,
        host_aliases: _,
        hostname_override: _,
        readiness_gates: _,
        resources: _,
        runtime_class_name: _,
        scheduler_name: _,
        service_account_name: _,
        set_hostname_as_fqdn: _,
        share_process_namespace: _,
        subdomain: _,
    } = spec;
}

/// Whether a field is there, its name, and why that is refused or told.
type Finding = (bool, &'static str, &'static str);

fn refused(spec: &PodSpec) -> [Finding; 8] {
    let is_set = |flag: Option<bool>| flag == Some(true);
    let is_foreign = spec.os.as_ref().is_some_and(|os| os.name != "linux");
    [
        (
            is_set(spec.host_network),
            "hostNetwork",
            "mayfly can't give a container the host's network",
        ),
        (is_set(spec.host_pid), "hostPID", "mayfly can't show a container the host's processes"),
        (
            is_set(spec.host_ipc),
            "hostIPC",
            "mayfly can't give a container the host's shared memory",
        ),
        (is_some(&spec.ephemeral_containers), "ephemeralContainers", "mayfly has none"),
        (is_some(&spec.resource_claims), "resourceClaims", "mayfly has no devices to claim"),
        (
            is_some(&spec.scheduling_gates),
            "schedulingGates",
            "mayfly starts a pod as soon as it can",
        ),
        (spec.scheduling_group.is_some(), "schedulingGroup", "mayfly starts pods one by one"),
        (is_foreign, "os", "mayfly's containers know no operating system but linux"),
    ]
}

fn without_effect(spec: &PodSpec) -> [Finding; 6] {
    let is_others = is_not(&spec.scheduler_name, "default-scheduler");
    let has_account = is_not(&spec.service_account_name, "default");
    let shares = spec.share_process_namespace == Some(true);
    [
        (is_others, "schedulerName", "mayfly schedules every pod itself"),
        (
            is_not(&spec.runtime_class_name, ""),
            "runtimeClassName",
            "mayfly has one runtime, its own",
        ),
        (is_some(&spec.readiness_gates), "readinessGates", "mayfly does not wait for these"),
        (spec.resources.is_some(), "resources", "only those of each container are enforced here"),
        (has_account, "serviceAccountName", "a container gets no service account's token here"),
        (shares, "shareProcessNamespace", "containers do not see one another's processes here"),
    ]
}

fn without_network(spec: &PodSpec) -> [Finding; 6] {
    let is_fqdn = spec.set_hostname_as_fqdn == Some(true);
    [
        (is_not(&spec.dns_policy, "ClusterFirst"), "dnsPolicy", NO_NETWORK),
        (spec.dns_config.is_some(), "dnsConfig", NO_NETWORK),
        (is_some(&spec.host_aliases), "hostAliases", NO_NETWORK),
        (is_not(&spec.subdomain, ""), "subdomain", NO_NETWORK),
        (is_fqdn, "setHostnameAsFQDN", NO_NETWORK),
        (is_not(&spec.hostname_override, ""), "hostnameOverride", NO_NETWORK),
    ]
}

fn security(context: &PodSecurityContext, at: &Path<'_>, findings: &mut Findings<'_>) {
    let PodSecurityContext {
        // Fulfilled: a sandbox has no root user and no system calls to filter.
        run_as_non_root: _,
        seccomp_profile: _,
        app_armor_profile,
        fs_group,
        fs_group_change_policy: _,
        run_as_group,
        run_as_user,
        se_linux_change_policy: _,
        se_linux_options,
        supplemental_groups,
        supplemental_groups_policy: _,
        sysctls,
        windows_options,
    } = context;
    if is_some(sysctls) {
        findings.refuse(&at.child("sysctls"), "a container has no kernel to set here");
    }
    if windows_options.is_some() {
        findings.refuse(&at.child("windowsOptions"), "mayfly runs nothing on Windows");
    }
    for (is_there, field) in [
        (app_armor_profile.is_some(), "appArmorProfile"),
        (fs_group.is_some(), "fsGroup"),
        (run_as_group.is_some(), "runAsGroup"),
        (run_as_user.is_some(), "runAsUser"),
        (se_linux_options.is_some(), "seLinuxOptions"),
        (is_some(supplemental_groups), "supplementalGroups"),
    ] {
        if is_there {
            findings.warn(&at.child(field), NO_USERS);
        }
    }
}

/// Whether the list is there and has an item.
pub(super) fn is_some<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_some_and(|list| !list.is_empty())
}

/// Whether `text` is set to anything but `usual`.
pub(super) fn is_not(text: &Option<String>, usual: &str) -> bool {
    text.as_deref().is_some_and(|text| !text.is_empty() && text != usual)
}
