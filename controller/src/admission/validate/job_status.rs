//! The status of a Job, as whoever runs it may write it.

use std::collections::BTreeSet;

use super::meta::{NON_NEGATIVE, object_meta_update};
use crate::admission::error::{Errors, Json, Nothing};
use crate::admission::path::Path;
use crate::api::{Job, JobSpec, JobStatus, UncountedTerminatedPods};
use crate::job::indexes::{self, Indexes};

/// How much of a status is looked at; by default all.
#[derive(Clone, Copy, Debug)]
pub struct JobStatusOptions {
    /// Whether its fields must agree with one another, and with what they were.
    pub consistent: bool,
    /// Whether the start of a running Job must stay.
    pub keep_start_time: bool,
}

impl Default for JobStatusOptions {
    fn default() -> Self {
        Self { consistent: true, keep_start_time: true }
    }
}

/// Validates the status of `job`, which is written over that of `old`.
pub(crate) fn update(job: &Job, old: &Job, options: JobStatusOptions, errors: &mut Errors) {
    object_meta_update(&job.metadata, &old.metadata, &Path::new("metadata"), errors);
    let spec = job.spec.clone().unwrap_or_default();
    let status = job.status.clone().unwrap_or_default();
    let old_status = old.status.clone().unwrap_or_default();
    let check = Check { spec: &spec, new: &status, old: &old_status, at: Path::new("status") };
    check.counters(errors);
    check.uncounted(errors);
    if options.consistent {
        check.success_criteria(errors);
        check.exclusive_conditions(errors);
        check.completion_time(errors);
        check.interim_conditions(errors);
        check.finished(errors);
        check.ready(errors);
        check.indexes(errors);
        check.lasting(errors);
    }
    if options.keep_start_time {
        check.start_time(errors);
    }
}

struct Check<'a> {
    spec: &'a JobSpec,
    new: &'a JobStatus,
    old: &'a JobStatus,
    at: Path<'a>,
}

fn is_true(status: &JobStatus, condition: &str) -> bool {
    let mut conditions = status.conditions.iter().flatten();
    conditions.any(|it| it.type_ == condition && it.status == "True")
}

fn is_finished(status: &JobStatus) -> bool {
    is_true(status, "Complete") || is_true(status, "Failed")
}

fn is_empty(pods: Option<&UncountedTerminatedPods>) -> bool {
    let is_empty = |uids: &Option<Vec<String>>| uids.as_ref().is_none_or(Vec::is_empty);
    pods.is_none_or(|pods| is_empty(&pods.succeeded) && is_empty(&pods.failed))
}

