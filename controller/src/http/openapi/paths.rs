//! The paths of what is served, with what can be done there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::operations::{self, Action, Subject};
use super::parameters;
use crate::http::discovery::resources::{Resource, api_versions, group_version};

/// Where the objects of `api_version` are.
pub(super) fn root(api_version: &str) -> String {
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    format!("{root}/{api_version}")
}

/// The paths of `resources`.
pub(super) fn of(resources: &[&Resource]) -> BTreeMap<String, Value> {
    let mut paths = BTreeMap::new();
    for resource in resources {
        whole(resource, &mut paths);
        parts(resource, &mut paths);
    }
    paths
}

/// The paths of objects as a whole, and of all of them together.
fn whole(resource: &Resource, paths: &mut BTreeMap<String, Value>) {
    let place = if resource.is_namespaced { "/namespaces/{namespace}" } else { "" };
    let root = root(resource.api_version);
    let all = format!("{root}{place}/{}", resource.plural);
    let subject = Subject::whole(resource);
    for verb in resource.verbs {
        let (action, path) = match *verb {
            "create" => (Action::Post, all.clone()),
            "list" => (Action::List, all.clone()),
            "deletecollection" => (Action::DeleteCollection, all.clone()),
            "get" => (Action::Get, format!("{all}/{{name}}")),
            "update" => (Action::Put, format!("{all}/{{name}}")),
            "patch" => (Action::Patch, format!("{all}/{{name}}")),
            "delete" => (Action::Delete, format!("{all}/{{name}}")),
            // A watch is a list that goes on.
            _ => continue,
        };
        add(paths, path, action, &subject);
        if action == Action::List && resource.is_namespaced {
            add(paths, format!("{root}/{}", resource.plural), Action::ListAll, &subject);
        }
    }
}

/// The paths of parts of objects.
fn parts(resource: &Resource, paths: &mut BTreeMap<String, Value>) {
    let place = if resource.is_namespaced { "/namespaces/{namespace}" } else { "" };
    let root = root(resource.api_version);
    for part in resource.subresources {
        let path = format!("{root}{place}/{}/{{name}}/{}", resource.plural, part.name);
        let subject = Subject::part(resource, part);
        let is_stream = part.verbs == ["create", "get"];
        for verb in part.verbs {
            let action = match *verb {
                "create" if is_stream => Action::ConnectPost,
                "get" if is_stream => Action::ConnectGet,
                "create" => Action::Post,
                "get" => Action::Get,
                "update" => Action::Put,
                "patch" => Action::Patch,
                _ => continue,
            };
            add(paths, path.clone(), action, &subject);
        }
    }
}

fn add(paths: &mut BTreeMap<String, Value>, path: String, action: Action, subject: &Subject<'_>) {
    let parameters = parameters::of_path(&path, subject.object());
    let item = paths.entry(path).or_insert_with(|| json!({"parameters": parameters}));
    item[action.method()] = operations::operation(action, subject);
}

/// The path where the resources of `api_version` are listed.
pub(super) fn list_of_resources(api_version: &'static str) -> BTreeMap<String, Value> {
    let (group, version) = group_version(api_version);
    let path = format!("{}/", root(api_version));
    let tag = format!("{}_{version}", operations::short_group(group));
    let id = format!("get{}APIResources", operations::camel(group, Some(version)));
    BTreeMap::from([(path, page(&tag, &id, "get available resources", "APIResourceList"))])
}

/// The paths of discovery and of the version.
pub(super) fn of_discovery() -> BTreeMap<String, Value> {
    let mut paths = BTreeMap::new();
    let mut add = |path: String, tag: &str, id: &str, what: &str, answer: &str| {
        paths.insert(path, page(tag, id, what, answer));
    };
    let what = "get available API versions";
    add("/api/".to_owned(), "core", "getCoreAPIVersions", what, "APIVersions");
    add("/apis/".to_owned(), "apis", "getAPIVersions", what, "APIGroupList");
    for (group, _) in api_versions().into_iter().map(group_version) {
        if !group.is_empty() {
            let id = format!("get{}APIGroup", operations::camel(group, None));
            let tag = operations::short_group(group);
            let what = "get information of a group";
            add(format!("/apis/{group}/"), tag, &id, what, "APIGroup");
        }
    }
    add("/version/".to_owned(), "version", "getCodeVersion", "get the version", "Info");
    paths
}

/// A path that can only be read.
fn page(tag: &str, id: &str, description: &str, answer: &str) -> Value {
    let package = match answer {
        "Info" => "io.k8s.apimachinery.pkg.version",
        _ => "io.k8s.apimachinery.pkg.apis.meta.v1",
    };
    json!({"get": {
        "tags": [tag],
        "description": description,
        "operationId": id,
        "responses": operations::responses(&[200], &format!("{package}.{answer}"), &["application/json"]),
    }})
}
