//! What is wanted of a pod, but for its volumes.

use k8s_openapi::api::core::v1 as api;
use k8s_pb::api::core::v1 as pb;

use super::wire::{Corrupt, Wire, more, wire};

wire! {
    NodeSelectorRequirement { key, operator, values };
    NodeSelectorTerm { match_expressions, match_fields };
    PreferredSchedulingTerm { preference, weight };
    NodeSelector { node_selector_terms };
    NodeAffinity {
        preferred_during_scheduling_ignored_during_execution,
        required_during_scheduling_ignored_during_execution,
    };
    PodAffinityTerm {
        label_selector, match_label_keys, mismatch_label_keys, namespace_selector, namespaces,
        topology_key,
    };
    WeightedPodAffinityTerm { pod_affinity_term, weight };
    PodAffinity {
        preferred_during_scheduling_ignored_during_execution,
        required_during_scheduling_ignored_during_execution,
    };
    PodAntiAffinity {
        preferred_during_scheduling_ignored_during_execution,
        required_during_scheduling_ignored_during_execution,
    };
    Affinity { node_affinity, pod_affinity, pod_anti_affinity };
    ConfigMapKeySelector { key } keeps { optional } within local_object_reference { name };
    FileKeySelector { key, path, volume_name } keeps { optional };
    SecretKeySelector { key } keeps { optional } within local_object_reference { name };
    EnvVarSource { config_map_key_ref, field_ref, file_key_ref, resource_field_ref, secret_key_ref };
    EnvVar { name, value, value_from };
    ConfigMapEnvSource {} keeps { optional } within local_object_reference { name };
    SecretEnvSource {} keeps { optional } within local_object_reference { name };
    EnvFromSource { config_map_ref, prefix, secret_ref };
    ExecAction { command };
    HttpHeader as HTTPHeader { name, value };
    HttpGetAction as HTTPGetAction { host, http_headers, path, port, scheme };
    SleepAction { seconds };
    TcpSocketAction as TCPSocketAction { host, port };
    LifecycleHandler { exec, http_get, sleep, tcp_socket };
    Lifecycle { post_start, pre_stop } keeps { stop_signal };
    GrpcAction as GRPCAction { port } keeps { service };
    Probe {
        failure_threshold, initial_delay_seconds, period_seconds, success_threshold,
        timeout_seconds,
    } keeps { termination_grace_period_seconds } within handler { exec, grpc, http_get, tcp_socket };
    ContainerPort { container_port, host_ip, host_port, name, protocol };
    ContainerResizePolicy { resource_name, restart_policy };
    ResourceClaim { name, request };
    ResourceRequirements { claims, limits, requests };
    ContainerRestartRuleOnExitCodes { operator, values };
    ContainerRestartRule { action, exit_codes };
    AppArmorProfile {} keeps { localhost_profile } renames { type_ = r#type };
    Capabilities { add, drop };
    SeLinuxOptions as SELinuxOptions { level, role, user } renames { type_ = r#type };
    SeccompProfile {} keeps { localhost_profile } renames { type_ = r#type };
    WindowsSecurityContextOptions {}
        keeps { gmsa_credential_spec, gmsa_credential_spec_name, host_process, run_as_user_name };
    SecurityContext {
        app_armor_profile, capabilities, se_linux_options, seccomp_profile, windows_options,
    }
        keeps {
            allow_privilege_escalation, privileged, proc_mount, read_only_root_filesystem,
            run_as_group, run_as_non_root, run_as_user,
        };
    VolumeDevice { device_path, name };
    VolumeMount { mount_path, name, read_only, sub_path, sub_path_expr }
        keeps { mount_propagation, recursive_read_only };
    Container {
        args, command, env, env_from, image, image_pull_policy, lifecycle, liveness_probe, name,
        ports, readiness_probe, resize_policy, resources, restart_policy_rules, security_context,
        startup_probe, stdin, stdin_once, termination_message_path, termination_message_policy,
        tty, volume_devices, volume_mounts, working_dir,
    } keeps { restart_policy };
    PodDnsConfigOption as PodDNSConfigOption { name } keeps { value };
    PodDnsConfig as PodDNSConfig { nameservers, options, searches };
    EphemeralContainer { target_container_name }
        within ephemeral_container_common {
            args, command, env, env_from, image, image_pull_policy, lifecycle, liveness_probe, name,
            ports, readiness_probe, resize_policy, resources, restart_policy, restart_policy_rules,
            security_context, startup_probe, stdin, stdin_once, termination_message_path,
            termination_message_policy, tty, volume_devices, volume_mounts, working_dir,
        };
    HostAlias { hostnames, ip };
    PodOs as PodOS { name };
    PodReadinessGate { condition_type };
    PodResourceClaim { name } keeps { resource_claim_name, resource_claim_template_name };
    PodSchedulingGate { name };
    Sysctl { name, value };
    PodSecurityContext {
        app_armor_profile, se_linux_options, seccomp_profile, supplemental_groups, sysctls,
        windows_options,
    }
        keeps {
            fs_group, fs_group_change_policy, run_as_group, run_as_non_root, run_as_user,
            se_linux_change_policy, supplemental_groups_policy,
        };
    Toleration { effect, key, operator, value } keeps { toleration_seconds };
    TopologySpreadConstraint {
        label_selector, match_label_keys, max_skew, topology_key, when_unsatisfiable,
    } keeps { min_domains, node_affinity_policy, node_taints_policy };
    PodSpec {
        affinity, containers, dns_config, dns_policy, ephemeral_containers, host_aliases,
        host_ipc, host_network, host_pid, hostname, image_pull_secrets, init_containers,
        node_name, node_selector, os, overhead, priority_class_name, readiness_gates,
        resource_claims, resources, restart_policy, scheduler_name, scheduling_gates,
        security_context, service_account, service_account_name, subdomain, tolerations,
        topology_spread_constraints, volumes,
    }
        keeps {
            active_deadline_seconds, automount_service_account_token, enable_service_links,
            host_users, hostname_override, preemption_policy, priority, runtime_class_name,
            set_hostname_as_fqdn, share_process_namespace, termination_grace_period_seconds,
        } and more;
    PodTemplateSpec { metadata, spec };
}
