//! `mayfly top`: what Jobs use, live; what pods and nodes use, as kubectl shows it.
//!
//! ```text
//! metrics.k8s.io ─▶ metrics ─▶ Used ─▶ lines
//! ```

pub(crate) mod jobs;
mod lines;
mod used;

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use mayfly_controller::api::metrics::{API_VERSION, NodeMetrics, PodMetrics};
use mayfly_controller::api::{Kind, Node, ObjectMeta, Pod, Quantity};
use serde_json::Value;

use self::lines::{NodeLines, PodLines};
use super::complaint::Complaint;
use super::connect::Connection;
use super::output::print;
use super::request::{As, Pairs, Server};
use super::resource::Resource;
use crate::args::client::{TopArguments, TopCommand, TopNodeArguments, TopPodArguments};
use crate::exit::Exit;

/// How old a pod may be without metrics. Then whoever measures it is late, and that is told; kubectl
/// is as patient.
const MEASURED_WITHIN_SECONDS: i64 = 120;

/// Shows what `arguments` ask for.
pub(super) async fn top(arguments: &TopArguments) -> anyhow::Result<Exit> {
    match &arguments.what {
        None => jobs::jobs(&arguments.jobs).await,
        Some(TopCommand::Job(arguments)) => jobs::jobs(arguments).await,
        Some(TopCommand::Pod(arguments)) => pods(arguments).await,
        Some(TopCommand::Node(arguments)) => nodes(arguments).await,
    }
}

async fn pods(arguments: &TopPodArguments) -> anyhow::Result<Exit> {
    let connection = Connection::open(&arguments.server).await?;
    let server = &connection.server;
    check_served(server).await?;
    let namespace = (!arguments.all_namespaces).then_some(connection.namespace.as_str());
    let of = measured(Kind::Pod);
    let mut found: Vec<PodMetrics> = match &arguments.name {
        Some(name) => vec![one(server, &of.path_of(&connection.namespace, name)).await?],
        None => list(server, &of.path(namespace), labels(arguments.selector.as_ref())).await?,
    };
    let mut query = labels(arguments.selector.as_ref());
    if let Some(fields) = &arguments.field_selector {
        query.push(("fieldSelector", fields.clone()));
        if !found.is_empty() {
            let path = Resource::of(Kind::Pod).path(namespace);
            let meant: Vec<Pod> = list(server, &path, query.clone()).await?;
            let key = |of: &ObjectMeta| (of.namespace.clone(), of.name.clone());
            let meant: HashSet<_> = meant.iter().map(|pod| key(&pod.metadata)).collect();
            found.retain(|it| meant.contains(&key(&it.metadata)));
        }
    }
    if found.is_empty() {
        // As kubectl does, in the one namespace, even if all are meant.
        let path = Resource::of(Kind::Pod).path(Some(&connection.namespace));
        let pods: Vec<Pod> = list(server, &path, query).await?;
        check_age(&pods, Timestamp::now())?;
        match namespace {
            Some(namespace) => eprintln!("No resources found in {namespace} namespace."),
            None => eprintln!("No resources found"),
        }
        return Ok(Exit::Done);
    }
    let lines = PodLines {
        with_namespace: arguments.all_namespaces,
        with_containers: arguments.containers,
        with_headers: !arguments.no_headers,
        with_sum: arguments.sum,
        sort_by: arguments.sort_by,
    };
    print(&lines.of(&found))?;
    Ok(Exit::Done)
}

