//! `spec.successPolicy` of a Job.

use super::meta::NON_NEGATIVE;
use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::api::{JobSpec, SuccessPolicy, SuccessPolicyRule};
use crate::job::indexes;

/// The most rules.
const RULES_MAX: usize = 20;
/// The longest text of indexes.
const INDEXES_BYTES_MAX: usize = 64 * 1024;

/// Validates the success policy of `spec`, which is Indexed.
pub(super) fn policy(policy: &SuccessPolicy, spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("rules");
    if policy.rules.is_empty() {
        let detail = "at least one rules must be specified when the successPolicy is specified";
        errors.required(&at, detail);
    }
    if policy.rules.len() > RULES_MAX {
        errors.too_many(&at, policy.rules.len(), RULES_MAX);
    }
    for (index, each) in policy.rules.iter().enumerate() {
        rule(each, spec.completions.unwrap_or_default(), &at.index(index), errors);
    }
}

fn rule(rule: &SuccessPolicyRule, completions: i32, at: &Path<'_>, errors: &mut Errors) {
    if rule.succeeded_indexes.is_none() && rule.succeeded_count.is_none() {
        errors.required(at, "at least one of succeededCount or succeededIndexes must be specified");
    }
    let mut listed = None;
    if let Some(text) = &rule.succeeded_indexes {
        let at = at.child("succeededIndexes");
        if text.len() > INDEXES_BYTES_MAX {
            errors.too_long(&at, INDEXES_BYTES_MAX);
        }
        match indexes::check(text, u32::try_from(completions).unwrap_or_default()) {
            Ok(total) => listed = Some(total),
            Err(error) => {
                errors.invalid(&at, text, &format!("error parsing succeededIndexes: {error}"));
            }
        }
    }
    let Some(count) = rule.succeeded_count else { return };
    let at = at.child("succeededCount");
    if count < 0 {
        errors.invalid(&at, count, NON_NEGATIVE);
    }
    if count > completions {
        let detail = format!(
            "must be less than or equal to {completions} (the number of specified completions)"
        );
        errors.invalid(&at, count, &detail);
    }
    if let Some(listed) = listed.filter(|listed| i64::from(count) > i64::from(*listed)) {
        let detail = format!(
            "must be less than or equal to {listed} (the number of indexes in the specified \
             succeededIndexes field)"
        );
        errors.invalid(&at, count, &detail);
    }
}
