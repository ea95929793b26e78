//! The phase of a pod, from its containers. Pure.
//!
//! Source: section 17.4 of the semantics.

use super::record::Record;
use super::view::{PodView, Role};
use crate::api::Pod;

/// `status.phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Succeeded, Self::Failed]
            .into_iter()
            .find(|phase| phase.name() == name)
    }

    /// Whether nothing can follow it.
    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// The phase that the control plane knows a pod to be in.
pub(crate) fn phase_of(pod: &Pod) -> Option<Phase> {
    Phase::parse(pod.status.as_ref()?.phase.as_deref()?)
}

/// The phase of a pod whose containers are as `records` say; `is_over` says that none of them will
/// run again, whatever its restart policy.
pub(crate) fn phase(view: &PodView, records: &[Record], is_over: bool) -> Phase {
    let with_role = |role| view.containers.iter().zip(records).filter(move |it| it.0.role == role);
    let mut is_initializing = false;
    for (container, record) in with_role(Role::Init) {
        match record.exit_code() {
            Some(0) => {}
            Some(code) if is_over || !container.restarts(code) => return Phase::Failed,
            _ => is_initializing = true,
        }
    }
    let mut main = with_role(Role::Main);
    // One that has run before stands for a run that ended, and is restarted.
    let is_waiting = is_initializing || main.clone().any(|(_, it)| it.is_new() && !it.is_reset());
    if is_waiting {
        return if is_over { Phase::Failed } else { Phase::Pending };
    }
    if main.clone().any(|(_, record)| record.is_running()) {
        return Phase::Running;
    }
    let restarts = |(container, record): (&super::view::ContainerView, &Record)| {
        record.is_reset()
            || record.is_replaced
            || record.exit_code().is_some_and(|code| container.restarts(code))
    };
    if !is_over && main.clone().any(restarts) {
        return Phase::Running;
    }
    if main.all(|(_, record)| record.exit_code() == Some(0)) {
        Phase::Succeeded
    } else {
        Phase::Failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Timestamp;
    use crate::node::BackoffCurve;
    use crate::node::fixtures::pod_from;
    use crate::node::record::{State, Termination};

    /// The phase of a pod with these containers: `n` new, `r` running, or an exit code.
    fn phase_of(policy: &str, init: &[&str], main: &[&str], is_over: bool) -> Phase {
        let containers = |count: usize| vec![r#"{"name": "c"}"#; count].join(",");
        let (inits, mains) = (containers(init.len()), containers(main.len()));
        let pod = pod_from(&format!(
            r#"{{"spec": {{"restartPolicy": "{policy}", "initContainers": [{inits}],
                "containers": [{mains}]}}}}"#
        ));
        let view = PodView::of(&pod);
        let states = init.iter().chain(main);
        let records: Vec<Record> = std::iter::zip(&view.containers, states)
            .map(|(container, state)| {
                let mut record = Record::new(container, BackoffCurve::KUBELET);
                record.state = match *state {
                    "n" => State::New,
                    "r" => State::Running { since: Timestamp::UNIX_EPOCH },
                    code => State::Ended(Termination {
                        exit_code: code.parse().unwrap(),
                        ..Termination::unknown()
                    }),
                };
                record
            })
            .collect();
        phase(&view, &records, is_over)
    }

    #[test]
    fn phases_follow_containers() {
        let check = |policy: &str, init: &[&str], main: &[&str], expected: Phase| {
            let found = phase_of(policy, init, main, false);
            assert_eq!(found, expected, "{policy} {init:?} {main:?}");
        };
        for policy in ["Never", "OnFailure", "Always"] {
            check(policy, &[], &["n"], Phase::Pending);
            check(policy, &[], &["r"], Phase::Running);
            check(policy, &[], &["r", "n"], Phase::Pending);
            check(policy, &["n"], &["n"], Phase::Pending);
            check(policy, &["r"], &["n"], Phase::Pending);
            check(policy, &["0"], &["n"], Phase::Pending);
            check(policy, &["0"], &["r", "0"], Phase::Running);
        }
        check("Never", &[], &["0", "0"], Phase::Succeeded);
        check("Never", &[], &["0", "1"], Phase::Failed);
        check("Never", &[], &["r", "1"], Phase::Running);
        check("Never", &["1"], &["n"], Phase::Failed);
        check("OnFailure", &[], &["0", "0"], Phase::Succeeded);
        check("OnFailure", &[], &["0", "1"], Phase::Running);
        check("OnFailure", &["1"], &["n"], Phase::Pending);
        check("Always", &[], &["0"], Phase::Running);
        check("Always", &["0", "0"], &["0"], Phase::Running);
        check("Always", &["1"], &["n"], Phase::Pending);
    }

    #[test]
    fn a_pod_that_is_over_has_succeeded_only_if_everything_has() {
        let check = |init: &[&str], main: &[&str], expected: Phase| {
            assert_eq!(phase_of("Always", init, main, true), expected, "{init:?} {main:?}");
        };
        check(&[], &["0", "0"], Phase::Succeeded);
        check(&[], &["0", "137"], Phase::Failed);
        check(&[], &["n"], Phase::Failed);
        check(&["1"], &["n"], Phase::Failed);
        check(&["n"], &["n"], Phase::Failed);
    }
}
