//! The phase of a pod, from its containers. Pure.
//!
//! Source: section 17.4 of the semantics.

use super::record::{Record, State};
use super::view::{PodView, Role};

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
    let is_waiting = is_initializing || main.clone().any(|(_, it)| it.state == State::New);
    if is_waiting {
        return if is_over { Phase::Failed } else { Phase::Pending };
    }
    if main.clone().any(|(_, record)| record.is_running()) {
        return Phase::Running;
    }
    let restarts = |(container, record): (&super::view::ContainerView, &Record)| {
        record.exit_code().is_some_and(|code| container.restarts(code))
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
