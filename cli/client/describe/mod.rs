//! `mayfly describe`: an object with what belongs to it, for a person to read.
//!
//! The layouts are kubectl's own. What is described is a value and its events; who fetches them is
//! below, and everything else here is pure.

mod bounds;
mod container;
mod events;
mod generic;
mod job;
mod metadata;
mod node;
mod plain;
mod pod;
mod probe;
mod sheet;
mod template;
mod usage;
mod volume;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::api::core::v1::Event;
use mayfly_controller::api::Kind;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::complaint::{Complaint, Complaints, is_refusal};
use super::connect::Connection;
use super::output::print;
use super::request::{As, Pairs, Server};
use super::resource::Resource;
use super::select::{Selection, named_or_listed};
use crate::args::client::DescribeArguments;
use crate::exit::Exit;

pub(crate) use events::age as event_age;
pub(crate) use sheet::Seen;

impl Seen {
    /// Now, in the zone of whoever looks.
    pub(crate) fn from_here() -> Self {
        Self { now: Timestamp::now(), zone: TimeZone::system() }
    }
}

/// Describes what `arguments` name.
pub(super) async fn describe(arguments: &DescribeArguments) -> anyhow::Result<Exit> {
    let connection = Connection::open(&arguments.server).await?;
    let selection = Selection::of(&arguments.select, &connection).await?;
    let mut complaints = Complaints::default();
    let mut count = 0;
    for target in &selection.targets {
        let found = named_or_listed(&connection.server, target, &selection.query, true).await;
        for object in complaints.take(found)?.into_iter().flatten() {
            let with_events = arguments.show_events;
            let text = text_of(&connection.server, &target.resource, &object, with_events).await;
            let Some(text) = complaints.take(text)? else { continue };
            let gap = if count == 0 { "" } else { "\n\n" };
            print(&format!("{gap}{text}"))?;
            count += 1;
        }
    }
    if count == 0 && complaints.is_empty() {
        eprintln!("{}", selection.nothing_found());
    }
    complaints.finish()
}

/// The description of `object`, with what the server knows around it.
async fn text_of(
    server: &Server,
    resource: &Resource,
    object: &Value,
    with_events: bool,
) -> anyhow::Result<String> {
    let seen = Seen::from_here();
    let known = Kind::ALL.iter().find(|kind| Resource::of(**kind) == *resource).copied();
    let events = match known {
        Some(Kind::Secret | Kind::Namespace | Kind::ResourceQuota | Kind::LimitRange) => None,
        _ if with_events => Some(events_of(server, object).await?),
        _ => None,
    };
    let events = events.as_deref();
    Ok(match known {
        Some(Kind::Job) => job::job(&typed(object)?, events, &seen),
        Some(Kind::CronJob) => job::cron_job(&typed(object)?, events, &seen),
        Some(Kind::Pod) => pod::pod(&typed(object)?, events, &seen),
        Some(Kind::ResourceQuota) => bounds::resource_quota(&typed(object)?),
        Some(Kind::LimitRange) => bounds::limit_range(&typed(object)?),
        Some(Kind::ConfigMap) => plain::config_map(&typed(object)?, events, &seen),
        Some(Kind::Secret) => plain::secret(&typed(object)?),
        Some(Kind::ServiceAccount) => plain::service_account(&typed(object)?, events, &seen),
        Some(Kind::Namespace) => {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            plain::namespace(&typed(object)?, &bounds_of(server, name).await?, &seen)
        }
        Some(Kind::Node) => {
            let around = around_node(server, object, events).await?;
            node::node(&typed(object)?, &around, &seen)
        }
        _ => generic::any(object, events, &seen),
    })
}

fn typed<T: DeserializeOwned>(object: &Value) -> anyhow::Result<T> {
    serde_json::from_value(object.clone())
        .map_err(|error| Complaint::failed(format!("the server's answer can't be read: {error}")))
}

/// The events about `object`, as kubectl asks for them.
async fn events_of(server: &Server, object: &Value) -> anyhow::Result<Vec<Event>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let namespace = text(&metadata["namespace"]);
    let kind = text(&object["kind"]);
    let mut fields = vec![
        format!("involvedObject.name={}", text(&metadata["name"])),
        format!("involvedObject.namespace={namespace}"),
    ];
    // A static pod's events carry another kind than its mirror, so kubectl does not ask for it.
    if kind != "Pod" {
        fields.push(format!("involvedObject.kind={kind}"));
    }
    let by_uid = format!("involvedObject.uid={}", text(&metadata["uid"]));
    let mut found = listed_events(server, &namespace, &fields, &by_uid).await?;
    if kind == "Node" {
        // The kubelet calls a node by its name where others write the uid.
        let by_name = format!("involvedObject.uid={}", text(&metadata["name"]));
        found.extend(listed_events(server, &namespace, &fields, &by_name).await?);
    }
    Ok(found)
}

async fn listed_events(
    server: &Server,
    namespace: &str,
    fields: &[String],
    uid: &str,
) -> anyhow::Result<Vec<Event>> {
    let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
    let path = Resource::of(Kind::Event).path(namespace);
    let selector = format!("{},{uid}", fields.join(","));
    let query: Pairs = vec![("fieldSelector", selector)];
    let events = server.list(&path, &query).await?;
    events.iter().map(typed).collect()
}

/// What is said of quotas and limits: nothing where the server knows none.
async fn bounds_of(server: &Server, namespace: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    if let Some(quotas) = listed(server, Kind::ResourceQuota, namespace).await? {
        text += &bounds::quotas_of_namespace(&quotas);
    }
    if let Some(ranges) = listed(server, Kind::LimitRange, namespace).await? {
        text += &bounds::limits_of_namespace(&ranges);
    }
    Ok(text)
}

/// The objects of `kind` in `namespace`, if the server has such.
async fn listed<T: DeserializeOwned>(
    server: &Server,
    kind: Kind,
    namespace: &str,
) -> anyhow::Result<Option<Vec<T>>> {
    let path = Resource::of(kind).path(Some(namespace));
    match server.list(&path, &Vec::new()).await {
        Ok(found) => found.iter().map(typed).collect::<anyhow::Result<_>>().map(Some),
        Err(error) if is_refusal(&error, 404) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn around_node<'a>(
    server: &Server,
    node: &Value,
    events: Option<&'a [Event]>,
) -> anyhow::Result<node::Around<'a>> {
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    let lease = Resource::of(Kind::Lease).path_of("kube-node-lease", name);
    let lease = match server.get(&lease, &Vec::new(), As::Objects).await {
        Ok(lease) => Some(typed(&lease)?),
        Err(error) if is_refusal(&error, 404) => None,
        Err(error) => return Err(error),
    };
    let selector = format!("spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed");
    let query: Pairs = vec![("fieldSelector", selector)];
    let pods = server.list(&Resource::of(Kind::Pod).path(None), &query).await?;
    let pods = pods.iter().map(typed).collect::<anyhow::Result<_>>()?;
    Ok(node::Around { lease, pods, events })
}

#[cfg(test)]
mod tests;
