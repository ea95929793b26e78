//! Which nodes a pod asks for by their labels and names. Pure.
//!
//! Source: `spec.affinity.nodeAffinity`, and Kubernetes' matching of node selector terms.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;

use crate::api::PodSpec;

/// The one field of a node that `matchFields` knows.
const NAME: &str = "metadata.name";

/// `spec.affinity.nodeAffinity`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct NodeAffinity {
    /// One of these must match, if there are any at all.
    required: Option<Vec<NodeTerm>>,
    /// Those that match count with their weights.
    preferred: Vec<(i64, NodeTerm)>,
}

/// Requirements that must all hold of a node. One that requires nothing matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct NodeTerm {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

/// What is required of a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Requirement {
    pub(super) key: String,
    pub(super) operator: Operator,
    pub(super) values: Vec<String>,
}

/// How a label is held against values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt,
    Lt,
    /// One that admission does not let pass; it never holds.
    Unknown,
}

impl NodeAffinity {
    pub(super) fn of(spec: &PodSpec) -> Self {
        let affinity = spec.affinity.as_ref().and_then(|it| it.node_affinity.as_ref());
        let Some(affinity) = affinity else { return Self::default() };
        let required = affinity.required_during_scheduling_ignored_during_execution.as_ref();
        let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter();
        Self {
            required: required.map(|it| it.node_selector_terms.iter().map(NodeTerm::of).collect()),
            preferred: preferred
                .flatten()
                .map(|it| (i64::from(it.weight), NodeTerm::of(&it.preference)))
                .collect(),
        }
    }

    /// Whether the node is one of those that are required.
    pub(super) fn allows(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        let terms = self.required.as_ref();
        terms.is_none_or(|terms| terms.iter().any(|term| term.matches(name, labels)))
    }

    /// Whether some nodes are preferred to others.
    pub(super) fn prefers(&self) -> bool {
        !self.preferred.is_empty()
    }

    /// The sum of the weights of what the node is preferred for.
    pub(super) fn preference(&self, name: &str, labels: &BTreeMap<String, String>) -> i64 {
        let matching = self.preferred.iter().filter(|(_, term)| term.matches(name, labels));
        matching.map(|(weight, _)| weight).sum()
    }
}

impl NodeTerm {
    fn of(term: &NodeSelectorTerm) -> Self {
        let all = |list: &Option<Vec<NodeSelectorRequirement>>| {
            list.iter().flatten().map(Requirement::from).collect()
        };
        Self { labels: all(&term.match_expressions), fields: all(&term.match_fields) }
    }

    fn matches(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        let is_empty = self.labels.is_empty() && self.fields.is_empty();
        let field = |it: &Requirement| it.holds((it.key == NAME).then_some(name));
        !is_empty
            && self.labels.iter().all(|it| it.holds(labels.get(&it.key).map(String::as_str)))
            && self.fields.iter().all(field)
    }
}

