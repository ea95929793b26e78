//! Which pods are meant by those that ask for some. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::core::v1::PodAffinityTerm;

use super::affinity::{Operator, Requirement};
use crate::api::{LabelSelector, Pod};

/// The labels of each namespace.
pub(super) type NamespaceLabels = HashMap<String, BTreeMap<String, String>>;

/// Pods for which every clause holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Selector {
    pub(super) clauses: Vec<Clause>,
    /// Whether those that are being deleted are not meant.
    pub(super) skips_ending: bool,
}

/// Pods of some namespaces, by their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Clause {
    pub(super) namespaces: BTreeSet<String>,
    /// Namespaces with these labels, too.
    namespace_labels: Labels,
    labels: Labels,
}

/// What labels are selected; nothing selects nothing.
type Labels = Option<Vec<Requirement>>;

impl Selector {
    /// Whether `pod` is one of those.
    pub(super) fn selects(&self, pod: &Pod, namespaces: &NamespaceLabels) -> bool {
        let is_ending = pod.metadata.deletion_timestamp.is_some();
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let labels = pod.metadata.labels.as_ref();
        !(self.skips_ending && is_ending)
            && self.clauses.iter().all(|it| it.selects(namespace, labels, namespaces))
    }

    /// Whether it looks at the labels of namespaces.
    pub(super) fn looks_at_namespaces(&self) -> bool {
        self.clauses.iter().any(|it| it.namespace_labels.is_some())
    }

    /// A label that every pod has that is selected, if one is known: its key and its value.
    pub(super) fn pair(&self) -> Option<(&str, &str)> {
        let requirements = self.clauses.iter().flat_map(|it| it.labels.iter().flatten());
        let mut pairs = requirements.filter_map(|it| match (it.operator, &it.values[..]) {
            (Operator::In, [value]) => Some((it.key.as_str(), value.as_str())),
            _ => None,
        });
        // What is narrowed by last is what is most one's own, such as the Job's uid.
        pairs.next_back()
    }
}

impl Clause {
    /// Pods that `selector` selects, of no namespace yet.
    pub(super) fn of(selector: Option<&LabelSelector>) -> Self {
        Self { labels: requirements(selector), ..Self::default() }
    }

    /// Only those that have the same value as the asking pod for each of `keys`, or only those that
    /// have another. What that does not have does not count.
    pub(super) fn narrow(
        &mut self,
        keys: &Option<Vec<String>>,
        own: &BTreeMap<String, String>,
        is_same: bool,
    ) {
        let Some(labels) = &mut self.labels else { return };
        for key in keys.iter().flatten() {
            let Some(value) = own.get(key) else { continue };
            let operator = if is_same { Operator::In } else { Operator::NotIn };
            labels.push(Requirement { key: key.clone(), operator, values: vec![value.clone()] });
        }
    }

    /// Only those of the namespaces that `term` says, or else of the asking pod's `own`.
    pub(super) fn within(&mut self, own: &str, term: &PodAffinityTerm) {
        self.namespaces.extend(term.namespaces.iter().flatten().cloned());
        self.namespace_labels = requirements(term.namespace_selector.as_ref());
        if self.namespaces.is_empty() && term.namespace_selector.is_none() {
            self.namespaces.insert(own.to_owned());
        }
    }

    fn selects(
        &self,
        namespace: &str,
        labels: Option<&BTreeMap<String, String>>,
        namespaces: &NamespaceLabels,
    ) -> bool {
        let of_namespace = || matches(&self.namespace_labels, namespaces.get(namespace));
        matches(&self.labels, labels) && (self.namespaces.contains(namespace) || of_namespace())
    }
}

fn requirements(selector: Option<&LabelSelector>) -> Labels {
    let selector = selector?;
    let pairs = selector.match_labels.iter().flatten().map(|(key, value)| Requirement {
        key: key.clone(),
        operator: Operator::In,
        values: vec![value.clone()],
    });
    let expressions = selector.match_expressions.iter().flatten().map(Requirement::from);
    Some(pairs.chain(expressions).collect())
}

fn matches(selected: &Labels, labels: Option<&BTreeMap<String, String>>) -> bool {
    let value = |key: &str| labels.and_then(|it| it.get(key)).map(String::as_str);
    let requirements = selected.as_ref();
    requirements.is_some_and(|all| all.iter().all(|it| it.holds(value(&it.key))))
}
