//! A Job as its controller sees it: parsed once, defaults applied.

use std::sync::{Arc, OnceLock};

use crate::admission;
use crate::api::names::JOB_CONTROLLER;
use crate::api::{
    Job, JobSpec, JobStatus, Key, PodSpec, Resource, Shared, SignedDuration, Timestamp,
};

use super::conditions;
use super::indexes::Indexes;
use super::pod_failure_policy::{FailureAction, Match, PodFailurePolicy};
use super::pod_view::{Phase, PodView};
use super::success_policy::SuccessPolicy;

/// `spec.completionMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionMode {
    /// Pods are alike.
    NonIndexed,
    /// Each pod has an index, and each index must succeed once.
    Indexed,
    /// One that we do not know. Such a Job is left alone.
    Unknown,
}

/// When a pod that is being deleted is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodReplacement {
    /// At once; it counts as failed at once too.
    TerminatingOrFailed,
    /// When its phase is Failed. A pod failure policy implies this.
    Failed,
}

/// A Job.
#[derive(Clone, Debug)]
pub struct JobView {
    /// The object itself: its template and its status are copied from here.
    pub object: Arc<Job>,
    /// Its namespace and name.
    pub key: Key,
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// Whether it is ours by `spec.managedBy`.
    pub managed_by_us: bool,
    /// How completions are counted.
    pub completion_mode: CompletionMode,
    /// How many successes are wanted; none for a work queue. Some for an Indexed Job.
    pub completions: Option<u32>,
    /// How many pods may be active at once.
    pub parallelism: u32,
    /// The Job fails when more pods than this have failed.
    pub backoff_limit: u32,
    /// An index fails when it has failed more often than this.
    pub backoff_limit_per_index: Option<u32>,
    /// The Job fails when more indexes than this have failed.
    pub max_failed_indexes: Option<u32>,
    /// How long the Job may be active.
    pub active_deadline: Option<SignedDuration>,
    /// Whether it may have no pods for now.
    pub suspended: bool,
    /// When pods are replaced.
    pub pod_replacement: PodReplacement,
    /// Whether containers that fail are restarted in their pod.
    pub restarts_on_failure: bool,
    /// What failures mean.
    pub pod_failure_policy: Option<PodFailurePolicy>,
    /// Which indexes suffice.
    pub success_policy: Option<SuccessPolicy>,
    /// `status.startTime`.
    pub start_time: Option<Timestamp>,
    /// `status.completedIndexes`, clipped to the completions.
    pub completed_indexes: Indexes,
    /// `status.failedIndexes`, clipped likewise.
    pub failed_indexes: Indexes,
    /// Whether it has its condition Complete or Failed.
    pub finished: bool,
    /// Of its pods, once somebody has asked for it.
    pod_spec: OnceLock<Shared<PodSpec>>,
}

impl JobView {
    /// What there is to see of `job`.
    ///
    /// Negative numbers, which admission refuses, read as 0.
    pub fn parse(job: Arc<Job>) -> Self {
        let (no_spec, no_status) = (JobSpec::default(), JobStatus::default());
        let spec = job.spec.as_deref().unwrap_or(&no_spec);
        let status = job.status.as_ref().unwrap_or(&no_status);
        let completion_mode = match spec.completion_mode.as_deref() {
            None | Some("NonIndexed") => CompletionMode::NonIndexed,
            Some("Indexed") => CompletionMode::Indexed,
            Some(_) => CompletionMode::Unknown,
        };
        let completions = match (spec.completions, spec.parallelism) {
            (Some(completions), _) => Some(count(completions)),
            (None, None) => Some(1),
            (None, Some(_)) => (completion_mode == CompletionMode::Indexed).then_some(0),
        };
        let parsed = |text: &Option<String>| {
            Indexes::parse(text.as_deref().unwrap_or_default(), completions.unwrap_or(0))
        };
        let only_failed = spec.pod_failure_policy.is_some()
            || spec.pod_replacement_policy.as_deref() == Some("Failed");
        let written = status.conditions.as_deref().unwrap_or_default();
        let finished = conditions::say_finished(written);
        Self {
            key: job.key(),
            uid: job.uid().into(),
            deleting: job.metadata.deletion_timestamp.is_some(),
            managed_by_us: Self::is_managed_by_us(&job),
            completion_mode,
            completions,
            parallelism: spec.parallelism.map_or(1, count),
            backoff_limit: match (spec.backoff_limit, spec.backoff_limit_per_index) {
                (Some(limit), _) => count(limit),
                (None, Some(_)) => i32::MAX.unsigned_abs(),
                (None, None) => 6,
            },
            backoff_limit_per_index: spec.backoff_limit_per_index.map(count),
            max_failed_indexes: spec.max_failed_indexes.map(count),
            active_deadline: spec.active_deadline_seconds.map(SignedDuration::from_secs),
            suspended: spec.suspend == Some(true),
            pod_replacement: match only_failed {
                true => PodReplacement::Failed,
                false => PodReplacement::TerminatingOrFailed,
            },
            restarts_on_failure: spec
                .template
                .spec
                .as_ref()
                .and_then(|pod| pod.restart_policy.as_deref())
                == Some("OnFailure"),
            pod_failure_policy: spec.pod_failure_policy.as_ref().map(PodFailurePolicy::parse),
            success_policy: spec
                .success_policy
                .as_ref()
                .map(|policy| SuccessPolicy::parse(policy, completions.unwrap_or(0))),
            start_time: status.start_time.as_ref().map(|time| time.0),
            completed_indexes: parsed(&status.completed_indexes),
            failed_indexes: parsed(&status.failed_indexes),
            finished,
            pod_spec: OnceLock::new(),
            object: job,
        }
    }

