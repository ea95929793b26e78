//! What must hold of a Job at every step.

use std::collections::BTreeSet;
use std::sync::Arc;

use mayfly_controller::admission::{JobStatusOptions, validate_job_status};
use mayfly_controller::api::Job;
use mayfly_controller::store::ChangeKind;

use super::{Found, Ledger, views};
use crate::world::uid;

/// A Job, with what the present batch has let go of its pods.
pub(crate) struct JobRecord {
    pub(crate) job: Arc<Job>,
    /// As it was before the batch.
    before: Arc<Job>,
    /// Pods that have succeeded and been let go, since the batch began and since the status was
    /// written last.
    pub(crate) succeeded: u32,
    pub(crate) succeeded_indexes: BTreeSet<u32>,
    pub(crate) unwritten: u32,
    pub(crate) unwritten_indexes: BTreeSet<u32>,
    /// Pods that have been let go and must, or may, be counted as failed.
    pub(crate) failed_least: u32,
    pub(crate) failed_most: u32,
}

impl JobRecord {
    pub(crate) fn new(job: &Arc<Job>) -> Self {
        Self {
            job: Arc::clone(job),
            before: Arc::clone(job),
            succeeded: 0,
            succeeded_indexes: BTreeSet::new(),
            unwritten: 0,
            unwritten_indexes: BTreeSet::new(),
            failed_least: 0,
            failed_most: 0,
        }
    }

    pub(crate) fn is_finished_or_going(&self) -> bool {
        views::is_finished(&self.job) || views::is_deleting(&self.job.metadata)
    }

    /// That the counts have become what the pods that were let go say. Those of a Job that is deleted
    /// without them are nobody's from some moment on, so that nothing can be said of its counts.
    pub(crate) fn settle(&mut self) -> Found {
        if views::is_orphaning(&self.job) {
            *self = Self::new(&self.job);
            return Ok(());
        }
        let (old, new) = (views::status(&self.before), views::status(&self.job));
        let mut found = Ok(());
        if views::is_indexed(&self.job) {
            found = found.and(self.indexes_agree());
        } else {
            let counted = new.succeeded.unwrap_or(0) - old.succeeded.unwrap_or(0);
            if i64::from(counted) != i64::from(self.succeeded) {
                found = Err(format!("{} pods succeeded, {counted} were counted", self.succeeded));
            }
        }
        let counted = i64::from(new.failed.unwrap_or(0) - old.failed.unwrap_or(0));
        // Once enough has succeeded, what is let go is not looked at any more, as in Kubernetes.
        let is_over = views::is_true(&self.job, "SuccessCriteriaMet");
        let least = if is_over { 0 } else { i64::from(self.failed_least) };
        let most = i64::from(self.failed_most);
        if counted < least || counted > most {
            found =
                found.and(Err(format!("{least} to {most} pods failed, {counted} were counted")));
        }
        *self = Self::new(&self.job);
        found
    }

    /// That the indexes which have succeeded are those of before and of the pods that were let go,
    /// but for what an elastic Job has given up.
    fn indexes_agree(&self) -> Found {
        let (old, new) =
            (views::completed_indexes(&self.before), views::completed_indexes(&self.job));
        let end = views::completions(&self.job).unwrap_or(0);
        let is_within = |index: &&u32| (**index as usize) < end;
        let most: BTreeSet<u32> = old.union(&self.succeeded_indexes).copied().collect();
        let written = self.before.status != self.job.status;
        let least: BTreeSet<u32> = match written {
            true => most.iter().filter(is_within).copied().collect(),
            false => self.succeeded_indexes.iter().filter(is_within).copied().collect(),
        };
        let succeeded = views::status(&self.job).succeeded.unwrap_or(0);
        if !new.is_subset(&most) || !least.is_subset(&new) {
            return Err(format!("indexes {least:?} to {most:?} have succeeded, {new:?} say so"));
        }
        if new.len() != usize::try_from(succeeded).unwrap_or(usize::MAX) {
            return Err(format!("{new:?} have succeeded, and succeeded is {succeeded}"));
        }
        Ok(())
    }
}

