//! What matters of a Job and of a pod that the API has shown, and what may become of it.

use std::time::SystemTime;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;

/// The finalizer of pods that their Job has not counted yet.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";

/// A Job as it was shown last.
#[derive(Debug)]
pub(super) struct SeenJob {
    uid: String,
    pub(super) version: u64,
    pub(super) succeeded: usize,
    pub(super) failed: usize,
    pub(super) active: usize,
    pub(super) completed_indexes: String,
    pub(super) failed_indexes: String,
    /// Type and reason of the condition that ended it.
    pub(super) end: Option<(String, String)>,
    pub(super) is_gone: bool,
}

impl SeenJob {
    pub(super) fn of(job: &Job) -> Self {
        let status = job.status.clone().unwrap_or_default();
        let count =
            |count: Option<i32>| count.map_or(0, |it| usize::try_from(it).expect("a count"));
        let end = status.conditions.iter().flatten().find(|condition| {
            matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
        });
        Self {
            uid: job.uid().unwrap_or_default(),
            version: version(job.resource_version()),
            succeeded: count(status.succeeded),
            failed: count(status.failed),
            active: count(status.active) + count(status.terminating),
            completed_indexes: status.completed_indexes.unwrap_or_default(),
            failed_indexes: status.failed_indexes.unwrap_or_default(),
            end: end.map(|it| (it.type_.clone(), it.reason.clone().unwrap_or_default())),
            is_gone: false,
        }
    }

    /// Whether `now` is news of it; an error if it can't come after this.
    pub(super) fn becomes(&self, now: &Self) -> Result<bool, &'static str> {
        if now.version <= self.version {
            return Ok(false);
        }
        let table = [
            (self.is_gone, "was gone"),
            (now.uid != self.uid, "was replaced"),
            (now.succeeded < self.succeeded, "lost successes"),
            (now.failed < self.failed, "lost failures"),
            (self.end.is_some() && now.end != self.end, "had ended otherwise"),
        ];
        table.into_iter().find(|(is_wrong, _)| *is_wrong).map_or(Ok(true), |(_, why)| Err(why))
    }
}

/// A pod as it was shown last.
#[derive(Clone, Debug)]
pub(super) struct SeenPod {
    /// The name of its Job.
    pub(super) job: String,
    version: u64,
    pub(super) phase: String,
    /// How its container has ended.
    pub(super) exit_code: Option<i32>,
    pub(super) restarts: usize,
    /// Whether its Job has yet to count it.
    pub(super) is_tracked: bool,
    pub(super) is_deleting: bool,
    /// It was made when there had been so many kills, or more.
    pub(super) made_after: usize,
    /// When it was first shown to have ended, and after how many kills.
    pub(super) over: Option<(SystemTime, usize)>,
    pub(super) is_gone: bool,
}

impl SeenPod {
    pub(super) fn of(pod: &Pod, made_after: usize) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let container: Option<ContainerStatus> =
            status.container_statuses.and_then(|mut all| all.pop());
        let owner = pod.owner_references().first();
        Self {
            job: owner.map_or_else(String::new, |owner| owner.name.clone()),
            version: version(pod.resource_version()),
            phase: status.phase.unwrap_or_default(),
            exit_code: container
                .as_ref()
                .and_then(|it| Some(it.state.as_ref()?.terminated.as_ref()?.exit_code)),
            restarts: container.map_or(0, |it| usize::try_from(it.restart_count).expect("a count")),
            is_tracked: pod.finalizers().iter().any(|it| it == TRACKING),
            is_deleting: pod.metadata.deletion_timestamp.is_some(),
            made_after,
            over: None,
            is_gone: false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether `now` is news of it; an error if it can't come after this.
    pub(super) fn becomes(&self, now: &Self) -> Result<bool, &'static str> {
        if now.version <= self.version {
            return Ok(false);
        }
        let end = |pod: &Self| (pod.phase.clone(), pod.exit_code, pod.restarts);
        let table = [
            (self.is_gone, "was gone"),
            (self.over.is_some() && end(self) != end(now), "had ended otherwise"),
            (now.restarts < self.restarts, "lost restarts"),
            (now.is_tracked && !self.is_tracked, "was counted, and is to be counted again"),
        ];
        table.into_iter().find(|(is_wrong, _)| *is_wrong).map_or(Ok(true), |(_, why)| Err(why))
    }
}

/// A `resourceVersion` as the number that it is here.
pub(super) fn version(text: Option<String>) -> u64 {
    text.and_then(|text| text.parse().ok()).expect("a version must be a number")
}
