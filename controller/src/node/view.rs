//! A pod's spec as the agent acts on it: parsed once, with defaults applied. Pure.

use std::time::Duration;

use crate::api::{Container, Pod};
use crate::quota::Bound;

/// What the agent needs to know of a pod's containers to run them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodView {
    /// Init containers first, in the order in which they run.
    pub(crate) containers: Vec<ContainerView>,
    /// `spec.activeDeadlineSeconds`.
    pub(crate) active_deadline: Option<Duration>,
}

/// One container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerView {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) role: Role,
    policy: RestartPolicy,
    rules: Vec<RestartRule>,
}

/// When a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Before the main ones, to its end.
    Init,
    /// From before the main ones until they have ended: an init container with `restartPolicy:
    /// Always`.
    Sidecar,
    /// It is what the pod is for.
    Main,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

/// A rule of `restartPolicyRules`: what follows these exit codes, or all but these.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RestartRule {
    codes: Vec<i32>,
    is_in: bool,
    then: OnExit,
}

/// What the end of a container means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnExit {
    /// It has ended for good.
    End,
    /// It runs again.
    Restart,
    /// Every container of its pod runs again, from the first init container on.
    RestartAll,
}

impl PodView {
    /// What `pod` asks for.
    pub(crate) fn of(pod: &Pod) -> Self {
        let Some(spec) = &pod.spec else {
            return Self { containers: Vec::new(), active_deadline: None };
        };
        let policy = RestartPolicy::parse(spec.restart_policy.as_deref());
        let policy = policy.unwrap_or(RestartPolicy::Always);
        let init = spec.init_containers.iter().flatten().map(|container| {
            let is_sidecar = container.restart_policy.as_deref() == Some("Always");
            let role = if is_sidecar { Role::Sidecar } else { Role::Init };
            ContainerView::of(container, role, policy)
        });
        let main = spec.containers.iter().map(|it| ContainerView::of(it, Role::Main, policy));
        let seconds = spec.active_deadline_seconds.and_then(|it| u64::try_from(it).ok());
        Self {
            containers: init.chain(main).collect(),
            active_deadline: seconds.map(Duration::from_secs),
        }
    }

    /// The same, which has the deadline that the operator gives and allows.
    pub(crate) fn within(self, deadline_seconds: Bound) -> Self {
        let seconds = deadline_seconds.grant(self.active_deadline.map(|it| it.as_secs()));
        Self { active_deadline: seconds.map(Duration::from_secs), ..self }
    }

    /// Whether a rule of any container may restart all of them.
    pub(crate) fn may_restart_all(&self) -> bool {
        let mut rules = self.containers.iter().flat_map(|container| &container.rules);
        rules.any(|rule| rule.then == OnExit::RestartAll)
    }
}

impl ContainerView {
    fn of(container: &Container, role: Role, policy: RestartPolicy) -> Self {
        let rules = container.restart_policy_rules.iter().flatten();
        let rules = rules.filter_map(|rule| {
            let then = match rule.action.as_str() {
                "Restart" => OnExit::Restart,
                "RestartAllContainers" => OnExit::RestartAll,
                _ => return None,
            };
            let codes = rule.exit_codes.as_ref()?;
            let is_in = codes.operator == "In";
            Some(RestartRule { codes: codes.values.clone().unwrap_or_default(), is_in, then })
        });
        Self {
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            role,
            policy: RestartPolicy::parse(container.restart_policy.as_deref()).unwrap_or(policy),
            rules: rules.collect(),
        }
    }

    /// What follows when it has ended with `exit_code`: what the first rule says that knows it, or
    /// else its policy.
    pub(crate) fn on_exit(&self, exit_code: i32) -> OnExit {
        let matches = |rule: &&RestartRule| rule.codes.contains(&exit_code) == rule.is_in;
        let by_rule = self.rules.iter().find(matches).map(|rule| rule.then);
        let restarts = match (by_rule, self.policy) {
            (Some(OnExit::RestartAll), _) => return OnExit::RestartAll,
            // It has done what it was for.
            _ if self.role == Role::Init && exit_code == 0 => false,
            (Some(then), _) => then == OnExit::Restart,
            (None, RestartPolicy::Always) => true,
            (None, RestartPolicy::OnFailure) => exit_code != 0,
            (None, RestartPolicy::Never) => false,
        };
        if restarts { OnExit::Restart } else { OnExit::End }
    }

