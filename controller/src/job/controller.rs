//! Keeps every Job as it should be: observes, reconciles, commits.
//!
//! ```text
//!  watch ──▶ index ──▶ queue ──▶ reconcile ──▶ commit ┐
//!    ▲                                                │
//!    └──────────────────── store ◀────────────────────┘
//! ```
//!
//! Decides nothing about a Job; that is [`reconcile()`]'s.
//!
//! Kubernetes differs: it gathers the changes of pods for a second before it looks at their Job.
//! Here they gather only while a commit for the same Job is under way.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::api::{Job, Key, Kind, Namespace, Object, Pod, Resource, SignedDuration};
use crate::events::Recorder;
use crate::meter::QueueMeter;
use crate::quota::{OperatorLimits, bounds_of};
use crate::store::{Change, ChangeKind, CommitError, Gone, Store, Watch};
use crate::trace::{self, Tracer};
use crate::workqueue::{Retry, Workqueue};

use super::apply::{Applier, release};
use super::claim::{controller, is_orphan};
use super::index::Index;
use super::pod_view::is_tracked;
use super::{Action, BackoffRecord, BackoffSettings, Denials, JobView, Plan, PodRef, reconcile};

/// Commits under way at once. Each holds one plan in memory; more would not be quicker, since the
/// store writes them in groups.
const COMMITS_MAX: usize = 128;

/// How long to wait after errors; Kubernetes' numbers.
const RETRY: Retry =
    Retry { base: SignedDuration::from_secs(1), cap: SignedDuration::from_secs(60) };

/// Runs Jobs.
pub struct JobController {
    store: Store,
    settings: BackoffSettings,
    operator: OperatorLimits,
    recorder: Arc<Recorder>,
    meter: Arc<QueueMeter>,
    tracer: Tracer,
}

impl JobController {
    /// A controller of the Jobs in `store`. It does nothing until it [runs](Self::run).
    pub fn new(store: Store, settings: BackoffSettings) -> Self {
        let recorder = Arc::new(Recorder::new("job-controller", store.names().clone()));
        let (operator, meter) = (OperatorLimits::default(), Arc::new(QueueMeter::new("job")));
        Self { store, settings, operator, recorder, meter, tracer: Tracer::default() }
    }

    /// The same, whose plans are traced that make pods.
    #[must_use]
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// What counts the Jobs that it is to look at.
    pub fn meter(&self) -> Arc<QueueMeter> {
        Arc::clone(&self.meter)
    }

    /// The same, whose pods keep to what the operator lets every pod have.
    #[must_use]
    pub fn with_operator_limits(self, operator: OperatorLimits) -> Self {
        Self { operator, ..self }
    }

    /// Runs until `cancel` fires, and what was begun by then is done. There must be one at a time.
    ///
    /// It goes on where another one stopped: all it knows is in the store.
    pub async fn run(self, cancel: CancellationToken) {
        while !cancel.is_cancelled() {
            Session::start(&self).run(&cancel).await;
        }
    }
}

/// Runs Jobs for as long as the watch does not fall behind.
struct Session<'a> {
    controller: &'a JobController,
    index: Index,
    queue: Workqueue,
    watch: Watch,
    commits: JoinSet<Ended>,
}

/// How a commit ended.
struct Ended {
    /// The Job it was for; none where it was for orphans.
    job: Option<Arc<str>>,
    /// The Job's back-off record, if it has changed.
    backoff: Option<BackoffRecord>,
    /// The record of what it was denied, likewise.
    denials: Option<Denials>,
    /// The version of the store that has it.
    result: Result<u64, CommitError>,
}

impl<'a> Session<'a> {
    fn start(controller: &'a JobController) -> Self {
        let (objects, watch) = controller.store.list_and_watch(&[Kind::Job, Kind::Pod]);
        let jobs: Vec<_> = objects.iter().filter_map(Job::from_object).cloned().collect();
        let pods: Vec<_> = objects.iter().filter_map(Pod::from_object).cloned().collect();
        let index = Index::of(controller.settings, &jobs, &pods);
        let queue = Workqueue::new(RETRY, controller.meter());
        let commits = JoinSet::new();
        Self { controller, index, queue, watch, commits }
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
        let changed = self.index.take_changed();
        for uid in changed.jobs {
            self.queue.push(uid);
        }
        for uid in changed.gone {
            self.queue.forget(&uid);
        }
        for pod in changed.orphans {
            self.release_orphan(pod);
        }
    }

    fn fold(&mut self, change: &Change) {
        match (&change.object, change.what) {
            (Object::Job(job), ChangeKind::Deleted) => self.index.remove_job(job),
            (Object::Job(job), _) => self.index.put_job(job),
            (Object::Pod(pod), ChangeKind::Deleted) => self.index.remove_pod(pod),
            (Object::Pod(pod), _) => self.index.put_pod(pod),
            _ => {}
        }
    }

