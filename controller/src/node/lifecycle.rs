//! What a pod needs next. Pure and total: the same records at the same time give the same step.
//!
//! ```text
//! volumes ─▶ init containers, one by one ─▶ main containers, all at once ─▶ sidecars end ─▶ over
//!                 ▲     (a sidecar runs on beside them)    │
//!                 └────── a rule restarts them all ────────┘
//! ```
//!
//! Source: section 17 of the semantics, and Kubernetes' documentation of the pod's lifecycle.

use super::record::Record;
use super::view::{ContainerView, PodView, Role};
use crate::api::Timestamp;

/// What is known of a pod.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed<'a> {
    pub(crate) view: &'a PodView,
    /// One for each container of the view.
    pub(crate) records: &'a [Record],
    pub(crate) volumes: Volumes,
    /// `status.startTime`.
    pub(crate) start_time: Timestamp,
    /// Whether it has to end, whatever its containers do.
    pub(crate) is_stopped: bool,
    /// Whether all of its containers have to end, and then begin again.
    pub(crate) is_restarting: bool,
}

/// Whether a pod's volumes are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Volumes {
    /// They are to be made, but not before then.
    Missing {
        not_before: Option<Timestamp>,
    },
    /// They are being made.
    Preparing,
    Ready,
}

/// What to do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// The pod's own deadline has passed.
    pub(crate) is_past_deadline: bool,
    /// Make the volumes.
    pub(crate) prepare_volumes: bool,
    /// Start these containers.
    pub(crate) start: Vec<usize>,
    /// Show what these containers wait for.
    pub(crate) show: Vec<usize>,
    /// End these containers.
    pub(crate) end: Vec<usize>,
    /// All have ended, and begin again.
    pub(crate) restart_all: bool,
    /// Nothing runs any more, and nothing will.
    pub(crate) is_over: bool,
    /// Look again then, if nothing happens before.
    pub(crate) wake_at: Option<Timestamp>,
}

/// Decides what the pod needs at `now`.
pub(crate) fn next(observed: &Observed<'_>, now: Timestamp) -> Step {
    let deadline = observed.view.active_deadline.map(|after| observed.start_time + after);
    let mut step = Step::default();
    if !observed.is_stopped {
        step.is_past_deadline = deadline.is_some_and(|deadline| deadline <= now);
        step.wake_at = deadline.filter(|deadline| now < *deadline);
    }
    let wanted = match observed.is_stopped {
        true => Wanted::Nothing,
        false if observed.is_restarting => Wanted::Restart,
        false => wanted(observed.view, observed.records),
    };
    match wanted {
        Wanted::Restart => {
            step.end = active(observed.records).collect();
            step.restart_all = step.end.is_empty() && observed.volumes != Volumes::Preparing;
        }
        Wanted::Nothing => {
            step.end = next_to_end(observed.view, observed.records);
            step.is_over = step.end.is_empty() && observed.volumes != Volumes::Preparing;
            step.wake_at = None;
        }
        Wanted::Running(containers) => match observed.volumes {
            Volumes::Preparing => {}
            Volumes::Missing { not_before: Some(time) } if now < time => step.wake(time),
            Volumes::Missing { .. } => step.prepare_volumes = true,
            Volumes::Ready => {
                for index in containers {
                    let record = &observed.records[index];
                    if record.is_outdated && record.is_running() {
                        step.end.push(index);
                    }
                    step.run(index, record, now);
                }
            }
        },
    }
    step
}

impl Step {
    /// Starts a container that should run, when it may.
    fn run(&mut self, index: usize, record: &Record, now: Timestamp) {
        match &record.delay {
            _ if record.is_active() => {}
            Some(delay) if now < delay.until => {
                self.wake(delay.until);
                match &delay.notice {
                    Some((from, ..)) if *from <= now => self.show.push(index),
                    Some((from, ..)) => self.wake(*from),
                    None => {}
                }
            }
            _ => self.start.push(index),
        }
    }

    fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }
}

/// Those of which something is under way.
fn active(records: &[Record]) -> impl Iterator<Item = usize> {
    records.iter().enumerate().filter(|(_, record)| record.is_active()).map(|(index, _)| index)
}

/// Which containers of a pod that is done end now: all but the sidecars, then those one after the
/// other, the last one first, since each may need those that were started before it.
fn next_to_end(view: &PodView, records: &[Record]) -> Vec<usize> {
    let is_sidecar = |index: &usize| view.containers[*index].role == Role::Sidecar;
    let (sidecars, others): (Vec<_>, Vec<_>) = active(records).partition(is_sidecar);
    if others.is_empty() { sidecars.last().copied().into_iter().collect() } else { others }
}

/// Which containers a pod wants to run.
enum Wanted {
    /// None, and none again: the pod is done.
    Nothing,
    /// None now, and then all from the first one on.
    Restart,
    /// These, by their place; those that run already may be among them.
    Running(Vec<usize>),
}

fn wanted(view: &PodView, records: &[Record]) -> Wanted {
    let containers = || view.containers.iter().zip(records).enumerate();
    let is_initialized = is_initialized(view, records);
    let has_failed = |(_, (container, record)): (usize, (&ContainerView, &Record))| {
        let code = record.exit_code().filter(|code| *code != 0);
        container.role == Role::Init && code.is_some_and(|code| !container.restarts(code))
    };
    if !is_initialized && containers().any(has_failed) {
        return Wanted::Nothing;
    }
    let mut running = Vec::new();
    for (index, (container, record)) in containers() {
        match container.role {
            Role::Sidecar => {
                running.push(index);
                if !is_initialized && !record.is_running() {
                    return Wanted::Running(running);
                }
            }
            Role::Init if !is_initialized => match record.exit_code() {
                Some(0) => {}
                _ => {
                    running.push(index);
                    return Wanted::Running(running);
                }
            },
            Role::Init | Role::Main => {}
        }
    }
    let mut is_over = true;
    for (index, (container, record)) in containers().filter(|(_, it)| it.0.role == Role::Main) {
        if record.is_replaced || record.exit_code().is_none_or(|code| container.restarts(code)) {
            running.push(index);
            is_over = false;
        }
    }
    if is_over { Wanted::Nothing } else { Wanted::Running(running) }
}

/// Whether the main containers have had their turn, so that what comes before them is over.
pub(crate) fn is_initialized(view: &PodView, records: &[Record]) -> bool {
    let mut main = view.containers.iter().zip(records).filter(|it| it.0.role == Role::Main);
    main.any(|(_, record)| record.is_active() || !record.is_new())
}
