//! What a Job needs next.
//!
//! Pure: sees what was observed and the time, knows neither the store nor a clock.

use crate::api::{JobStatus, SignedDuration, Time, Timestamp};

use super::Observed;
use super::claim::Claim;
use super::conditions;
use super::count::{Counted, Counting, RELEASED_PER_PLAN_MAX, count, counter_of};
use super::denials::Outcome;
use super::job_view::{CompletionMode, JobView};
use super::plan::{Action, JobEvent, Plan};
use super::progress::{Progress, number};
use super::scale::{Scaling, scale, suspend, wind_down};
use super::verdict::{Ending, Verdict, time_to_deadline, verdict};

/// The most pods that change hands in one plan. It bounds the size of a commit when a Job is made
/// whose selector matches very many pods that have no controller.
const CLAIMS_PER_PLAN_MAX: usize = 500;

/// Decides what a Job needs next.
///
/// Total and deterministic: the same observation at the same time gives the same plan, and
/// applying a plan leaves nothing to plan until something changes, or the time to try again comes
/// for pods that were denied.
pub fn reconcile(observed: &Observed, now: Timestamp) -> Plan {
    let job = &*observed.job;
    if !job.managed_by_us {
        return Plan::default();
    }
    if job.finished {
        return release_all(observed);
    }
    if job.completion_mode == CompletionMode::Unknown {
        return skip();
    }
    if !observed.claims.is_empty() {
        return settle_claims(&observed.claims);
    }
    let progress = Progress::of(observed);
    let ending = verdict(observed, &progress, now);
    let scaling = scaling(observed, &progress, ending.as_ref(), now);
    let ending = ending.or_else(|| completion(job, &progress, &scaling));
    let mut draft = Draft::new(job, &scaling, now);
    if ending.is_none() && !job.deleting {
        draft.note_suspension(job, now);
    }
    let mut counted = count(Counting {
        observed,
        progress: &progress,
        verdict: ending.as_ref(),
        status: draft.status,
        terminating: scaling.terminating,
        active: scaling.active,
        deleted: &scaling.delete,
        uncounted: scaling.uncounted,
        now,
    });
    if counted.finished && counted.status.start_time.is_none() && job.completions != Some(0) {
        // Kubernetes differs: its API server refuses the end of a Job that has no start, so that one
        // which has enough while it is suspended ends only once it is resumed.
        counted.status.start_time = Some(Time(now));
    }
    let outcome = Outcome {
        created: !scaling.create.is_empty(),
        denied: !scaling.denied.is_empty(),
        ended: !counted.release.is_empty(),
    };
    let denials = observed.room.denials.after(outcome, job.generation(), now);
    let requeue_at = earliest(scaling.requeue_at, deadline(job, ending.as_ref(), now));
    let requeue_at = earliest(requeue_at, denials.until(job.generation(), now));
    let backoff = observed.backoff.after(&counted.ends.0, &counted.ends.1);
    Plan {
        backoff: (backoff != observed.backoff).then_some(backoff),
        denials: (denials != observed.room.denials).then_some(denials),
        actions: actions(observed, scaling, counted, draft.events, ending.as_ref()),
        requeue_at,
    }
}

/// Brings the pods to what the Job wants: none when it ends or is suspended. A Job that is being
/// deleted keeps its pods for whoever deletes it.
fn scaling(
    observed: &Observed,
    progress: &Progress,
    ending: Option<&Verdict>,
    now: Timestamp,
) -> Scaling {
    if ending.is_some() {
        return wind_down(&observed.pods);
    }
    if observed.job.deleting {
        return Scaling::none(observed.pods.tally());
    }
    if observed.job.suspended {
        return suspend(&observed.pods);
    }
    scale(observed, progress, now)
}

/// That enough has succeeded and nothing is active any more.
fn completion(job: &JobView, progress: &Progress, scaling: &Scaling) -> Option<Verdict> {
    let enough = match job.completions {
        Some(completions) => progress.succeeded >= completions,
        None => progress.succeeded > 0,
    };
    (enough && scaling.active == 0).then(Verdict::completions_reached)
}

/// The status as it will be, as far as it does not depend on counting.
struct Draft {
    status: JobStatus,
    events: Vec<JobEvent>,
}

impl Draft {
    fn new(job: &JobView, scaling: &Scaling, now: Timestamp) -> Self {
        let mut status = job.status();
        status.uncounted_terminated_pods.get_or_insert_default();
        status.active = counter_of(scaling.active);
        status.ready = Some(counter_of(scaling.ready).unwrap_or(0));
        status.terminating = Some(counter_of(scaling.terminating).unwrap_or(0));
        if status.start_time.is_none() && !job.suspended {
            status.start_time = Some(Time(now));
        }
        Self { status, events: Vec::new() }
    }