    /// Whether it runs again after it has ended with `exit_code`.
    pub(crate) fn restarts(&self, exit_code: i32) -> bool {
        self.on_exit(exit_code) != OnExit::End
    }
}

impl RestartPolicy {
    fn parse(text: Option<&str>) -> Option<Self> {
        match text? {
            "Always" => Some(Self::Always),
            "OnFailure" => Some(Self::OnFailure),
            "Never" => Some(Self::Never),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::fixtures::pod_from;

    #[test]
    fn restarts_follow_the_container_then_its_pod() {
        let check = |policy: &str, container: &str, exit_code: i32, expected: bool| {
            let pod = pod_from(&format!(
                r#"{{"spec": {{"restartPolicy": "{policy}",
                    "containers": [{{"name": "c" {container}}}]}}}}"#
            ));
            let restarts = PodView::of(&pod).containers[0].restarts(exit_code);
            assert_eq!(restarts, expected, "{policy} {container} {exit_code}");
        };
        check("Never", "", 1, false);
        check("OnFailure", "", 1, true);
        check("OnFailure", "", 0, false);
        check("Always", "", 0, true);
        check("Never", r#", "restartPolicy": "OnFailure""#, 1, true);
        check("Always", r#", "restartPolicy": "Never""#, 1, false);
        let rule = |operator: &str| {
            format!(
                r#", "restartPolicy": "Never", "restartPolicyRules": [{{"action": "Restart",
                    "exitCodes": {{"operator": "{operator}", "values": [42]}}}}]"#
            )
        };
        check("Never", &rule("In"), 42, true);
        check("Never", &rule("In"), 1, false);
        check("Never", &rule("NotIn"), 42, false);
        check("Never", &rule("NotIn"), 1, true);
    }

    #[test]
    fn the_operator_gives_a_deadline_and_bounds_it() {
        let check = |seconds: Option<u64>, default, max, expected: Option<u64>| {
            let pod = pod_from(
                &serde_json::json!({
                    "spec": {"activeDeadlineSeconds": seconds, "containers": []},
                })
                .to_string(),
            );
            let view = PodView::of(&pod).within(Bound { default, max });
            assert_eq!(view.active_deadline, expected.map(Duration::from_secs));
        };
        check(None, None, None, None);
        check(Some(5), None, None, Some(5));
        check(None, Some(7), None, Some(7));
        check(Some(5), Some(7), Some(4), Some(4));
    }

    #[test]
    fn the_first_rule_that_knows_the_exit_code_decides() {
        let check = |container: &str, exit_code: i32, expected: OnExit| {
            let rules = r#"[
                {"action": "Restart", "exitCodes": {"operator": "In", "values": [1, 2]}},
                {"action": "RestartAllContainers",
                    "exitCodes": {"operator": "NotIn", "values": [0, 3]}}]"#;
            let pod = pod_from(&format!(
                r#"{{"spec": {{"restartPolicy": "Always", "containers": [], "initContainers": [
                    {{"name": "c", "restartPolicyRules": {rules}, {container}}}]}}}}"#
            ));
            let view = PodView::of(&pod);
            assert!(view.may_restart_all());
            assert_eq!(view.containers[0].on_exit(exit_code), expected, "{container} {exit_code}");
        };
        for container in [r#""restartPolicy": "Never""#, r#""restartPolicy": "Always""#] {
            check(container, 1, OnExit::Restart);
            check(container, 4, OnExit::RestartAll);
        }
        check(r#""restartPolicy": "Never""#, 3, OnExit::End);
        check(r#""restartPolicy": "Always""#, 3, OnExit::Restart);
        // An init container that has succeeded is done; a sidecar is not.
        check(r#""restartPolicy": "OnFailure""#, 0, OnExit::End);
        check(r#""restartPolicy": "Always""#, 0, OnExit::Restart);
    }

    #[test]
    fn an_init_container_is_done_when_it_succeeds() {
        let pod = pod_from(
            r#"{"spec": {"restartPolicy": "Always", "containers": [],
                "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}]}}"#,
        );
        let view = PodView::of(&pod);
        let [init, sidecar] = &view.containers[..] else { panic!("{view:?}") };
        assert_eq!((init.role, sidecar.role), (Role::Init, Role::Sidecar));
        assert!(init.restarts(1) && !init.restarts(0) && sidecar.restarts(0));
    }
}
