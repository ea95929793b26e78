//! What somebody applies: whether it is of its type, and which fields it names.

use serde_json::{Map, Value};

use super::items::{Unnamed, named};
use super::path::Name;
use super::set::FieldSet;
use crate::http::schema::{Scalar, Type};

/// Every complaint about `value` as one of the type `of`, each with its path.
pub(super) fn complaints(of: &Type, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    complain(of, value, "", &mut found);
    found
}

fn complain(of: &Type, value: &Value, at: &str, found: &mut Vec<String>) {
    let mut tell = |at: &str, why: &str| {
        found.push(if at.is_empty() { why.to_owned() } else { format!("{at}: {why}") });
    };
    match (of, value) {
        (_, Value::Null) => {}
        (Type::Scalar(scalar), value) => {
            if let Some(why) = scalar_complaint(*scalar, value) {
                tell(at, &why);
            }
        }
        (Type::Map { .. } | Type::Structure(_), Value::Object(fields)) => {
            for (key, value) in fields {
                let at = format!("{at}.{key}");
                match of.field(key) {
                    Some(below) => complain(below, value, &at, found),
                    // Kubernetes tells of the first one alone.
                    None => return found.push(format!("{at}: field not declared in schema")),
                }
            }
        }
        (Type::List { item, .. }, Value::Array(values)) if of.is_owned_as_one() => {
            for (index, value) in values.iter().enumerate() {
                complain(item, value, &format!("{at}[{index}]"), found);
            }
        }
        (Type::List { item, list_type, .. }, Value::Array(values)) => {
            let items = match named(*list_type, values) {
                Ok(items) => items,
                Err(why) => return tell(at, &why),
            };
            for (index, (name, value)) in items.iter().enumerate() {
                if items[..index].iter().any(|(other, _)| other == name) {
                    found.push(format!("{at}: duplicate entries for key {name}"));
                }
                complain(item, value, &format!("{at}{name}"), found);
            }
        }
        (Type::Map { .. } | Type::Structure(_), other) => {
            tell(at, &format!("expected map, got {}", held(other)));
        }
        (Type::List { .. }, other) => tell(at, &format!("expected list, got {}", held(other))),
    }
}

fn scalar_complaint(scalar: Scalar, value: &Value) -> Option<String> {
    let is_single = !matches!(value, Value::Array(_) | Value::Object(_));
    match scalar {
        Scalar::Text if !value.is_string() => Some(format!("expected string, got {}", held(value))),
        Scalar::Int32 | Scalar::Int64 | Scalar::Number if !value.is_number() => {
            let sort = match value {
                Value::Bool(_) => "bool",
                Value::Array(_) => "[]interface {}",
                Value::Object(_) => "map[string]interface {}",
                _ => "string",
            };
            Some(format!("expected numeric (int or float), got {sort}"))
        }
        Scalar::Boolean if !value.is_boolean() => {
            Some(format!("expected boolean, got {}", held(value)))
        }
        Scalar::Any if !is_single => Some(format!("expected any scalar, got {}", held(value))),
        _ => None,
    }
}

/// A value as Go prints the box that it is in.
fn held(value: &Value) -> String {
    format!("&value.valueUnstructured{{Value:{value}}}")
}

/// The paths that `value` names.
pub(super) fn field_set(of: &Type, value: &Value) -> Result<FieldSet, Unnamed> {
    let mut set = FieldSet::default();
    if of.is_owned_as_one() {
        return Ok(set);
    }
    match (of, value) {
        (Type::List { item, list_type, .. }, Value::Array(values)) => {
            for (name, value) in &named(*list_type, values)? {
                set.put(Name::Item(name), field_set(item, value)?);
                set.add(Name::Item(name));
            }
        }
        (Type::Map { .. } | Type::Structure(_), Value::Object(fields)) => {
            for (key, value) in fields {
                let (name, Some(below)) = (Name::Field(key), of.field(key)) else { continue };
                let is_empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                if below.is_owned_as_one() || is_empty || !of.declares(key) {
                    set.add(name);
                }
                set.put(name, field_set(below, value)?);
            }
        }
        _ => {}
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Kind;

    fn pod(spec: &Value) -> Value {
        json!({"spec": spec})
    }

    #[test]
    fn a_config_is_held_against_its_type() {
        let check = |spec: Value, expect: &[&str]| {
            assert_eq!(complaints(Type::of(Kind::Pod), &pod(&spec)), expect, "{spec}");
        };
        check(json!({"containers": [{"name": "a", "image": "b"}], "hostname": null}), &[]);
        check(json!({"foo": 1}), &[".spec.foo: field not declared in schema"]);
        check(
            json!({"activeDeadlineSeconds": "x"}),
            &[".spec.activeDeadlineSeconds: expected numeric (int or float), got string"],
        );
        check(
            json!({"containers": [{"name": "a"}, {"name": "a"}]}),
            &[r#".spec.containers: duplicate entries for key [name="a"]"#],
        );
    }

    #[test]
    fn a_config_names_its_leaves_and_items() {
        let spec = json!({"containers": [{"name": "a", "command": ["x"]}], "securityContext": {}});
        let set = field_set(Type::of(Kind::Pod), &pod(&spec)).expect("must have names");
        assert_eq!(
            set.to_json(),
            json!({"f:spec": {
                "f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:command": {}}},
                "f:securityContext": {},
            }})
        );
    }
}
