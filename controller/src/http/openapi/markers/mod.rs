//! What types and fields are marked with in Kubernetes' sources, and the types alone don't tell.
//!
//! `kubectl` merges lists as the markers say when it makes a patch; without them it would replace
//! them.

mod enums;

use serde_json::{Map, Value, json};

use crate::api::lists::{self, ListType, PatchStrategy};

/// Marks the schema of the type `of`, such as `io.k8s.api.core.v1.PodSpec`, and its fields.
pub(super) fn mark(of: &str, schema: &mut Value) {
    let (package, of) = of.rsplit_once('.').unwrap_or_default();
    let is_of_objects = package.starts_with("io.k8s.api.");
    if lists::is_atomic_structure(of) {
        schema["x-kubernetes-map-type"] = json!("atomic");
    }
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (field, property) in properties {
        let Value::Object(property) = property else { continue };
        if is_of_objects {
            enums::mark(of, field, property);
        }
        if property.get("type").is_some_and(|it| it == "array") {
            mark_list(of, field, property);
        }
        if lists::is_atomic_map(of, field) {
            property.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
        }
    }
}

/// Marks a list with how it is owned and patched.
fn mark_list(of: &str, field: &str, property: &mut Map<String, Value>) {
    let facts = lists::list_facts(of, field);
    let mut mark =
        |name: &str, value: Value| property.insert(format!("x-kubernetes-{name}"), value);
    match facts.list_type {
        ListType::Atomic => mark("list-type", json!("atomic")),
        ListType::Set => mark("list-type", json!("set")),
        ListType::Map(keys) => {
            mark("list-map-keys", json!(keys));
            mark("list-type", json!("map"))
        }
    };
    let (strategy, key) = match facts.strategy {
        PatchStrategy::Replace => return,
        PatchStrategy::MergeValues => ("merge", None),
        PatchStrategy::MergeBy(key) => ("merge", Some(key)),
        PatchStrategy::MergeByRetaining(key) => ("merge,retainKeys", Some(key)),
    };
    mark("patch-strategy", json!(strategy));
    if let Some(key) = key {
        mark("patch-merge-key", json!(key));
    }
}
