//! What a pod asks of the pods that are there already: which are to be near, which far, and how evenly
//! they are to be spread. Pure.
//!
//! Source: `spec.affinity.podAffinity`, `spec.affinity.podAntiAffinity` and
//! `spec.topologySpreadConstraints`, as Kubernetes' plugins InterPodAffinity and PodTopologySpread
//! have them.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    PodAffinityTerm, TopologySpreadConstraint, WeightedPodAffinityTerm,
};

use super::selector::{Clause, Selector};
use crate::api::{Pod, PodSpec, Resource};

/// What Kubernetes has a pod count for that others require to be near (`hardPodAffinityWeight`).
const REQUIRED_WEIGHT: i64 = 1;

/// All that one pod asks of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Constraints {
    /// Pods that all of the required terms select at once, and the labels by which near is meant.
    pub(super) near: Option<Near>,
    /// Pods that may not be near.
    pub(super) far: Vec<Term>,
    /// Pods that count for a node, or against it, with their weights. It holds for either side.
    pub(super) weighed: Vec<(i64, Term)>,
    /// What the pods that a term requires count for, for who is selected by it.
    pub(super) required: Vec<Term>,
    /// How evenly pods must be spread.
    pub(super) hard_spread: Vec<Spread>,
    /// How evenly they should be.
    pub(super) soft_spread: Vec<Spread>,
}

/// Pods that must be near: one at least that the selector selects, by each of the labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Near {
    pub(super) selector: Arc<Selector>,
    pub(super) keys: Vec<String>,
}

/// Some pods, and the label of nodes by which near is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Term {
    pub(super) selector: Arc<Selector>,
    pub(super) key: String,
}

/// One of `topologySpreadConstraints`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spread {
    pub(super) selector: Arc<Selector>,
    pub(super) key: String,
    pub(super) skew_max: i64,
    pub(super) domains_min: usize,
    /// Whether only nodes count that the pod asks for.
    pub(super) honours_affinity: bool,
    /// Whether only nodes count whose taints it tolerates.
    pub(super) honours_taints: bool,
}

impl Constraints {
    /// Those of `pod`; nothing if it asks nothing of others.
    pub(super) fn of(pod: &Pod) -> Option<Self> {
        let spec = pod.spec.as_ref().filter(|spec| Self::are_in(spec))?;
        let asking = Asking::of(pod);
        let mut found = Self::default();
        let affinity = spec.affinity.as_ref();
        if let Some(near) = affinity.and_then(|it| it.pod_affinity.as_ref()) {
            let terms = near.required_during_scheduling_ignored_during_execution.iter().flatten();
            let terms: Vec<_> = terms.map(|it| asking.term(it)).collect();
            found.near = Near::of(&terms);
            found.required = terms;
            let preferred = &near.preferred_during_scheduling_ignored_during_execution;
            found.weighed.extend(asking.weighed(preferred, 1));
        }
        if let Some(far) = affinity.and_then(|it| it.pod_anti_affinity.as_ref()) {
            let terms = far.required_during_scheduling_ignored_during_execution.iter().flatten();
            found.far = terms.map(|it| asking.term(it)).collect();
            let preferred = &far.preferred_during_scheduling_ignored_during_execution;
            found.weighed.extend(asking.weighed(preferred, -1));
        }
        for constraint in spec.topology_spread_constraints.iter().flatten() {
            let into = match constraint.when_unsatisfiable.as_str() {
                "ScheduleAnyway" => &mut found.soft_spread,
                _ => &mut found.hard_spread,
            };
            into.push(asking.spread(constraint));
        }
        Some(found)
    }

    /// Whether a pod with this `spec` has some.
    pub(super) fn are_in(spec: &PodSpec) -> bool {
        let affinity = spec.affinity.as_ref();
        affinity.is_some_and(|it| it.pod_affinity.is_some() || it.pod_anti_affinity.is_some())
            || spec.topology_spread_constraints.as_ref().is_some_and(|all| !all.is_empty())
    }

