//! What is true of ownership whatever the objects are.

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::compare::compare;
use super::{Refused, Writer, apply};
use crate::api::{Kind, Object, Timestamp};
use crate::http::schema::Type;

/// What a pod's spec may have of one container: its image, and the values of its environment.
type Container = (Option<String>, std::collections::BTreeMap<String, String>);

/// Configurations of pods, of few names and values so that they meet.
fn config() -> impl Strategy<Value = Value> {
    let container = (option::of("[xy]"), btree_map("[EF]", "[12]", 0..3));
    let labels = btree_map("[ab]", "[12]", 0..3);
    (btree_map("[mno]", container, 0..4), labels, option::of("[hi]")).prop_map(
        |(containers, labels, hostname)| {
            let containers: Vec<_> = containers.iter().map(container_of).collect();
            let mut spec = Map::from_iter([("containers".to_owned(), json!(containers))]);
            spec.extend(hostname.map(|hostname| ("hostname".to_owned(), json!(hostname))));
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "p", "labels": labels}, "spec": spec,
            })
        },
    )
}

fn container_of((name, (image, env)): (&String, &Container)) -> Value {
    let mut container = Map::from_iter([("name".to_owned(), json!(name))]);
    container.extend(image.as_ref().map(|image| ("image".to_owned(), json!(image))));
    if !env.is_empty() {
        let env: Vec<_> = env.iter().map(|(k, v)| json!({"name": k, "value": v})).collect();
        container.insert("env".to_owned(), json!(env));
    }
    Value::Object(container)
}

/// The pod that there is after `manager` has applied `config`, whoever is in the way.
fn applied(manager: &str, live: Option<&Object>, config: &Value) -> Object {
    try_apply(manager, live, config, true).expect("what is forced must not be refused")
}

fn try_apply(
    manager: &str,
    live: Option<&Object>,
    config: &Value,
    is_forced: bool,
) -> Result<Object, Refused> {
    let writer = Writer { manager: manager.to_owned(), kind: Kind::Pod, subresource: None };
    let json = apply(&writer, live, config, is_forced, Timestamp::UNIX_EPOCH)?;
    let json = json.to_string();
    Ok(Object::from_json(Kind::Pod, json.as_bytes()).expect("must still be a pod"))
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(config in config()) {
        let found = compare(Type::of(Kind::Pod), &config, &config).expect("must be comparable");
        prop_assert!(found.is_empty());
    }

    #[test]
    fn applying_again_changes_nothing(first in config(), second in config()) {
        let live = applied("a", None, &first);
        let live = applied("b", Some(&live), &second);
        let again = try_apply("b", Some(&live), &second, false);
        prop_assert_eq!(again, Ok(live));
    }

    #[test]
    fn what_is_applied_is_there_and_what_is_left_out_goes(first in config(), second in config()) {
        let live = applied("a", None, &first);
        let changed = applied("a", Some(&live), &second);
        let fresh = applied("a", None, &second);
        prop_assert_eq!(seen(&changed), seen(&fresh));
    }

    #[test]
    fn what_another_applied_outlasts_who_no_longer_does(first in config(), second in config()) {
        let live = applied("a", None, &first);
        let live = applied("b", Some(&live), &second);
        let nothing = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}});
        let left = applied("a", Some(&live), &nothing);
        let again = try_apply("b", Some(&left), &second, false);
        prop_assert_eq!(again.map(|again| seen(&again)), Ok(seen(&left)));
    }
}

/// What of `object` counts: not the order of its items, what is empty, or when it was applied.
fn seen(object: &Object) -> Value {
    let mut json = object.to_value();
    sort(&mut json);
    for entry in json["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
        entry["time"] = Value::Null;
    }
    json
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_key(Value::to_string);
        }
        Value::Object(fields) => {
            fields.values_mut().for_each(sort);
            let is_empty = |value: &Value| [json!({}), json!([])].contains(value);
            fields.retain(|_, value| !is_empty(value));
        }
        _ => {}
    }
}
