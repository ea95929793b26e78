//! Of each pod, what kube-state-metrics says of it.
//!
//! Ready, scheduled and the like have three series each there, of which one is 1; what has no
//! meaning here (tolerations, claims, overhead) is left out.

use super::container::ends;
use super::lines::Lines;
use super::table::{Metric, Of, gauge};
use super::value::{CONDITION, condition, owners, seconds};
use crate::api::{Pod, PodCondition, PodSpec, PodStatus, Time};

/// The phases in the order of kube-state-metrics.
const PHASES: &[&str] = &["Pending", "Succeeded", "Failed", "Unknown", "Running"];

const QOS_CLASSES: &[&str] = &["BestEffort", "Burstable", "Guaranteed"];

/// Reasons that kube-state-metrics tells apart.
const REASONS: &[&str] = &[
    "Evicted",
    "NodeAffinity",
    "NodeLost",
    "PreemptionByScheduler",
    "SchedulingGated",
    "Shutdown",
    "TerminationByKubelet",
    "UnexpectedAdmissionError",
];

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "kube_pod_info",
        "A pod that there is",
        &[
            "host_ip",
            "pod_ip",
            "node",
            "created_by_kind",
            "created_by_name",
            "priority_class",
            "host_network",
        ],
        Of::Pod(info),
    ),
    gauge(
        "kube_pod_owner",
        "What owns it",
        &["owner_kind", "owner_name", "owner_is_controller"],
        Of::Pod(|pod, lines| owners(&pod.metadata).iter().for_each(|owner| lines.info(owner))),
    ),
    gauge(
        "kube_pod_created",
        "When it was created, in seconds since the epoch",
        &[],
        Of::Pod(|pod, lines| lines.put_some(seconds(pod.metadata.creation_timestamp.as_ref()))),
    ),
    gauge(
        "kube_pod_deletion_timestamp",
        "When it is gone at the latest, in seconds since the epoch",
        &[],
        Of::Pod(|pod, lines| lines.put_some(seconds(pod.metadata.deletion_timestamp.as_ref()))),
    ),
    gauge(
        "kube_pod_start_time",
        "When its node took it, in seconds since the epoch",
        &[],
        Of::Pod(|pod, lines| lines.put_some(seconds(status(pod, |it| it.start_time.as_ref())))),
    ),
    gauge(
        "kube_pod_completion_time",
        "When its last container ended, in seconds since the epoch",
        &[],
        Of::Pod(completion_time),
    ),
    gauge(
        "kube_pod_restart_policy",
        "Whether its containers are restarted",
        &["type"],
        Of::Pod(|pod, lines| {
            let policy = pod.spec.as_ref().and_then(|it| it.restart_policy.as_deref());
            lines.info(&[policy.unwrap_or_default()]);
        }),
    ),
    gauge(
        "kube_pod_service_account",
        "Its service account",
        &["service_account"],
        Of::Pod(|pod, lines| {
            let account = pod.spec.as_ref().and_then(|it| it.service_account_name.as_deref());
            lines.info(&[account.unwrap_or_default()]);
        }),
    ),
    gauge(
        "kube_pod_status_phase",
        "Its phase, which is the one that is 1",
        &["phase"],
        Of::Pod(|pod, lines| {
            if let Some(phase) = status(pod, |it| it.phase.as_deref()).filter(|it| !it.is_empty()) {
                lines.put_states(PHASES, phase);
            }
        }),
    ),
    gauge(
        "kube_pod_status_qos_class",
        "Its class, which is the one that is 1",
        &["qos_class"],
        Of::Pod(|pod, lines| {
            if let Some(class) = status(pod, |it| it.qos_class.as_deref()) {
                lines.put_states(QOS_CLASSES, class);
            }
        }),
    ),
    gauge(
        "kube_pod_status_reason",
        "Why it is in its phase",
        &["reason"],
        Of::Pod(|pod, lines| {
            if let Some(reason) = status(pod, |it| it.reason.as_deref()).filter(|it| !it.is_empty())
            {
                lines.info(&[if REASONS.contains(&reason) { reason } else { "Other" }]);
            }
        }),
    ),
    gauge(
        "kube_pod_status_ready",
        "Whether it is ready",
        &["condition"],
        Of::Pod(|pod, lines| has(pod, "Ready", lines)),
    ),
    gauge(
        "kube_pod_status_ready_time",
        "Since when it is ready, in seconds since the epoch",
        &[],
        Of::Pod(|pod, lines| lines.put_some(since(pod, "Ready"))),
    ),
    gauge(
        "kube_pod_status_initialized_time",
        "Since when it is initialized, in seconds since the epoch",
        &[],
        Of::Pod(|pod, lines| lines.put_some(since(pod, "Initialized"))),
    ),
    gauge(
        "kube_pod_status_container_ready_time",
        "Since when all its containers are ready, in seconds since the epoch",
        &[],
        Of::Pod(|pod, lines| lines.put_some(since(pod, "ContainersReady"))),
    ),
    gauge(
        "kube_pod_status_scheduled",
        "Whether it has a node",
        &["condition"],
        Of::Pod(|pod, lines| has(pod, "PodScheduled", lines)),
    ),
    gauge(
        "kube_pod_status_scheduled_time",
        "Since when it has a node, in seconds since the epoch",
        &[],
        Of::Pod(|pod, lines| lines.put_some(since(pod, "PodScheduled"))),
    ),
    gauge(
        "kube_pod_status_unschedulable",
        "No node has room for it",
        &[],
        Of::Pod(|pod, lines| {
            let found = found(pod, "PodScheduled").filter(|it| it.status == "False");
            if found.is_some_and(|it| it.reason.as_deref() == Some("Unschedulable")) {
                lines.info(&[]);
            }
        }),
    ),
];

