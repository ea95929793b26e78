//! The schemas of the types: those of what is served, and of all that they consist of.
//!
//! The fields, their types and their descriptions come from the types themselves. What those don't
//! know is added: which kinds a schema is of, and the markers of fields.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    APIGroup, APIGroupList, APIResourceList, APIVersions, DeleteOptions, Patch, Status, WatchEvent,
};
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use k8s_openapi::apimachinery::pkg::version::Info;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::markers;
use crate::http::discovery::resources::{Model, Resource, api_versions, group_version};

pub(super) const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
pub(super) const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
const WATCH_EVENT: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const GROUP_VERSION_KIND: &str = "x-kubernetes-group-version-kind";
const REFERENCE: &str = "#/components/schemas/";

/// A reference to the schema called `name`.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("{REFERENCE}{name}")})
}

/// Every schema that documents about `resources` need, by name.
pub(super) fn of(resources: &[&Resource]) -> BTreeMap<String, Value> {
    let mut gathered = generator();
    let mut kinds: Vec<(String, Value)> = Vec::new();
    let mut lists: Vec<(String, Value)> = Vec::new();
    for resource in resources {
        resource.model.add_to(&mut gathered);
        let name = resource.model.name();
        if resource.is_read() {
            let list = format!("{}List", resource.kind);
            kinds.push((format!("{name}List"), kind(resource.api_version, &list)));
            lists.push((format!("{name}List"), list_of(resource.kind, &name)));
        }
        kinds.push((name, kind(resource.api_version, resource.kind)));
        for part in resource.subresources {
            let Some(model) = part.model else { continue };
            model.add_to(&mut gathered);
            let api_version = part.api_version.unwrap_or(resource.api_version);
            kinds.push((model.name(), kind(api_version, part.kind)));
        }
    }
    of_all_groups(&mut gathered, &mut kinds);
    let mut schemas: BTreeMap<String, Value> =
        gathered.take_definitions(false).into_iter().chain(lists).collect();
    for (name, schema) in &mut schemas {
        finish(name, schema);
    }
    kinds.dedup();
    for (name, kind) in kinds {
        let schema = schemas.get_mut(&name).expect("a kind's schema must have been gathered");
        mark_kind(schema, kind);
    }
    schemas
}

/// What documents of any group use.
fn of_all_groups(gathered: &mut SchemaGenerator, kinds: &mut Vec<(String, Value)>) {
    for model in [
        Model::of::<DeleteOptions>(),
        Model::of::<Patch>(),
        Model::of::<Status>(),
        Model::of::<WatchEvent<RawExtension>>(),
        Model::of::<APIVersions>(),
        Model::of::<APIGroupList>(),
        Model::of::<APIGroup>(),
        Model::of::<APIResourceList>(),
        Model::of::<Info>(),
    ] {
        model.add_to(gathered);
    }
    for api_version in api_versions() {
        kinds.push((DELETE_OPTIONS.to_owned(), kind(api_version, "DeleteOptions")));
        kinds.push((WATCH_EVENT.to_owned(), kind(api_version, "WatchEvent")));
    }
    kinds.push((STATUS.to_owned(), kind("v1", "Status")));
}

fn generator() -> SchemaGenerator {
    SchemaSettings::openapi3().into_generator()
}

/// A kind with its group and version, as extensions have it.
pub(super) fn kind(api_version: &'static str, kind: &str) -> Value {
    let (group, version) = group_version(api_version);
    json!({"group": group, "kind": kind, "version": version})
}

fn mark_kind(schema: &mut Value, kind: Value) {
    let marked = schema.as_object_mut().expect("a schema must have fields");
    // The types say that a root's metadata are always there; a client may leave them out.
    if let Some(Value::Array(required)) = marked.get_mut("required") {
        required.retain(|it| it != "metadata");
        if required.is_empty() {
            marked.remove("required");
        }
    }
    let kinds = marked.entry(GROUP_VERSION_KIND).or_insert_with(|| json!([]));
    let kinds = kinds.as_array_mut().expect("kinds must be a list");
    if !kinds.contains(&kind) {
        kinds.push(kind);
    }
}

/// The schema of a list of what is called `name`.
fn list_of(kind: &str, name: &str) -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let mut metadata = reference(LIST_META);
    metadata["description"] = json!("What is true of the list as a whole.");
    json!({
        "type": "object",
        "description": format!("{kind}List is a collection of objects of kind {kind}."),
        "required": ["items"],
        "properties": {
            "apiVersion": text("The version of the schema of this list."),
            "items": {
                "type": "array",
                "description": format!("The objects of kind {kind}."),
                "items": reference(name),
            },
            "kind": text("The kind of this list."),
            "metadata": metadata,
        },
    })
}

/// Adds what the types don't know, and gives it the shape that Kubernetes gives it.
fn finish(name: &str, schema: &mut Value) {
    match name {
        INT_OR_STRING => one_of(schema, &["integer", "string"], Some("int-or-string")),
        QUANTITY => one_of(schema, &["string", "number"], None),
        _ => {}
    }
    markers::mark(name, schema);
    wrap_references(schema);
}

/// Makes `schema` that of a value of one of some primitive types.
fn one_of(schema: &mut Value, types: &[&str], format: Option<&str>) {
    let types: Vec<Value> = types.iter().map(|it| json!({"type": it})).collect();
    let description = schema["description"].take();
    *schema = json!({"description": description, "oneOf": types});
    if let Some(format) = format {
        schema["format"] = json!(format);
    }
}

/// What stands beside a reference doesn't count; so the reference is put into a list of one.
fn wrap_references(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(wrap_references);
            if fields.len() > 1 && fields.get("$ref").is_some_and(Value::is_string) {
                let reference = Map::from_iter(fields.remove_entry("$ref"));
                fields.insert("allOf".to_owned(), json!([reference]));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(wrap_references),
        _ => {}
    }
}
