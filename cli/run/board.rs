//! Where everything that was asked for stands.
//!
//! Jobs and bare Pods as one kind of line: what it is called, how far it is, and how it ended. Read
//! from objects alone; what is printed of it is not known here.

use std::fmt;

use mayfly_controller::api::names::JOB_CONTROLLER;
use mayfly_controller::api::{
    ContainerStatus, Job, JobStatus, Key, Kind, Pod, Resource, Timestamp,
};

/// A Job or a bare Pod: its kind and key.
pub(crate) type Name = (Kind, Key);

/// Where one Job or bare Pod stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Pods that run; a Job's may also be about to.
    pub(crate) active: i32,
    /// Pods that succeeded.
    pub(crate) succeeded: i32,
    /// How many are to; `None` for a work queue.
    pub(crate) completions: Option<i32>,
    /// Pods that failed.
    pub(crate) failed: i32,
    /// When it was started, and again if it is resumed.
    pub(crate) started_at: Option<Timestamp>,
    /// How it ended, if it has.
    pub(crate) end: Option<End>,
}

/// How a Job or a bare Pod ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// What sort of end it is.
    pub(crate) verdict: Verdict,
    /// Why, in a word and then a sentence; either may be empty.
    pub(crate) reason: String,
    /// See [`reason`](Self::reason).
    pub(crate) message: String,
    /// When.
    pub(crate) at: Option<Timestamp>,
}

/// What sort of end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A Job's `Complete`, a Pod's `Succeeded`.
    Succeeded,
    /// `Failed`.
    Failed,
    /// It has not ended, and never will unless somebody changes it.
    Stuck,
}

impl Standing {
    /// Where `job` stands.
    pub(crate) fn of_job(job: &Job) -> Self {
        let (spec, status) = (job.spec.as_ref(), job.status.as_ref());
        let count = |of: fn(&JobStatus) -> Option<i32>| status.and_then(of).unwrap_or(0);
        Self {
            active: count(|status| status.active),
            succeeded: count(|status| status.succeeded),
            completions: spec.and_then(|spec| spec.completions),
            failed: count(|status| status.failed),
            started_at: status.and_then(|it| it.start_time.as_ref()).map(|time| time.0),
            end: end_of_job(job),
        }
    }

    /// Where the bare Pod `pod` stands.
    pub(crate) fn of_pod(pod: &Pod) -> Self {
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        let verdict = match phase {
            Some("Succeeded") => Some(Verdict::Succeeded),
            Some("Failed") => Some(Verdict::Failed),
            _ => None,
        };
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let end = verdict.map(|verdict| End {
            verdict,
            reason: text(status.and_then(|status| status.reason.as_ref())),
            message: text(status.and_then(|status| status.message.as_ref())),
            at: last_finish(pod),
        });
        let is = |wanted| i32::from(verdict == Some(wanted));
        Self {
            active: i32::from(phase == Some("Running")),
            succeeded: is(Verdict::Succeeded),
            completions: Some(1),
            failed: is(Verdict::Failed),
            started_at: status.and_then(|it| it.start_time.as_ref()).map(|time| time.0),
            end,
        }
    }

    /// How it ends when it is deleted: as it had, or else failed.
    pub(crate) fn deleted(mut self) -> Self {
        self.end.get_or_insert_with(|| End {
            verdict: Verdict::Failed,
            reason: "Deleted".to_owned(),
            message: "it was deleted before its end".to_owned(),
            at: None,
        });
        self
    }
}

fn end_of_job(job: &Job) -> Option<End> {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref());
    let ended = conditions.unwrap_or_default().iter().find_map(|condition| {
        let verdict = match condition.type_.as_str() {
            "Complete" => Verdict::Succeeded,
            "Failed" => Verdict::Failed,
            _ => return None,
        };
        (condition.status == "True").then(|| End {
            verdict,
            reason: condition.reason.clone().unwrap_or_default(),
            message: condition.message.clone().unwrap_or_default(),
            at: condition.last_transition_time.as_ref().map(|time| time.0),
        })
    });
    ended.or_else(|| stuck(job))
}

/// Why `job` will never end by itself, if it will not.
fn stuck(job: &Job) -> Option<End> {
    let spec = job.spec.as_ref()?;
    // With nothing to complete it ends whatever else it says.
    if spec.completions == Some(0) {
        return None;
    }
    let manager = spec.managed_by.as_deref().filter(|manager| *manager != JOB_CONTROLLER);
    let (reason, message) = if let Some(manager) = manager {
        ("Unmanaged", format!("it is managed by {manager}, which is not here"))
    } else if spec.suspend == Some(true) {
        ("Suspended", "nobody resumes it here".to_owned())
    } else if spec.parallelism == Some(0) && spec.active_deadline_seconds.is_none() {
        ("Waiting", "its parallelism is 0".to_owned())
    } else {
        return None;
    };
    Some(End { verdict: Verdict::Stuck, reason: reason.to_owned(), message, at: None })
}

/// When the last container of `pod` ended.
fn last_finish(pod: &Pod) -> Option<Timestamp> {
    let statuses = pod.status.as_ref()?.container_statuses.as_deref()?;
    let finish = |status: &ContainerStatus| {
        Some(status.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref()?.0)
    };
    statuses.iter().filter_map(finish).max()
}

/// `job/pi`, or `job/ns/pi` outside of the default namespace.
pub(crate) fn called((kind, key): &Name) -> String {
    let kind = kind.name().to_ascii_lowercase();
    match &*key.namespace {
        "" | "default" => format!("{kind}/{}", key.name),
        namespace => format!("{kind}/{namespace}/{}", key.name),
    }
}

/// The name of `resource`.
pub(crate) fn name_of<R: Resource>(resource: &R) -> Name {
    (R::KIND, resource.key())
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { active, succeeded, failed, .. } = self;
        match &self.end {
            Some(end) => write!(f, "{}, ", end.word())?,
            None => write!(f, "{active} active, ")?,
        }
        match self.completions {
            Some(completions) => write!(f, "{succeeded} of {completions} succeeded")?,
            None => write!(f, "{succeeded} succeeded")?,
        }
        write!(f, ", {failed} failed")
    }
}

impl End {
    /// The end in one word.
    pub(crate) fn word(&self) -> &str {
        match self.verdict {
            Verdict::Succeeded => "complete",
            Verdict::Failed => "failed",
            Verdict::Stuck => "stuck",
        }
    }

    /// Why, for people, if there is more to say than the word.
    pub(crate) fn why(&self) -> Option<String> {
        if self.verdict == Verdict::Succeeded {
            return None;
        }
        match (self.reason.as_str(), self.message.as_str()) {
            ("", "") => None,
            (reason, "") => Some(reason.to_owned()),
            ("", message) => Some(message.to_owned()),
            (reason, message) => Some(format!("{reason}: {message}")),
        }
    }
}
