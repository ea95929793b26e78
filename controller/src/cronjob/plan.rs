//! What is to be done for one CronJob.
//!
//! A plan leaves no choice to whoever applies it: its actions are done in their order, in one
//! transaction, or not at all.

use std::sync::Arc;

use crate::api::{CronJobStatus, Job, Timestamp};
use crate::events::EventType;

/// What is to be done for one CronJob.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What to do, in order.
    pub actions: Vec<Action>,
    /// When to look again.
    pub next: Next,
}

/// When to look at a CronJob again if nothing happens until then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// Not at all.
    #[default]
    Never,
    /// At this time.
    At(Timestamp),
    /// After a while that grows each time, since something stood in the way.
    Retry,
}

impl Next {
    /// The time, if it is one.
    pub fn time(self) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            Self::Never | Self::Retry => None,
        }
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Delete a Job, and its pods after it.
    Delete(JobRef),
    /// Make a Job, and refer to it in the active list of the status that is written.
    Create(Box<Job>),
    /// Write the CronJob's status.
    WriteStatus(Box<CronJobStatus>),
    /// Tell people.
    Record(CronJobEvent),
}

/// Which Job is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRef {
    /// Its name.
    pub name: Arc<str>,
    /// Its uid; another Job of that name is not meant.
    pub uid: Arc<str>,
}

/// An event about the CronJob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronJobEvent {
    /// Whether something is wrong.
    pub event_type: EventType,
    /// The reason, in one word.
    pub reason: &'static str,
    /// The message.
    pub message: String,
}

impl CronJobEvent {
    /// A Normal event.
    pub fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self { event_type: EventType::Normal, reason, message: message.into() }
    }

    /// A Warning event.
    pub fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self { event_type: EventType::Warning, reason, message: message.into() }
    }
}

impl Plan {
    /// The status that it writes.
    pub fn status(&self) -> Option<&CronJobStatus> {
        self.actions.iter().find_map(|action| match action {
            Action::WriteStatus(status) => Some(&**status),
            _ => None,
        })
    }

    /// The Job that it makes; there is never more than one.
    pub fn created(&self) -> Option<&Job> {
        self.actions.iter().find_map(|action| match action {
            Action::Create(job) => Some(&**job),
            _ => None,
        })
    }

    /// Puts `admitted` in the place of the Job that it makes.
    pub fn admit(&mut self, admitted: Job) {
        let created = self.actions.iter_mut().find_map(|action| match action {
            Action::Create(job) => Some(job),
            _ => None,
        });
        if let Some(job) = created {
            **job = admitted;
        }
    }

    /// The Jobs that it deletes.
    pub fn deleted(&self) -> impl Iterator<Item = &JobRef> {
        self.actions.iter().filter_map(|action| match action {
            Action::Delete(job) => Some(job),
            _ => None,
        })
    }

    /// What it tells people.
    pub fn events(&self) -> impl Iterator<Item = &CronJobEvent> {
        self.actions.iter().filter_map(|action| match action {
            Action::Record(event) => Some(event),
            _ => None,
        })
    }
}
