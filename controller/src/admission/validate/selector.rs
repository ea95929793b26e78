//! Label selectors: their validation, and whether they match.

use std::collections::BTreeMap;

use crate::admission::error::{Errors, Show};
use crate::admission::path::Path;
use crate::admission::validate::format;
use crate::admission::validate::meta::{each, labels};
use crate::api::LabelSelector;

/// Validates a selector.
pub(crate) fn label_selector(
    selector: &LabelSelector,
    at: &Path<'_>,
    allow_bad_values: bool,
    errors: &mut Errors,
) {
    labels(selector.match_labels.as_ref(), &at.child("matchLabels"), errors);
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let at = at.item("matchExpressions", index);
        let has_values = expression.values.as_ref().is_some_and(|values| !values.is_empty());
        match expression.operator.as_str() {
            "In" | "NotIn" if !has_values => errors.required(
                &at.child("values"),
                "must be specified when `operator` is 'In' or 'NotIn'",
            ),
            "Exists" | "DoesNotExist" if has_values => errors.forbidden(
                &at.child("values"),
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            ),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.invalid(&at.child("operator"), other, "not a valid selector operator"),
        }
        each(format::qualified_name(&expression.key), |complaint| {
            errors.invalid(&at.child("key"), &expression.key, complaint);
        });
        for (index, value) in expression.values.iter().flatten().enumerate() {
            if allow_bad_values {
                continue;
            }
            each(format::label_value(value), |complaint| {
                errors.invalid(&at.child("values").index(index), value, complaint);
            });
        }
    }
}

/// Whether `labels` are those that `selector` selects. No selector selects nothing, an empty one
/// everything.
pub(crate) fn matches(selector: Option<&LabelSelector>, labels: &BTreeMap<String, String>) -> bool {
    let Some(selector) = selector else { return false };
    let mut pairs = selector.match_labels.iter().flatten();
    let mut expressions = selector.match_expressions.iter().flatten();
    pairs.all(|(key, value)| labels.get(key) == Some(value))
        && expressions.all(|expression| {
            let value = labels.get(&expression.key);
            let is_listed = || {
                let mut values = expression.values.iter().flatten();
                value.is_some_and(|value| values.any(|listed| listed == value))
            };
            match expression.operator.as_str() {
                "In" => is_listed(),
                "NotIn" => !is_listed(),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

/// Shown as Kubernetes writes it: labels before expressions, or `null`.
impl Show for Option<&LabelSelector> {
    fn show(self) -> Option<String> {
        let Some(selector) = self else { return Some("null".to_owned()) };
        let json = |name: &str, value: Result<String, serde_json::Error>| {
            format!("\"{name}\":{}", value.expect("labels must have a JSON text"))
        };
        let mut parts = Vec::new();
        if let Some(labels) = selector.match_labels.as_ref().filter(|labels| !labels.is_empty()) {
            parts.push(json("matchLabels", serde_json::to_string(labels)));
        }
        let expressions = selector.match_expressions.as_ref();
        if let Some(expressions) = expressions.filter(|expressions| !expressions.is_empty()) {
            parts.push(json("matchExpressions", serde_json::to_string(expressions)));
        }
        Some(format!("{{{}}}", parts.join(",")))
    }
}
