//! A Job as the controller of CronJobs sees it.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::api::{Job, Key, OwnerReference, Resource, Timestamp};

/// How a Job has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It has its condition Complete.
    Complete,
    /// It has its condition Failed.
    Failed,
}

impl Finished {
    /// The type of the condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "Complete",
            Self::Failed => "Failed",
        }
    }
}

/// A Job that a CronJob controls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildJob {
    /// Its name.
    pub name: Arc<str>,
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// The uid of its controller, which may be an earlier CronJob of the same name.
    pub owner_uid: Arc<str>,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// How it has ended; none if it goes on.
    pub finished: Option<Finished>,
    /// `status.startTime`.
    pub start_time: Option<Timestamp>,
    /// `status.completionTime`.
    pub completion_time: Option<Timestamp>,
}

impl ChildJob {
    /// What there is to see of `job`.
    pub fn parse(job: &Job) -> Self {
        let status = job.status.clone().unwrap_or_default();
        let mut conditions = status.conditions.iter().flatten().filter(|it| it.status == "True");
        Self {
            name: job.metadata.name.as_deref().unwrap_or_default().into(),
            uid: job.uid().into(),
            owner_uid: controller(job).map(|owner| owner.uid.as_str()).unwrap_or_default().into(),
            deleting: job.metadata.deletion_timestamp.is_some(),
            finished: conditions.find_map(|condition| match condition.type_.as_str() {
                "Complete" => Some(Finished::Complete),
                "Failed" => Some(Finished::Failed),
                _ => None,
            }),
            start_time: status.start_time.as_ref().map(|time| time.0),
            completion_time: status.completion_time.as_ref().map(|time| time.0),
        }
    }

    /// The order in which history goes: by start, those that have none last, then by name.
    pub fn by_start_time(&self, other: &Self) -> Ordering {
        let start = |job: &Self| (job.start_time.is_none(), job.start_time);
        start(self).cmp(&start(other)).then_with(|| self.name.cmp(&other.name))
    }
}

/// The key of the CronJob that has the say over `job`, if any has.
///
/// By name alone, as in Kubernetes: the Jobs of an earlier CronJob of that name count, too.
pub fn cron_job_of(job: &Job) -> Option<Key> {
    let namespace = job.metadata.namespace.as_deref().unwrap_or_default();
    controller(job).map(|owner| Key::new(namespace, &owner.name))
}

fn controller(job: &Job) -> Option<&OwnerReference> {
    let owners = job.metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.controller == Some(true))
}
