//! The books: what is in the store, what guests have done, and whether the two agree.
//!
//! ```text
//! published changes ─▶ fold, one by one ─▶ settle, at the end of each batch
//! what guests do ────▶ guests ────────────────▲
//! ```
//!
//! It keeps its own accounts from what it sees, and knows nothing of how the controllers count.

mod cron_jobs;
mod ends;
pub(crate) mod guests;
mod jobs;
mod pods;
mod usage;
pub(crate) mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mayfly_controller::api::{CronJob, Job, Key, Kind, Object, Pod};
use mayfly_controller::store::{Change, ChangeKind};

use crate::world::uid;
use cron_jobs::Started;
use guests::GuestBook;
use jobs::JobRecord;
use pods::PodRecord;

/// What a check finds: nothing, or what is wrong.
pub(crate) type Found = Result<(), String>;

/// The books of one simulation.
#[derive(Default)]
pub(crate) struct Ledger {
    version: u64,
    /// The version of each object that is visible.
    visible: BTreeMap<(Kind, Key), u64>,
    jobs: BTreeMap<String, JobRecord>,
    pods: BTreeMap<String, PodRecord>,
    cron_jobs: BTreeMap<String, Arc<CronJob>>,
    /// Every time that a CronJob has been started for, since the beginning.
    started: Started,
    pub(crate) guests: GuestBook,
    /// Jobs of which something has changed in the present batch.
    touched: BTreeSet<String>,
    /// Pods that a Job has let go while they were active, and that must be deleted with that.
    let_go: BTreeSet<String>,
    /// What has been seen to happen, for whoever wants to know how much a seed does.
    pub(crate) seen: Seen,
}

/// How often something was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) lives: u64,
    pub(crate) changes: u64,
    pub(crate) pods: u64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
}

impl std::ops::AddAssign for Seen {
    fn add_assign(&mut self, more: Self) {
        self.lives += more.lives;
        self.changes += more.changes;
        self.pods += more.pods;
        self.completed += more.completed;
        self.failed += more.failed;
    }
}

impl Ledger {
    /// Takes the store as it is found after a restart: what was published is there.
    pub(crate) fn reopened(&mut self, objects: &[Object], version: u64) -> Found {
        let mut found = Ok(());
        if version < self.version {
            let published = self.version;
            found = Err(format!("published up to version {published}, kept up to {version}"));
        }
        let kept: BTreeMap<_, _> = objects
            .iter()
            .map(|object| ((object.kind(), object.key()), version_of(object)))
            .collect();
        if version == self.version && kept != self.visible {
            let lost = self.visible.iter().find(|(key, version)| kept.get(key) != Some(version));
            found = found.and(Err(format!("what was published is not what is kept: {lost:?}")));
        }
        // A batch that was refused may have been kept all the same: the books begin with it.
        (self.version, self.visible) = (version, kept);
        let before = std::mem::take(&mut self.jobs);
        self.pods.clear();
        self.cron_jobs.clear();
        self.touched.clear();
        self.let_go.clear();
        for object in objects {
            match object {
                Object::Job(job) => {
                    if let Some(old) = before.get(uid(&**job)) {
                        found = found.and(jobs::may_become(&as_written(&old.job), job));
                    }
                    self.jobs.insert(uid(&**job).to_owned(), JobRecord::new(job));
                }
                Object::Pod(pod) => {
                    self.pods.insert(uid(&**pod).to_owned(), PodRecord::new(pod));
                }
                Object::CronJob(cron_job) => {
                    self.cron_jobs.insert(uid(&**cron_job).to_owned(), Arc::clone(cron_job));
                }
                _ => {}
            }
        }
        found
    }

    /// Takes in one change.
    pub(crate) fn fold(&mut self, change: &Change) -> Found {
        self.seen.changes += 1;
        let expected = self.version + 1;
        self.version = change.resource_version;
        let place = (change.kind, change.key.clone());
        match change.what {
            ChangeKind::Deleted => self.visible.remove(&place),
            _ => self.visible.insert(place, change.resource_version),
        };
        if change.resource_version != expected {
            return Err(format!("version {} follows {}", change.resource_version, expected - 1));
        }
        let found = match &change.object {
            Object::Job(job) => self.fold_job(job, change.what),
            Object::Pod(pod) => self.fold_pod(pod, change.what),
            Object::CronJob(cron_job) => {
                let uid = uid(&**cron_job).to_owned();
                match change.what {
                    ChangeKind::Deleted => self.cron_jobs.remove(&uid),
                    _ => self.cron_jobs.insert(uid, Arc::clone(cron_job)),
                };
                Ok(())
            }
            _ => Ok(()),
        };
        found.map_err(|complaint| format!("{} {}: {complaint}", change.kind.name(), change.key))
    }

    /// Looks at what a batch has made of everything that it touched.
    pub(crate) fn settle(&mut self) -> Found {
        let mut found = Ok(());
        for uid in std::mem::take(&mut self.touched) {
            if let Some(job) = self.jobs.get_mut(&uid) {
                let name = job.job.metadata.name.clone().unwrap_or_default();
                let settled = job.settle().map_err(|complaint| format!("Job {name}: {complaint}"));
                found = found.and(settled);
            }
        }
        for uid in std::mem::take(&mut self.let_go) {
            let Some(PodRecord { pod, .. }) = self.pods.get(&uid) else { continue };
            let is_held = self.job_of(pod).is_some_and(|job| !job.is_finished_or_going());
            if is_held && pod.metadata.deletion_timestamp.is_none() {
                let name = pod.metadata.name.clone().unwrap_or_default();
                found =
                    found.and(Err(format!("Pod {name}: let go, and neither ended nor deleted")));
            }
        }
        found
    }

    /// A guest begins to run.
    pub(crate) fn begin_run(
        &mut self,
        node: &str,
        pod: &str,
        container: &str,
        restart: u32,
    ) -> Found {
        if let Some(record) = self.pods.get(pod) {
            pods::may_run(&record.pod, node, container, restart)?;
        }
        self.guests.begin(pod, container, restart)
    }

    /// The Job that is the controller of `pod`, if it is there.
    fn job_of(&self, pod: &Pod) -> Option<&JobRecord> {
        self.jobs.get(views::owner(&pod.metadata, "Job")?)
    }

    /// The pods of the Job with `uid`.
    fn pods_of<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = &'a Arc<Pod>> {
        let pods = self.pods.values().map(|record| &record.pod);
        pods.filter(move |pod| views::owner(&pod.metadata, "Job") == Some(uid))
    }

    /// Every Job that there is.
    pub(crate) fn all_jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.jobs.values().map(|record| &record.job)
    }
}

/// What a Job is once it has been written down, with times of whole seconds.
fn as_written(job: &Job) -> Job {
    let json = serde_json::to_vec(job).expect("a Job can be written");
    serde_json::from_slice(&json).expect("what was written can be read")
}

fn version_of(object: &Object) -> u64 {
    let version = object.metadata().resource_version.as_deref();
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}
