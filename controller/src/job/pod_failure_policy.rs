//! `spec.podFailurePolicy`: what a pod's failure means for its Job.
//!
//! Rules are tried in order and the first that matches decides. Knows pods, not Jobs.

use crate::api;

use super::pod_view::PodView;

/// What a rule does with a failed pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureAction {
    /// The Job fails.
    FailJob,
    /// The pod's index fails at once.
    FailIndex,
    /// The failure is not counted.
    Ignore,
    /// The failure is counted, as it is where no rule matches.
    Count,
}

/// A policy with the rules that can match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFailurePolicy {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// Its place in the spec, which messages tell.
    index: usize,
    action: FailureAction,
    matcher: Matcher,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Matcher {
    ExitCodes { container: Option<String>, listed: bool, values: Vec<i32> },
    Conditions(Vec<(String, String)>),
}

/// The rule that matched a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// What it does.
    pub action: FailureAction,
    /// Why, in Kubernetes' words.
    pub message: String,
}

impl PodFailurePolicy {
    /// The policy that `wire` describes.
    ///
    /// A rule with an unknown action or operator can't match, so it is left out; admission lets
    /// none in.
    pub fn parse(wire: &api::PodFailurePolicy) -> Self {
        let rules = wire.rules.iter().enumerate();
        Self { rules: rules.filter_map(|(index, rule)| Rule::parse(index, rule)).collect() }
    }

    /// The first rule that matches `pod`, which must have failed.
    pub fn judge(&self, pod: &PodView) -> Option<Match> {
        self.rules.iter().find_map(|rule| {
            let what = rule.matcher.find(pod)?;
            let (action, index) = (rule.action, rule.index);
            let message = format!("{what} matching {action:?} rule at index {index}");
            Some(Match { action, message })
        })
    }
}

impl Rule {
    fn parse(index: usize, wire: &api::PodFailurePolicyRule) -> Option<Self> {
        let action = match wire.action.as_str() {
            "FailJob" => FailureAction::FailJob,
            "FailIndex" => FailureAction::FailIndex,
            "Ignore" => FailureAction::Ignore,
            "Count" => FailureAction::Count,
            _ => return None,
        };
        let matcher = match (&wire.on_exit_codes, &wire.on_pod_conditions) {
            (Some(codes), _) => Matcher::ExitCodes {
                container: codes.container_name.clone(),
                listed: match codes.operator.as_str() {
                    "In" => true,
                    "NotIn" => false,
                    _ => return None,
                },
                values: codes.values.clone(),
            },
            (None, Some(patterns)) => Matcher::Conditions(
                patterns
                    .iter()
                    .map(|pattern| {
                        let status = pattern.status.as_deref().unwrap_or("True");
                        (pattern.type_.clone(), status.to_owned())
                    })
                    .collect(),
            ),
            (None, None) => return None,
        };
        Some(Self { index, action, matcher })
    }
}

impl Matcher {
    fn find(&self, pod: &PodView) -> Option<String> {
        match self {
            Self::ExitCodes { container, listed, values } => {
                let exit = pod.exits.iter().find(|exit| {
                    exit.exit_code != 0
                        && container.as_ref().is_none_or(|name| *name == exit.container)
                        && values.contains(&exit.exit_code) == *listed
                })?;
                let (container, code) = (&exit.container, exit.exit_code);
                Some(format!(
                    "Container {container} for pod {} failed with exit code {code}",
                    pod.key
                ))
            }
            Self::Conditions(patterns) => {
                let (type_, _) = pod.conditions.iter().find(|found| patterns.contains(found))?;
                Some(format!("Pod {} has condition {type_}", pod.key))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What `rules` say of a pod whose `main` has ended with 0 and whose `side` with 3, and that was
    /// disrupted.
    fn judged(rules: &Value) -> Option<String> {
        let ended = |name: &str, code: i32| json!({ "name": name, "state": { "terminated": { "exitCode": code } } });
        let pod = json!({
            "metadata": { "name": "a", "namespace": "ns", "uid": "a" },
            "spec": { "containers": [{ "name": "main" }, { "name": "side" }] },
            "status": {
                "phase": "Failed",
                "conditions": [{ "type": "DisruptionTarget", "status": "True" }],
                "containerStatuses": [ended("main", 0), ended("side", 3)],
            },
        });
        let pod = PodView::parse(&serde_json::from_value(pod).expect("a pod"));
        let wire = serde_json::from_value(json!({ "rules": rules })).expect("a policy");
        PodFailurePolicy::parse(&wire).judge(&pod).map(|found| found.message)
    }

    #[test]
    fn exit_codes_are_those_of_failed_containers() {
        let check = |container: Option<&str>, operator: &str, value: i32, expect: bool| {
            let codes =
                json!({ "containerName": container, "operator": operator, "values": [value] });
            let found = judged(&json!([{ "action": "FailIndex", "onExitCodes": codes }]));
            let words = "Container side for pod ns/a failed with exit code 3 \
                         matching FailIndex rule at index 0";
            assert_eq!(found.as_deref(), expect.then_some(words), "{codes}");
        };
        check(None, "In", 3, true);
        check(None, "In", 4, false);
        check(None, "NotIn", 3, false);
        check(None, "NotIn", 4, true);
        check(Some("side"), "In", 3, true);
        check(Some("main"), "In", 3, false);
        check(Some("main"), "NotIn", 4, false);
        check(None, "In", 0, false);
    }

    #[test]
    fn conditions_are_of_a_type_and_a_status() {
        let check = |pattern: Value, expect: bool| {
            let rules = json!([{ "action": "Count", "onPodConditions": [pattern] }]);
            let words = "Pod ns/a has condition DisruptionTarget matching Count rule at index 0";
            assert_eq!(judged(&rules).as_deref(), expect.then_some(words), "{rules}");
        };
        check(json!({ "type": "DisruptionTarget" }), true);
        check(json!({ "type": "DisruptionTarget", "status": "True" }), true);
        check(json!({ "type": "DisruptionTarget", "status": "False" }), false);
        check(json!({ "type": "Other" }), false);
    }

    #[test]
    fn the_first_rule_that_can_match_and_does_decides() {
        let codes = |operator: &str| json!({ "operator": operator, "values": [3] });
        let found = judged(&json!([
            { "action": "Other", "onExitCodes": codes("In") },
            { "action": "FailJob", "onExitCodes": codes("Like") },
            { "action": "FailJob" },
            { "action": "Ignore", "onExitCodes": codes("In") },
            { "action": "FailJob", "onExitCodes": codes("In") },
        ]));
        assert!(found.is_some_and(|found| found.ends_with("matching Ignore rule at index 3")));
    }
}
