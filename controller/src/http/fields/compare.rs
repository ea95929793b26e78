//! What differs between two states of an object, path by path.

use std::collections::BTreeMap;

use serde_json::Value;

use super::items::{Unnamed, named};
use super::path::{Element, Name};
use super::set::FieldSet;
use crate::http::schema::Type;

/// What differs between two states. No path is in two of the sets.
#[derive(Clone, Debug, Default)]
pub(super) struct Comparison {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

impl Comparison {
    /// The same, without what is at or below the paths of `ignored`.
    pub(super) fn outside(self, ignored: &FieldSet) -> Self {
        Self {
            added: self.added.outside(ignored),
            modified: self.modified.outside(ignored),
            removed: self.removed.outside(ignored),
        }
    }

    /// What of the new state is not as it was.
    pub(super) fn changed(self) -> FieldSet {
        self.added.union(self.modified)
    }

    /// Whether both states are the same.
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }
}

/// What becomes of `old` when it is `new`; both are of the type `of`.
pub(super) fn compare(of: &Type, old: &Value, new: &Value) -> Result<Comparison, Unnamed> {
    let mut found = Comparison::default();
    below(of, Some(old), Some(new), &mut found)?;
    Ok(found)
}

/// Adds to `found` what differs at `name`, of the level that `found` is of, or below it.
fn at(
    of: &Type,
    name: Name<'_>,
    old: Option<&Value>,
    new: Option<&Value>,
    found: &mut Comparison,
) -> Result<(), Unnamed> {
    if old == new {
        return Ok(());
    }
    let is_leaf = of.is_owned_as_one() || (is_bare(old) && is_bare(new));
    if !is_leaf {
        let mut inner = Comparison::default();
        below(of, old, new, &mut inner)?;
        found.added.put(name, inner.added);
        found.modified.put(name, inner.modified);
        found.removed.put(name, inner.removed);
    }
    match (old, new) {
        (None, _) => found.added.add(name),
        (_, None) => found.removed.add(name),
        _ if is_leaf => found.modified.add(name),
        _ => {}
    }
    Ok(())
}

/// Adds to `found` what differs below two values that are not leaves.
fn below(
    of: &Type,
    old: Option<&Value>,
    new: Option<&Value>,
    found: &mut Comparison,
) -> Result<(), Unnamed> {
    match of {
        Type::List { item, list_type, .. } => {
            let mut items: BTreeMap<Element, [Vec<&Value>; 2]> = BTreeMap::new();
            for (side, list) in [old, new].into_iter().enumerate() {
                let list = list.and_then(Value::as_array).map(Vec::as_slice);
                for (name, value) in named(*list_type, list.unwrap_or_default())? {
                    items.entry(name).or_default()[side].push(value);
                }
            }
            for (name, [old, new]) in &items {
                item_at(item, name, old, new, found)?;
            }
        }
        Type::Map { .. } | Type::Structure(_) => {
            let [old, new] = [old, new].map(|side| side.and_then(Value::as_object));
            let only_new = new.into_iter().flatten();
            let only_new = only_new.filter(|(key, _)| old.is_none_or(|it| !it.contains_key(*key)));
            for (key, _) in old.into_iter().flatten().chain(only_new) {
                // What there is no such field for is nobody's.
                let Some(of) = of.field(key) else { continue };
                let [old, new] = [old, new].map(|side| side.and_then(|map| map.get(key)));
                at(of, Name::Field(key), old, new, found)?;
            }
        }
        Type::Scalar(_) => {}
    }
    Ok(())
}

/// Compares what has one name in both lists. What is there several times is taken as one.
fn item_at(
    of: &Type,
    name: &Element,
    old: &[&Value],
    new: &[&Value],
    found: &mut Comparison,
) -> Result<(), Unnamed> {
    let name = Name::Item(name);
    match (old, new) {
        ([] | [_], [] | [_]) => at(of, name, old.first().copied(), new.first().copied(), found)?,
        ([_, _, ..], [_, _, ..]) if old != new => found.modified.add(name),
        ([_, _, ..], [_, _, ..]) => {}
        ([_, _, ..], [..]) => {
            if let Some(new) = new.first() {
                at(of, name, None, Some(new), found)?;
            }
            found.removed.add(name);
        }
        ([..], [_, _, ..]) => {
            if let Some(old) = old.first() {
                at(of, name, Some(old), None, found)?;
            }
            found.added.add(name);
        }
    }
    Ok(())
}

/// Whether nothing is below a value: it is not there, null or empty.
pub(super) fn is_bare(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Kind;

    /// `old` and `new` are specs of pods.
    #[expect(clippy::needless_pass_by_value, reason = "a test reads better with values")]
    fn check(old: Value, new: Value, added: Value, modified: Value, removed: Value) {
        let of = Type::of(Kind::Pod);
        let pod = |spec: Value| json!({"spec": spec});
        let found = compare(of, &pod(old), &pod(new)).expect("must be comparable");
        let spec = |set: &FieldSet| set.to_json()["f:spec"].clone();
        assert_eq!(spec(&found.added), added, "added");
        assert_eq!(spec(&found.modified), modified, "modified");
        assert_eq!(spec(&found.removed), removed, "removed");
    }

    #[test]
    fn what_appears_is_added_with_all_that_holds_it() {
        let probe = json!({"containers": [
            {"name": "a", "livenessProbe": {"httpGet": {"port": 80}}, "ports": [{"containerPort": 80}]},
        ]});
        check(
            json!({"containers": null}),
            probe,
            json!({"f:containers": {"k:{\"name\":\"a\"}": {
                ".": {}, "f:name": {},
                "f:livenessProbe": {".": {}, "f:httpGet": {".": {}, "f:port": {}}},
                "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {
                    ".": {}, "f:containerPort": {},
                }},
            }}}),
            Value::Null,
            Value::Null,
        );
        check(
            json!({}),
            json!({"securityContext": {}}),
            json!({"f:securityContext": {}}),
            Value::Null,
            Value::Null,
        );
    }

    #[test]
    fn items_are_compared_by_name_wherever_they_are() {
        check(
            json!({"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}),
            json!({"containers": [{"name": "c"}, {"name": "a", "image": "y"}]}),
            json!({"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}}}}),
            json!({"f:containers": {"k:{\"name\":\"a\"}": {"f:image": {}}}}),
            json!({"f:containers": {"k:{\"name\":\"b\"}": {".": {}, "f:name": {}}}}),
        );
    }

    #[test]
    fn what_has_one_owner_is_modified_as_one() {
        check(
            json!({"nodeSelector": {"a": "1"}, "tolerations": [{"key": "a"}]}),
            json!({"nodeSelector": {"b": "1"}, "tolerations": []}),
            Value::Null,
            json!({"f:nodeSelector": {}, "f:tolerations": {}}),
            Value::Null,
        );
    }
}
