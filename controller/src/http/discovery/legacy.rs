//! What there is, one page for each group and version: how every client can read it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::resources::{Resource, Subresource, api_versions, group_version, of};

/// `APIVersions`: the versions of the core, for a client that reached us as `address`.
pub(super) fn versions(address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `APIGroupList`: every group but the core.
pub(super) fn groups() -> Value {
    let groups = api_versions().into_iter().filter(|it| it.contains('/')).map(members);
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups.collect::<Vec<_>>()})
}

/// `APIGroup`: the one called `name`.
pub(super) fn group(name: &str) -> Option<Value> {
    let api_version = api_versions().into_iter().find(|it| group_version(it).0 == name)?;
    let mut group = members(api_version);
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    Some(group)
}

/// The group of `api_version`, which has no other version.
fn members(api_version: &'static str) -> Value {
    let (group, version) = group_version(api_version);
    let version = json!({"groupVersion": api_version, "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

/// `APIResourceList`: what is served under `api_version`.
pub(super) fn resources(api_version: &str) -> Option<Value> {
    let resources: Vec<Value> = of(api_version).flat_map(entries).collect();
    if resources.is_empty() {
        return None;
    }
    let mut list =
        json!({"kind": "APIResourceList", "groupVersion": api_version, "resources": resources});
    // The core's page is from before there was an apiVersion of lists like this.
    if api_version.contains('/') {
        list["apiVersion"] = json!("v1");
    }
    Some(list)
}

fn entries(resource: &'static Resource) -> impl Iterator<Item = Value> {
    let parts = resource.subresources.iter().map(|it| part(resource, it));
    std::iter::once(whole(resource)).chain(parts)
}

fn whole(resource: &Resource) -> Value {
    let mut entry = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.is_namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    if resource.is_stored() {
        entry["storageVersionHash"] = json!(storage_version_hash(resource));
    }
    entry
}

fn part(resource: &Resource, part: &Subresource) -> Value {
    let mut entry = json!({
        "name": format!("{}/{}", resource.plural, part.name),
        "singularName": "",
        "namespaced": resource.is_namespaced,
        "kind": part.kind,
        "verbs": part.verbs,
    });
    if let Some((group, version)) = part.api_version.map(group_version) {
        entry["group"] = json!(group);
        entry["version"] = json!(version);
    }
    entry
}

/// In which form objects are stored, as far as clients are told: it changes with the version.
fn storage_version_hash(resource: &Resource) -> String {
    let (group, version) = resource.group_version();
    let hash = Sha256::digest(format!("{group}/{version}/{}", resource.kind));
    STANDARD.encode(&hash[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_the_api_server_says() {
        let pods = resources("v1").expect("there must be a core");
        let pods = pods["resources"].as_array().expect("must be a list");
        let find = |name: &str| pods.iter().find(|it| it["name"] == name).expect("must be there");
        let verbs =
            ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
        assert_eq!(
            *find("pods"),
            json!({
                "name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod",
                "verbs": verbs, "shortNames": ["po"], "categories": ["all"],
                // What every cluster says of its pods.
                "storageVersionHash": "xPOwRZ+Yhw8=",
            })
        );
        assert_eq!(
            *find("pods/eviction"),
            json!({
                "name": "pods/eviction", "singularName": "", "namespaced": true, "group": "policy",
                "version": "v1", "kind": "Eviction", "verbs": ["create"],
            })
        );
        assert_eq!(resources("batch/v1").map(|it| it["apiVersion"].clone()), Some(json!("v1")));
        assert_eq!((resources("batch/v2"), group("nothing")), (None, None));
        let version = json!({"groupVersion": "batch/v1", "version": "v1"});
        assert_eq!(
            group("batch"),
            Some(json!({
                "kind": "APIGroup", "apiVersion": "v1", "name": "batch",
                "versions": [version], "preferredVersion": version,
            }))
        );
    }
}
