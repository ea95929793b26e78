//! `metrics.k8s.io`: the nodes and pods that run, and what they use.
//!
//! Source: the API of `k8s.io/metrics`, and the answers of metrics-server, which serves it in a
//! cluster. As there, what has run for too short a time to be measured is not there yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::metrics::{API_VERSION, ContainerMetrics, NodeMetrics, PodMetrics};
use crate::api::{Key, Kind, Node, Object, ObjectMeta, Pod, Quantity, Time, Timestamp};
use crate::http::answer::{self, Form};
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::router::Api;
use crate::http::selector::Selector;
use crate::http::status::Status;
use crate::node::{Rate, RunningContainer, Usages};

/// What of it is asked for.
enum Wanted<'a> {
    Nodes,
    Node(&'a str),
    /// Of one namespace, or of all.
    Pods(Option<&'a str>),
    Pod(&'a str, &'a str),
}

/// The answer to a request for such metrics; `None` if it is about anything else.
pub(in crate::http) fn answer(api: &Api, parts: &Parts) -> Option<Result<Response<Body>, Refusal>> {
    let path = parts.uri.path().trim_matches('/').strip_prefix("apis/")?;
    let segments: Vec<&str> =
        path.strip_prefix(API_VERSION)?.strip_prefix('/')?.split('/').collect();
    let wanted = match segments[..] {
        ["nodes"] => Wanted::Nodes,
        ["nodes", name] => Wanted::Node(name),
        ["pods"] => Wanted::Pods(None),
        ["namespaces", namespace, "pods"] => Wanted::Pods(Some(namespace)),
        ["namespaces", namespace, "pods", name] => Wanted::Pod(namespace, name),
        _ => return None,
    };
    if parts.method != Method::GET {
        return Some(Err(Status::method_not_allowed().into()));
    }
    Some(of(api, parts, &wanted))
}

fn of(api: &Api, parts: &Parts, wanted: &Wanted<'_>) -> Result<Response<Body>, Refusal> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let form = Form::wanted(&parts.headers, &query)?;
    let now = api.store.clock().now();
    let absent = |plural, name: &str| Status::not_found_in("metrics.k8s.io", plural, name);
    match *wanted {
        Wanted::Nodes => {
            let selector = Selector::parse(Kind::Node, &query)?;
            let nodes = api.store.list::<Node>(None).items;
            let nodes = nodes.into_iter().filter(|it| selector.matches(&Object::Node(it.clone())));
            let metrics: Vec<_> = nodes.filter_map(|it| node(&api.usages, &it, now)).collect();
            Ok(list(api, form, "NodeMetricsList", &metrics))
        }
        Wanted::Node(name) => {
            let found = api.store.get::<Node>(&Key::new("", name));
            let metrics = found.and_then(|it| node(&api.usages, &it, now));
            Ok(one(form, &metrics.ok_or_else(|| absent("nodemetrics", name))?))
        }
        Wanted::Pods(namespace) => {
            let selector = Selector::parse(Kind::Pod, &query)?;
            let metrics = pods(api, |key| namespace.is_none_or(|it| it == &*key.namespace));
            let metrics: Vec<_> = metrics
                .filter(|(pod, _)| selector.matches(&Object::Pod(Arc::clone(pod))))
                .filter_map(|(it, containers)| pod(&it, &containers, now))
                .collect();
            Ok(list(api, form, "PodMetricsList", &metrics))
        }
        Wanted::Pod(namespace, name) => {
            let wanted = Key::new(namespace, name);
            let mut found = pods(api, |key| *key == wanted);
            let metrics = found.find_map(|(it, containers)| pod(&it, &containers, now));
            let called = format!("{namespace}/{name}");
            Ok(one(form, &metrics.ok_or_else(|| absent("podmetrics", &called))?))
        }
    }
}

/// The pods that run and are `meant`, each with its containers.
fn pods(
    api: &Api,
    is_meant: impl Fn(&Key) -> bool,
) -> impl Iterator<Item = (Arc<Pod>, Vec<RunningContainer>)> {
    let mut pods: BTreeMap<(Key, String), Vec<RunningContainer>> = BTreeMap::new();
    for container in api.usages.running() {
        let pod = &container.run.pod;
        let key = Key::new(&pod.namespace, &pod.name);
        if is_meant(&key) {
            pods.entry((key, pod.uid.clone())).or_default().push(container);
        }
    }
    let store = api.store.clone();
    pods.into_iter().filter_map(move |((key, uid), containers)| {
        let pod = store.get::<Pod>(&key)?;
        (pod.metadata.uid.as_deref() == Some(&*uid)).then_some((pod, containers))
    })
}

/// What a pod uses; nothing as long as one of its containers can't be told.
fn pod(pod: &Pod, containers: &[RunningContainer], now: Timestamp) -> Option<PodMetrics> {
    let rates: Vec<Rate> = containers.iter().map(|it| it.rate).collect::<Option<_>>()?;
    let containers = containers.iter().zip(&rates).map(|(it, rate)| ContainerMetrics {
        name: it.run.container.clone(),
        usage: usage(*rate, it.usage.memory_bytes),
    });
    Some(PodMetrics {
        api_version: API_VERSION.to_owned(),
        kind: "PodMetrics".to_owned(),
        metadata: metadata(&pod.metadata, now),
        timestamp: Time(now),
        window: window(rates.iter().map(|rate| rate.window).max()?),
        containers: containers.collect(),
    })
}

/// What the pods of a node use. Of the host, which may do other things beside, nothing is told.
fn node(usages: &Usages, node: &Node, now: Timestamp) -> Option<NodeMetrics> {
    if node.metadata.name.as_deref() != Some(usages.node_name()) {
        return None;
    }
    let used = usages.node();
    let rate = used.rate?;
    Some(NodeMetrics {
        api_version: API_VERSION.to_owned(),
        kind: "NodeMetrics".to_owned(),
        metadata: metadata(&node.metadata, now),
        timestamp: Time(now),
        window: window(rate.window),
        usage: usage(rate, used.totals.usage.memory_bytes),
    })
}

/// What is told of the object itself. It is made at the moment, as metrics-server's are.
fn metadata(of: &ObjectMeta, now: Timestamp) -> ObjectMeta {
    ObjectMeta {
        name: of.name.clone(),
        namespace: of.namespace.clone(),
        labels: of.labels.clone(),
        creation_timestamp: Some(Time(now)),
        ..ObjectMeta::default()
    }
}

fn usage(rate: Rate, memory_bytes: u64) -> BTreeMap<String, Quantity> {
    let cpu = match rate.nanocores {
        0 => "0".to_owned(),
        nanocores => format!("{nanocores}n"),
    };
    let memory = match memory_bytes {
        0 => "0".to_owned(),
        bytes => format!("{}Ki", bytes.div_ceil(1024)),
    };
    [("cpu", cpu), ("memory", memory)].map(|(name, it)| (name.to_owned(), Quantity(it))).into()
}

/// A time as Go writes it, to the millisecond.
fn window(window: Duration) -> String {
    let millis = window.as_millis();
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let mut seconds = format!("{}.{:03}", millis / 1000 % 60, millis % 1000);
    seconds.truncate(seconds.trim_end_matches('0').trim_end_matches('.').len());
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

fn one<T: Serialize>(form: Form, metrics: &T) -> Response<Body> {
    let value = json!(metrics);
    match form.is_table() {
        true => answer::value(&table(&json!({}), &[value])),
        false => answer::value(&value),
    }
}

fn list<T: Serialize>(api: &Api, form: Form, kind: &str, items: &[T]) -> Response<Body> {
    let items: Vec<Value> = items.iter().map(|it| json!(it)).collect();
    let metadata = json!({"resourceVersion": api.store.resource_version().to_string()});
    answer::value(&match form.is_table() {
        true => table(&metadata, &items),
        false => json!({
            "kind": kind, "apiVersion": API_VERSION, "metadata": metadata, "items": items,
        }),
    })
}

/// As `kubectl get podmetrics` shows it.
fn table(metadata: &Value, items: &[Value]) -> Value {
    let column = |name: &str, format: &str, description: &str| {
        json!({
            "name": name, "type": "string", "format": format, "description": description,
            "priority": 0,
        })
    };
    let columns = [
        column("Name", "name", "Name of the resource"),
        column("cpu", "quantity", ""),
        column("memory", "quantity", ""),
        column("Window", "duration", ""),
    ];
    let rows: Vec<Value> = items
        .iter()
        .map(|item| {
            let (cpu, memory) = sums(item);
            let cells = json!([item["metadata"]["name"], cpu, memory, item["window"]]);
            let object = json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": item["metadata"],
            });
            json!({"cells": cells, "object": object})
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns, "rows": rows,
    })
}

/// What a node, or all containers of a pod together, use.
fn sums(item: &Value) -> (String, String) {
    let usages = match item["containers"].as_array() {
        Some(containers) => containers.iter().map(|it| &it["usage"]).collect(),
        None => vec![&item["usage"]],
    };
    let sum = |name: &str, suffix: &str| {
        let amounts = usages.iter().filter_map(|it| it[name].as_str());
        let numbers = amounts.filter_map(|it| it.trim_end_matches(suffix).parse::<u128>().ok());
        match numbers.sum::<u128>() {
            0 => "0".to_owned(),
            sum => format!("{sum}{suffix}"),
        }
    };
    (sum("cpu", "n"), sum("memory", "Ki"))
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_window_is_written_as_go_writes_it() {
        let check = |millis: u64, expect: &str| {
            assert_eq!(window(Duration::from_millis(millis)), expect);
        };
        check(0, "0s");
        check(1_000, "1s");
        check(1_050, "1.05s");
        check(15_127, "15.127s");
        check(60_000, "1m0s");
        check(3_723_400, "1h2m3.4s");
    }
}