async fn nodes(arguments: &TopNodeArguments) -> anyhow::Result<Exit> {
    let connection = Connection::open(&arguments.server).await?;
    let server = &connection.server;
    if let Some(namespace) = &arguments.server.namespace {
        // kubectl takes it, too, in silence.
        eprintln!("Warning: nodes are in no namespace; {namespace} makes no difference");
    }
    check_served(server).await?;
    let (of, node) = (measured(Kind::Node), Resource::of(Kind::Node));
    let query = labels(arguments.selector.as_ref());
    let (metrics, nodes): (Vec<NodeMetrics>, Vec<Node>) = match &arguments.name {
        Some(name) => (
            vec![one(server, &of.path_of("", name)).await?],
            vec![one(server, &node.path_of("", name)).await?],
        ),
        None => {
            let metrics: Vec<NodeMetrics> = list(server, &of.path(None), query.clone()).await?;
            if metrics.is_empty() {
                return Err(Complaint::failed("metrics not available yet"));
            }
            (metrics, list(server, &node.path(None), query).await?)
        }
    };
    let available: BTreeMap<String, BTreeMap<String, Quantity>> = nodes
        .into_iter()
        .map(|node| {
            let status = node.status.unwrap_or_default();
            let has = if arguments.show_capacity { status.capacity } else { status.allocatable };
            (node.metadata.name.unwrap_or_default(), has.unwrap_or_default())
        })
        .collect();
    let lines = NodeLines { with_headers: !arguments.no_headers, sort_by: arguments.sort_by };
    print(&lines.of(&metrics, &available))?;
    Ok(Exit::Done)
}

/// Fails if the server measures nothing.
async fn check_served(server: &Server) -> anyhow::Result<()> {
    let groups = server.get("/apis", &Pairs::new(), As::Objects).await?;
    let mut versions = groups["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|group| group["versions"].as_array().into_iter().flatten());
    match versions.any(|version| version["groupVersion"] == API_VERSION) {
        true => Ok(()),
        false => Err(Complaint::failed("Metrics API not available")),
    }
}

/// Where what objects of `kind` use is.
fn measured(kind: Kind) -> Resource {
    Resource::of(kind).in_version(API_VERSION)
}

fn labels(selector: Option<&String>) -> Pairs {
    selector.map(|selector| ("labelSelector", selector.clone())).into_iter().collect()
}

async fn one<T: serde::de::DeserializeOwned>(server: &Server, path: &str) -> anyhow::Result<T> {
    understood(server.get(path, &Pairs::new(), As::Objects).await?)
}

async fn list<T: serde::de::DeserializeOwned>(
    server: &Server,
    path: &str,
    query: Pairs,
) -> anyhow::Result<Vec<T>> {
    server.list(path, &query).await?.into_iter().map(understood).collect()
}

fn understood<T: serde::de::DeserializeOwned>(value: Value) -> anyhow::Result<T> {
    serde_json::from_value(value)
        .map_err(|error| Complaint::failed(format!("what comes back can't be understood: {error}")))
}

/// Fails if there are pods, of which there should be metrics then, sooner or later.
fn check_age(pods: &[Pod], now: Timestamp) -> anyhow::Result<()> {
    for pod in pods {
        let metadata = &pod.metadata;
        let created = metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
        let age = now.duration_since(created);
        if age.as_secs() > MEASURED_WITHIN_SECONDS {
            let (namespace, name) = (metadata.namespace.as_deref(), metadata.name.as_deref());
            return Err(Complaint::failed(format!(
                "Metrics not available for pod {}/{}, age: {}",
                namespace.unwrap_or_default(),
                name.unwrap_or_default(),
                lines::go_duration(age),
            )));
        }
    }
    match pods.is_empty() {
        true => Ok(()),
        false => Err(Complaint::failed("metrics not available yet")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_without_metrics_are_new_or_a_complaint() {
        let now: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
        let check = |created: &[&str], expect: &str| {
            let pods = created.iter().enumerate().map(|(number, created)| {
                let metadata = serde_json::json!({
                    "name": format!("p{number}"), "namespace": "ns", "creationTimestamp": created,
                });
                serde_json::from_value(serde_json::json!({"metadata": metadata})).unwrap()
            });
            let found = check_age(&pods.collect::<Vec<_>>(), now);
            let found = found.map_or_else(|error| error.to_string(), |()| String::new());
            assert_eq!(found, expect, "{created:?}");
        };
        check(&[], "");
        check(&["2026-01-01T00:08:00Z"], "error: metrics not available yet");
        check(
            &["2026-01-01T00:09:00Z", "2026-01-01T00:07:56Z"],
            "error: Metrics not available for pod ns/p1, age: 2m4s",
        );
    }
}
