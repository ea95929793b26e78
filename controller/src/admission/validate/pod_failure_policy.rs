//! `spec.podFailurePolicy` of a Job.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::{
    PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
};

use super::meta::each;
use super::{format, pod};
use crate::admission::error::{Errors, Json, Nothing};
use crate::admission::path::Path;
use crate::api::{JobSpec, PodFailurePolicy, PodFailurePolicyRule};

/// The most rules.
const RULES_MAX: usize = 20;
/// The most exit codes of a rule: there are no more.
const EXIT_CODES_MAX: usize = 255;
/// The most conditions of a rule.
const CONDITIONS_MAX: usize = 20;

const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];
const STATUSES: [&str; 3] = ["False", "True", "Unknown"];

/// Validates the pod failure policy of `spec`.
pub(super) fn policy(
    policy: &PodFailurePolicy,
    spec: &JobSpec,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let at = at.child("rules");
    if policy.rules.len() > RULES_MAX {
        errors.too_many(&at, policy.rules.len(), RULES_MAX);
    }
    let containers = pod::container_names(&spec.template);
    for (index, each) in policy.rules.iter().enumerate() {
        rule(each, spec, &containers, &at.index(index), errors);
    }
}

fn rule(
    rule: &PodFailurePolicyRule,
    spec: &JobSpec,
    containers: &BTreeSet<&str>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let action = at.child("action");
    match rule.action.as_str() {
        "FailIndex" if spec.backoff_limit_per_index.is_none() => {
            errors.invalid(&action, &rule.action, "requires the backoffLimitPerIndex to be set");
        }
        value => one_of(value, &ACTIONS, &action, errors),
    }
    if let Some(codes) = &rule.on_exit_codes {
        exit_codes(codes, containers, &at.child("onExitCodes"), errors);
    }
    let patterns = rule.on_pod_conditions.as_deref().unwrap_or_default();
    if !patterns.is_empty() {
        conditions(patterns, &at.child("onPodConditions"), errors);
    }
    match (&rule.on_exit_codes, patterns) {
        (Some(_), [_, ..]) => errors.invalid(
            at,
            Nothing,
            "specifying both OnExitCodes and OnPodConditions is not supported",
        ),
        (None, []) => errors.invalid(
            at,
            Nothing,
            "specifying one of OnExitCodes and OnPodConditions is required",
        ),
        _ => {}
    }
}

/// Complains unless `value` is one of `allowed`; in the words that this policy has for it.
fn one_of(value: &str, allowed: &[&str], at: &Path<'_>, errors: &mut Errors) {
    if value.is_empty() {
        let quoted: Vec<_> = allowed.iter().map(|value| format!("\"{value}\"")).collect();
        errors.required(at, &format!("valid values: [{}]", quoted.join(" ")));
    } else if !allowed.contains(&value) {
        errors.not_supported(at, value, allowed);
    }
}

fn exit_codes(
    codes: &PodFailurePolicyOnExitCodesRequirement,
    containers: &BTreeSet<&str>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    one_of(&codes.operator, &OPERATORS, &at.child("operator"), errors);
    if let Some(name) = &codes.container_name
        && !containers.contains(name.as_str())
    {
        errors.invalid(
            &at.child("containerName"),
            name,
            "must be one of the container or initContainer names in the pod template",
        );
    }
    let at = at.child("values");
    if codes.values.is_empty() {
        errors.invalid(&at, Json(&codes.values), "at least one value is required");
    } else if codes.values.len() > EXIT_CODES_MAX {
        errors.too_many(&at, codes.values.len(), EXIT_CODES_MAX);
    }
    let mut seen = BTreeSet::new();
    for (index, value) in codes.values.iter().enumerate() {
        if codes.operator == "In" && *value == 0 {
            errors.invalid(&at.index(index), *value, "must not be 0 for the In operator");
        }
        if !seen.insert(value) {
            errors.duplicate(&at.index(index), *value);
        }
    }
    if !codes.values.is_sorted() {
        errors.invalid(&at, Json(&codes.values), "must be ordered");
    }
}

fn conditions(
    patterns: &[PodFailurePolicyOnPodConditionsPattern],
    at: &Path<'_>,
    errors: &mut Errors,
) {
    if patterns.len() > CONDITIONS_MAX {
        errors.too_many(at, patterns.len(), CONDITIONS_MAX);
    }
    for (index, pattern) in patterns.iter().enumerate() {
        let at = at.index(index);
        each(format::qualified_name(&pattern.type_), |complaint| {
            errors.invalid(&at.child("type"), &pattern.type_, complaint);
        });
        let status = pattern.status.as_deref().unwrap_or_default();
        one_of(status, &STATUSES, &at.child("status"), errors);
    }
}
