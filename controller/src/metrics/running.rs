//! Of each container that runs, and of all that have run in this process: what they use.
//!
//! Where the kubelet has a metric for it, or its cAdvisor, it has that name here. What has ended has
//! no series of its own, so there are never more of them than the node's pods have containers.

use super::lines::float;
use super::snapshot::Snapshot;
use super::table::{Metric, Of, counter, gauge, histogram};
use crate::node::RunningContainer;

pub(super) const METRICS: &[Metric] = &[
    counter(
        "container_cpu_usage_seconds_total",
        "Time that the container computed",
        &[],
        Of::Running(|it, lines| lines.put(&[], it.usage.cpu.as_secs_f64())),
    ),
    counter(
        "container_fs_reads_bytes_total",
        "Bytes that the container read from files",
        &[],
        Of::Running(|it, lines| lines.put(&[], float(it.usage.file_bytes_read))),
    ),
    counter(
        "container_fs_writes_bytes_total",
        "Bytes that the container wrote to files",
        &[],
        Of::Running(|it, lines| lines.put(&[], float(it.usage.file_bytes_written))),
    ),
    counter(
        "mayfly_container_printed_bytes_total",
        "Bytes that the container printed",
        &[],
        Of::Running(|it, lines| lines.put(&[], float(it.usage.printed_bytes))),
    ),
    counter(
        "container_network_receive_bytes_total",
        "Bytes that came to the container over the network",
        &[],
        Of::Running(|it, lines| lines.put(&[], float(it.usage.network_bytes_received))),
    ),
    counter(
        "container_network_transmit_bytes_total",
        "Bytes that the container sent over the network",
        &[],
        Of::Running(|it, lines| lines.put(&[], float(it.usage.network_bytes_sent))),
    ),
    gauge(
        "container_memory_working_set_bytes",
        "Memory that the container has",
        &[],
        Of::Running(|it, lines| lines.put(&[], float(it.usage.memory_bytes))),
    ),
    gauge(
        "container_memory_max_usage_bytes",
        "The most memory that the container had",
        &[],
        Of::Running(|it, lines| lines.put(&[], float(it.usage.memory_bytes_peak))),
    ),
    gauge(
        "container_start_time_seconds",
        "When the container began to run, in seconds since the epoch",
        &[],
        Of::Running(|it: &RunningContainer, lines| {
            lines.put(&[], it.since.as_duration().as_secs_f64());
        }),
    ),
];

pub(super) const TOTALS: &[Metric] = &[
    counter(
        "node_cpu_usage_seconds_total",
        "Time that the node's containers computed",
        &[],
        Of::Usage(|it, lines| lines.put(&[], it.node.totals.usage.cpu.as_secs_f64())),
    ),
    gauge(
        "node_memory_working_set_bytes",
        "Memory that the node's containers have",
        &[],
        Of::Usage(|it, lines| lines.put(&[], float(it.node.totals.usage.memory_bytes))),
    ),
    counter(
        "mayfly_fuel_total",
        "Instructions of the containers that have ended and were counted",
        &[],
        Of::Usage(|it, lines| lines.put(&[], float(it.node.totals.usage.fuel.unwrap_or_default()))),
    ),
    counter(
        "mayfly_file_read_bytes_total",
        "Bytes that the node's containers read from files",
        &[],
        Of::Usage(|it, lines| lines.put(&[], float(it.node.totals.usage.file_bytes_read))),
    ),
    counter(
        "mayfly_file_written_bytes_total",
        "Bytes that the node's containers wrote to files",
        &[],
        Of::Usage(|it, lines| lines.put(&[], float(it.node.totals.usage.file_bytes_written))),
    ),
    counter(
        "mayfly_printed_bytes_total",
        "Bytes that the node's containers printed",
        &[],
        Of::Usage(|it, lines| lines.put(&[], float(it.node.totals.usage.printed_bytes))),
    ),
    counter(
        "mayfly_network_received_bytes_total",
        "Bytes that came to the node's containers over the network",
        &[],
        Of::Usage(|it, lines| lines.put(&[], float(it.node.totals.usage.network_bytes_received))),
    ),
    counter(
        "mayfly_network_sent_bytes_total",
        "Bytes that the node's containers sent over the network",
        &[],
        Of::Usage(|it, lines| lines.put(&[], float(it.node.totals.usage.network_bytes_sent))),
    ),
    counter(
        "mayfly_container_ends_total",
        "Runs of containers that have ended",
        &["reason"],
        Of::Usage(|it: &Snapshot, lines| {
            for (reason, count) in &it.node.totals.container_ends {
                lines.put(&[reason], float(*count));
            }
        }),
    ),
    counter(
        "mayfly_pod_ends_total",
        "Pods that have ended",
        &["phase", "reason"],
        Of::Usage(|it, lines| {
            for ((phase, reason), count) in &it.node.totals.pod_ends {
                lines.put(&[phase, reason], float(*count));
            }
        }),
    ),
    histogram(
        "mayfly_pod_queue_duration_seconds",
        "How long pods waited for a node after they were created",
        &[],
        Of::Usage(|it, lines| lines.histogram(&[], &it.times.queue)),
    ),
    histogram(
        "kubelet_pod_start_duration_seconds",
        "How long it took from when the node knew of a pod until its first container ran",
        &[],
        Of::Usage(|it, lines| lines.histogram(&[], &it.times.start)),
    ),
    histogram(
        "mayfly_container_run_duration_seconds",
        "How long containers ran",
        &[],
        Of::Usage(|it, lines| lines.histogram(&[], &it.times.run)),
    ),
    histogram(
        "mayfly_pod_end_duration_seconds",
        "How long it took from when a pod's last container ended until that was durable",
        &[],
        Of::Usage(|it, lines| lines.histogram(&[], &it.times.end)),
    ),
];