    /// Whether `spec.managedBy` of `job` means this controller.
    pub fn is_managed_by_us(job: &Job) -> bool {
        let name = job.spec.as_ref().and_then(|spec| spec.managed_by.as_deref());
        name.is_none_or(|name| name == JOB_CONTROLLER)
    }

    /// Which version of its spec it is.
    pub fn generation(&self) -> i64 {
        self.object.metadata.generation.unwrap_or(0)
    }

    /// What is wanted of each of its pods: what its template says, with the defaults that whoever
    /// creates a pod gets. The same for all, but for what an index changes.
    pub fn pod_spec(&self) -> Shared<PodSpec> {
        let made = self.pod_spec.get_or_init(|| {
            let template = self.object.spec.as_ref().and_then(|it| it.template.spec.clone());
            let mut spec = template.unwrap_or_default();
            admission::default_pod_spec(&mut spec);
            spec
        });
        made.clone()
    }

    /// The status as it is stored.
    pub fn status(&self) -> JobStatus {
        self.object.status.clone().unwrap_or_default()
    }

    /// Whether its pods have indexes.
    pub fn is_indexed(&self) -> bool {
        self.completion_mode == CompletionMode::Indexed
    }

    /// Whether `pod` can count: in an Indexed Job only one whose index is below the completions.
    pub fn has_place_for(&self, pod: &PodView) -> bool {
        !self.is_indexed() || self.index_of(pod).is_some()
    }

    /// The index of `pod`, if it is below the completions.
    pub fn index_of(&self, pod: &PodView) -> Option<u32> {
        pod.index.filter(|index| Some(*index) < self.completions)
    }

    /// Whether `pod` has failed in the eyes of this Job.
    ///
    /// Where terminating pods are replaced at once they have failed at once.
    pub fn has_failed(&self, pod: &PodView) -> bool {
        let gone = self.pod_replacement == PodReplacement::TerminatingOrFailed && pod.deleting;
        pod.phase == Phase::Failed || (gone && pod.phase != Phase::Succeeded)
    }

    /// What the pod failure policy says of `pod`, which has failed.
    pub fn judge(&self, pod: &PodView) -> Option<Match> {
        self.pod_failure_policy.as_ref()?.judge(pod)
    }

    /// Whether the failure of `pod` counts towards the limits.
    pub fn counts_failure(&self, pod: &PodView) -> bool {
        self.judge(pod).is_none_or(|found| found.action != FailureAction::Ignore)
    }

    /// Whether the failed `pod` takes its index with it: by the policy, or because its index has
    /// used up its retries.
    pub fn fails_index(&self, pod: &PodView) -> bool {
        let Some(limit) = self.backoff_limit_per_index.filter(|_| self.has_failed(pod)) else {
            return false;
        };
        match self.judge(pod).map(|found| found.action) {
            Some(FailureAction::FailIndex) => true,
            Some(FailureAction::Ignore) => false,
            _ => pod.failure_count >= limit,
        }
    }
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
