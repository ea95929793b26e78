//! How pods are spread, and which taints they tolerate.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Toleration, TopologySpreadConstraint};

use super::affinity::{IN_SELECTOR, NO_SELECTOR, label_name, topology_key};
use super::format;
use super::selector::label_selector;
use crate::admission::error::{Errors, Show, quoted};
use crate::admission::path::Path;

const POSITIVE: &str = "must be greater than zero";

/// Validates `topologySpreadConstraints`.
pub(super) fn spread(all: &[TopologySpreadConstraint], at: &Path<'_>, errors: &mut Errors) {
    for (index, constraint) in all.iter().enumerate() {
        let at = at.index(index);
        if constraint.max_skew <= 0 {
            errors.invalid(&at.child("maxSkew"), constraint.max_skew, POSITIVE);
        }
        topology_key(&constraint.topology_key, &at.child("topologyKey"), errors);
        let (action, actions) =
            (&constraint.when_unsatisfiable, ["DoNotSchedule", "ScheduleAnyway"]);
        if !actions.contains(&action.as_str()) {
            errors.not_supported(&at.child("whenUnsatisfiable"), action, &actions);
        }
        let kind = |it: &TopologySpreadConstraint| {
            (it.topology_key.clone(), it.when_unsatisfiable.clone())
        };
        if all[index + 1..].iter().any(|other| kind(other) == kind(constraint)) {
            let pair = format!("{{{}, {action}}}", constraint.topology_key);
            errors.duplicate(&at.child("{topologyKey, whenUnsatisfiable}"), &pair);
        }
        min_domains(constraint, &at.child("minDomains"), errors);
        for (field, policy) in [
            ("nodeAffinityPolicy", &constraint.node_affinity_policy),
            ("nodeTaintsPolicy", &constraint.node_taints_policy),
        ] {
            let policies = ["Honor", "Ignore"];
            if let Some(policy) = policy.as_ref().filter(|it| !policies.contains(&it.as_str())) {
                errors.not_supported(&at.child(field), policy, &policies);
            }
        }
        match_label_keys(constraint, &at.child("matchLabelKeys"), errors);
        if let Some(selector) = &constraint.label_selector {
            label_selector(selector, &at.child("labelSelector"), false, errors);
        }
    }
}

fn min_domains(constraint: &TopologySpreadConstraint, at: &Path<'_>, errors: &mut Errors) {
    let Some(domains) = constraint.min_domains else { return };
    if domains <= 0 {
        errors.invalid(at, domains, POSITIVE);
    }
    let action = &constraint.when_unsatisfiable;
    if action != "DoNotSchedule" {
        let why =
            format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
        errors.invalid(at, domains, &why);
    }
}

fn match_label_keys(constraint: &TopologySpreadConstraint, at: &Path<'_>, errors: &mut Errors) {
    let keys = constraint.match_label_keys.as_deref().unwrap_or_default();
    if keys.is_empty() {
        return;
    }
    let Some(selector) = &constraint.label_selector else {
        errors.forbidden(at, NO_SELECTOR);
        return;
    };
    let pairs = selector.match_labels.iter().flatten().map(|(key, _)| key);
    let expressions = selector.match_expressions.iter().flatten().map(|it| &it.key);
    let selected: BTreeSet<&String> = pairs.chain(expressions).collect();
    for (index, key) in keys.iter().enumerate() {
        label_name(key, &at.index(index), errors);
        if selected.contains(key) {
            errors.invalid(&at.index(index), key, IN_SELECTOR);
        }
    }
}

/// Validates `tolerations`.
pub(super) fn tolerations(all: &[Toleration], at: &Path<'_>, errors: &mut Errors) {
    for (index, toleration) in all.iter().enumerate() {
        let at = at.index(index);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (key, operator) = (text(&toleration.key), text(&toleration.operator));
        let (value, effect) = (text(&toleration.value), text(&toleration.effect));
        if !key.is_empty() {
            label_name(&key, &at.child("key"), errors);
        }
        if key.is_empty() && operator != "Exists" {
            let why = "operator must be Exists when `key` is empty, which means \"match all values \
                       and all keys\"";
            errors.invalid(&at.child("operator"), &operator, why);
        }
        if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.invalid(&at.child("effect"), &effect, why);
        }
        match operator.as_str() {
            "Equal" | "" => {
                let complaints = format::label_value(&value);
                if !complaints.is_empty() {
                    errors.invalid(&at.child("operator"), &value, &complaints.join(";"));
                }
            }
            "Exists" if !value.is_empty() => {
                let why = "value must be empty when `operator` is 'Exists'";
                errors.invalid(&at.child("operator"), toleration, why);
            }
            "Exists" => {}
            other => errors.not_supported(&at.child("operator"), other, &["Equal", "Exists"]),
        }
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if !effect.is_empty() && !effects.contains(&effect.as_str()) {
            errors.not_supported(&at.child("effect"), &effect, &effects);
        }
    }
}

/// As an API server keeps it inside.
impl Show for &Toleration {
    fn show(self) -> Option<String> {
        let text = |text: &Option<String>| quoted(text.as_deref().unwrap_or_default());
        let seconds = self.toleration_seconds.map_or("null".to_owned(), |it| it.to_string());
        Some(format!(
            "{{\"Key\":{},\"Operator\":{},\"Value\":{},\"Effect\":{},\"TolerationSeconds\":{seconds}}}",
            text(&self.key),
            text(&self.operator),
            text(&self.value),
            text(&self.effect),
        ))
    }
}

#[cfg(test)]
mod tests;
