//! Sets of paths: the fields that somebody owns.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::path::{Element, Malformed, Name};
use crate::http::schema::Type;

/// A set of paths, as a tree: what of this level is in it, and what below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct FieldSet {
    members: BTreeSet<Element>,
    below: BTreeMap<Element, Self>,
}

impl FieldSet {
    /// The set of these paths of fields.
    pub(super) fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let path: Vec<_> = path.iter().map(|name| Element::field(name)).collect();
            set.insert(&path);
        }
        set
    }

    pub(super) fn insert(&mut self, path: &[Element]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.below.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Adds what is at `name`, of this level.
    pub(super) fn add(&mut self, name: Name<'_>) {
        self.members.insert(name.into());
    }

    /// Adds `below`, of the level below `name`, of which nothing is in it yet.
    pub(super) fn put(&mut self, name: Name<'_>, below: Self) {
        if !below.is_empty() {
            self.below.insert(name.into(), below);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.below.values().all(Self::is_empty)
    }

    /// Whether `element` of this level is in it.
    pub(super) fn has(&self, element: &Element) -> bool {
        self.members.contains(element)
    }

    /// What of it is below `element`.
    pub(super) fn below(&self, element: &Element) -> Option<&Self> {
        self.below.get(element).filter(|below| !below.is_empty())
    }

    #[must_use]
    pub(super) fn union(mut self, other: Self) -> Self {
        self.members.extend(other.members);
        for (element, below) in other.below {
            let both = match self.below.remove(&element) {
                Some(mine) => mine.union(below),
                None => below,
            };
            self.below.insert(element, both);
        }
        self
    }

    #[must_use]
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let members = self.members.intersection(&other.members).cloned().collect();
        let below = self.below.iter().filter_map(|(element, mine)| {
            let both = mine.intersection(other.below.get(element)?);
            (!both.is_empty()).then(|| (element.clone(), both))
        });
        Self { members, below: below.collect() }
    }

    /// What is in this and not in `other`. What is below a path of `other` stays.
    #[must_use]
    pub(super) fn difference(mut self, other: &Self) -> Self {
        self.take_out(other, false);
        self
    }

    /// What is in this, without the paths of `other` and all that is below them.
    #[must_use]
    pub(super) fn outside(mut self, other: &Self) -> Self {
        self.take_out(other, true);
        self
    }

    fn take_out(&mut self, other: &Self, is_deep: bool) {
        for member in &other.members {
            self.members.remove(member);
            if is_deep {
                self.below.remove(member);
            }
        }
        for (element, theirs) in &other.below {
            if let Some(mine) = self.below.get_mut(element) {
                mine.take_out(theirs, is_deep);
                if mine.is_empty() {
                    self.below.remove(element);
                }
            }
        }
    }

    /// The same with every field that something is below of: a structure is not in a set for its
    /// own sake, and would otherwise be left behind empty.
    #[must_use]
    pub(super) fn with_structures(&self, of: Option<&Type>) -> Self {
        let mut set = self.clone();
        for (element, below) in &self.below {
            let type_below = match (of, element) {
                (Some(found), Element::Field(name)) => {
                    if found.declares(name) {
                        set.members.insert(element.clone());
                    }
                    found.field(name).map(|found| &**found)
                }
                (Some(Type::List { item, .. }), _) => Some(&**item),
                _ => None,
            };
            set.below.insert(element.clone(), below.with_structures(type_below));
        }
        set
    }

    /// Every path, what is of one level before what is below it.
    pub(super) fn paths(&self) -> Vec<Vec<Element>> {
        let mut paths: Vec<_> = self.members.iter().map(|it| vec![it.clone()]).collect();
        for (element, below) in &self.below {
            let below = below.paths().into_iter();
            paths.extend(below.map(|path| [vec![element.clone()], path].concat()));
        }
        paths
    }

    /// As `fieldsV1` has it.
    pub(super) fn to_json(&self) -> Value {
        let mut json: Map<String, Value> = Map::new();
        for (element, below) in &self.below {
            if !below.is_empty() {
                json.insert(element.written(), below.to_json());
            }
        }
        for member in &self.members {
            let entry = json.entry(member.written()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = entry
                && !below.is_empty()
            {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
        }
        Value::Object(json)
    }

    /// The set that a `fieldsV1` means.
    pub(super) fn from_json(json: &Value) -> Result<Self, Malformed> {
        let mut set = Self::default();
        for (key, below) in json.as_object().ok_or(Malformed)? {
            if key == "." {
                continue;
            }
            let Some(element) = Element::read(key)? else { continue };
            let fields = below.as_object().ok_or(Malformed)?;
            if fields.is_empty() || fields.contains_key(".") {
                set.members.insert(element.clone());
            }
            let below = Self::from_json(below)?;
            if !below.is_empty() {
                set.below.insert(element, below);
            }
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(json: &Value) -> FieldSet {
        FieldSet::from_json(json).expect("must be well-formed")
    }

    #[test]
    fn a_set_is_written_as_it_was_read() {
        let fields = json!({
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"main\"}": {".": {}, "f:image": {}}}},
        });
        assert_eq!(set(&fields).to_json(), fields);
        assert_eq!(FieldSet::from_json(&json!({"f:a": []})), Err(Malformed));
        assert_eq!(FieldSet::from_json(&json!([])), Err(Malformed));
    }

    #[test]
    fn sets_are_united_cut_and_taken_from_each_other() {
        let a = set(&json!({"f:x": {".": {}, "f:y": {}}, "f:z": {}}));
        let b = set(&json!({"f:x": {}, "f:w": {}}));
        let check = |found: &FieldSet, expect: &Value| assert_eq!(found.to_json(), *expect);
        check(
            &a.clone().union(b.clone()),
            &json!({"f:x": {".": {}, "f:y": {}}, "f:z": {}, "f:w": {}}),
        );
        check(&a.intersection(&b), &json!({"f:x": {}}));
        check(&a.clone().difference(&b), &json!({"f:x": {"f:y": {}}, "f:z": {}}));
        check(&a.clone().outside(&b), &json!({"f:z": {}}));
        assert!(a.clone().difference(&a).is_empty());
    }
}
