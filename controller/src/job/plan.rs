//! What is to be done for one Job.
//!
//! A plan leaves no choice to whoever applies it: its actions are done in their order, in one
//! transaction, or not at all.

use crate::api::{JobStatus, Pod, Timestamp};
use crate::events::EventType;
use crate::quota::Denial;

use super::backoff::BackoffRecord;
use super::denials::Denials;
use super::pod_view::PodRef;

/// What is to be done for one Job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What to do, in order.
    pub actions: Vec<Action>,
    /// When to look again if nothing happens until then.
    pub requeue_at: Option<Timestamp>,
    /// The back-off record once the actions are done; none if it stays as it is.
    pub backoff: Option<BackoffRecord>,
    /// The record of denials likewise.
    pub denials: Option<Denials>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make the Job a pod's controller, and track the pod.
    Adopt(PodRef),
    /// End that, because the selector does not match the pod any more.
    Disown(PodRef),
    /// Take the tracking finalizer off a pod.
    Release(PodRef),
    /// Delete a pod, as gently as its own grace period says.
    Delete(PodRef),
    /// Do nothing of the plan if a pod that is being deleted has ended meanwhile: it may have
    /// succeeded, and then what replaces it is not needed.
    ///
    /// Kubernetes differs: it replaces the pod all the same, and the work is done twice.
    RequireUnended(PodRef),
    /// Make a pod. Its name is the generated one with a random suffix.
    Create(Box<Pod>),
    /// Say that a pod was denied. It would have had a name as if it had been made.
    Deny(Box<Pod>, Denial),
    /// Write the Job's status.
    WriteStatus(Box<JobStatus>),
    /// Tell people.
    Record(JobEvent),
}

/// An event about the Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEvent {
    /// Whether something is wrong.
    pub event_type: EventType,
    /// The reason, in one word.
    pub reason: String,
    /// The message.
    pub message: String,
}

impl JobEvent {
    /// A Normal event.
    pub fn normal(reason: &str, message: impl Into<String>) -> Self {
        Self { event_type: EventType::Normal, reason: reason.to_owned(), message: message.into() }
    }

    /// A Warning event.
    pub fn warning(reason: &str, message: impl Into<String>) -> Self {
        Self { event_type: EventType::Warning, reason: reason.to_owned(), message: message.into() }
    }
}

impl Plan {
    /// Whether there is nothing to do now.
    pub fn is_idle(&self) -> bool {
        self.actions.is_empty()
    }

    /// The status that it writes.
    pub fn status(&self) -> Option<&JobStatus> {
        self.actions.iter().find_map(|action| match action {
            Action::WriteStatus(status) => Some(&**status),
            _ => None,
        })
    }

    /// The pods that it makes.
    pub fn created(&self) -> impl Iterator<Item = &Pod> {
        self.actions.iter().filter_map(|action| match action {
            Action::Create(pod) => Some(&**pod),
            _ => None,
        })
    }

    /// The pods that it deletes.
    pub fn deleted(&self) -> impl Iterator<Item = &PodRef> {
        self.actions.iter().filter_map(|action| match action {
            Action::Delete(pod) => Some(pod),
            _ => None,
        })
    }

    /// The pods that it takes the tracking finalizer off.
    pub fn released(&self) -> impl Iterator<Item = &PodRef> {
        self.actions.iter().filter_map(|action| match action {
            Action::Release(pod) => Some(pod),
            _ => None,
        })
    }

    /// What it tells people.
    pub fn events(&self) -> impl Iterator<Item = &JobEvent> {
        self.actions.iter().filter_map(|action| match action {
            Action::Record(event) => Some(event),
            _ => None,
        })
    }
}