impl Ledger {
    pub(super) fn fold_job(&mut self, job: &Arc<Job>, what: ChangeKind) -> Found {
        let id = uid(&**job).to_owned();
        match what {
            ChangeKind::Added => {
                let found = self.may_be_started(job);
                self.jobs.insert(id, JobRecord::new(job));
                found
            }
            ChangeKind::Modified => {
                self.touched.insert(id.clone());
                let record = self.jobs.get_mut(&id).ok_or("it was not known")?;
                let old = std::mem::replace(&mut record.job, Arc::clone(job));
                if old.status != job.status {
                    record.unwritten = 0;
                    record.unwritten_indexes.clear();
                }
                for (condition, seen) in
                    [("Complete", &mut self.seen.completed), ("Failed", &mut self.seen.failed)]
                {
                    *seen += u64::from(views::is_true(job, condition))
                        - u64::from(views::is_true(&old, condition));
                }
                may_become(&old, job)
            }
            ChangeKind::Deleted => {
                self.touched.remove(&id);
                self.jobs.remove(&id).map(drop).ok_or_else(|| "it was not known".to_owned())
            }
        }
    }
}

/// That a Job whose success is declared has succeeded as often as it says. Raising its completions
/// afterwards changes nothing, as in Kubernetes.
fn has_enough(job: &Job) -> Found {
    let has_policy = job.spec.as_ref().is_some_and(|spec| spec.success_policy.is_some());
    let succeeded = views::status(job).succeeded.unwrap_or(0);
    let succeeded = usize::try_from(succeeded).unwrap_or(0);
    let least = views::completions(job).unwrap_or(1);
    if succeeded < least && !has_policy {
        return Err(format!("its success is declared with {succeeded} of {least}"));
    }
    Ok(())
}

/// Whether indexes that have succeeded are none of the Job's any more, since it was made smaller. It
/// counts fewer then, whatever its parallelism has become meanwhile. Kubernetes' API refuses that
/// unless the parallelism is still that of the smaller Job, and its controller tries for ever.
fn has_lost_indexes(job: &Job) -> bool {
    let end = views::completions(job).unwrap_or(0);
    views::is_indexed(job)
        && views::status(job).completed_indexes.is_some_and(|text| {
            let last = text.rsplit([',', '-']).next().and_then(|last| last.parse::<usize>().ok());
            last.is_some_and(|last| last >= end)
        })
}

/// That a Job which was `old` may be `new`.
pub(crate) fn may_become(old: &Job, new: &Job) -> Found {
    if old.status != new.status {
        let mut written = Job { status: new.status.clone(), ..old.clone() };
        if let Some(spec) = written.spec.as_mut().filter(|_| has_lost_indexes(old)) {
            spec.parallelism = spec.completions;
        }
        validate_job_status(&written, old, JobStatusOptions::default())
            .map_err(|invalid| invalid.to_string())?;
    }
    let status = views::status(new);
    let conditions: Vec<_> = status.conditions.iter().flatten().collect();
    let place =
        |type_: &str| conditions.iter().position(|it| it.type_ == type_ && it.status == "True");
    for (interim, terminal) in [("SuccessCriteriaMet", "Complete"), ("FailureTarget", "Failed")] {
        if place(terminal).is_some() && place(interim) >= place(terminal) {
            return Err(format!("{terminal} comes before {interim}"));
        }
        if views::is_true(old, terminal) && old.status != new.status {
            return Err(format!("its status has changed after it was {terminal}"));
        }
    }
    if !views::is_true(old, "SuccessCriteriaMet") && place("SuccessCriteriaMet").is_some() {
        has_enough(new)?;
    }
    if place("Complete").is_some() && place("Failed").is_some() {
        return Err("it is Complete and Failed".to_owned());
    }
    let mut types: Vec<_> = conditions.iter().map(|it| &it.type_).collect();
    types.sort_unstable();
    types.dedup();
    if types.len() != conditions.len() {
        return Err("a condition is there twice".to_owned());
    }
    if let Some(pods) = &status.uncounted_terminated_pods
        && (pods.succeeded.is_some() || pods.failed.is_some())
    {
        return Err(format!("pods are shown as uncounted: {pods:?}"));
    }
    if status.failed.unwrap_or(0) < views::status(old).failed.unwrap_or(0) {
        return Err("fewer have failed than before".to_owned());
    }
    Ok(())
}
