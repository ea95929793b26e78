//! Of each container of each pod, what kube-state-metrics says of it.

use super::lines::Lines;
use super::pod::{spec, status};
use super::table::{Metric, Of, counter, gauge};
use super::value::{amount, sanitized, seconds, yes};
use crate::api::{
    Container, ContainerState, ContainerStateTerminated, ContainerStatus, Pod, Quantity,
};

pub(super) const CONTAINERS: &[Metric] = &[
    gauge(
        "kube_pod_container_info",
        "A container of a pod",
        &["container", "image_spec", "image", "image_id", "container_id"],
        Of::Pod(|pod, lines| {
            for (spec, status) in described(containers(pod), ends(pod)) {
                lines.info(&about(spec, status));
            }
        }),
    ),
    gauge(
        "kube_pod_container_resource_limits",
        "What a container may use at most",
        &["container", "node", "resource", "unit"],
        Of::Pod(|pod, lines| resources(pod, containers(pod), Which::Limits, lines)),
    ),
    gauge(
        "kube_pod_container_resource_requests",
        "What is set aside for a container",
        &["container", "node", "resource", "unit"],
        Of::Pod(|pod, lines| resources(pod, containers(pod), Which::Requests, lines)),
    ),
    gauge(
        "kube_pod_container_state_started",
        "When a container began to run, in seconds since the epoch",
        &["container"],
        Of::Pod(|pod, lines| started(ends(pod), lines)),
    ),
    gauge(
        "kube_pod_container_status_waiting",
        "Whether a container waits",
        &["container"],
        Of::Pod(|pod, lines| is(ends(pod), |it| it.waiting.is_some(), lines)),
    ),
    gauge(
        "kube_pod_container_status_waiting_reason",
        "Why a container waits",
        &["container", "reason"],
        Of::Pod(|pod, lines| reason(ends(pod), waiting_reason, lines)),
    ),
    gauge(
        "kube_pod_container_status_running",
        "Whether a container runs",
        &["container"],
        Of::Pod(|pod, lines| is(ends(pod), |it| it.running.is_some(), lines)),
    ),
    gauge(
        "kube_pod_container_status_terminated",
        "Whether a container has ended",
        &["container"],
        Of::Pod(|pod, lines| is(ends(pod), |it| it.terminated.is_some(), lines)),
    ),
    gauge(
        "kube_pod_container_status_terminated_reason",
        "Why a container has ended",
        &["container", "reason"],
        Of::Pod(|pod, lines| reason(ends(pod), terminated_reason, lines)),
    ),
    gauge(
        "kube_pod_container_status_last_terminated_reason",
        "Why the run of a container before this one ended",
        &["container", "reason"],
        Of::Pod(|pod, lines| last_reason(ends(pod), lines)),
    ),
    gauge(
        "kube_pod_container_status_last_terminated_exitcode",
        "The exit code of the run of a container before this one",
        &["container"],
        Of::Pod(|pod, lines| last(ends(pod), |it| Some(f64::from(it.exit_code)), lines)),
    ),
    gauge(
        "kube_pod_container_status_last_terminated_timestamp",
        "When the run of a container before this one ended, in seconds since the epoch",
        &["container"],
        Of::Pod(|pod, lines| last(ends(pod), |it| seconds(it.finished_at.as_ref()), lines)),
    ),
    gauge(
        "kube_pod_container_status_ready",
        "Whether a container is ready",
        &["container"],
        Of::Pod(|pod, lines| ready(ends(pod), lines)),
    ),
    counter(
        "kube_pod_container_status_restarts_total",
        "How often a container was restarted",
        &["container"],
        Of::Pod(|pod, lines| restarts(ends(pod), lines)),
    ),
];

pub(super) const INIT_CONTAINERS: &[Metric] = &[
    gauge(
        "kube_pod_init_container_info",
        "An init container of a pod",
        &["container", "image_spec", "image", "image_id", "container_id", "restart_policy"],
        Of::Pod(|pod, lines| {
            for (spec, status) in described(init_containers(pod), init_ends(pod)) {
                let [name, wanted, image, id, run] = about(spec, status);
                let policy = spec.restart_policy.as_deref().unwrap_or_default();
                lines.info(&[name, wanted, image, id, run, policy]);
            }
        }),
    ),
    gauge(
        "kube_pod_init_container_resource_limits",
        "What an init container may use at most",
        &["container", "node", "resource", "unit"],
        Of::Pod(|pod, lines| resources(pod, init_containers(pod), Which::Limits, lines)),
    ),
    gauge(
        "kube_pod_init_container_resource_requests",
        "What is set aside for an init container",
        &["container", "node", "resource", "unit"],
        Of::Pod(|pod, lines| resources(pod, init_containers(pod), Which::Requests, lines)),
    ),
    gauge(
        "kube_pod_init_container_status_waiting",
        "Whether an init container waits",
        &["container"],
        Of::Pod(|pod, lines| is(init_ends(pod), |it| it.waiting.is_some(), lines)),
    ),
    gauge(
        "kube_pod_init_container_status_waiting_reason",
        "Why an init container waits",
        &["container", "reason"],
        Of::Pod(|pod, lines| reason(init_ends(pod), waiting_reason, lines)),
    ),
    gauge(
        "kube_pod_init_container_status_running",
        "Whether an init container runs",
        &["container"],
        Of::Pod(|pod, lines| is(init_ends(pod), |it| it.running.is_some(), lines)),
    ),
    gauge(
        "kube_pod_init_container_status_terminated",
        "Whether an init container has ended",
        &["container"],
        Of::Pod(|pod, lines| is(init_ends(pod), |it| it.terminated.is_some(), lines)),
    ),
    gauge(
        "kube_pod_init_container_status_terminated_reason",
        "Why an init container has ended",
        &["container", "reason"],
        Of::Pod(|pod, lines| reason(init_ends(pod), terminated_reason, lines)),
    ),
    gauge(
        "kube_pod_init_container_status_last_terminated_reason",
        "Why the run of an init container before this one ended",
        &["container", "reason"],
        Of::Pod(|pod, lines| last_reason(init_ends(pod), lines)),
    ),
    gauge(
        "kube_pod_init_container_status_ready",
        "Whether an init container is ready",
        &["container"],
        Of::Pod(|pod, lines| ready(init_ends(pod), lines)),
    ),
    counter(
        "kube_pod_init_container_status_restarts_total",
        "How often an init container was restarted",
        &["container"],
        Of::Pod(|pod, lines| restarts(init_ends(pod), lines)),
    ),
];

