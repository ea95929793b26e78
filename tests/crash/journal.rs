//! What the API has shown, kept over all rounds: what was shown once must stay so.
//!
//! It complains as soon as something that was shown or acknowledged is lost or taken back. How that
//! agrees with what guests wrote is judged when a Job has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ObjectList;

use super::seen::{self, SeenJob, SeenPod};

/// What has been shown so far.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// By name; none is used twice.
    pub(super) jobs: BTreeMap<String, SeenJob>,
    /// By uid.
    pub(super) pods: BTreeMap<String, SeenPod>,
    /// Jobs that had ended before their pods were listed.
    pub(super) ended: BTreeSet<String>,
    /// Jobs that a user wants deleted.
    unwanted: BTreeSet<String>,
    /// Those of them whose deletion was acknowledged, and after how many kills.
    deleted: BTreeMap<String, usize>,
    /// How often the server was killed, and how often it had been when all was last listed.
    pub(super) kills: usize,
    listed: usize,
    /// What is wrong.
    pub(super) complaints: Vec<String>,
}

impl Journal {
    /// The server has been killed.
    pub(super) fn killed(&mut self) {
        self.kills += 1;
    }

    /// A user is about to delete a Job.
    pub(super) fn deleting(&mut self, name: &str) {
        self.unwanted.insert(name.to_owned());
    }

    /// The deletion has been acknowledged.
    pub(super) fn deleted(&mut self, name: &str) {
        self.deleted.insert(name.to_owned(), self.kills);
    }

    /// These are all Jobs, and all pods that there were afterwards.
    pub(super) fn are(&mut self, jobs: &ObjectList<Job>, pods: &ObjectList<Pod>) {
        let version = seen::version(jobs.metadata.resource_version.clone());
        for job in jobs {
            self.job_is(job);
            let name = job.name_any();
            if self.deleted.get(&name).is_some_and(|kills| *kills < self.kills) {
                self.complaints.push(format!("{name} was deleted, and is there again"));
            }
            if SeenJob::of(job).end.is_some() {
                self.ended.insert(name);
            }
        }
        for pod in pods {
            self.pod_is(pod, self.listed);
        }
        let jobs: BTreeSet<_> = jobs.iter().map(ResourceExt::name_any).collect();
        let missing = self.jobs.iter().filter(|(name, job)| {
            // A user makes some while the list is on its way.
            !job.is_gone && !jobs.contains(*name) && job.version <= version
        });
        let missing: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
        missing.iter().for_each(|name| self.job_is_gone(name));
        let pods: BTreeSet<_> = pods.iter().filter_map(ResourceExt::uid).collect();
        let missing = self.pods.iter().filter(|(uid, pod)| !pod.is_gone && !pods.contains(*uid));
        let missing: Vec<String> = missing.map(|(uid, _)| uid.clone()).collect();
        missing.iter().for_each(|uid| self.pod_is_gone(uid));
        self.listed = self.kills;
    }

    /// A Job is now like this.
    pub(super) fn job_is(&mut self, job: &Job) {
        let name = job.name_any();
        let now = SeenJob::of(job);
        let before = self.jobs.get(&name);
        let change = before.map_or(Ok(true), |before| before.becomes(&now));
        match change {
            Ok(true) => drop(self.jobs.insert(name, now)),
            // Two watchers and a list tell the same things, each in its own time.
            Ok(false) => {}
            Err(why) => self.complaints.push(format!("{name} {why}: {before:?}, then {now:?}")),
        }
    }

    /// A Job is no more.
    pub(super) fn job_is_gone(&mut self, name: &str) {
        if !self.unwanted.contains(name) {
            self.complaints.push(format!("{name} was lost"));
        }
        if let Some(job) = self.jobs.get_mut(name) {
            job.is_gone = true;
        }
    }

    /// A pod that was told of just now is like this.
    pub(super) fn pod_changes(&mut self, pod: &Pod) {
        self.pod_is(pod, self.kills);
    }

    /// A pod is now like this; if it is new, it has been made since there were so many `kills`.
    fn pod_is(&mut self, pod: &Pod, kills: usize) {
        let uid = pod.uid().unwrap_or_default();
        let mut now = SeenPod::of(pod, kills);
        let before = self.pods.get(&uid);
        let change = before.map_or(Ok(true), |before| before.becomes(&now));
        match change {
            Ok(true) => {
                now.made_after = before.map_or(kills, |before| before.made_after);
                now.over = before.and_then(|before| before.over);
                if now.is_over() && now.over.is_none() {
                    now.over = Some((SystemTime::now(), self.kills));
                }
                self.pods.insert(uid, now);
            }
            Ok(false) => {}
            Err(why) => {
                self.complaints.push(format!("pod {uid} {why}: {before:?}, then {now:?}"));
            }
        }
    }

    /// A pod is no more.
    pub(super) fn pod_is_gone(&mut self, uid: &str) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        pod.is_gone = true;
        if pod.over.is_some() && !pod.is_deleting && !self.unwanted.contains(&pod.job) {
            self.complaints.push(format!("pod {uid} had ended, and was lost: {pod:?}"));
        }
    }

    /// The Jobs that are there and have not ended.
    pub(super) fn open(&self) -> impl Iterator<Item = (&String, &SeenJob)> {
        self.jobs.iter().filter(|(_, job)| !job.is_gone && job.end.is_none())
    }

    /// The Jobs that are there and have ended.
    pub(super) fn ended(&self) -> impl Iterator<Item = (&String, &SeenJob)> {
        self.jobs.iter().filter(|(_, job)| !job.is_gone && job.end.is_some())
    }

    /// The pods of a Job, by uid.
    pub(super) fn pods_of(&self, job: &str) -> impl Iterator<Item = (&String, &SeenPod)> {
        self.pods.iter().filter(move |(_, pod)| pod.job == job)
    }

    /// What must still change: Jobs that have not ended, with their pods, and pods that have outlived
    /// their Job.
    pub(super) fn unsettled(&self) -> Vec<String> {
        let open: Vec<_> = self.open().map(|(name, job)| format!("{name}: {job:?}")).collect();
        let is_left = |pod: &SeenPod| {
            !pod.is_gone
                && self.jobs.get(&pod.job).is_none_or(|job| job.is_gone || job.end.is_none())
        };
        let left = self.pods.iter().filter(|(_, pod)| is_left(pod));
        let left = left.map(|(uid, pod)| format!("pod {uid}: {pod:?}"));
        open.into_iter().chain(left).collect()
    }
}
