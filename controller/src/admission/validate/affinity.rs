//! Which nodes a pod asks for, and which pods nearby.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm,
    WeightedPodAffinityTerm,
};

use super::format;
use super::meta::each;
use super::selector::label_selector;
use crate::admission::error::Errors;
use crate::admission::path::Path;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Validates all that a pod asks for.
pub(super) fn affinity(affinity: &Affinity, at: &Path<'_>, errors: &mut Errors) {
    if let Some(nodes) = &affinity.node_affinity {
        node_affinity(nodes, &at.child("nodeAffinity"), errors);
    }
    let near = affinity.pod_affinity.as_ref().map(|it| {
        let required = &it.required_during_scheduling_ignored_during_execution;
        ("podAffinity", required, &it.preferred_during_scheduling_ignored_during_execution)
    });
    let far = affinity.pod_anti_affinity.as_ref().map(|it| {
        let required = &it.required_during_scheduling_ignored_during_execution;
        ("podAntiAffinity", required, &it.preferred_during_scheduling_ignored_during_execution)
    });
    for (name, required, preferred) in near.into_iter().chain(far) {
        let at = at.child(name);
        for (index, term) in required.iter().flatten().enumerate() {
            pod_term(term, &at.child(REQUIRED).index(index), errors);
        }
        for (index, term) in preferred.iter().flatten().enumerate() {
            weighted(term, &at.child(PREFERRED).index(index), errors);
        }
    }
}

fn node_affinity(affinity: &NodeAffinity, at: &Path<'_>, errors: &mut Errors) {
    if let Some(required) = &affinity.required_during_scheduling_ignored_during_execution {
        let at = at.child(REQUIRED);
        let at = at.child("nodeSelectorTerms");
        if required.node_selector_terms.is_empty() {
            errors.required(&at, "must have at least one node selector term");
        }
        for (index, term) in required.node_selector_terms.iter().enumerate() {
            node_term(term, &at.index(index), errors);
        }
    }
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten();
    for (index, term) in preferred.enumerate() {
        let at = at.item(PREFERRED, index);
        weight(term.weight, &at, errors);
        node_term(&term.preference, &at.child("preference"), errors);
    }
}

fn weight(weight: i32, at: &Path<'_>, errors: &mut Errors) {
    if !(1..=100).contains(&weight) {
        errors.invalid(&at.child("weight"), weight, "must be in the range 1-100");
    }
}

fn node_term(term: &NodeSelectorTerm, at: &Path<'_>, errors: &mut Errors) {
    for (index, requirement) in term.match_expressions.iter().flatten().enumerate() {
        node_label(requirement, &at.child("matchExpressions").index(index), errors);
    }
    for (index, requirement) in term.match_fields.iter().flatten().enumerate() {
        node_field(requirement, &at.child("matchFields").index(index), errors);
    }
}

const NO_OPERATOR: &str = "not a valid selector operator";

fn node_label(requirement: &NodeSelectorRequirement, at: &Path<'_>, errors: &mut Errors) {
    let values = requirement.values.as_deref().unwrap_or_default();
    let values_at = at.child("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            let why = "must be specified when `operator` is 'In' or 'NotIn'";
            errors.required(&values_at, why);
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.forbidden(&values_at, why);
        }
        "Gt" | "Lt" if values.len() != 1 => {
            let why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
            errors.required(&values_at, why);
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => errors.invalid(&at.child("operator"), other, NO_OPERATOR),
    }
    label_name(&requirement.key, &at.child("key"), errors);
    for (index, value) in values.iter().enumerate() {
        each(format::label_value(value), |complaint| {
            errors.invalid(&values_at.index(index), value, complaint);
        });
    }
}

fn node_field(requirement: &NodeSelectorRequirement, at: &Path<'_>, errors: &mut Errors) {
    let values = requirement.values.as_deref().unwrap_or_default();
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.len() != 1 => {
            let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field \
                       selector";
            errors.required(&at.child("values"), why);
        }
        "In" | "NotIn" => {}
        other => errors.invalid(&at.child("operator"), other, NO_OPERATOR),
    }
    if requirement.key != "metadata.name" {
        let why = "not a valid field selector key";
        errors.invalid(&at.child("key"), &requirement.key, why);
        return;
    }
    for (index, value) in values.iter().enumerate() {
        each(format::dns_subdomain(value), |complaint| {
            errors.invalid(&at.child("values").index(index), value, complaint);
        });
    }
}

fn weighted(term: &WeightedPodAffinityTerm, at: &Path<'_>, errors: &mut Errors) {
    weight(term.weight, at, errors);
    pod_term(&term.pod_affinity_term, &at.child("podAffinityTerm"), errors);
}

fn pod_term(term: &PodAffinityTerm, at: &Path<'_>, errors: &mut Errors) {
    for (name, selector) in
        [("labelSelector", &term.label_selector), ("namespaceSelector", &term.namespace_selector)]
    {
        if let Some(selector) = selector {
            label_selector(selector, &at.child(name), false, errors);
        }
    }
    for namespace in term.namespaces.iter().flatten() {
        each(format::dns_label(namespace), |complaint| {
            // The name of this field is Kubernetes' own here.
            errors.invalid(&at.child("namespace"), namespace, complaint);
        });
    }
    label_keys(term, at, errors);
    topology_key(&term.topology_key, &at.child("topologyKey"), errors);
}

fn label_keys(term: &PodAffinityTerm, at: &Path<'_>, errors: &mut Errors) {
    let same = term.match_label_keys.as_deref().unwrap_or_default();
    let other = term.mismatch_label_keys.as_deref().unwrap_or_default();
    for (name, keys) in [("matchLabelKeys", same), ("mismatchLabelKeys", other)] {
        let at = at.child(name);
        if !keys.is_empty() && term.label_selector.is_none() {
            errors.forbidden(&at, NO_SELECTOR);
            continue;
        }
        for (index, key) in keys.iter().enumerate() {
            label_name(key, &at.index(index), errors);
        }
    }
    if let Some(selector) = &term.label_selector {
        let mut seen: BTreeSet<&String> =
            selector.match_labels.iter().flatten().map(|it| it.0).collect();
        for expression in selector.match_expressions.iter().flatten() {
            let known = same.iter().position(|key| *key == expression.key);
            if let Some(index) = known
                && seen.contains(&expression.key)
            {
                errors.invalid(&at.index(index), &expression.key, IN_SELECTOR);
            }
            seen.insert(&expression.key);
        }
    }
    for (index, key) in same.iter().enumerate().filter(|(_, key)| other.contains(key)) {
        let why = "exists in both matchLabelKeys and mismatchLabelKeys";
        errors.invalid(&at.child("matchLabelKeys").index(index), key, why);
    }
}

/// What is said of keys that narrow a selector which is not there.
pub(super) const NO_SELECTOR: &str = "must not be specified when labelSelector is not set";

/// What is said of a key that the selector has already.
pub(super) const IN_SELECTOR: &str = "exists in both matchLabelKeys and labelSelector";

/// Validates the label of nodes by which near is meant.
pub(super) fn topology_key(key: &String, at: &Path<'_>, errors: &mut Errors) {
    if key.is_empty() {
        errors.required(at, "can not be empty");
    }
    label_name(key, at, errors);
}

/// Validates the key of a label.
pub(super) fn label_name(key: &String, at: &Path<'_>, errors: &mut Errors) {
    each(format::qualified_name(key), |complaint| errors.invalid(at, key, complaint));
}
