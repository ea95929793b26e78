//! When a container runs again, and the rules of it by exit code.

use super::pod::one_of;
use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::api::Container;

/// Rules of one container. Kubernetes' own limit.
const RULES_MAX: usize = 20;

/// Exit codes of one rule. Kubernetes' own limit.
const EXIT_CODES_MAX: usize = 255;

/// Validates the restart policy and its rules of `container`, which is at `at`.
pub(super) fn restart_policy(container: &Container, at: &Path<'_>, errors: &mut Errors) {
    let rules = container.restart_policy_rules.as_deref().unwrap_or_default();
    let field = at.child("restartPolicy");
    match container.restart_policy.as_deref() {
        None if rules.is_empty() => {}
        None => errors.required(&field, "must specify restartPolicy when restart rules are used"),
        Some(policy) => {
            let policies = ["Always", "Never", "OnFailure"];
            if !policies.contains(&policy) {
                errors.not_supported(&field, policy, &policies);
            }
        }
    }
    let field = at.child("restartPolicyRules");
    if rules.len() > RULES_MAX {
        errors.too_many(&field, rules.len(), RULES_MAX);
    }
    for (index, rule) in rules.iter().enumerate() {
        let at = field.index(index);
        let actions = ["Restart", "RestartAllContainers"];
        one_of(Some(&rule.action), &actions, &at.child("action"), errors);
        let field = at.child("exitCodes");
        let Some(codes) = &rule.exit_codes else {
            errors.required(&field, "must be specified");
            continue;
        };
        one_of(Some(&codes.operator), &["In", "NotIn"], &field.child("operator"), errors);
        let count = codes.values.as_ref().map_or(0, Vec::len);
        if count > EXIT_CODES_MAX {
            errors.too_many(&field.child("values"), count, EXIT_CODES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn complaints(container: Value) -> String {
        let container: Container = serde_json::from_value(container).expect("must be a Container");
        let mut errors = Errors::default();
        restart_policy(&container, &Path::new("c"), &mut errors);
        match errors.into_result(crate::api::Kind::Pod, Some("p")) {
            Ok(()) => String::new(),
            Err(invalid) => {
                let lines =
                    invalid.causes.iter().map(|it| format!("{}: {}", it.field, it.message()));
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }

    #[test]
    fn admits_every_policy_and_rule() {
        let rule = |action: &str, operator: &str| json!({"action": action, "exitCodes": {"operator": operator, "values": [1, 42]}});
        let rules = [rule("Restart", "In"), rule("RestartAllContainers", "NotIn")];
        for policy in ["Always", "OnFailure", "Never"] {
            let container = json!({
                "name": "c", "restartPolicy": policy, "restartPolicyRules": rules,
            });
            assert_eq!(complaints(container), "", "{policy}");
        }
        assert_eq!(complaints(json!({"name": "c"})), "");
    }

    #[test]
    fn denies_what_is_no_policy_and_no_rule() {
        let check = |container: Value, expected: &str| assert_eq!(complaints(container), expected);
        let rule = json!({"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}});
        check(
            json!({"name": "c", "restartPolicyRules": [rule]}),
            "c.restartPolicy: Required value: must specify restartPolicy when restart rules are used",
        );
        check(
            json!({"name": "c", "restartPolicy": "Sometimes"}),
            "c.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \
             \"Never\", \"OnFailure\"",
        );
        check(
            json!({"name": "c", "restartPolicy": "Never", "restartPolicyRules": [
                {"action": "Stop"},
                {"action": "Restart", "exitCodes": {"operator": "Is", "values": vec![1; 256]}},
            ]}),
            "c.restartPolicyRules[0].action: Unsupported value: \"Stop\": supported values: \
             \"Restart\", \"RestartAllContainers\"\n\
             c.restartPolicyRules[0].exitCodes: Required value: must be specified\n\
             c.restartPolicyRules[1].exitCodes.operator: Unsupported value: \"Is\": supported \
             values: \"In\", \"NotIn\"\n\
             c.restartPolicyRules[1].exitCodes.values: Too many: 256: must have at most 255 items",
        );
        check(
            json!({"name": "c", "restartPolicy": "Never", "restartPolicyRules": vec![rule; 21]}),
            "c.restartPolicyRules: Too many: 21: must have at most 20 items",
        );
    }
}