impl Requirement {
    /// Whether it holds where the label has this value, or is not there.
    pub(super) fn holds(&self, value: Option<&str>) -> bool {
        let is_listed = |value: &str| self.values.iter().any(|listed| listed == value);
        match self.operator {
            Operator::In => value.is_some_and(is_listed),
            Operator::NotIn => !value.is_some_and(is_listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => self.compares(value, |found, bound| found > bound),
            Operator::Lt => self.compares(value, |found, bound| found < bound),
            Operator::Unknown => false,
        }
    }

    /// Both are whole numbers, and `holds` of them.
    fn compares(&self, value: Option<&str>, holds: fn(i64, i64) -> bool) -> bool {
        let [bound] = &self.values[..] else { return false };
        let numbers = value.and_then(|it| it.parse().ok()).zip(bound.parse().ok());
        numbers.is_some_and(|(found, bound)| holds(found, bound))
    }
}

impl Operator {
    fn of(text: &str) -> Self {
        match text {
            "In" => Self::In,
            "NotIn" => Self::NotIn,
            "Exists" => Self::Exists,
            "DoesNotExist" => Self::DoesNotExist,
            "Gt" => Self::Gt,
            "Lt" => Self::Lt,
            _ => Self::Unknown,
        }
    }
}

impl From<&NodeSelectorRequirement> for Requirement {
    fn from(it: &NodeSelectorRequirement) -> Self {
        let values = it.values.clone().unwrap_or_default();
        Self { key: it.key.clone(), operator: Operator::of(&it.operator), values }
    }
}

impl From<&LabelSelectorRequirement> for Requirement {
    fn from(it: &LabelSelectorRequirement) -> Self {
        let values = it.values.clone().unwrap_or_default();
        Self { key: it.key.clone(), operator: Operator::of(&it.operator), values }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn affinity(node_affinity: &Value) -> NodeAffinity {
        let spec = json!({"containers": [], "affinity": {"nodeAffinity": node_affinity}});
        NodeAffinity::of(&serde_json::from_value(spec).expect("must be a spec"))
    }

    fn required(terms: &Value) -> NodeAffinity {
        let required = json!({"nodeSelectorTerms": terms});
        affinity(&json!({"requiredDuringSchedulingIgnoredDuringExecution": required}))
    }

    fn labels() -> BTreeMap<String, String> {
        BTreeMap::from([("zone".to_owned(), "a".to_owned()), ("cores".to_owned(), "8".to_owned())])
    }

    #[test]
    fn expressions_hold_as_kubernetes_has_them() {
        for (key, operator, values, expected) in [
            ("zone", "In", json!(["a", "b"]), true),
            ("zone", "In", json!(["b"]), false),
            ("rack", "In", json!(["b"]), false),
            ("zone", "NotIn", json!(["b"]), true),
            ("zone", "NotIn", json!(["a"]), false),
            ("rack", "NotIn", json!(["a"]), true),
            ("zone", "Exists", json!(null), true),
            ("rack", "Exists", json!(null), false),
            ("rack", "DoesNotExist", json!(null), true),
            ("zone", "DoesNotExist", json!(null), false),
            ("cores", "Gt", json!(["7"]), true),
            ("cores", "Gt", json!(["8"]), false),
            ("cores", "Lt", json!(["9"]), true),
            ("zone", "Lt", json!(["9"]), false),
            ("rack", "Gt", json!(["1"]), false),
        ] {
            let expression = json!({"key": key, "operator": operator, "values": values});
            let terms = json!([{"matchExpressions": [expression]}]);
            assert_eq!(required(&terms).allows("n", &labels()), expected, "{terms}");
        }
    }

    #[test]
    fn one_term_is_enough_and_all_of_it_must_hold() {
        let is = |key: &str, value: &str| json!({"key": key, "operator": "In", "values": [value]});
        let check = |terms: Value, expected: bool| {
            assert_eq!(required(&terms).allows("n", &labels()), expected, "{terms}");
        };
        check(json!([{"matchExpressions": [is("zone", "a"), is("cores", "8")]}]), true);
        check(json!([{"matchExpressions": [is("zone", "a"), is("cores", "4")]}]), false);
        let other = json!({"matchExpressions": [is("zone", "b")]});
        check(json!([other, {"matchFields": [is("metadata.name", "n")]}]), true);
        check(json!([other, {"matchFields": [is("metadata.name", "m")]}]), false);
        check(json!([{}]), false);
        assert!(affinity(&json!({})).allows("n", &labels()), "nothing is required");
    }

    #[test]
    fn what_is_preferred_adds_up() {
        let term = |weight: i32, value: &str| {
            let is = json!({"key": "zone", "operator": "In", "values": [value]});
            json!({"weight": weight, "preference": {"matchExpressions": [is]}})
        };
        let preferred = json!([term(3, "a"), term(4, "b"), term(50, "a")]);
        let preferred = json!({"preferredDuringSchedulingIgnoredDuringExecution": preferred});
        assert_eq!(affinity(&preferred).preference("n", &labels()), 53);
    }
}