fn containers(pod: &Pod) -> &[Container] {
    pod.spec.as_ref().map_or(&[], |it| &it.containers)
}

fn init_containers(pod: &Pod) -> &[Container] {
    pod.spec.as_ref().and_then(|it| it.init_containers.as_deref()).unwrap_or_default()
}

pub(super) fn ends(pod: &Pod) -> &[ContainerStatus] {
    status(pod, |it| it.container_statuses.as_deref()).unwrap_or_default()
}

fn init_ends(pod: &Pod) -> &[ContainerStatus] {
    status(pod, |it| it.init_container_statuses.as_deref()).unwrap_or_default()
}

/// Each container with what its status says.
fn described<'a>(
    containers: &'a [Container],
    statuses: &'a [ContainerStatus],
) -> impl Iterator<Item = (&'a Container, &'a ContainerStatus)> {
    containers.iter().filter_map(|it| Some((it, statuses.iter().find(|of| of.name == it.name)?)))
}

/// A container, what its image is called, the image and its id, and the run.
fn about<'a>(spec: &'a Container, status: &'a ContainerStatus) -> [&'a str; 5] {
    let wanted = spec.image.as_deref().unwrap_or_default();
    let run = status.container_id.as_deref().unwrap_or_default();
    [&spec.name, wanted, &status.image, &status.image_id, run]
}

/// Which of a container's resources.
#[derive(Clone, Copy)]
enum Which {
    Limits,
    Requests,
}

fn resources(pod: &Pod, containers: &[Container], which: Which, lines: &mut Lines<'_>) {
    let node = spec(pod, |it| it.node_name.as_deref());
    for container in containers {
        let Some(resources) = &container.resources else { continue };
        let amounts = match which {
            Which::Limits => &resources.limits,
            Which::Requests => &resources.requests,
        };
        let told = |(name, quantity): (&String, &Quantity)| {
            let (unit, value) = amount(name, quantity)?;
            Some((sanitized(name), unit, value))
        };
        for (resource, unit, value) in amounts.iter().flatten().filter_map(told) {
            lines.put(&[&container.name, node, &resource, unit], value);
        }
    }
}

fn is(statuses: &[ContainerStatus], is_so: fn(&ContainerState) -> bool, lines: &mut Lines<'_>) {
    for status in statuses {
        lines.put(&[&status.name], yes(status.state.as_ref().is_some_and(is_so)));
    }
}

fn waiting_reason(state: &ContainerState) -> Option<&str> {
    state.waiting.as_ref().map(|it| it.reason.as_deref().unwrap_or_default())
}

fn terminated_reason(state: &ContainerState) -> Option<&str> {
    state.terminated.as_ref().map(|it| it.reason.as_deref().unwrap_or_default())
}

fn reason(
    statuses: &[ContainerStatus],
    read: fn(&ContainerState) -> Option<&str>,
    lines: &mut Lines<'_>,
) {
    for status in statuses {
        if let Some(reason) = status.state.as_ref().and_then(read) {
            lines.info(&[&status.name, reason]);
        }
    }
}

fn last_reason(statuses: &[ContainerStatus], lines: &mut Lines<'_>) {
    for status in statuses {
        if let Some(reason) = status.last_state.as_ref().and_then(terminated_reason) {
            lines.info(&[&status.name, reason]);
        }
    }
}

fn last(
    statuses: &[ContainerStatus],
    read: fn(&ContainerStateTerminated) -> Option<f64>,
    lines: &mut Lines<'_>,
) {
    for status in statuses {
        let ended = status.last_state.as_ref().and_then(|it| it.terminated.as_ref());
        if let Some(value) = ended.and_then(read) {
            lines.put(&[&status.name], value);
        }
    }
}

fn started(statuses: &[ContainerStatus], lines: &mut Lines<'_>) {
    for status in statuses {
        let Some(state) = &status.state else { continue };
        let running = state.running.as_ref().and_then(|it| it.started_at.as_ref());
        let ended = state.terminated.as_ref().and_then(|it| it.started_at.as_ref());
        if let Some(value) = seconds(running.or(ended)) {
            lines.put(&[&status.name], value);
        }
    }
}

fn ready(statuses: &[ContainerStatus], lines: &mut Lines<'_>) {
    statuses.iter().for_each(|it| lines.put(&[&it.name], yes(it.ready)));
}

fn restarts(statuses: &[ContainerStatus], lines: &mut Lines<'_>) {
    statuses.iter().for_each(|it| lines.put(&[&it.name], f64::from(it.restart_count)));
}