    /// Reconciles the Jobs that are ready, as long as there is room for their commits.
    fn start_commits(&mut self) {
        let now = self.controller.store.clock().now();
        while self.commits.len() < COMMITS_MAX {
            let Some(uid) = self.queue.pop(now) else { return };
            let Some(namespace) = self.index.get(&uid).map(|it| it.job.key.namespace.clone())
            else {
                self.queue.done(&uid);
                continue;
            };
            let store = &self.controller.store;
            let bounds = bounds_of(store, &namespace).within(self.controller.operator);
            self.index.set_namespace(&uid, bounds, is_terminating(store, &namespace));
            let Some(observed) = self.index.get(&uid) else { continue };
            let has_quotas = !observed.room.bounds.quotas.is_empty();
            let plan = reconcile(observed, now);
            let job = observed.job.clone();
            self.queue.set_timer(&uid, plan.requeue_at);
            if plan.is_idle() {
                self.queue.done(&uid);
                continue;
            }
            self.start_commit(job, plan, has_quotas);
        }
    }

    fn start_commit(&mut self, job: Arc<JobView>, plan: Plan, has_quotas: bool) {
        let store = self.controller.store.clone();
        let recorder = self.controller.recorder.clone();
        let tracer = self.controller.tracer.clone();
        let Plan { actions, backoff, denials, .. } = plan;
        self.commits.spawn(async move {
            let now = store.clock().now();
            let pods_made = tracer.is_on().then(|| pods_made(&actions));
            let applier =
                Applier { store: &store, recorder: &recorder, job: &job, has_quotas, now };
            let result = store.commit(applier.transaction(actions)).await;
            if let Err(error @ CommitError::AlreadyExists { .. }) = &result
                && let Err(error) = store.commit(applier.record_failed_create(error)).await
            {
                warn!(job = %job.key, %error, "an event was not recorded");
            }
            let result = result.map(|committed| committed.resource_version);
            if let (Some(pods_made @ 1..), Ok(version)) = (pods_made, &result)
                && let Some(trace) = tracer.of(&job.object.metadata)
            {
                let times = (now, store.clock().now());
                trace::reconciled(&trace, &job.object.metadata, times, (pods_made, *version));
            }
            Ended { job: Some(job.uid.clone()), backoff, denials, result }
        });
    }

    /// Takes note of how a commit ended. The watch has fallen behind if it does not show it.
    fn note(&mut self, ended: Ended) -> Result<(), Gone> {
        // Whatever the commit has done has to be seen before its Job is looked at again.
        self.catch_up();
        let now = self.controller.store.clock().now();
        let Some(uid) = ended.job else { return Ok(()) };
        match ended.result {
            Ok(version) if self.watch.resource_version() < version => {
                let newest = self.controller.store.resource_version();
                return Err(Gone { after: self.watch.resource_version(), oldest: version, newest });
            }
            Ok(_) => {
                self.queue.forgive(&uid);
                if let Some(backoff) = ended.backoff {
                    self.index.set_backoff(&uid, backoff);
                }
                if let Some(denials) = ended.denials {
                    self.index.set_denials(&uid, denials);
                }
            }
            // The change that came between is on its way here; the retry is for safety.
            Err(error @ (CommitError::Conflict { .. } | CommitError::Vetoed { .. })) => {
                debug!(%error, "a Job has changed while it was reconciled");
                self.queue.retry(&uid, now);
            }
            Err(error) => {
                warn!(%error, "a plan could not be committed");
                self.queue.retry(&uid, now);
            }
        }
        self.queue.done(&uid);
        Ok(())
    }

    /// Takes the finalizer off a pod that has no Job to count it, after another look: what the
    /// index does not know yet may be in the store.
    fn release_orphan(&mut self, pod: PodRef) {
        let store = self.controller.store.clone();
        let Some(found) = store.get::<Pod>(&pod.key) else { return };
        let owner = controller(&found.metadata)
            .and_then(|owner| store.get::<Job>(&Key::new(&pod.key.namespace, &owner.name)));
        if *found.uid() != *pod.uid
            || !is_tracked(&found.metadata)
            || !is_orphan(&found.metadata, owner.as_deref())
        {
            return;
        }
        self.commits.spawn(async move {
            let result = store.commit(release(pod)).await;
            let result = result.map(|committed| committed.resource_version);
            Ended { job: None, backoff: None, denials: None, result }
        });
    }
}

fn pods_made(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::Create(_))).count()
}

fn is_terminating(store: &Store, name: &str) -> bool {
    let namespace = store.get::<Namespace>(&Key::new("", name));
    namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_some())
}