impl Check<'_> {
    fn is(&self, condition: &str) -> bool {
        is_true(self.new, condition)
    }

    fn was(&self, condition: &str) -> bool {
        is_true(self.old, condition)
    }

    /// Whether one of `conditions` is newly true or no longer.
    fn turned(&self, conditions: &[&str]) -> bool {
        conditions.iter().any(|condition| self.is(condition) != self.was(condition))
    }

    fn has_finished_anew(&self) -> bool {
        is_finished(self.new) != is_finished(self.old)
    }

    fn condition(&self, errors: &mut Errors, detail: &str) {
        errors.invalid(&self.at.child("conditions"), Nothing, detail);
    }

    fn counters(&self, errors: &mut Errors) {
        for (field, count) in [
            ("active", self.new.active),
            ("succeeded", self.new.succeeded),
            ("failed", self.new.failed),
            ("ready", self.new.ready),
            ("terminating", self.new.terminating),
        ] {
            if let Some(count) = count.filter(|count| *count < 0) {
                errors.invalid(&self.at.child(field), count, NON_NEGATIVE);
            }
        }
    }

    fn uncounted(&self, errors: &mut Errors) {
        let Some(pods) = &self.new.uncounted_terminated_pods else { return };
        let at = self.at.child("uncountedTerminatedPods");
        let mut seen = BTreeSet::new();
        for (field, uids) in [("succeeded", &pods.succeeded), ("failed", &pods.failed)] {
            for (index, uid) in uids.iter().flatten().enumerate() {
                let at = at.item(field, index);
                if uid.is_empty() {
                    errors.invalid(&at, uid, "must not be empty");
                } else if !seen.insert(uid) {
                    errors.duplicate(&at, uid);
                }
            }
        }
    }

    fn success_criteria(&self, errors: &mut Errors) {
        const MET: &str = "SuccessCriteriaMet";
        for failure in ["Failed", "FailureTarget"] {
            if self.is(MET) && self.is(failure) {
                let detail =
                    format!("cannot set {failure}=True and SuccessCriteriaMet=True conditions");
                self.condition(errors, &detail);
            }
        }
        if self.spec.success_policy.is_some() && self.is("Complete") && !self.is(MET) {
            self.condition(
                errors,
                "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True",
            );
        }
        if self.was(MET) && !self.is(MET) {
            self.condition(errors, "cannot disable the SuccessCriteriaMet=True condition");
        }
        if self.was("Complete") && !self.was(MET) && self.is(MET) {
            self.condition(
                errors,
                "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions",
            );
        }
    }

    fn exclusive_conditions(&self, errors: &mut Errors) {
        if self.turned(&["Complete", "Failed"]) && self.is("Complete") && self.is("Failed") {
            self.condition(errors, "cannot set Complete=True and Failed=true conditions");
        }
        let both = self.is("Complete") && self.is("FailureTarget");
        if self.turned(&["Complete", "FailureTarget"]) && both {
            self.condition(errors, "cannot set Complete=True and FailureTarget=true conditions");
        }
    }

    fn completion_time(&self, errors: &mut Errors) {
        let at = self.at.child("completionTime");
        let is_new = self.new.completion_time != self.old.completion_time;
        if is_new || self.turned(&["Complete"]) {
            match &self.new.completion_time {
                Some(time) if !self.is("Complete") => errors.invalid(
                    &at,
                    Json(time),
                    "cannot set completionTime when there is no Complete=True condition",
                ),
                None if self.is("Complete") => {
                    errors.required(&at, "completionTime is required for Complete jobs");
                }
                _ => {}
            }
        }
        if (is_new || self.new.start_time != self.old.start_time)
            && let (Some(start), Some(end)) = (&self.new.start_time, &self.new.completion_time)
            && end.0 < start.0
        {
            errors.invalid(&at, Json(end), "must be equal to or after `startTime`");
        }
    }

    fn interim_conditions(&self, errors: &mut Errors) {
        let failed_indexes = self.new.failed_indexes != self.old.failed_indexes;
        if (self.turned(&["Failed"]) || failed_indexes)
            && self.is("Failed")
            && !self.is("FailureTarget")
        {
            self.condition(
                errors,
                "cannot set Failed=True condition without the FailureTarget=true condition",
            );
        }
        if self.turned(&["Complete", "SuccessCriteriaMet"])
            && self.is("Complete")
            && !self.is("SuccessCriteriaMet")
        {
            self.condition(
                errors,
                "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
            );
        }
    }

    fn finished(&self, errors: &mut Errors) {
        if !is_finished(self.new) {
            return;
        }
        let anew = self.has_finished_anew();
        let count = |count: Option<i32>| count.unwrap_or_default();
        let active = count(self.new.active);
        if (anew || active != count(self.old.active)) && active > 0 {
            let at = self.at.child("active");
            errors.invalid(&at, active, "active>0 is invalid for finished job");
        }
        let start = &self.new.start_time;
        let never_started = self.spec.suspend == Some(true) && self.spec.completions == Some(0);
        if (anew || *start != self.old.start_time) && start.is_none() && !never_started {
            let at = self.at.child("startTime");
            errors.required(&at, "startTime is required for finished job");
        }
        let uncounted = self.new.uncounted_terminated_pods.as_ref();
        let is_new = uncounted != self.old.uncounted_terminated_pods.as_ref();
        if (anew || is_new) && !is_empty(uncounted) {
            let at = self.at.child("uncountedTerminatedPods");
            errors.invalid(&at, Json(uncounted), "must be empty for finished job");
        }
        let terminating = count(self.new.terminating);
        if (anew || self.new.terminating != self.old.terminating) && terminating > 0 {
            let at = self.at.child("terminating");
            errors.invalid(&at, terminating, "terminating>0 is invalid for finished job");
        }
    }

    fn ready(&self, errors: &mut Errors) {
        let (ready, active) = (self.new.ready, self.new.active.unwrap_or_default());
        let is_new = ready != self.old.ready || active != self.old.active.unwrap_or_default();
        if let Some(ready) = ready.filter(|ready| is_new && *ready > active) {
            let at = self.at.child("ready");
            errors.invalid(&at, ready, "cannot set more ready pods than active");
        }
    }

    fn indexes(&self, errors: &mut Errors) {
        let completions = u32::try_from(self.spec.completions.unwrap_or_default()).unwrap_or(0);
        let completed = self.new.completed_indexes.as_deref().unwrap_or_default();
        let at = self.at.child("completedIndexes");
        let is_new_completed =
            completed != self.old.completed_indexes.as_deref().unwrap_or_default();
        if is_new_completed {
            if let Err(error) = indexes::check(completed, completions) {
                let detail = format!("error parsing completedIndexes: {error}");
                errors.invalid(&at, completed, &detail);
            } else if self.spec.completion_mode.as_deref() != Some("Indexed")
                && !completed.is_empty()
            {
                let detail =
                    "cannot set non-empty completedIndexes when non-indexed completion mode";
                errors.invalid(&at, completed, detail);
            }
        }
        let is_new_failed = self.new.failed_indexes != self.old.failed_indexes;
        let Some(failed) = &self.new.failed_indexes else { return };
        let at = self.at.child("failedIndexes");
        if is_new_failed {
            if let Err(error) = indexes::check(failed, completions) {
                errors.invalid(&at, failed, &format!("error parsing failedIndexes: {error}"));
            }
            if self.spec.backoff_limit_per_index.is_none() {
                let detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
                errors.invalid(&at, failed, detail);
            }
        }
        if is_new_completed || is_new_failed {
            let set = |text: &str| Indexes::parse(text, completions);
            if let Some(index) = set(completed).overlap(&set(failed)) {
                let detail =
                    format!("failedIndexes and completedIndexes overlap at index: {index}");
                errors.invalid(&at, failed, &detail);
            }
        }
    }

    /// What may not be taken back.
    fn lasting(&self, errors: &mut Errors) {
        for condition in ["Failed", "Complete", "FailureTarget"] {
            if self.was(condition) && !self.is(condition) {
                let detail = format!("cannot disable the terminal {condition}=True condition");
                self.condition(errors, &detail);
            }
        }
        let fewer = |new: Option<i32>, old: Option<i32>| {
            let new = new.unwrap_or_default();
            (new < old.unwrap_or_default()).then_some(new)
        };
        if let Some(failed) = fewer(self.new.failed, self.old.failed) {
            errors.invalid(&self.at.child("failed"), failed, "cannot decrease the failed counter");
        }
        // An Indexed Job whose counts change together may lose indexes, and their successes.
        let is_elastic = self.spec.completion_mode.as_deref() == Some("Indexed")
            && self.spec.completions.is_some()
            && self.spec.completions == self.spec.parallelism;
        if let Some(succeeded) = fewer(self.new.succeeded, self.old.succeeded)
            && !is_elastic
        {
            let at = self.at.child("succeeded");
            errors.invalid(&at, succeeded, "cannot decrease the succeeded counter");
        }
        if let (Some(new), Some(old)) = (&self.new.completion_time, &self.old.completion_time)
            && new != old
        {
            errors.invalid(
                &self.at.child("completionTime"),
                Json(new),
                "completionTime cannot be mutated",
            );
        }
    }

    fn start_time(&self, errors: &mut Errors) {
        let is_resumed = self.was("Suspended") && !self.is("Suspended");
        let (new, old) = (&self.new.start_time, &self.old.start_time);
        let is_suspended = self.spec.suspend == Some(true);
        if old.is_some() && new != old && !is_suspended && !is_resumed {
            let at = self.at.child("startTime");
            errors.invalid(&at, Json(new), "field is immutable for unsuspended job once set");
        }
    }
}