    /// Every selector that is in them, some more than once.
    pub(super) fn selectors(&self) -> impl Iterator<Item = &Arc<Selector>> {
        let terms = self.far.iter().chain(&self.required);
        let terms = terms.chain(self.weighed.iter().map(|(_, term)| term));
        let spreads = self.hard_spread.iter().chain(&self.soft_spread);
        (self.near.iter().map(|near| &near.selector))
            .chain(terms.map(|term| &term.selector))
            .chain(spreads.map(|spread| &spread.selector))
    }

    /// What it asks on behalf of itself once it is there, of those that come: for each term, what it
    /// is to them.
    pub(super) fn owned(&self) -> impl Iterator<Item = (Role, &Term)> {
        let far = self.far.iter().map(|term| (Role::Forbids, term));
        let required = self.required.iter().map(|term| (Role::Weighs(REQUIRED_WEIGHT), term));
        let weighed = self.weighed.iter().map(|(weight, term)| (Role::Weighs(*weight), term));
        far.chain(required).chain(weighed)
    }
}

/// What a pod that is there is to one that it selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// It does not let it come near.
    Forbids,
    /// It counts for nodes nearby, or against them.
    Weighs(i64),
}

impl Near {
    fn of(terms: &[Term]) -> Option<Self> {
        let clauses: Vec<_> = terms.iter().flat_map(|it| it.selector.clauses.clone()).collect();
        let keys = terms.iter().map(|it| it.key.clone()).collect();
        let selector = Arc::new(Selector { clauses, skips_ending: false });
        (!terms.is_empty()).then_some(Self { selector, keys })
    }
}

/// Who asks.
struct Asking<'a> {
    namespace: &'a str,
    labels: &'a BTreeMap<String, String>,
}

static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();

impl<'a> Asking<'a> {
    fn of(pod: &'a Pod) -> Self {
        let namespace = pod.metadata().namespace.as_deref().unwrap_or_default();
        Self { namespace, labels: pod.metadata.labels.as_ref().unwrap_or(&NO_LABELS) }
    }

    fn term(&self, term: &PodAffinityTerm) -> Term {
        let mut clause = Clause::of(term.label_selector.as_ref());
        clause.narrow(&term.match_label_keys, self.labels, true);
        clause.narrow(&term.mismatch_label_keys, self.labels, false);
        clause.within(self.namespace, term);
        let selector = Arc::new(Selector { clauses: vec![clause], skips_ending: false });
        Term { selector, key: term.topology_key.clone() }
    }

    fn weighed(&self, terms: &Option<Vec<WeightedPodAffinityTerm>>, sign: i64) -> Vec<(i64, Term)> {
        let terms = terms.iter().flatten();
        let term = |it: &WeightedPodAffinityTerm| {
            (sign * i64::from(it.weight), self.term(&it.pod_affinity_term))
        };
        terms.map(term).collect()
    }

    fn spread(&self, constraint: &TopologySpreadConstraint) -> Spread {
        let mut clause = Clause::of(constraint.label_selector.as_ref());
        clause.narrow(&constraint.match_label_keys, self.labels, true);
        clause.namespaces.insert(self.namespace.to_owned());
        let is = |policy: &Option<String>, value: &str| policy.as_deref() == Some(value);
        let domains_min = constraint.min_domains.and_then(|it| usize::try_from(it).ok());
        Spread {
            // Those on their way out are not counted.
            selector: Arc::new(Selector { clauses: vec![clause], skips_ending: true }),
            key: constraint.topology_key.clone(),
            skew_max: constraint.max_skew.into(),
            domains_min: domains_min.unwrap_or(1),
            honours_affinity: !is(&constraint.node_affinity_policy, "Ignore"),
            honours_taints: is(&constraint.node_taints_policy, "Honor"),
        }
    }
}
