//! `metrics.k8s.io/v1beta1`: what containers and nodes use, as Kubernetes' metrics-server tells it.
//!
//! The types are of `k8s.io/metrics`, which k8s-openapi leaves out.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version in which they are served.
pub const API_VERSION: &str = "metrics.k8s.io/v1beta1";

/// NodeMetrics sets resource usage metrics of a node.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics")]
pub struct NodeMetrics {
    /// The version of the schema of this object.
    pub api_version: String,
    /// The kind of this object.
    pub kind: String,
    /// The node's name and labels.
    pub metadata: ObjectMeta,
    /// When it was measured: the end of the window.
    pub timestamp: Time,
    /// How long was measured, as Go writes a time.
    pub window: String,
    /// What it uses: `cpu` and `memory`.
    pub usage: BTreeMap<String, Quantity>,
}

/// PodMetrics sets resource usage metrics of a pod.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics")]
pub struct PodMetrics {
    /// The version of the schema of this object.
    pub api_version: String,
    /// The kind of this object.
    pub kind: String,
    /// The pod's name, namespace and labels.
    pub metadata: ObjectMeta,
    /// When it was measured: the end of the window.
    pub timestamp: Time,
    /// How long was measured, as Go writes a time.
    pub window: String,
    /// Its containers that run.
    pub containers: Vec<ContainerMetrics>,
}

/// ContainerMetrics sets resource usage metrics of a container.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "io.k8s.metrics.pkg.apis.metrics.v1beta1.ContainerMetrics")]
pub struct ContainerMetrics {
    /// The container's name.
    pub name: String,
    /// What it uses: `cpu` and `memory`.
    pub usage: BTreeMap<String, Quantity>,
}
