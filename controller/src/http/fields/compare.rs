//! What differs between two states of an object, path by path.

use std::collections::BTreeMap;

use serde_json::Value;

use super::items::{Unnamed, named};
use super::path::Element;
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
    pub(super) fn outside(&self, ignored: &FieldSet) -> Self {
        Self {
            added: self.added.outside(ignored),
            modified: self.modified.outside(ignored),
            removed: self.removed.outside(ignored),
        }
    }

    /// What of `new` is not as it was.
    pub(super) fn changed(&self) -> FieldSet {
        self.added.clone().union(&self.modified)
    }
}

/// What becomes of `old` when it is `new`; both are of the type `of`.
pub(super) fn compare(of: &Type, old: &Value, new: &Value) -> Result<Comparison, Unnamed> {
    let mut walk = Walk { path: Vec::new(), found: Comparison::default() };
    walk.at(of, Some(old), Some(new))?;
    Ok(walk.found)
}

struct Walk {
    path: Vec<Element>,
    found: Comparison,
}

impl Walk {
    fn at(&mut self, of: &Type, old: Option<&Value>, new: Option<&Value>) -> Result<(), Unnamed> {
        if of.is_owned_as_one() || (is_bare(old) && is_bare(new)) {
            self.leaf(old, new);
            return Ok(());
        }
        match of {
            Type::List { item, list_type, .. } => {
                let mut items: BTreeMap<Element, [Vec<&Value>; 2]> = BTreeMap::new();
                for (side, list) in [old, new].into_iter().enumerate() {
                    let list = list.and_then(Value::as_array).map(Vec::as_slice);
                    for (name, value) in named(*list_type, list.unwrap_or_default())? {
                        items.entry(name).or_default()[side].push(value);
                    }
                }
                for (name, [old, new]) in items {
                    self.path.push(name);
                    self.item(item, &old, &new)?;
                    self.path.pop();
                }
            }
            Type::Map { .. } | Type::Structure(_) => {
                let [old, new] = [old, new].map(|side| side.and_then(Value::as_object));
                let only_new = new.into_iter().flatten();
                let only_new =
                    only_new.filter(|(key, _)| old.is_none_or(|it| !it.contains_key(*key)));
                for (key, _) in old.into_iter().flatten().chain(only_new) {
                    // What there is no such field for is nobody's.
                    let Some(below) = of.field(key) else { continue };
                    self.path.push(Element::Field(key.clone()));
                    let [old, new] = [old, new].map(|side| side.and_then(|map| map.get(key)));
                    self.at(below, old, new)?;
                    self.path.pop();
                }
            }
            Type::Scalar(_) => {}
        }
        match (old, new) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            _ => {}
        }
        Ok(())
    }

    /// Compares what has one name in both lists. What is there several times is taken as one.
    fn item(&mut self, of: &Type, old: &[&Value], new: &[&Value]) -> Result<(), Unnamed> {
        match (old, new) {
            ([] | [_], [] | [_]) => self.at(of, old.first().copied(), new.first().copied()),
            ([_, _, ..], [_, _, ..]) => {
                if old != new {
                    self.found.modified.insert(&self.path);
                }
                Ok(())
            }
            ([_, _, ..], [..]) => {
                if let Some(new) = new.first() {
                    self.at(of, None, Some(new))?;
                }
                self.found.removed.insert(&self.path);
                Ok(())
            }
            ([..], [_, _, ..]) => {
                if let Some(old) = old.first() {
                    self.at(of, Some(old), None)?;
                }
                self.found.added.insert(&self.path);
                Ok(())
            }
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            (Some(old), Some(new)) if old != new => self.found.modified.insert(&self.path),
            _ => {}
        }
    }
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
