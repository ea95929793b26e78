//! Fields of a pod.

use k8s_openapi::api::core::v1::PodSecurityContext;

use super::{Findings, container, volume};
use crate::admission::path::Path;
use crate::api::PodSpec;

const NO_NETWORK: &str = "a container has no network here, so this has no effect";
const NO_USERS: &str = "a container has no users here, so this has no effect";
const OWN_SCHEDULING: &str = "mayfly does not look at this when it chooses a node for a pod";

/// Looks at a pod's spec, which is at `at`.
pub(super) fn pod_spec(spec: &PodSpec, at: &Path, findings: &mut Findings<'_>) {
    let PodSpec {
        // Honoured.
        active_deadline_seconds: _,
        containers,
        hostname: _,
        init_containers,
        node_name: _,
        node_selector: _,
        restart_policy: _,
        termination_grace_period_seconds: _,
        volumes,
        // Fulfilled, whatever they say: there is no token, no service, and one namespace a pod.
        automount_service_account_token: _,
        enable_service_links: _,
        host_users: _,
        overhead: _,
        // The older name of another field.
        service_account: _,
        // Refused or warned of below.
        affinity,
        dns_config,
        dns_policy,
        ephemeral_containers,
        host_aliases,
        host_ipc,
        host_network,
        host_pid,
        hostname_override,
        image_pull_secrets,
        os,
        preemption_policy,
        priority,
        priority_class_name,
        readiness_gates,
        resource_claims,
        resources,
        runtime_class_name,
        scheduler_name,
        scheduling_gates,
        scheduling_group,
        security_context,
        service_account_name,
        set_hostname_as_fqdn,
        share_process_namespace,
        subdomain,
        tolerations: _,
        topology_spread_constraints,
    } = spec;
    let is_set = |flag: &Option<bool>| *flag == Some(true);
    let os = os.as_ref().is_some_and(|os| os.name != "linux");
    for (is_there, field, why) in [
        (is_set(host_network), "hostNetwork", "mayfly can't give a container the host's network"),
        (is_set(host_pid), "hostPID", "mayfly can't show a container the host's processes"),
        (is_set(host_ipc), "hostIPC", "mayfly can't give a container the host's shared memory"),
        (is_some(ephemeral_containers), "ephemeralContainers", "mayfly has none"),
        (is_some(resource_claims), "resourceClaims", "mayfly has no devices to claim"),
        (is_some(scheduling_gates), "schedulingGates", "mayfly starts a pod as soon as it can"),
        (scheduling_group.is_some(), "schedulingGroup", "mayfly starts pods one by one"),
        (os, "os", "mayfly's containers know no operating system but linux"),
    ] {
        if is_there {
            findings.refuse(&at.child(field), why);
        }
    }
    let scheduler = is_not(scheduler_name, "default-scheduler");
    let has_priority = priority.is_some_and(|priority| priority != 0);
    for (is_there, field, why) in [
        (affinity.is_some(), "affinity", OWN_SCHEDULING),
        (is_some(topology_spread_constraints), "topologySpreadConstraints", OWN_SCHEDULING),
        (has_priority, "priority", OWN_SCHEDULING),
        (is_not(priority_class_name, ""), "priorityClassName", OWN_SCHEDULING),
        (is_not(preemption_policy, "PreemptLowerPriority"), "preemptionPolicy", OWN_SCHEDULING),
        (scheduler, "schedulerName", "mayfly schedules every pod itself"),
        (is_not(runtime_class_name, ""), "runtimeClassName", "mayfly has one runtime, its own"),
        (
            is_some(image_pull_secrets),
            "imagePullSecrets",
            "mayfly does not use these to get images",
        ),
        (is_some(readiness_gates), "readinessGates", "mayfly does not wait for these"),
        (resources.is_some(), "resources", "only those of each container are enforced here"),
        (is_not(dns_policy, "ClusterFirst"), "dnsPolicy", NO_NETWORK),
        (dns_config.is_some(), "dnsConfig", NO_NETWORK),
        (is_some(host_aliases), "hostAliases", NO_NETWORK),
        (is_not(subdomain, ""), "subdomain", NO_NETWORK),
        (is_set(set_hostname_as_fqdn), "setHostnameAsFQDN", NO_NETWORK),
        (is_not(hostname_override, ""), "hostnameOverride", NO_NETWORK),
        (
            is_not(service_account_name, "default"),
            "serviceAccountName",
            "a container gets no token of a service account here",
        ),
        (
            is_set(share_process_namespace),
            "shareProcessNamespace",
            "containers do not see one another's processes here",
        ),
    ] {
        if is_there {
            findings.warn(&at.child(field), why);
        }
    }
    if let Some(context) = security_context {
        security(context, &at.child("securityContext"), findings);
    }
    for (index, volume) in volumes.iter().flatten().enumerate() {
        volume::volume(volume, &at.child("volumes").index(index), findings);
    }
    for (index, container) in init_containers.iter().flatten().enumerate() {
        container::container(container, &at.child("initContainers").index(index), findings);
    }
    for (index, container) in containers.iter().enumerate() {
        container::container(container, &at.child("containers").index(index), findings);
    }
}

fn security(context: &PodSecurityContext, at: &Path, findings: &mut Findings<'_>) {
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
