//! What `describe` says of a pod.

use k8s_openapi::api::core::v1::{Event, Pod, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::container::{self, Inset, Running};
use super::events;
use super::metadata::{controlled_by, tolerations};
use super::sheet::{Seen, Sheet, moment};
use super::volume;

/// A pod and its events.
pub(super) fn pod(pod: &Pod, events: Option<&[Event]>, seen: &Seen) -> String {
    let mut sheet = Sheet::default();
    let metadata = &pod.metadata;
    let (spec, status) =
        (pod.spec.clone().unwrap_or_default(), pod.status.clone().unwrap_or_default());
    sheet.field(0, "Name", metadata.name.as_deref().unwrap_or_default());
    sheet.field(0, "Namespace", metadata.namespace.as_deref().unwrap_or_default());
    placed(&mut sheet, &spec, &status, seen);
    sheet.labels(0, "Labels", metadata.labels.as_ref());
    sheet.annotations(0, metadata.annotations.as_ref());
    phase(&mut sheet, metadata, &status, seen);
    addresses(&mut sheet, &status);
    sheet.optional(0, "Controlled By", controlled_by(metadata));
    sheet.unless_empty(0, "NominatedNodeName", status.nominated_node_name.as_ref());
    containers(&mut sheet, metadata, &spec, &status, seen);
    conditions(&mut sheet, &spec, &status);
    volume::all(&mut sheet, Inset::Pod, spec.volumes.as_deref().unwrap_or_default());
    sheet.field(0, "QoS Class", status.qos_class.as_deref().unwrap_or("BestEffort"));
    sheet.labels(0, "Node-Selectors", spec.node_selector.as_ref());
    tolerations(&mut sheet, 0, spec.tolerations.as_ref());
    events::block(&mut sheet, events, seen);
    sheet.finish()
}

fn placed(sheet: &mut Sheet, spec: &PodSpec, status: &PodStatus, seen: &Seen) {
    sheet.optional(0, "Priority", spec.priority);
    sheet.unless_empty(0, "Priority Class Name", spec.priority_class_name.as_ref());
    sheet.unless_empty(0, "Runtime Class Name", spec.runtime_class_name.as_ref());
    sheet.unless_empty(0, "Service Account", spec.service_account_name.as_ref());
    let host = status.host_ip.as_deref().unwrap_or_default();
    let node = spec.node_name.as_ref().filter(|node| !node.is_empty());
    let node = node.map_or_else(|| "<none>".to_owned(), |node| format!("{node}/{host}"));
    sheet.field(0, "Node", node);
    let start = status.start_time.as_ref().map(|time| seen.time(time));
    sheet.optional(0, "Start Time", start);
}

fn phase(sheet: &mut Sheet, metadata: &ObjectMeta, status: &PodStatus, seen: &Seen) {
    let phase = status.phase.as_deref().unwrap_or_default();
    let is_over = matches!(phase, "Failed" | "Succeeded");
    match moment(metadata.deletion_timestamp.as_ref()) {
        Some(deleted) if !is_over => {
            let lasts = seen.ago(Some(deleted));
            sheet.field(0, "Status", format_args!("Terminating (lasts {lasts})"));
            let grace = metadata.deletion_grace_period_seconds.unwrap_or(0);
            sheet.field(0, "Termination Grace Period", format_args!("{grace}s"));
        }
        _ => sheet.field(0, "Status", phase),
    }
    sheet.unless_empty(0, "Reason", status.reason.as_ref());
    sheet.unless_empty(0, "Message", status.message.as_ref());
}

fn addresses(sheet: &mut Sheet, status: &PodStatus) {
    sheet.field(0, "IP", status.pod_ip.as_deref().unwrap_or_default());
    let addresses = status.pod_ips.as_deref().unwrap_or_default();
    if addresses.is_empty() {
        return sheet.field(0, "IPs", "<none>");
    }
    sheet.line(0, "IPs:");
    for address in addresses {
        sheet.field(1, "IP", &address.ip);
    }
}

fn containers(
    sheet: &mut Sheet,
    metadata: &ObjectMeta,
    spec: &PodSpec,
    status: &PodStatus,
    seen: &Seen,
) {
    let fields = |path: &str| field(metadata, path);
    if let Some(init) = spec.init_containers.as_ref().filter(|init| !init.is_empty()) {
        let statuses = status.init_container_statuses.as_deref().unwrap_or_default();
        let running = Running { statuses, seen };
        container::all(sheet, Inset::Pod, "Init Containers", init, Some(&running), Some(&fields));
    }
    let statuses = status.container_statuses.as_deref().unwrap_or_default();
    let running = Running { statuses, seen };
    let main = &spec.containers;
    container::all(sheet, Inset::Pod, "Containers", main, Some(&running), Some(&fields));
}

/// A field of the metadata, as a variable shows it; the others are not known before the pod runs.
fn field(metadata: &ObjectMeta, path: &str) -> String {
    let entry = |map: &Option<std::collections::BTreeMap<String, String>>, prefix: &str| {
        let key = path.strip_prefix(prefix)?.strip_prefix("['")?.strip_suffix("']")?;
        map.as_ref()?.get(key).cloned()
    };
    let text = match path {
        "metadata.name" => metadata.name.clone(),
        "metadata.namespace" => metadata.namespace.clone(),
        "metadata.uid" => metadata.uid.clone(),
        _ => entry(&metadata.labels, "metadata.labels")
            .or_else(|| entry(&metadata.annotations, "metadata.annotations")),
    };
    text.unwrap_or_default()
}

fn conditions(sheet: &mut Sheet, spec: &PodSpec, status: &PodStatus) {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let gates = spec.readiness_gates.as_deref().unwrap_or_default();
    if !gates.is_empty() {
        sheet.line(0, "Readiness Gates:");
        sheet.line(1, "Type\tStatus");
        for gate in gates {
            let found = conditions.iter().find(|condition| condition.type_ == gate.condition_type);
            let found = found.map_or("<none>", |condition| condition.status.as_str());
            sheet.line(1, format_args!("{} \t{found} ", gate.condition_type));
        }
    }
    if !conditions.is_empty() {
        sheet.line(0, "Conditions:");
        sheet.line(1, "Type\tStatus");
        for condition in conditions {
            sheet.line(1, format_args!("{} \t{} ", condition.type_, condition.status));
        }
    }
}
