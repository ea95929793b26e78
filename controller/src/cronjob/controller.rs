//! Keeps every CronJob as it should be: observes, reconciles, commits.
//!
//! ```text
//!  watch ──▶ index ──▶ queue ──▶ reconcile ──▶ commit ┐
//!    ▲                                                │
//!    └──────────────────── store ◀────────────────────┘
//! ```
//!
//! Decides nothing about a CronJob; that is [`reconcile()`]'s.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::api::{CronJob, Job, Key, Kind, Object, Resource, SignedDuration, Timestamp};
use crate::events::Recorder;
use crate::meter::QueueMeter;
use crate::store::{Change, ChangeKind, CommitError, Gone, Store, Transaction, Watch};
use crate::workqueue::{Retry, Workqueue};

use super::apply::{Applier, admit};
use super::index::Index;
use super::{Next, Observed, Plan, Reaction, reconcile, update};

/// Commits under way at once. Each holds one plan in memory; more would not be quicker, since the
/// store writes them in groups.
const COMMITS_MAX: usize = 128;

/// How long to wait after errors; Kubernetes' numbers.
const RETRY: Retry =
    Retry { base: SignedDuration::from_millis(5), cap: SignedDuration::from_secs(1_000) };

/// Starts Jobs when CronJobs are due, and keeps their history.
pub struct CronJobController {
    store: Store,
    recorder: Recorder,
    meter: Arc<QueueMeter>,
}

impl CronJobController {
    /// A controller of the CronJobs in `store`. It does nothing until it [runs](Self::run).
    pub fn new(store: Store) -> Self {
        let recorder = Recorder::new("cronjob-controller", store.names().clone());
        Self { store, recorder, meter: Arc::new(QueueMeter::new("cronjob")) }
    }

    /// What counts the CronJobs that it is to look at.
    pub fn meter(&self) -> Arc<QueueMeter> {
        Arc::clone(&self.meter)
    }

    /// Runs until `cancel` fires, and what was begun by then is done. There must be one at a time.
    ///
    /// It goes on where another one stopped: all it knows is in the store.
    pub async fn run(self, cancel: CancellationToken) {
        while !cancel.is_cancelled() {
            Session::start(&self).run(&cancel).await;
        }
    }

    /// What `observed` needs next. If its Job can't be made, what it needs then.
    fn plan(&self, mut observed: Observed, now: Timestamp) -> Plan {
        let mut plan = reconcile(&observed, now);
        match plan.created().map(|job| admit(&self.store, job)) {
            None => plan,
            Some(Ok(admitted)) => {
                plan.admit(admitted);
                plan
            }
            Some(Err(refusal)) => {
                observed.refusal = Some(refusal);
                reconcile(&observed, now)
            }
        }
    }

    /// Finds what the active list of `observed` names that is there, but not its own.
    fn find_strays(&self, observed: &mut Observed) {
        let status = observed.cron_job.object.status.as_ref();
        let active = status.and_then(|status| status.active.as_deref()).unwrap_or_default();
        let names = active.iter().filter_map(|reference| reference.name.as_deref());
        let is_stray = |name: &&str| {
            let key = Key::new(&observed.cron_job.key.namespace, name);
            !observed.jobs.contains_key(*name) && self.store.get::<Job>(&key).is_some()
        };
        observed.strays = names.filter(is_stray).map(Arc::from).collect();
    }
}

/// Runs CronJobs for as long as the watch does not fall behind.
struct Session<'a> {
    controller: &'a CronJobController,
    index: Index,
    queue: Workqueue,
    watch: Watch,
    commits: JoinSet<Ended>,
}

/// How a commit ended.
struct Ended {
    /// The CronJob that a plan was for; none where people were only told something.
    cron_job: Option<Arc<str>>,
    /// Whether something stood in the way of what the plan is about.
    is_hindered: bool,
    /// The version of the store that has it.
    result: Result<u64, CommitError>,
}

impl<'a> Session<'a> {
    fn start(controller: &'a CronJobController) -> Self {
        let (objects, watch) = controller.store.list_and_watch(&[Kind::CronJob, Kind::Job]);
        let mut index = Index::default();
        let mut queue = Workqueue::new(RETRY, controller.meter());
        for job in objects.iter().filter_map(Job::from_object) {
            index.put_job(job);
        }
        for cron_job in objects.iter().filter_map(CronJob::from_object) {
            let (view, _) = index.put_cron_job(cron_job);
            queue.push(view.uid.clone());
        }
        Self { controller, index, queue, watch, commits: JoinSet::new() }
    }

