//! What must hold of the Jobs that CronJobs make.

use std::collections::BTreeSet;
use std::sync::Arc;

use mayfly_controller::api::{CronJob, Job, names};

use super::{Found, Ledger, views};
use crate::world::uid;

/// A CronJob by its uid, and a time that it was started for.
pub(crate) type Started = BTreeSet<(String, String)>;

impl Ledger {
    /// That a CronJob, if `job` is of one, may start it now.
    pub(super) fn may_be_started(&mut self, job: &Arc<Job>) -> Found {
        let Some(id) = views::owner(&job.metadata, "CronJob") else { return Ok(()) };
        let cron_job = self.cron_jobs.get(id).ok_or("its CronJob is gone")?;
        let spec = &cron_job.spec;
        if views::is_deleting(&cron_job.metadata) || spec.suspend == Some(true) {
            return Err("its CronJob is suspended, or being deleted".to_owned());
        }
        let annotations = job.metadata.annotations.as_ref();
        let time = annotations.and_then(|it| it.get(names::CRONJOB_SCHEDULED_TIMESTAMP));
        let time = time.ok_or("it says no time that it is for")?;
        if !self.started.insert((id.to_owned(), time.clone())) {
            return Err(format!("it is the second one for {time}"));
        }
        let is_other = |other: &&Arc<Job>| {
            views::owner(&other.metadata, "CronJob") == Some(id) && uid(&***other) != uid(&**job)
        };
        let unfinished = self.all_jobs().filter(is_other).find(|other| !views::is_finished(other));
        match (spec.concurrency_policy.as_deref(), unfinished) {
            (Some("Forbid"), Some(other)) => {
                let name = other.metadata.name.as_deref().unwrap_or_default();
                Err(format!("its CronJob forbids it while {name} runs"))
            }
            _ => Ok(()),
        }
    }

    /// Of each CronJob, that no more Jobs are kept than it says. Once nothing happens any more.
    pub(crate) fn history_is_trimmed(&self) -> Found {
        self.cron_jobs.values().try_for_each(|cron_job| self.is_trimmed(cron_job))
    }

    fn is_trimmed(&self, cron_job: &CronJob) -> Found {
        let spec = &cron_job.spec;
        let limits = [
            ("Complete", spec.successful_jobs_history_limit),
            ("Failed", spec.failed_jobs_history_limit),
        ];
        for (condition, limit) in limits {
            let jobs = self.all_jobs().filter(|job| {
                views::owner(&job.metadata, "CronJob") == Some(uid(cron_job))
                    && views::is_true(job, condition)
                    && !views::is_deleting(&job.metadata)
            });
            let (kept, limit) = (jobs.count(), limit.unwrap_or(i32::MAX));
            if kept > usize::try_from(limit).unwrap_or(0) {
                let name = cron_job.metadata.name.as_deref().unwrap_or_default();
                return Err(format!("CronJob {name} keeps {kept} {condition} Jobs, not {limit}"));
            }
        }
        Ok(())
    }
}
