//! What has come of a pod.

use k8s_openapi::api::core::v1 as api;
use k8s_pb::api::core::v1 as pb;

use super::wire::{Corrupt, Wire, more, wire};

wire! {
    PodCondition {
        last_probe_time, last_transition_time, message, observed_generation, reason, status,
    } renames { type_ = r#type };
    ResourceHealth { health, resource_id } and more;
    ResourceStatus { name, resources };
    ContainerStateRunning { started_at };
    ContainerStateTerminated {
        container_id, exit_code, finished_at, message, reason, signal, started_at,
    };
    ContainerStateWaiting { message, reason };
    ContainerState { running, terminated, waiting };
    LinuxContainerUser { gid, supplemental_groups, uid };
    ContainerUser { linux };
    VolumeMountStatus { mount_path, name, read_only } keeps { recursive_read_only } and more;
    ContainerStatus {
        allocated_resources, allocated_resources_status, container_id, image, image_id,
        last_state, name, ready, resources, restart_count, state, user, volume_mounts,
    } keeps { started, stop_signal };
    ContainerExtendedResourceRequest { container_name, request_name, resource_name };
    PodExtendedResourceClaimStatus { request_mappings, resource_claim_name };
    HostIp as HostIP { ip };
    PodIp as PodIP { ip };
    PodResourceClaimStatus { name } keeps { resource_claim_name };
    PodStatus {
        allocated_resources, conditions, container_statuses, ephemeral_container_statuses,
        extended_resource_claim_status, host_ip, host_ips, init_container_statuses, message,
        nominated_node_name, observed_generation, phase, pod_ip, pod_ips, qos_class, reason,
        resize, resource_claim_statuses, resources, start_time,
    } and more;
}
