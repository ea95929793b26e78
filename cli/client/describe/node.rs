//! What `describe` says of a node: how it is, what it has, and which pods use how much of it.

use std::collections::BTreeMap;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, Node, NodeSystemInfo, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use mayfly_controller::quantity::Amount;

use super::events;
use super::sheet::{Seen, Sheet, micro_moment, moment, or_unset};
use super::usage::{self, Usage};

/// What roles are read from: `node-role.kubernetes.io/worker`.
const ROLE: &str = "node-role.kubernetes.io/";

/// What is known around a node.
pub(super) struct Around<'a> {
    pub(super) lease: Option<Lease>,
    /// Those on it that have not ended.
    pub(super) pods: Vec<Pod>,
    pub(super) events: Option<&'a [Event]>,
}

/// A node.
pub(super) fn node(node: &Node, around: &Around<'_>, seen: &Seen) -> String {
    let mut sheet = Sheet::default();
    let metadata = &node.metadata;
    sheet.field(0, "Name", metadata.name.as_deref().unwrap_or_default());
    let labels = metadata.labels.iter().flatten();
    let roles: Vec<String> =
        labels.filter_map(|(key, _)| key.strip_prefix(ROLE).map(str::to_owned)).collect();
    let roles = if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") };
    sheet.field(0, "Roles", roles);
    sheet.labels(0, "Labels", metadata.labels.as_ref());
    sheet.annotations(0, metadata.annotations.as_ref());
    let created = seen.optional_time(metadata.creation_timestamp.as_ref());
    sheet.field(0, "CreationTimestamp", created);
    let spec = node.spec.clone().unwrap_or_default();
    let taints = spec.taints.iter().flatten().map(|taint| {
        let value = taint.value.as_ref().map(|value| format!("={value}")).unwrap_or_default();
        format!("{}{value}:{}", taint.key, taint.effect)
    });
    sheet.column(0, "Taints", &taints.collect::<Vec<_>>());
    sheet.field(0, "Unschedulable", spec.unschedulable.unwrap_or(false));
    lease(&mut sheet, around.lease.as_ref(), metadata.name.as_deref().unwrap_or_default(), seen);
    state(&mut sheet, node, seen);
    sheet.unless_empty(0, "PodCIDR", spec.pod_cidr.as_ref());
    if let Some(ranges) = spec.pod_cidrs.filter(|ranges| !ranges.is_empty()) {
        sheet.field(0, "PodCIDRs", ranges.join(","));
    }
    sheet.unless_empty(0, "ProviderID", spec.provider_id.as_ref());
    let status = node.status.clone().unwrap_or_default();
    let has = status.allocatable.or(status.capacity).unwrap_or_default();
    pods(&mut sheet, &around.pods, &has, seen);
    events::block(&mut sheet, around.events, seen);
    sheet.finish()
}

fn lease(sheet: &mut Sheet, lease: Option<&Lease>, name: &str, seen: &Seen) {
    let Some(lease) = lease else {
        sheet.line(
            0,
            format_args!(
                "Lease:\tFailed to get lease: leases.coordination.k8s.io \"{name}\" not found"
            ),
        );
        return;
    };
    let spec = lease.spec.clone().unwrap_or_default();
    let time = |time| {
        let time = micro_moment(time).map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time);
        or_unset(time.map(|time| seen.time(&time)))
    };
    sheet.line(0, "Lease:");
    sheet.field(1, "HolderIdentity", or_unset(spec.holder_identity));
    sheet.field(1, "AcquireTime", time(spec.acquire_time.as_ref()));
    sheet.field(1, "RenewTime", time(spec.renew_time.as_ref()));
}

fn state(sheet: &mut Sheet, node: &Node, seen: &Seen) {
    let status = node.status.clone().unwrap_or_default();
    if let Some(conditions) = status.conditions.filter(|conditions| !conditions.is_empty()) {
        sheet.line(0, "Conditions:");
        sheet.line(1, "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
        sheet.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
        for condition in conditions {
            let beat = seen.optional_time(condition.last_heartbeat_time.as_ref());
            let turn = seen.optional_time(condition.last_transition_time.as_ref());
            let reason = condition.reason.unwrap_or_default();
            let message = condition.message.unwrap_or_default();
            let (kind, is) = (condition.type_, condition.status);
            // A blank before and after each, as kubectl has it.
            sheet.line(1, format_args!("{kind} \t{is} \t{beat} \t{turn} \t{reason} \t{message}"));
        }
    }
    sheet.line(0, "Addresses:");
    for address in status.addresses.iter().flatten() {
        sheet.field(1, &address.type_, &address.address);
    }
    for (title, of) in [("Capacity:", &status.capacity), ("Allocatable:", &status.allocatable)] {
        let Some(of) = of.as_ref().filter(|of| !of.is_empty()) else { continue };
        sheet.line(0, title);
        for (name, quantity) in of {
            sheet.field(1, name, Amount::of(quantity));
        }
    }
    sheet.line(0, "System Info:");
    system(sheet, &status.node_info.unwrap_or_default());
}

fn system(sheet: &mut Sheet, info: &NodeSystemInfo) {
    for (name, value) in [
        ("Machine ID", &info.machine_id),
        ("System UUID", &info.system_uuid),
        ("Boot ID", &info.boot_id),
        ("Kernel Version", &info.kernel_version),
        ("OS Image", &info.os_image),
        ("Operating System", &info.operating_system),
        ("Architecture", &info.architecture),
        ("Container Runtime Version", &info.container_runtime_version),
        ("Kubelet Version", &info.kubelet_version),
        ("Kube-Proxy Version", &info.kube_proxy_version),
    ] {
        sheet.field(1, name, value);
    }
}

fn pods(sheet: &mut Sheet, pods: &[Pod], has: &BTreeMap<String, Quantity>, seen: &Seen) {
    sheet.field(0, "Non-terminated Pods", format_args!("({} in total)", pods.len()));
    // An empty column after the name, as kubectl has it.
    let titles = [
        "Namespace",
        "Name",
        "",
        "CPU Requests",
        "CPU Limits",
        "Memory Requests",
        "Memory Limits",
        "Age",
    ];
    sheet.line(1, titles.join("\t"));
    sheet.line(1, titles.map(|title| "-".repeat(title.len())).join("\t"));
    let mut total = Usage::default();
    for pod in pods {
        let usage = Usage::of(pod);
        let age = seen.ago(moment(pod.metadata.creation_timestamp.as_ref()));
        let mut cells = vec![
            pod.metadata.namespace.clone().unwrap_or_default(),
            pod.metadata.name.clone().unwrap_or_default(),
            String::new(),
        ];
        for resource in ["cpu", "memory"] {
            cells.push(usage::share(usage.requests(resource), has.get(resource)));
            cells.push(usage::share(usage.limits(resource), has.get(resource)));
        }
        cells.push(age);
        sheet.line(1, cells.join("\t"));
        total.add(&usage);
    }
    sheet.line(0, "Allocated resources:");
    sheet.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)");
    sheet.line(1, "Resource\tRequests\tLimits");
    sheet.line(1, "--------\t--------\t------");
    for resource in ["cpu", "memory", "ephemeral-storage"] {
        let requests = usage::share(total.requests(resource), has.get(resource));
        let limits = usage::share(total.limits(resource), has.get(resource));
        sheet.line(1, format_args!("{resource}\t{requests}\t{limits}"));
    }
}
