//! Structures as error messages show them.
//!
//! An API server shows the value of a structure as it keeps it inside: fields by their names in Go,
//! every one of them, absent ones as `null`.

use serde_json::to_string;

use crate::admission::error::{Show, quoted};
use crate::api::{PodFailurePolicy, PodFailurePolicyRule, SuccessPolicy};

/// A structure as it is kept inside an API server.
pub(super) struct AsStored<'a, T>(pub(super) &'a T);

impl Show for AsStored<'_, SuccessPolicy> {
    fn show(self) -> Option<String> {
        let rules = self.0.rules.iter().map(|rule| {
            let indexes = rule.succeeded_indexes.as_deref().map_or("null".to_owned(), quoted);
            let count = rule.succeeded_count.map_or("null".to_owned(), |count| count.to_string());
            format!("{{\"SucceededIndexes\":{indexes},\"SucceededCount\":{count}}}")
        });
        Some(format!("{{\"Rules\":[{}]}}", rules.collect::<Vec<_>>().join(",")))
    }
}

impl Show for AsStored<'_, PodFailurePolicy> {
    fn show(self) -> Option<String> {
        let rules = self.0.rules.iter().map(rule);
        Some(format!("{{\"Rules\":[{}]}}", rules.collect::<Vec<_>>().join(",")))
    }
}

fn rule(rule: &PodFailurePolicyRule) -> String {
    let exit_codes = rule.on_exit_codes.as_ref().map(|codes| {
        let container = codes.container_name.as_deref().map_or("null".to_owned(), quoted);
        let values = to_string(&codes.values).expect("numbers must have a JSON text");
        let operator = quoted(&codes.operator);
        format!("{{\"ContainerName\":{container},\"Operator\":{operator},\"Values\":{values}}}")
    });
    let conditions = rule.on_pod_conditions.as_ref().map(|patterns| {
        let patterns = patterns.iter().map(|pattern| {
            let status = quoted(pattern.status.as_deref().unwrap_or_default());
            format!("{{\"Type\":{},\"Status\":{status}}}", quoted(&pattern.type_))
        });
        format!("[{}]", patterns.collect::<Vec<_>>().join(","))
    });
    format!(
        "{{\"Action\":{},\"OnExitCodes\":{},\"OnPodConditions\":{}}}",
        quoted(&rule.action),
        exit_codes.as_deref().unwrap_or("null"),
        conditions.as_deref().unwrap_or("null"),
    )
}
