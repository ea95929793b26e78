//! Wire types, names and constants.
//!
//! The types are k8s-openapi's for the version that we claim, and those that it leaves out; those in
//! which pods are described are our own, so that what many of them have in common is held once. No
//! logic and no IO: what an object *means* is said by a view in the room that acts on it.

pub(crate) mod json;
mod kind;
pub mod lists;
mod managed;
pub mod metrics;
pub mod names;
mod quick;
mod shared;
mod times;
mod workload;

pub use k8s_openapi::api::batch::v1::{
    CronJobStatus, JobCondition, JobStatus, PodFailurePolicy, PodFailurePolicyRule, SuccessPolicy,
    SuccessPolicyRule, UncountedTerminatedPods,
};
pub use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestSpec,
    CertificateSigningRequestStatus,
};
pub use k8s_openapi::api::coordination::v1::Lease;
pub use k8s_openapi::api::core::v1::{
    ConfigMap, Container, ContainerState, ContainerStateRunning, ContainerStateTerminated,
    ContainerStateWaiting, ContainerStatus, Event, EventSource, LimitRange, LimitRangeItem,
    LimitRangeSpec, Namespace, Node, ObjectReference, PodCondition, PodSpec, PodStatus,
    ResourceQuota, ResourceQuotaSpec, ResourceQuotaStatus, ResourceRequirements, ScopeSelector,
    ScopedResourceSelectorRequirement, Secret, ServiceAccount,
};
pub use k8s_openapi::api::scheduling::v1::PriorityClass;
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, ObjectMeta, OwnerReference, Time,
};
// What a pod draws its environment and volumes from, and what a node says of itself.
pub use k8s_openapi::api::core::v1::{
    ConfigMapProjection, DownwardAPIVolumeFile, EnvFromSource, EnvVarSource, HostIP,
    HostPathVolumeSource, KeyToPath, NodeAddress, NodeCondition, NodeSpec, NodeStatus,
    NodeSystemInfo, ResourceFieldSelector, SecretProjection, Volume, VolumeMount, VolumeProjection,
};
pub use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
pub use k8s_openapi::jiff::{SignedDuration, Timestamp};

pub use kind::{Key, Kind, Object, Resource};
pub use managed::ManagedFields;
pub(crate) use shared::Commons;
pub use shared::Shared;
pub use workload::{CronJob, CronJobSpec, Job, JobSpec, JobTemplateSpec, Pod, PodTemplateSpec};
