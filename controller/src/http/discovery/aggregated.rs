//! What there is, in one page: how clients of these days read it.

use serde_json::{Value, json};

use super::resources::{Resource, Subresource, api_versions, group_version, of};
use crate::http::accept::Choice;

/// The type of such a page.
pub(super) const CONTENT_TYPE: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Whether `choice` means such a page. Kubernetes no longer has its beta version either, and those
/// who know only that take the legacy form.
pub(super) fn is_meant(choice: &Choice<'_>) -> bool {
    choice.takes("application/json")
        && choice.parameter("g") == "apidiscovery.k8s.io"
        && choice.parameter("v") == "v2"
        && choice.parameter("as") == "APIGroupDiscoveryList"
}

/// `APIGroupDiscoveryList`: of the core, or of all the other groups.
pub(super) fn groups(is_core: bool) -> Value {
    let wanted = api_versions().into_iter().filter(|it| it.contains('/') != is_core);
    let groups: Vec<Value> = wanted.map(group).collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": groups,
    })
}

fn group(api_version: &'static str) -> Value {
    let (group, version) = group_version(api_version);
    let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
    let resources: Vec<Value> = of(api_version).map(resource).collect();
    let version = json!({"version": version, "resources": resources, "freshness": "Current"});
    json!({"metadata": metadata, "versions": [version]})
}

fn resource(resource: &Resource) -> Value {
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": kind("", "", resource.kind),
        "scope": if resource.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    if !resource.subresources.is_empty() {
        let parts: Vec<Value> = resource.subresources.iter().map(part).collect();
        entry["subresources"] = json!(parts);
    }
    entry
}

fn part(part: &Subresource) -> Value {
    let (group, version) = part.api_version.map(group_version).unwrap_or_default();
    json!({
        "subresource": part.name,
        "responseKind": kind(group, version, part.kind),
        "verbs": part.verbs,
    })
}

/// A kind; group and version are empty where they are those of the page.
fn kind(group: &str, version: &str, kind: &str) -> Value {
    json!({"group": group, "version": version, "kind": kind})
}
