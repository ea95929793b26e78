//! A pod's class of service, from what its containers ask for. Pure.
//!
//! Source: Kubernetes' documentation of quality of service classes.

use super::downward::containers;
use crate::api::{Pod, Quantity};
use crate::quantity::Amount;

/// `status.qosClass`.
pub(crate) fn class(pod: &Pod) -> &'static str {
    let mut asks_for_nothing = true;
    let mut is_guaranteed = true;
    for container in containers(pod) {
        for resource in ["cpu", "memory"] {
            let resources = container.resources.as_ref();
            let limit = resources.and_then(|it| amount(it.limits.as_ref()?.get(resource)?));
            let request = resources.and_then(|it| amount(it.requests.as_ref()?.get(resource)?));
            asks_for_nothing &= limit.is_none() && request.is_none();
            is_guaranteed &= limit.is_some() && request.is_none_or(|it| Some(it) == limit);
        }
    }
    match (asks_for_nothing, is_guaranteed) {
        (true, _) => "BestEffort",
        (_, true) => "Guaranteed",
        _ => "Burstable",
    }
}

/// Zero counts as nothing.
fn amount(quantity: &Quantity) -> Option<Amount> {
    Some(Amount::of(quantity)).filter(|amount| *amount > Amount::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::fixtures::pod_from;

    #[test]
    fn classes_follow_requests_and_limits() {
        let check = |resources: &[&str], expected: &str| {
            let containers: Vec<_> = resources
                .iter()
                .map(|resources| format!(r#"{{"name": "c", "resources": {resources}}}"#))
                .collect();
            let pod =
                pod_from(&format!(r#"{{"spec": {{"containers": [{}]}}}}"#, containers.join(",")));
            assert_eq!(class(&pod), expected, "{resources:?}");
        };
        let full = r#"{"limits": {"cpu": "1", "memory": "1Gi"}}"#;
        check(&["{}"], "BestEffort");
        check(&[r#"{"requests": {"cpu": "0"}}"#], "BestEffort");
        check(&[full], "Guaranteed");
        check(
            &[
                r#"{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}}"#,
            ],
            "Guaranteed",
        );
        check(&[full, "{}"], "Burstable");
        check(&[r#"{"limits": {"cpu": "1"}}"#], "Burstable");
        check(&[r#"{"requests": {"memory": "1Mi"}}"#], "Burstable");
        check(
            &[r#"{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}"#],
            "Burstable",
        );
    }
}
