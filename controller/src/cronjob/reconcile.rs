//! What a CronJob needs next.
//!
//! Pure: sees what was observed and the time, knows neither the store nor a clock.

use std::sync::Arc;

use crate::api::{CronJobStatus, ObjectReference, Time, Timestamp};

use super::child::{ChildJob, Finished};
use super::cron_job_view::{ConcurrencyPolicy, CronJobView};
use super::plan::{Action, CronJobEvent, JobRef, Next, Plan};
use super::schedule::Schedule;
use super::times::{Missed, Reach};
use super::{Observed, Refusal, template};

/// Decides what a CronJob needs next: which Jobs of its history go, what its active list says, and
/// whether a Job is started, which is at most one.
///
/// Total and deterministic: the same observation at the same time gives the same plan. Applying a
/// plan leaves nothing to change until something else does; a start that is forbidden or missed is
/// told of each time.
pub fn reconcile(observed: &Observed, now: Timestamp) -> Plan {
    let mut draft = Draft::of(observed);
    draft.trim_history();
    draft.note_jobs();
    draft.drop_missing_jobs();
    let next = draft.start_if_due(now);
    draft.into_plan(next)
}

/// A plan in the making.
struct Draft<'a> {
    observed: &'a Observed,
    status: CronJobStatus,
    /// Whether the status is to be written, even if it is what it was.
    is_status_changed: bool,
    actions: Vec<Action>,
}

impl<'a> Draft<'a> {
    fn of(observed: &'a Observed) -> Self {
        let status = observed.cron_job.status();
        Self { observed, status, is_status_changed: false, actions: Vec::new() }
    }

    fn into_plan(mut self, next: Next) -> Plan {
        if self.is_status_changed {
            self.actions.push(Action::WriteStatus(Box::new(self.status)));
        }
        Plan { actions: self.actions, next }
    }

    /// Deletes the oldest of the Jobs that have ended, beyond those that are kept.
    fn trim_history(&mut self) {
        let cron_job = &*self.observed.cron_job;
        self.trim(Finished::Complete, cron_job.successful_jobs_kept);
        self.trim(Finished::Failed, cron_job.failed_jobs_kept);
    }

    fn trim(&mut self, finished: Finished, kept: Option<usize>) {
        let Some(kept) = kept else { return };
        let jobs = self.observed.jobs.values().filter(|job| job.finished == Some(finished));
        let mut jobs: Vec<&Arc<ChildJob>> = jobs.collect();
        jobs.sort_by(|one, other| one.by_start_time(other));
        let surplus = jobs.len().saturating_sub(kept);
        for job in jobs.into_iter().take(surplus).filter(|job| !job.deleting) {
            self.delete(JobRef { name: job.name.clone(), uid: job.uid.clone() });
        }
    }

    /// Takes note of the ends of Jobs, and of Jobs that nobody knows.
    fn note_jobs(&mut self) {
        for job in self.observed.jobs.values() {
            let is_active = self.is_active(&job.uid);
            let name = &job.name;
            match job.finished {
                None if !is_active => self.warn(
                    "UnexpectedJob",
                    format!("Saw a job that the controller did not create or forgot: {name}"),
                ),
                Some(finished) if is_active => {
                    self.drop_active(&job.uid);
                    let condition = finished.as_str();
                    self.tell(
                        "SawCompletedJob",
                        format!("Saw completed job: {name}, condition: {condition}"),
                    );
                }
                _ => {}
            }
            if job.finished == Some(Finished::Complete) {
                self.note_success(job.completion_time);
            }
        }
    }

    fn note_success(&mut self, completed_at: Option<Timestamp>) {
        let last = self.status.last_successful_time.as_ref().map(|time| time.0);
        if completed_at > last {
            self.status.last_successful_time = completed_at.map(Time);
            self.is_status_changed = true;
        }
    }

    /// Drops from the active list what is not there any more.
    fn drop_missing_jobs(&mut self) {
        let observed = self.observed;
        for reference in self.status.active.clone().unwrap_or_default() {
            let uid = reference.uid.unwrap_or_default();
            let name = reference.name.unwrap_or_default();
            let is_known = observed.jobs.values().any(|job| *job.uid == *uid);
            if !is_known && !observed.strays.contains(&*name) {
                self.tell("MissingJob", format!("Active job went missing: {name}"));
                self.drop_active(&uid);
            }
        }
    }

    fn start_if_due(&mut self, now: Timestamp) -> Next {
        let cron_job = &*self.observed.cron_job;
        let text = &cron_job.object.spec.schedule;
        if cron_job.deleting {
            return Next::Never;
        }
        if let Err(error) = &cron_job.zone {
            let name = cron_job.object.spec.time_zone.as_deref().unwrap_or_default();
            self.warn("UnknownTimeZone", format!("invalid timeZone: {name:?}: {error}"));
            return Next::Never;
        }
        if cron_job.suspended {
            return Next::Never;
        }
        if cron_job.names_zone_in_schedule() {
            self.warn("UnsupportedSchedule", unsupported(text));
        }
        let schedule = match &cron_job.schedule {
            Ok(schedule) => schedule,
            Err(error) => {
                let message = format!("unparseable schedule: {text:?} : {error}");
                self.warn("UnparseableSchedule", message);
                return Next::Never;
            }
        };
        match cron_job.times(schedule, &self.status).most_recent(now, Reach::StartingDeadline) {
            Err(error) => {
                self.warn("InvalidSchedule", format!("invalid schedule: {text} : {error}"));
                Next::Never
            }
            Ok(found) => {
                let Some(scheduled) = found.time else { return self.requeue(schedule, now) };
                if found.missed == Missed::Many {
                    self.warn("TooManyMissedTimes", TOO_MANY_MISSED_TIMES);
                }
                self.start(schedule, scheduled, now)
            }
        }
    }

