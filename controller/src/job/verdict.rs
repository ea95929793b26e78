//! Whether a Job is to end, and how.
//!
//! The first reason that holds wins; the order is Kubernetes'.

use crate::api::{JobCondition, SignedDuration, Timestamp};

use super::Observed;
use super::conditions;
use super::job_view::JobView;
use super::pod_failure_policy::FailureAction;
use super::progress::Progress;

/// How a Job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Announced by SuccessCriteriaMet.
    Complete,
    /// Announced by FailureTarget.
    Failed,
}

impl Ending {
    /// The condition that says that the Job has ended.
    pub fn terminal_condition(self) -> &'static str {
        match self {
            Self::Complete => "Complete",
            Self::Failed => "Failed",
        }
    }

    /// The condition that says that it is about to.
    pub fn interim_condition(self) -> &'static str {
        match self {
            Self::Complete => "SuccessCriteriaMet",
            Self::Failed => "FailureTarget",
        }
    }
}

/// The decision that a Job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How.
    pub ending: Ending,
    /// The reason of both its conditions.
    pub reason: String,
    /// Their message.
    pub message: String,
    /// Whether its interim condition is already there.
    pub announced: bool,
}

impl Verdict {
    fn new(ending: Ending, reason: &str, message: &str) -> Self {
        let (reason, message) = (reason.to_owned(), message.to_owned());
        Self { ending, reason, message, announced: false }
    }

    fn of_condition(ending: Ending, condition: &JobCondition) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (reason, message) = (text(&condition.reason), text(&condition.message));
        Self { ending, reason, message, announced: true }
    }

    /// That enough has succeeded and nothing runs any more.
    pub fn completions_reached() -> Self {
        let message = "Reached expected number of succeeded pods";
        Self::new(Ending::Complete, "CompletionsReached", message)
    }
}

/// The verdict on the Job in `observed`, if there is one while its pods may still run.
pub fn verdict(observed: &Observed, progress: &Progress, now: Timestamp) -> Option<Verdict> {
    let job = &observed.job;
    announced(job)
        .or_else(|| pod_failure_policy(observed))
        .or_else(|| backoff_limit_exceeded(observed, progress))
        .or_else(|| deadline_exceeded(job, now))
        .or_else(|| indexes_failed(job, progress))
        .or_else(|| success_policy(job, progress))
}

/// One that was reached before. It is never reconsidered.
fn announced(job: &JobView) -> Option<Verdict> {
    let written = job.object.status.as_ref()?.conditions.as_deref()?;
    [Ending::Complete, Ending::Failed].into_iter().find_map(|ending| {
        let condition = conditions::find(written, ending.interim_condition())?;
        (condition.status == "True").then(|| Verdict::of_condition(ending, condition))
    })
}

/// A pod that fails the Job by the policy.
///
/// Kubernetes differs: it asks again of pods that have been counted, and so takes note of a condition
/// that came after the end.
fn pod_failure_policy(observed: &Observed) -> Option<Verdict> {
    let job = &observed.job;
    let failed = observed.pods.ended().filter(|pod| job.has_failed(pod));
    let mut matches = failed.filter_map(|pod| job.judge(pod));
    let found = matches.find(|found| found.action == FailureAction::FailJob)?;
    Some(Verdict::new(Ending::Failed, "PodFailurePolicy", &found.message))
}

fn backoff_limit_exceeded(observed: &Observed, progress: &Progress) -> Option<Verdict> {
    let exceeded = progress.failed > observed.job.backoff_limit || restarted_too_often(observed);
    exceeded.then(|| {
        let message = "Job has reached the specified backoff limit";
        Verdict::new(Ending::Failed, "BackoffLimitExceeded", message)
    })
}

/// With OnFailure the restarts of running containers count towards the limit, and reaching it is
/// enough; a limit of 0 allows no restart.
fn restarted_too_often(observed: &Observed) -> bool {
    let (job, restarts) = (&observed.job, observed.pods.tally().restarts);
    job.restarts_on_failure && restarts > 0 && restarts >= job.backoff_limit
}

fn deadline_exceeded(job: &JobView, now: Timestamp) -> Option<Verdict> {
    (time_to_deadline(job, now)? <= SignedDuration::ZERO).then(|| {
        let message = "Job was active longer than specified deadline";
        Verdict::new(Ending::Failed, "DeadlineExceeded", message)
    })
}

/// How long the Job may go on; none if it may for ever, or does not run.
pub fn time_to_deadline(job: &JobView, now: Timestamp) -> Option<SignedDuration> {
    let deadline = job.active_deadline.filter(|_| !job.suspended)?;
    let active = now.duration_since(job.start_time.unwrap_or(now));
    Some(deadline.saturating_sub(active))
}

fn indexes_failed(job: &JobView, progress: &Progress) -> Option<Verdict> {
    job.backoff_limit_per_index?;
    let failed = progress.failed_indexes.count();
    if job.max_failed_indexes.is_some_and(|limit| failed > limit) {
        let message = "Job has exceeded the specified maximal number of failed indexes";
        return Some(Verdict::new(Ending::Failed, "MaxFailedIndexesExceeded", message));
    }
    let settled = failed + progress.completed_indexes.count();
    (failed > 0 && Some(settled) >= job.completions)
        .then(|| Verdict::new(Ending::Failed, "FailedIndexes", "Job has failed indexes"))
}

fn success_policy(job: &JobView, progress: &Progress) -> Option<Verdict> {
    let policy = job.success_policy.as_ref().filter(|_| job.is_indexed())?;
    let rule = policy.matching_rule(&progress.completed_indexes)?;
    let message = format!("Matched rules at index {rule}");
    Some(Verdict::new(Ending::Complete, "SuccessPolicy", &message))
}
