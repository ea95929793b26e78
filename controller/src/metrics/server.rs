//! Of the server: what it was asked, what it has, and what it has to do.

use super::lines::float;
use super::table::{Metric, Of, counter, gauge, histogram};
use crate::api::names::VERSION;

/// What is told of a request, as Kubernetes' API server has it.
const REQUEST: &[&str] =
    &["verb", "group", "version", "resource", "subresource", "scope", "component"];

pub(super) const METRICS: &[Metric] = &[
    counter(
        "apiserver_request_total",
        "Requests that were answered",
        &["verb", "group", "version", "resource", "subresource", "scope", "component", "code"],
        Of::Server(|it, lines| {
            for (about, counts) in &it.requests {
                for (code, count) in &counts.codes {
                    let [verb, group, version, resource, part, scope, component] = about.labels();
                    let code = &*code.to_string();
                    let labels = [verb, group, version, resource, part, scope, component, code];
                    lines.put(&labels, float(*count));
                }
            }
        }),
    ),
    histogram(
        "apiserver_request_duration_seconds",
        "How long it took to answer requests, but for those that go on until somebody ends them",
        REQUEST,
        Of::Server(|it, lines| {
            for (about, counts) in it.requests.iter().filter(|(about, _)| !about.goes_on()) {
                lines.histogram(&about.labels(), &counts.times);
            }
        }),
    ),
    gauge(
        "apiserver_resource_objects",
        "Objects that there are",
        &["group", "resource"],
        Of::Server(|it, lines| {
            for (kind, count) in &it.objects.counts {
                let group = kind.api_version().rsplit_once('/').map_or("", |(group, _)| group);
                lines.put(&[group, kind.plural()], float(*count as u64));
            }
        }),
    ),
    gauge(
        "mayfly_metrics_objects_left_out",
        "Objects that have no series of their own here, since there are too many",
        &["resource"],
        Of::Server(|it, lines| {
            for (kind, count) in &it.objects.left_out {
                lines.put(&[kind.plural()], float(*count as u64));
            }
        }),
    ),
    gauge(
        "mayfly_pods",
        "Pods that there are, by phase; also those that have no series of their own",
        &["phase"],
        Of::Server(|it, lines| {
            for (phase, count) in &it.objects.phases {
                lines.put(&[phase], float(*count as u64));
            }
        }),
    ),
    gauge(
        "workqueue_depth",
        "Objects that a controller is to look at",
        &["name"],
        Of::Server(|it, lines| {
            it.queues.iter().for_each(|of| lines.put(&[of.name], float(of.depth)));
        }),
    ),
    counter(
        "workqueue_adds_total",
        "How often an object was added to those",
        &["name"],
        Of::Server(|it, lines| {
            it.queues.iter().for_each(|of| lines.put(&[of.name], float(of.adds)));
        }),
    ),
    counter(
        "workqueue_retries_total",
        "How often what was to be done for an object had failed",
        &["name"],
        Of::Server(|it, lines| {
            it.queues.iter().for_each(|of| lines.put(&[of.name], float(of.retries)));
        }),
    ),
    counter(
        "mayfly_store_commits_total",
        "Transactions that the store was given to make durable",
        &[],
        Of::Server(|it, lines| lines.put(&[], float(it.commits))),
    ),
    histogram(
        "mayfly_store_sync_duration_seconds",
        "How long the disk took to keep a group of transactions",
        &[],
        Of::Server(|it, lines| lines.histogram(&[], &it.syncs)),
    ),
    gauge(
        "mayfly_store_resource_version",
        "The resourceVersion of the newest state",
        &[],
        Of::Server(|it, lines| lines.put(&[], float(it.resource_version))),
    ),
    gauge(
        "kubernetes_build_info",
        "The version of Kubernetes that is served",
        &["git_version"],
        Of::Server(|_, lines| lines.info(&[VERSION])),
    ),
    gauge(
        "mayfly_build_info",
        "The version of mayfly",
        &["version"],
        Of::Server(|_, lines| lines.info(&[env!("CARGO_PKG_VERSION")])),
    ),
    gauge(
        "process_start_time_seconds",
        "When the server began, in seconds since the epoch",
        &[],
        Of::Server(|it, lines| lines.put(&[], it.since.as_duration().as_secs_f64())),
    ),
    counter(
        "process_cpu_seconds_total",
        "Time that the server computed, its containers' included",
        &[],
        Of::Server(|it, lines| lines.put(&[], it.process_cpu.as_secs_f64())),
    ),
];
