//! What Prometheus reads: of each container that runs, and sums since the process began.
//!
//! Where the kubelet has a metric for it, or its cAdvisor, it has that name here, so that dashboards
//! find it. Only what runs has series of its own: there are never more of them than the node's pods
//! have containers.

use std::fmt;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::http::refusal::Refusal;
use crate::http::router::Api;
use crate::http::status::Status;
use crate::node::{NodeUsage, RunningContainer, Usage, Usages};

/// The answer to a request for the page; `None` if it is about anything else.
pub(in crate::http) fn answer(api: &Api, parts: &Parts) -> Option<Result<Response<Body>, Refusal>> {
    if parts.uri.path().trim_end_matches('/') != "/metrics" {
        return None;
    }
    Some(match parts.method {
        Method::GET | Method::HEAD => Ok(text(&api.usages)),
        _ => Err(Status::method_not_allowed().into()),
    })
}

/// The page.
pub(in crate::http) fn text(usages: &Usages) -> Response<Body> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot::of(usages)));
    let mut page = String::new();
    prometheus_text::encode(&mut page, &registry).expect("a page of text must be writable");
    let mut response = Response::new(Body::from(page));
    let content_type = HeaderValue::from_static(prometheus_text::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// What is used at one moment.
#[derive(Debug)]
struct Snapshot {
    running: Vec<RunningContainer>,
    node: NodeUsage,
}

/// What is told of a usage: the name without `_total`, what it is, and how to read it.
type Metric<T> = (&'static str, &'static str, fn(&T) -> f64);

const COUNTERS: [Metric<Usage>; 6] = [
    ("container_cpu_usage_seconds", "Cumulative cpu time consumed by the container", cpu_seconds),
    ("container_fs_reads_bytes", "Cumulative count of bytes read from files", |it| {
        float(it.file_bytes_read)
    }),
    ("container_fs_writes_bytes", "Cumulative count of bytes written to files", |it| {
        float(it.file_bytes_written)
    }),
    ("mayfly_container_printed_bytes", "Cumulative count of bytes printed", |it| {
        float(it.printed_bytes)
    }),
    ("container_network_receive_bytes", "Cumulative count of bytes received", |it| {
        float(it.network_bytes_received)
    }),
    ("container_network_transmit_bytes", "Cumulative count of bytes transmitted", |it| {
        float(it.network_bytes_sent)
    }),
];

const GAUGES: [Metric<RunningContainer>; 3] = [
    ("container_memory_working_set_bytes", "Memory that the container has", |it| {
        float(it.usage.memory_bytes)
    }),
    ("container_memory_max_usage_bytes", "The most memory that the container had", |it| {
        float(it.usage.memory_bytes_peak)
    }),
    ("container_start_time_seconds", "Start time of the container since the epoch", |it| {
        it.since.as_duration().as_secs_f64()
    }),
];

/// Of all containers together, those that have ended included.
const TOTALS: [Metric<Usage>; 7] = [
    (
        "node_cpu_usage_seconds",
        "Cumulative cpu time consumed by the node's containers",
        cpu_seconds,
    ),
    ("mayfly_fuel", "Instructions of the containers that have ended and were counted", |it| {
        float(it.fuel.unwrap_or_default())
    }),
    ("mayfly_file_read_bytes", "Bytes that the node's containers read from files", |it| {
        float(it.file_bytes_read)
    }),
    ("mayfly_file_written_bytes", "Bytes that the node's containers wrote to files", |it| {
        float(it.file_bytes_written)
    }),
    ("mayfly_printed_bytes", "Bytes that the node's containers printed", |it| {
        float(it.printed_bytes)
    }),
    ("mayfly_network_received_bytes", "Bytes that the node's containers received", |it| {
        float(it.network_bytes_received)
    }),
    ("mayfly_network_sent_bytes", "Bytes that the node's containers sent", |it| {
        float(it.network_bytes_sent)
    }),
];

fn cpu_seconds(usage: &Usage) -> f64 {
    usage.cpu.as_secs_f64()
}

/// Exact up to 2^53, as every number is that Prometheus keeps.
#[expect(clippy::cast_precision_loss, reason = "Prometheus keeps all numbers so")]
fn float(number: u64) -> f64 {
    number as f64
}

impl Snapshot {
    fn of(usages: &Usages) -> Self {
        Self { running: usages.running(), node: usages.node() }
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, read) in COUNTERS {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for container in &self.running {
                let value = read(&container.usage);
                let labels = labels(container);
                metric
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, f64>(&value, None)?;
            }
        }
        for (name, help, read) in GAUGES {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for container in &self.running {
                metric.encode_family(&labels(container))?.encode_gauge(&read(container))?;
            }
        }
        let totals = &self.node.totals;
        for (name, help, read) in TOTALS {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, f64>(&read(&totals.usage), None)?;
        }
        let (name, help) = ("node_memory_working_set_bytes", "Memory that the containers have");
        encoder
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(&float(totals.usage.memory_bytes))?;
        let (name, help) =
            ("mayfly_container_ends", "Runs of containers that have ended, by reason");
        let mut ends = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (reason, count) in &totals.container_ends {
            ends.encode_family(&[("reason", reason.as_str())])?
                .encode_counter::<NoLabelSet, _, f64>(count, None)?;
        }
        let (name, help) = ("mayfly_pod_ends", "Pods that have ended, by phase and reason");
        let mut ends = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for ((phase, reason), count) in &totals.pod_ends {
            ends.encode_family(&[("phase", phase.as_str()), ("reason", reason.as_str())])?
                .encode_counter::<NoLabelSet, _, f64>(count, None)?;
        }
        Ok(())
    }
}

fn labels(container: &RunningContainer) -> [(&'static str, &str); 3] {
    let run = &container.run;
    [("container", &*run.container), ("namespace", &*run.pod.namespace), ("pod", &*run.pod.name)]
}