pub(super) fn spec<'a>(pod: &'a Pod, read: fn(&'a PodSpec) -> Option<&'a str>) -> &'a str {
    pod.spec.as_deref().and_then(read).unwrap_or_default()
}

pub(super) fn status<'a, T>(pod: &'a Pod, read: fn(&'a PodStatus) -> Option<T>) -> Option<T> {
    pod.status.as_ref().and_then(read)
}

fn info(pod: &Pod, lines: &mut Lines<'_>) {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    let creator = owners.iter().find(|it| it.controller == Some(true));
    let is_on_host = pod.spec.as_ref().is_some_and(|it| it.host_network == Some(true));
    lines.info(&[
        status(pod, |it| it.host_ip.as_deref()).unwrap_or_default(),
        status(pod, |it| it.pod_ip.as_deref()).unwrap_or_default(),
        spec(pod, |it| it.node_name.as_deref()),
        creator.map_or("", |it| &it.kind),
        creator.map_or("", |it| &it.name),
        spec(pod, |it| it.priority_class_name.as_deref()),
        if is_on_host { "true" } else { "false" },
    ]);
}

fn found<'a>(pod: &'a Pod, wanted: &str) -> Option<&'a PodCondition> {
    let conditions = status(pod, |it| it.conditions.as_deref()).unwrap_or_default();
    conditions.iter().find(|it| it.type_ == wanted)
}

fn has(pod: &Pod, wanted: &str, lines: &mut Lines<'_>) {
    if let Some(found) = found(pod, wanted) {
        lines.put_states(CONDITION, condition(&found.status));
    }
}

/// Since when a condition is true.
fn since(pod: &Pod, wanted: &str) -> Option<f64> {
    let found = found(pod, wanted).filter(|it| it.status == "True")?;
    seconds(found.last_transition_time.as_ref())
}

fn completion_time(pod: &Pod, lines: &mut Lines<'_>) {
    let terminated = ends(pod).iter().filter_map(|it| it.state.as_ref()?.terminated.as_ref());
    let last: Option<&Time> = terminated.filter_map(|it| it.finished_at.as_ref()).max();
    lines.put_some(seconds(last));
}
