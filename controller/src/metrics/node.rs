//! Of each node, what kube-state-metrics says of it.

use super::lines::Lines;
use super::table::{Metric, Of, gauge};
use super::value::{CONDITION, amount, condition, sanitized, seconds};
use crate::api::{Node, NodeStatus, Quantity};

use std::collections::BTreeMap;

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "kube_node_info",
        "A node that there is",
        &["kernel_version", "os_image", "kubelet_version", "internal_ip"],
        Of::Node(|node, lines| {
            let info = node.status.as_ref().and_then(|it| it.node_info.clone()).unwrap_or_default();
            let addresses = node.status.as_ref().and_then(|it| it.addresses.as_deref());
            let internal = addresses.unwrap_or_default().iter().find(|it| it.type_ == "InternalIP");
            let address = internal.map_or("", |it| &it.address);
            lines.info(&[&info.kernel_version, &info.os_image, &info.kubelet_version, address]);
        }),
    ),
    gauge(
        "kube_node_created",
        "When it was made known, in seconds since the epoch",
        &[],
        Of::Node(|node, lines| lines.put_some(seconds(node.metadata.creation_timestamp.as_ref()))),
    ),
    gauge(
        "kube_node_status_capacity",
        "What it has",
        &["resource", "unit"],
        Of::Node(|node, lines| amounts(node, |it| it.capacity.as_ref(), lines)),
    ),
    gauge(
        "kube_node_status_allocatable",
        "What of that pods can have",
        &["resource", "unit"],
        Of::Node(|node, lines| amounts(node, |it| it.allocatable.as_ref(), lines)),
    ),
    gauge(
        "kube_node_status_condition",
        "Whether a condition of it holds",
        &["condition", "status"],
        Of::Node(|node, lines| {
            let conditions = node.status.as_ref().and_then(|it| it.conditions.as_deref());
            for found in conditions.unwrap_or_default() {
                for state in CONDITION {
                    let is_so = *state == condition(&found.status);
                    lines.put(&[&found.type_, state], super::value::yes(is_so));
                }
            }
        }),
    ),
];

fn amounts(
    node: &Node,
    read: fn(&NodeStatus) -> Option<&BTreeMap<String, Quantity>>,
    lines: &mut Lines<'_>,
) {
    for (name, quantity) in node.status.as_ref().and_then(read).into_iter().flatten() {
        if let Some((unit, value)) = amount(name, quantity) {
            lines.put(&[&sanitized(name), unit], value);
        }
    }
}
