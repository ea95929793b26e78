//! The rows of what only holds something (ConfigMaps, Secrets, Namespaces), and of Nodes,
//! ServiceAccounts, Leases, ResourceQuotas, LimitRanges and PriorityClasses.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::age::age;
use super::{count, or_none};
use crate::api::{
    ConfigMap, Lease, LimitRange, Namespace, Node, ObjectMeta, PriorityClass, Quantity,
    ResourceQuota, Secret, ServiceAccount, Timestamp,
};
use crate::quantity::Amount;

/// Labels that say what a node is for: this followed by its role.
const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
/// The same as one label, with the role as its value.
const ROLE_LABEL: &str = "kubernetes.io/role";

pub(super) fn config_map(object: &ConfigMap, now: Timestamp) -> Vec<Value> {
    let texts = object.data.as_ref().map_or(0, BTreeMap::len);
    let binaries = object.binary_data.as_ref().map_or(0, BTreeMap::len);
    vec![json!(object.metadata.name), count(texts + binaries), aged(&object.metadata, now)]
}

pub(super) fn secret(object: &Secret, now: Timestamp) -> Vec<Value> {
    vec![
        json!(object.metadata.name),
        json!(object.type_.as_deref().unwrap_or_default()),
        count(object.data.as_ref().map_or(0, BTreeMap::len)),
        aged(&object.metadata, now),
    ]
}

pub(super) fn namespace(object: &Namespace, now: Timestamp) -> Vec<Value> {
    let phase = object.status.as_ref().and_then(|status| status.phase.as_deref());
    vec![json!(object.metadata.name), json!(phase.unwrap_or_default()), aged(&object.metadata, now)]
}

pub(super) fn service_account(object: &ServiceAccount, now: Timestamp) -> Vec<Value> {
    vec![json!(object.metadata.name), aged(&object.metadata, now)]
}

pub(super) fn lease(object: &Lease, now: Timestamp) -> Vec<Value> {
    let holder = object.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
    vec![
        json!(object.metadata.name),
        json!(holder.unwrap_or_default()),
        aged(&object.metadata, now),
    ]
}

pub(super) fn resource_quota(object: &ResourceQuota, now: Timestamp) -> Vec<Value> {
    let status = object.status.clone().unwrap_or_default();
    let used = status.used.unwrap_or_default();
    let hard = status.hard.iter().flatten();
    let (limits, requests): (Vec<_>, Vec<_>) =
        hard.partition(|(resource, _)| resource.starts_with("limits."));
    let text = |some: Vec<(&String, &Quantity)>| {
        let each = some.into_iter().map(|(resource, hard)| {
            let used = used.get(resource).map(Amount::of).unwrap_or_default();
            format!("{resource}: {used}/{}", Amount::of(hard))
        });
        each.collect::<Vec<_>>().join(", ")
    };
    vec![
        json!(object.metadata.name),
        json!(text(requests)),
        json!(text(limits)),
        aged(&object.metadata, now),
    ]
}

pub(super) fn priority_class(object: &PriorityClass, now: Timestamp) -> Vec<Value> {
    vec![
        json!(object.metadata.name),
        json!(object.value),
        json!(object.global_default.unwrap_or_default()),
        aged(&object.metadata, now),
        json!(object.preemption_policy.as_deref().unwrap_or_default()),
    ]
}

pub(super) fn limit_range(object: &LimitRange) -> Vec<Value> {
    // A whole second, as it stands in the object.
    let created = object.metadata.creation_timestamp.as_ref().map(|created| json!(created));
    vec![json!(object.metadata.name), created.unwrap_or_default()]
}

pub(super) fn node(object: &Node, now: Timestamp) -> Vec<Value> {
    let status = object.status.as_ref();
    let info = status.and_then(|status| status.node_info.as_ref());
    let address = |type_: &str| {
        let mut addresses = status.iter().flat_map(|status| status.addresses.iter().flatten());
        addresses.find(|address| address.type_ == type_).map(|address| address.address.as_str())
    };
    let known =
        |text: Option<&str>| json!(text.filter(|text| !text.is_empty()).unwrap_or("<unknown>"));
    let kernel = info.map(|info| match info.architecture.as_str() {
        "" => info.kernel_version.clone(),
        architecture => format!("{} ({architecture})", info.kernel_version),
    });
    vec![
        json!(object.metadata.name),
        json!(conditions(object)),
        json!(roles(&object.metadata)),
        aged(&object.metadata, now),
        json!(info.map(|info| info.kubelet_version.as_str()).unwrap_or_default()),
        json!(or_none(address("InternalIP"))),
        json!(or_none(address("ExternalIP"))),
        known(info.map(|info| info.os_image.as_str())),
        known(kernel.as_deref()),
        known(info.map(|info| info.container_runtime_version.as_str())),
    ]
}

/// `Ready` or `NotReady`, and whether it takes new pods.
fn conditions(node: &Node) -> String {
    let mut all = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = all.find(|condition| condition.type_ == "Ready");
    let word = match ready.map(|condition| condition.status.as_str()) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    match node.spec.as_ref().and_then(|spec| spec.unschedulable) {
        Some(true) => format!("{word},SchedulingDisabled"),
        _ => word.to_owned(),
    }
}

fn roles(metadata: &ObjectMeta) -> String {
    let labels = metadata.labels.iter().flatten();
    let mut roles: Vec<&str> = labels
        .filter_map(|(key, value)| match key.strip_prefix(ROLE_PREFIX) {
            Some(role) => Some(role).filter(|role| !role.is_empty()),
            None => (key == ROLE_LABEL && !value.is_empty()).then_some(value.as_str()),
        })
        .collect();
    roles.sort_unstable();
    roles.dedup();
    or_none(Some(&roles.join(","))).to_owned()
}

fn aged(metadata: &ObjectMeta, now: Timestamp) -> Value {
    json!(age(metadata.creation_timestamp.as_ref(), now))
}