    /// Says in the conditions whether the Job is suspended. One that never was says nothing.
    ///
    /// Kubernetes differs: a Job that fails while it is suspended fails without a start. There the
    /// API refuses that status, and the controller tries for ever.
    fn note_suspension(&mut self, job: &JobView, now: Timestamp) {
        let (reason, message) = match job.suspended {
            true => ("JobSuspended", "Job suspended"),
            false => ("JobResumed", "Job resumed"),
        };
        let condition = conditions::new("Suspended", job.suspended, reason, message, now);
        let mut conditions = self.status.conditions.take().unwrap_or_default();
        if conditions::set(&mut conditions, condition) {
            // The time that a Job may be active starts anew when it is resumed.
            self.status.start_time = (!job.suspended).then_some(Time(now));
            let reason = if job.suspended { "Suspended" } else { "Resumed" };
            self.events.push(JobEvent::normal(reason, message));
        }
        self.status.conditions = Some(conditions).filter(|conditions| !conditions.is_empty());
    }
}

fn deadline(job: &JobView, ending: Option<&Verdict>, now: Timestamp) -> Option<Timestamp> {
    let left = time_to_deadline(job, now).filter(|_| ending.is_none())?;
    Some(now.saturating_add(left.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MAX))
}

fn earliest(left: Option<Timestamp>, right: Option<Timestamp>) -> Option<Timestamp> {
    left.into_iter().chain(right).min()
}

/// All that is to be done, finalizers before deletions, so that a pod is gone only when counted.
fn actions(
    observed: &Observed,
    scaling: Scaling,
    counted: Counted,
    events: Vec<JobEvent>,
    ending: Option<&Verdict>,
) -> Vec<Action> {
    let job = &*observed.job;
    let mut actions = Vec::new();
    if !scaling.create.is_empty() {
        actions.extend(observed.pods.leaving().map(|pod| Action::RequireUnended(pod.reference())));
    }
    if scaling.refused {
        let message = "Error creating: unable to create pods, no labels";
        actions.push(Action::Record(JobEvent::warning("FailedCreate", message)));
    }
    if scaling.uncounted {
        let tracked = scaling.delete.iter().filter(|pod| observed.pods.is_tracked(&pod.uid));
        actions.extend(tracked.cloned().map(Action::Release));
    }
    actions.extend(counted.release.into_iter().map(Action::Release));
    for pod in scaling.delete {
        let event = JobEvent::normal("SuccessfulDelete", format!("Deleted pod: {}", pod.key.name));
        actions.extend([Action::Delete(pod), Action::Record(event)]);
    }
    actions.extend(scaling.create.into_iter().map(|pod| Action::Create(Box::new(pod))));
    let denied = scaling.denied.into_iter();
    actions.extend(denied.map(|(pod, denial)| Action::Deny(Box::new(pod), denial)));
    actions.extend(events.into_iter().map(Action::Record));
    if let Some(verdict) = ending.filter(|_| counted.finished) {
        let told = finish_events(job, verdict, &counted.status);
        actions.extend(told.into_iter().map(Action::Record));
    }
    if job.object.status.as_ref() != Some(&counted.status) {
        actions.push(Action::WriteStatus(Box::new(counted.status)));
    }
    actions
}

fn finish_events(job: &JobView, verdict: &Verdict, status: &JobStatus) -> Vec<JobEvent> {
    if verdict.ending == Ending::Failed {
        return vec![JobEvent::warning(&verdict.reason, verdict.message.clone())];
    }
    let mut events = Vec::new();
    if job.completions.is_some_and(|completions| number(status.succeeded) > completions) {
        let message = "Too many succeeded pods running after completion count reached";
        events.push(JobEvent::warning("TooManySucceededPods", message));
    }
    events.push(JobEvent::normal("Completed", "Job completed"));
    events
}

/// A finished Job holds on to no pod.
fn release_all(observed: &Observed) -> Plan {
    let tracked = observed.pods.iter().filter(|pod| pod.tracked);
    let tracked = tracked.take(RELEASED_PER_PLAN_MAX);
    let actions = tracked.map(|pod| Action::Release(pod.reference())).collect();
    Plan { actions, ..Plan::default() }
}

fn skip() -> Plan {
    let message = "Skipped Job sync because completion mode is unknown";
    let event = JobEvent::warning("UnknownCompletionMode", message);
    Plan { actions: vec![Action::Record(event)], ..Plan::default() }
}

/// Takes in and lets go what has to be before anything is counted: it changes every count.
fn settle_claims(claims: &[Claim]) -> Plan {
    let claims = claims.iter().take(CLAIMS_PER_PLAN_MAX);
    let action = |claim: &Claim| match claim {
        Claim::Adopt(pod) => Action::Adopt(pod.clone()),
        Claim::Disown(pod) => Action::Disown(pod.clone()),
    };
    Plan { actions: claims.map(action).collect(), ..Plan::default() }
}
