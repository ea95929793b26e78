//! The other kinds of the core, and the whole of a pod.

use k8s_openapi::api::core::v1 as api;
use k8s_pb::api::core::v1 as pb;

use super::wire::{Corrupt, Wire, wire};

wire! {
    ObjectReference { api_version, field_path, kind, name, namespace, resource_version, uid };
    Pod { metadata, spec, status };
    ConfigMap { binary_data, data, metadata } keeps { immutable };
    Secret { data, metadata, string_data } keeps { immutable } renames { type_ = r#type };
    EventSeries { count, last_observed_time };
    EventSource { component, host };
    Event {
        action, count, event_time, first_timestamp, involved_object, last_timestamp, message,
        metadata, reason, related, reporting_component, reporting_instance, series, source,
    } renames { type_ = r#type };
    ConfigMapNodeConfigSource { kubelet_config_key, name, namespace, resource_version, uid };
    NodeConfigSource { config_map };
    Taint { effect, key, time_added, value };
    NodeSpec { config_source, external_id, pod_cidr, provider_id, taints, unschedulable }
        renames { pod_cidrs = pod_cid_rs };
    NodeAddress { address } renames { type_ = r#type };
    NodeCondition { last_heartbeat_time, last_transition_time, message, reason, status }
        renames { type_ = r#type };
    NodeConfigStatus { active, assigned, error, last_known_good };
    DaemonEndpoint { port };
    NodeDaemonEndpoints { kubelet_endpoint };
    NodeFeatures {} keeps { supplemental_groups_policy };
    ContainerImage { names, size_bytes };
    NodeSwapStatus {} keeps { capacity };
    NodeSystemInfo {
        architecture, boot_id, container_runtime_version, kernel_version, kube_proxy_version,
        kubelet_version, machine_id, operating_system, os_image, swap, system_uuid,
    };
    NodeRuntimeHandlerFeatures {} keeps { recursive_read_only_mounts, user_namespaces };
    NodeRuntimeHandler { features, name };
    AttachedVolume { device_path, name };
    NodeStatus {
        addresses, allocatable, capacity, conditions, config, daemon_endpoints, declared_features,
        features, images, node_info, phase, runtime_handlers, volumes_attached, volumes_in_use,
    };
    Node { metadata, spec, status };
    NamespaceSpec { finalizers };
    NamespaceCondition { last_transition_time, message, reason, status } renames { type_ = r#type };
    NamespaceStatus { conditions, phase };
    Namespace { metadata, spec, status };
    ScopedResourceSelectorRequirement { operator, scope_name, values };
    ScopeSelector { match_expressions };
    ResourceQuotaSpec { hard, scope_selector, scopes };
    ResourceQuotaStatus { hard, used };
    ResourceQuota { metadata, spec, status };
    LimitRangeItem { default, default_request, max, max_limit_request_ratio, min }
        renames { type_ = r#type };
    LimitRangeSpec { limits };
    LimitRange { metadata, spec };
    ServiceAccount { image_pull_secrets, metadata, secrets }
        keeps { automount_service_account_token };
}
