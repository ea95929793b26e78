//! All CronJobs with their Jobs, folded from what the store says has changed.
//!
//! Synchronous and without IO. What is known of a Job here is little, so that a CronJob whose Jobs
//! have a great many pods costs no more than another.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::api::{CronJob, Job, Key, Resource};

use super::child::{ChildJob, cron_job_of};
use super::{CronJobView, Observed};

/// All CronJobs with their Jobs.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By uid.
    cron_jobs: HashMap<Arc<str>, Arc<CronJobView>>,
    /// The uid of the CronJob at a key.
    uids: HashMap<Key, Arc<str>>,
    /// The Jobs of the CronJob at a key, whether there is one or not, by name.
    jobs: HashMap<Key, BTreeMap<Arc<str>, Arc<ChildJob>>>,
    /// At which key the Job at a key is kept.
    places: HashMap<Key, Key>,
}

impl Index {
    /// What is known of the CronJob with `uid`. Strays and refusals are not known here.
    pub(super) fn get(&self, uid: &str) -> Option<Observed> {
        let cron_job = self.cron_jobs.get(uid)?.clone();
        let jobs = self.jobs.get(&cron_job.key).cloned().unwrap_or_default();
        Some(Observed { cron_job, jobs, strays: BTreeSet::new(), refusal: None })
    }

    /// A CronJob is there, or is another than before: that, and what it was.
    pub(super) fn put_cron_job(
        &mut self,
        cron_job: &Arc<CronJob>,
    ) -> (Arc<CronJobView>, Option<Arc<CronJobView>>) {
        let view = Arc::new(CronJobView::parse(cron_job.clone()));
        self.uids.insert(view.key.clone(), view.uid.clone());
        let old = self.cron_jobs.insert(view.uid.clone(), view.clone());
        (view, old)
    }

    /// A CronJob is gone.
    pub(super) fn remove_cron_job(&mut self, cron_job: &CronJob) {
        self.cron_jobs.remove(cron_job.uid());
        let key = cron_job.key();
        if self.uids.get(&key).is_some_and(|uid| **uid == *cron_job.uid()) {
            self.uids.remove(&key);
        }
    }

    /// A Job is there, or is another than before. Says which CronJobs that concerns, by uid.
    pub(super) fn put_job(&mut self, job: &Job) -> Vec<Arc<str>> {
        let mut concerned = self.remove_job(job);
        if let Some(place) = cron_job_of(job) {
            let child = Arc::new(ChildJob::parse(job));
            concerned.extend(self.owner(&place, &child));
            self.places.insert(job.key(), place.clone());
            self.jobs.entry(place).or_default().insert(child.name.clone(), child);
        }
        concerned.dedup();
        concerned
    }

    /// A Job is gone. Says which CronJobs that concerns, by uid.
    pub(super) fn remove_job(&mut self, job: &Job) -> Vec<Arc<str>> {
        let Some(place) = self.places.remove(&job.key()) else { return Vec::new() };
        let Some(jobs) = self.jobs.get_mut(&place) else { return Vec::new() };
        let child = jobs.remove(job.metadata.name.as_deref().unwrap_or_default());
        if jobs.is_empty() {
            self.jobs.remove(&place);
        }
        child.and_then(|child| self.owner(&place, &child)).into_iter().collect()
    }

    /// The CronJob at `place`, if it is the one that `job` is of and not a later one.
    fn owner(&self, place: &Key, job: &ChildJob) -> Option<Arc<str>> {
        self.uids.get(place).filter(|uid| **uid == job.owner_uid).cloned()
    }
}