    async fn run(&mut self, cancel: &CancellationToken) {
        let clock = self.controller.store.clock().clone();
        let mut current = Ok(());
        while current.is_ok() && !cancel.is_cancelled() {
            self.catch_up();
            self.start_commits();
            let due = self.queue.next_due().filter(|_| self.commits.len() < COMMITS_MAX);
            let timer = async {
                match due {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // In this order, so that the same events make the same history. Changes that come
                // without pause hold up nothing: commits are few, and timers are asked each time.
                biased;
                () = cancel.cancelled() => {}
                Some(ended) = self.commits.join_next() => {
                    current = self.note(ended.expect("a commit must not panic"));
                }
                change = self.watch.next() => current = change.map(|change| self.fold(&change)),
                () = timer => {}
            }
        }
        while self.commits.join_next().await.is_some() {}
    }

    /// Folds in all changes that are there.
    fn catch_up(&mut self) {
        while let Some(change) = self.watch.try_next() {
            self.fold(&change);
        }
    }

    fn fold(&mut self, change: &Change) {
        let concerned = match (&change.object, change.what) {
            (Object::CronJob(cron_job), ChangeKind::Deleted) => {
                self.index.remove_cron_job(cron_job);
                return self.queue.forget(&cron_job.uid().into());
            }
            (Object::CronJob(cron_job), _) => return self.fold_cron_job(cron_job),
            (Object::Job(job), ChangeKind::Deleted) => self.index.remove_job(job),
            (Object::Job(job), _) => self.index.put_job(job),
            _ => return,
        };
        for uid in concerned {
            self.queue.push(uid);
        }
    }

    fn fold_cron_job(&mut self, cron_job: &Arc<CronJob>) {
        let now = self.controller.store.clock().now();
        let (new, old) = self.index.put_cron_job(cron_job);
        match old.map_or(Reaction::Now, |old| update(&old, &new, now)) {
            Reaction::Now => self.queue.push(new.uid.clone()),
            Reaction::WhenDue(at) => self.queue.set_timer(&new.uid, Some(at)),
            Reaction::Never(event) => {
                self.queue.set_timer(&new.uid, None);
                let applier = Applier { recorder: &self.controller.recorder, cron_job: &new, now };
                let tell = applier.record(&event);
                self.spawn(None, tell, false);
            }
        }
    }

    /// Reconciles the CronJobs that are ready, as long as there is room for their commits.
    fn start_commits(&mut self) {
        let now = self.controller.store.clock().now();
        while self.commits.len() < COMMITS_MAX {
            let Some(uid) = self.queue.pop(now) else { return };
            let Some(mut observed) = self.index.get(&uid) else {
                self.queue.forget(&uid);
                self.queue.done(&uid);
                continue;
            };
            self.controller.find_strays(&mut observed);
            let cron_job = observed.cron_job.clone();
            let Plan { actions, next } = self.controller.plan(observed, now);
            // Set before the commit, during which another schedule may mean another time.
            self.queue.set_timer(&uid, next.time());
            let is_hindered = next == Next::Retry;
            if actions.is_empty() {
                self.settle(&uid, is_hindered);
                continue;
            }
            let recorder = &self.controller.recorder;
            let applier = Applier { recorder, cron_job: &cron_job, now };
            let transaction = applier.transaction(actions);
            self.spawn(Some(uid), transaction, is_hindered);
        }
    }

    fn spawn(&mut self, cron_job: Option<Arc<str>>, transaction: Transaction, is_hindered: bool) {
        let store = self.controller.store.clone();
        self.commits.spawn(async move {
            let result = store.commit(transaction).await;
            let result = result.map(|committed| committed.resource_version);
            Ended { cron_job, is_hindered, result }
        });
    }

    /// Takes note of how a commit ended. The watch has fallen behind if it does not show it.
    fn note(&mut self, ended: Ended) -> Result<(), Gone> {
        // Whatever the commit has done has to be seen before its CronJob is looked at again.
        self.catch_up();
        let is_failed = match ended.result {
            Ok(version) if self.watch.resource_version() < version => {
                let newest = self.controller.store.resource_version();
                return Err(Gone { after: self.watch.resource_version(), oldest: version, newest });
            }
            Ok(_) => false,
            // What came between is on its way here; the retry is for safety.
            Err(
                error @ (CommitError::Conflict { .. }
                | CommitError::AlreadyExists { .. }
                | CommitError::Vetoed { .. }),
            ) => {
                debug!(%error, "a CronJob has changed while it was reconciled");
                true
            }
            Err(error) => {
                warn!(%error, "a plan could not be committed");
                true
            }
        };
        if let Some(uid) = ended.cron_job {
            self.settle(&uid, is_failed || ended.is_hindered);
        }
        Ok(())
    }

    /// Ends that the CronJob with `uid` is busy.
    fn settle(&mut self, uid: &Arc<str>, is_tried_again: bool) {
        if is_tried_again {
            self.queue.retry(uid, self.controller.store.clock().now());
        } else {
            self.queue.forgive(uid);
        }
        self.queue.done(uid);
    }
}
