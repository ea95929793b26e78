//! Which pods a quota is about. Pure.

use crate::api::{Pod, PodSpec, ResourceQuotaSpec};
use crate::quantity::Amount;
use crate::resources;

/// What scopes see of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PodFacts {
    is_terminating: bool,
    is_best_effort: bool,
    priority_class: Option<String>,
    crosses_namespaces: bool,
}

impl PodFacts {
    pub(super) fn of(pod: &Pod) -> Self {
        let spec = pod.spec.as_deref();
        let deadline = spec.and_then(|spec| spec.active_deadline_seconds);
        let class = spec.and_then(|spec| spec.priority_class_name.clone());
        Self {
            is_terminating: deadline.is_some_and(|seconds| seconds >= 0),
            is_best_effort: spec.is_none_or(asks_for_nothing),
            priority_class: class.filter(|class| !class.is_empty()),
            crosses_namespaces: crosses_namespaces(pod),
        }
    }
}

/// One condition that a pod has to meet. Nothing but pods meets any.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    name: String,
    operator: String,
    values: Vec<String>,
}

impl Scope {
    /// Those of `spec`, all of which have to be met.
    pub(super) fn all(spec: &ResourceQuotaSpec) -> Vec<Self> {
        let bare = spec.scopes.iter().flatten().map(|name| Self {
            name: name.clone(),
            operator: "Exists".to_owned(),
            values: Vec::new(),
        });
        let selector = spec.scope_selector.as_ref();
        let selected = selector.into_iter().flat_map(|it| it.match_expressions.iter().flatten());
        let selected = selected.map(|it| Self {
            name: it.scope_name.clone(),
            operator: it.operator.clone(),
            values: it.values.clone().unwrap_or_default(),
        });
        bare.chain(selected).collect()
    }

    pub(super) fn is_met_by(&self, pod: &PodFacts) -> bool {
        match self.name.as_str() {
            "Terminating" => pod.is_terminating,
            "NotTerminating" => !pod.is_terminating,
            "BestEffort" => pod.is_best_effort,
            "NotBestEffort" => !pod.is_best_effort,
            "PriorityClass" => self.selects(pod.priority_class.as_ref()),
            "CrossNamespacePodAffinity" => pod.crosses_namespaces,
            _ => false,
        }
    }

    fn selects(&self, class: Option<&String>) -> bool {
        let is_listed = class.is_some_and(|class| self.values.contains(class));
        match self.operator.as_str() {
            "Exists" => class.is_some(),
            "DoesNotExist" => class.is_none(),
            "In" => is_listed,
            "NotIn" => !is_listed,
            _ => false,
        }
    }
}

/// Whether no container asks for, or is limited to, any CPU or memory.
fn asks_for_nothing(spec: &PodSpec) -> bool {
    [resources::requests(spec), resources::limits(spec)].iter().all(|amounts| {
        ["cpu", "memory"].iter().all(|it| amounts.get(*it).is_none_or(|it| *it == Amount::ZERO))
    })
}

fn crosses_namespaces(pod: &Pod) -> bool {
    let Some(affinity) = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref()) else {
        return false;
    };
    let near = affinity.pod_affinity.iter().flat_map(|it| {
        let required = it.required_during_scheduling_ignored_during_execution.iter().flatten();
        let preferred = it.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        required.chain(preferred.map(|it| &it.pod_affinity_term))
    });
    let far = affinity.pod_anti_affinity.iter().flat_map(|it| {
        let required = it.required_during_scheduling_ignored_during_execution.iter().flatten();
        let preferred = it.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        required.chain(preferred.map(|it| &it.pod_affinity_term))
    });
    near.chain(far).any(|term| {
        term.namespace_selector.is_some() || term.namespaces.iter().flatten().next().is_some()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn scopes_select_pods_by_what_they_are() {
        let check = |quota: Value, pod: Value, expect: bool| {
            let spec = serde_json::from_value(quota.clone()).expect("must be a quota's spec");
            let pod = serde_json::from_value(json!({"spec": pod})).expect("must be a pod");
            let facts = PodFacts::of(&pod);
            let is_met = Scope::all(&spec).iter().all(|scope| scope.is_met_by(&facts));
            assert_eq!(is_met, expect, "{quota} {pod:?}");
        };
        let plain = json!({"containers": []});
        let brief = json!({"containers": [], "activeDeadlineSeconds": 1});
        let asking =
            json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]});
        let high = json!({"containers": [], "priorityClassName": "high"});
        check(json!({}), plain.clone(), true);
        check(json!({"scopes": ["Terminating"]}), brief.clone(), true);
        check(json!({"scopes": ["Terminating"]}), plain.clone(), false);
        check(json!({"scopes": ["NotTerminating", "BestEffort"]}), plain.clone(), true);
        check(json!({"scopes": ["NotTerminating", "BestEffort"]}), brief, false);
        check(json!({"scopes": ["NotBestEffort"]}), asking, true);
        check(json!({"scopes": ["PriorityClass"]}), high.clone(), true);
        let class = |operator: &str, values: &[&str]| {
            json!({"scopeSelector": {"matchExpressions": [
                {"scopeName": "PriorityClass", "operator": operator, "values": values},
            ]}})
        };
        check(class("In", &["high"]), high.clone(), true);
        check(class("In", &["low"]), high.clone(), false);
        check(class("NotIn", &["low"]), plain.clone(), true);
        check(class("DoesNotExist", &[]), plain, true);
        check(class("DoesNotExist", &[]), high, false);
    }
}