    /// Starts the Job of `scheduled`, which has come, unless something speaks against it.
    fn start(&mut self, schedule: &Schedule, scheduled: Timestamp, now: Timestamp) -> Next {
        let cron_job = &*self.observed.cron_job;
        let is_late = |deadline| scheduled.checked_add(deadline).is_ok_and(|latest| latest < now);
        if cron_job.starting_deadline.is_some_and(is_late) {
            let time = scheduled.strftime("%a, %d %b %Y %H:%M:%S +0000");
            self.warn("MissSchedule", format!("Missed scheduled time to start a job: {time}"));
            return self.requeue(schedule, now);
        }
        if self.was_started(cron_job, scheduled) {
            return self.requeue(schedule, now);
        }
        match cron_job.concurrency_policy {
            ConcurrencyPolicy::Forbid if !self.active().is_empty() => {
                self.tell("JobAlreadyActive", JOB_ALREADY_ACTIVE);
                return self.requeue(schedule, now);
            }
            ConcurrencyPolicy::Replace => self.delete_active(),
            _ => {}
        }
        match self.create(scheduled) {
            Some(stopped) => stopped,
            None => {
                self.status.last_schedule_time = Some(Time(scheduled));
                self.is_status_changed = true;
                self.requeue(schedule, now)
            }
        }
    }

    fn was_started(&self, cron_job: &CronJobView, scheduled: Timestamp) -> bool {
        let name = template::job_name(cron_job, scheduled);
        let is_active = |it: &ObjectReference| it.name.as_deref() == Some(&*name);
        self.active().iter().any(is_active)
            || self.status.last_schedule_time.as_ref().is_some_and(|time| time.0 == scheduled)
    }

    fn delete_active(&mut self) {
        for reference in self.status.active.clone().unwrap_or_default() {
            self.delete(JobRef {
                name: reference.name.unwrap_or_default().into(),
                uid: reference.uid.unwrap_or_default().into(),
            });
        }
    }

    /// Creates the Job of `scheduled`, or takes into the active list the one that is there. If
    /// neither can be, says what that means for when to look again.
    fn create(&mut self, scheduled: Timestamp) -> Option<Next> {
        let cron_job = &*self.observed.cron_job;
        let job = template::job(cron_job, scheduled);
        let name = job.metadata.name.clone().unwrap_or_default();
        if let Some(known) = self.observed.jobs.get(&*name) {
            if known.owner_uid != cron_job.uid || self.is_active(&known.uid) {
                return Some(Next::Never);
            }
            let reference = active_reference(&cron_job.key.namespace, &name, &known.uid);
            self.status.active.get_or_insert_default().push(reference);
            return None;
        }
        match &self.observed.refusal {
            None => {
                self.actions.push(Action::Create(Box::new(job)));
                self.tell("SuccessfulCreate", format!("Created job {name}"));
                None
            }
            Some(Refusal::NameTaken) => Some(Next::Never),
            Some(Refusal::NamespaceTerminating) => Some(Next::Retry),
            Some(Refusal::Invalid(why)) => {
                self.warn("FailedCreate", format!("Error creating job: {why}"));
                Some(Next::Retry)
            }
        }
    }

    fn requeue(&self, schedule: &Schedule, now: Timestamp) -> Next {
        let times = self.observed.cron_job.times(schedule, &self.status);
        times.requeue_at(now).map_or(Next::Never, Next::At)
    }

    fn delete(&mut self, job: JobRef) {
        self.drop_active(&job.uid);
        let message = format!("Deleted job {}", job.name);
        self.actions.push(Action::Delete(job));
        self.tell("SuccessfulDelete", message);
    }

    fn active(&self) -> &[ObjectReference] {
        self.status.active.as_deref().unwrap_or_default()
    }

    fn is_active(&self, uid: &str) -> bool {
        self.active().iter().any(|reference| reference.uid.as_deref() == Some(uid))
    }

    fn drop_active(&mut self, uid: &str) {
        let Some(active) = &mut self.status.active else { return };
        let before = active.len();
        active.retain(|reference| reference.uid.as_deref().unwrap_or_default() != uid);
        self.is_status_changed |= active.len() < before;
    }

    fn tell(&mut self, reason: &'static str, message: impl Into<String>) {
        self.actions.push(Action::Record(CronJobEvent::normal(reason, message)));
    }

    fn warn(&mut self, reason: &'static str, message: impl Into<String>) {
        self.actions.push(Action::Record(CronJobEvent::warning(reason, message)));
    }
}

const TOO_MANY_MISSED_TIMES: &str = "too many missed start times. Set or decrease \
                                     .spec.startingDeadlineSeconds or check clock skew";

const JOB_ALREADY_ACTIVE: &str =
    "Not starting job because prior execution is running and concurrency policy is Forbid";

fn unsupported(schedule: &str) -> String {
    format!(
        "CRON_TZ or TZ used in schedule {schedule:?} is not officially supported, see \
         https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
    )
}

/// What the active list says of a Job.
///
/// Kubernetes differs: it adds the version that the Job had. Here the Job and this list are written
/// together, so the version is not known before.
pub(super) fn active_reference(namespace: &str, name: &str, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("batch/v1".to_owned()),
        kind: Some("Job".to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}
