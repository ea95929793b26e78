//! What an object becomes when something is put over it, or taken from it.

use serde_json::{Map, Value};

use super::compare::is_bare;
use super::items::{Unnamed, named};
use super::path::Element;
use super::set::FieldSet;
use crate::http::schema::Type;

/// What `live` becomes when `config` is put over it: what it does not name stays.
pub(super) fn merged(of: &Type, live: &Value, config: &Value) -> Result<Value, Unnamed> {
    Ok(merge(of, Some(live), Some(config))?.unwrap_or(Value::Null))
}

/// `None` where nothing is left.
fn merge(
    of: &Type,
    live: Option<&Value>,
    config: Option<&Value>,
) -> Result<Option<Value>, Unnamed> {
    if of.is_owned_as_one() || (is_bare(live) && is_bare(config)) {
        return Ok(config.or(live).cloned());
    }
    match of {
        Type::List { item, list_type, .. } => {
            let items = |list: Option<&'_ Value>| list.and_then(Value::as_array).cloned();
            let (live, config) =
                (items(live).unwrap_or_default(), items(config).unwrap_or_default());
            let live = named(*list_type, &live)?;
            let config = named(*list_type, &config)?;
            let out = interleave(item, &live, &config)?;
            Ok((!out.is_empty()).then_some(Value::Array(out)))
        }
        _ => {
            let [live, config] = [live, config].map(|side| side.and_then(Value::as_object));
            let only_new = config.into_iter().flatten();
            let only_new = only_new.filter(|(key, _)| live.is_none_or(|it| !it.contains_key(*key)));
            let mut out = Map::new();
            for (key, value) in live.into_iter().flatten().chain(only_new) {
                let value = match of.field(key) {
                    None => Some(value.clone()),
                    Some(below) => {
                        let [live, config] =
                            [live, config].map(|side| side.and_then(|it| it.get(key)));
                        merge(below, live, config)?
                    }
                };
                out.extend(value.map(|value| (key.clone(), value)));
            }
            Ok((!out.is_empty()).then_some(Value::Object(out)))
        }
    }
}

/// The items of both lists. Those of `config` keep its order; the others stay where they were among
/// those of `live`.
fn interleave(
    of: &Type,
    live: &[(Element, &Value)],
    config: &[(Element, &Value)],
) -> Result<Vec<Value>, Unnamed> {
    let in_live = |name: &Element| {
        let mut found = live.iter().filter(|(it, _)| it == name);
        // What is there several times can't be merged with: it is replaced.
        found.next().filter(|_| found.next().is_none()).map(|(_, value)| *value)
    };
    let is_in = |list: &[(Element, &Value)], name: &Element| list.iter().any(|(it, _)| it == name);
    let mut out = Vec::new();
    let mut shared =
        config.iter().map(|(name, _)| name).filter(|name| is_in(live, name)).peekable();
    let (mut at_live, mut at_config) = (0, 0);
    while at_live < live.len() || at_config < config.len() {
        if let Some((name, value)) = live.get(at_live) {
            let is_same = config.get(at_config).is_some_and(|(it, _)| it == name);
            let is_later = shared.peek().is_some_and(|next| *next != name);
            if is_same {
                at_live += 1;
            } else if !is_in(config, name) {
                out.extend(merge(of, Some(value), None)?);
                at_live += 1;
                continue;
            } else if is_later {
                at_live += 1;
                continue;
            } else if is_in(&config[..at_config], name) {
                at_live += 1;
            }
        }
        if let Some((name, value)) = config.get(at_config) {
            out.extend(merge(of, in_live(name), Some(value))?);
            at_config += 1;
            if shared.peek().is_some_and(|next| *next == name) {
                shared.next();
            }
        }
    }
    Ok(out)
}

/// `value` without what is at the paths of `set`.
pub(super) fn removed(of: &Type, value: &Value, set: &FieldSet) -> Result<Value, Unnamed> {
    Ok(match (of, value) {
        (Type::List { item, list_type, .. }, Value::Array(values)) if !of.is_owned_as_one() => {
            let mut out = Vec::new();
            for (name, value) in named(*list_type, values)? {
                if !set.has(&name) {
                    out.push(match set.below(&name) {
                        Some(below) => removed(item, value, below)?,
                        None => value.clone(),
                    });
                }
            }
            if out.is_empty() { Value::Null } else { Value::Array(out) }
        }
        (Type::Map { .. } | Type::Structure(_), Value::Object(fields)) if !of.is_owned_as_one() => {
            let mut out = Map::new();
            for (key, value) in fields {
                let name = Element::field(key);
                if set.has(&name) {
                    continue;
                }
                let value = match (of.field(key), set.below(&name)) {
                    (Some(below), Some(set)) => removed(below, value, set)?,
                    _ => value.clone(),
                };
                out.insert(key.clone(), value);
            }
            if out.is_empty() { Value::Null } else { Value::Object(out) }
        }
        (_, other) => other.clone(),
    })
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
    fn items_of_both_lists_keep_their_order() {
        let check = |live: &[&str], config: &[&str], expect: &[&str]| {
            let list = |names: &[&str]| {
                let items: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
                pod(&json!({"containers": items}))
            };
            let out = merged(Type::of(Kind::Pod), &list(live), &list(config)).expect("must merge");
            assert_eq!(out, list(expect), "{live:?} {config:?}");
        };
        check(&["a", "b"], &["b"], &["a", "b"]);
        check(&["a", "b", "c"], &["c", "a"], &["b", "c", "a"]);
        check(&["a"], &["x", "a", "y"], &["x", "a", "y"]);
        check(&["a", "b"], &["n"], &["a", "b", "n"]);
        check(&[], &["a"], &["a"]);
    }

    #[test]
    fn what_is_not_named_stays_and_what_is_removed_goes() {
        let of = Type::of(Kind::Pod);
        let live = pod(&json!({"hostname": "h", "nodeSelector": {"a": "1"}}));
        let config = pod(&json!({"nodeSelector": {"b": "2"}}));
        let out = merged(of, &live, &config).expect("must merge");
        assert_eq!(out, pod(&json!({"hostname": "h", "nodeSelector": {"b": "2"}})));
        let set =
            FieldSet::from_json(&json!({"f:spec": {"f:hostname": {}}})).expect("must be a set");
        let out = removed(of, &out, &set).expect("must be removable");
        assert_eq!(out, pod(&json!({"nodeSelector": {"b": "2"}})));
    }
}
