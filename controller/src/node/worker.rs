//! The task that looks after one pod, from when it comes to the node until it has ended.
//!
//! ```text
//!            news ─┐
//!        progress ─┼─▶ PodState ──▶ Step ──▶ start and end containers
//!  timer, reports ─┘       └──────▶ status ──▶ control plane
//! ```
//!
//! It carries out what [`lifecycle`](super::lifecycle) decides. What it runs it owns: dropped, it
//! takes all of it along.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::Arc;

use foldhash::fast::RandomState;
use tokio::sync::{mpsc, watch};
use tokio::task::{self, AbortHandle, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::client::ClusterClient;
use super::directory::{self, PodDirectory};
use super::downward::containers;
use super::events::memory_on_disk;
use super::launch::{Host, Launch, prepare_volumes};
use super::lifecycle::Step;
use super::logs::LogMeter;
use super::phase::{Phase, phase_of};
use super::pod::{PodState, Progress, Rules};
use super::record::Termination;
use super::report::Reporter;
use super::runtime::{PodIdentity, PodRuntime, Storage, StorageExceeded};
use super::settings::{LostRuns, Shutdown};
use super::stop::Stop;
use super::storage;
use crate::api::{Pod, SignedDuration, Timestamp};
use crate::limits::PROGRESS_QUEUE_MAX;

/// How long the runtime has for ending a container that is cancelled; then it is dropped.
const END_WITHIN: SignedDuration = SignedDuration::from_secs(5);

/// What the agent tells a worker of its pod.
#[derive(Clone, Debug)]
pub(crate) struct News {
    /// The newest version.
    pub(crate) pod: Arc<Pod>,
    /// Whether it is no more.
    pub(crate) is_gone: bool,
    /// Why it has to make room for others, if it has to.
    pub(crate) evicted: Option<String>,
}

/// How a worker came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The pod has ended, and its status says so.
    Ended,
    /// The pod was taken away meanwhile.
    Gone,
    /// The node is shutting down: what was running will be found lost.
    ShutDown,
}

/// Something that runs for a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Volumes,
    Container(usize),
}

/// What a job tells of itself.
pub(crate) enum Message {
    VolumesPrepared(Result<(), (String, String)>),
    Container(usize, Progress),
}

/// Where jobs tell that. A channel has room for 32 messages from its beginning, which would take more
/// than all else that a pod that runs needs, were they not on the heap.
pub(crate) type MessageSender = mpsc::Sender<Box<Message>>;

/// The task of one container.
struct Run {
    cancel: CancellationToken,
    task: AbortHandle,
}

/// Looks after one pod.
pub(crate) struct Worker<C, R> {
    host: Arc<Host<C, R>>,
    directory: PodDirectory,
    state: PodState,
    reporter: Reporter<C>,
    news: watch::Receiver<News>,
    shutdown: CancellationToken,
    shutdown_ends: Shutdown,
    /// Volumes and containers, each in a task of its own so that none holds up another.
    jobs: JoinSet<()>,
    job_of: HashMap<task::Id, Job, RandomState>,
    /// By the place of its container: what is under way.
    runs: BTreeMap<usize, Run>,
    messages: (MessageSender, mpsc::Receiver<Box<Message>>),
    /// What it stores, if the runtime keeps account of that.
    storage: Option<Arc<dyn Storage>>,
    /// For each container that may store only so much, or whose pod may: what its logs take.
    log_meters: BTreeMap<usize, Arc<LogMeter>>,
    /// What it has stored too much of.
    exceeded: watch::Receiver<Option<StorageExceeded>>,
    /// When what was cancelled is dropped.
    drop_at: Option<Timestamp>,
    finish: Option<Finish>,
    /// Since when the node knows of it, until a container of it runs.
    known_at: Option<Timestamp>,
}

impl<C: ClusterClient, R: PodRuntime> Worker<C, R> {
    /// A worker for the pod that `news` is of.
    pub(crate) fn new(
        host: Arc<Host<C, R>>,
        identity: PodIdentity,
        directory: PodDirectory,
        news: watch::Receiver<News>,
        rules: Rules,
        shutdown: CancellationToken,
    ) -> Self {
        let pod = Arc::clone(&news.borrow().pod);
        let previous = pod.status.clone().unwrap_or_default();
        let identity = Arc::new(identity);
        let reporter = Reporter::new(host.client.clone(), Arc::clone(&identity), previous);
        let (exceeded, storage, log_meters) = keep_account(&host, &pod, &directory);
        let in_place_of_memory = match host.volumes.memory_root {
            Some(_) => Vec::new(),
            None => storage::kept_on_disk(&pod).map(memory_on_disk).collect(),
        };
        let known_at = host.clock.now();
        let mut state = PodState::new(pod, identity, rules, known_at);
        state.events.extend(in_place_of_memory);
        Self {
            host,
            directory,
            storage,
            log_meters,
            exceeded,
            state,
            reporter,
            news,
            shutdown,
            shutdown_ends: rules.shutdown,
            jobs: JoinSet::new(),
            job_of: HashMap::default(),
            runs: BTreeMap::new(),
            messages: mpsc::channel(PROGRESS_QUEUE_MAX),
            drop_at: None,
            finish: None,
            known_at: Some(known_at),
        }
    }

    /// Takes over what an earlier process of the node has left of the pod.
    pub(crate) fn recover(&mut self, lost_runs: LostRuns) {
        self.state.recover(lost_runs);
    }

    /// Ends the pod before it begins.
    pub(crate) fn reject(&mut self, stop: Stop) {
        self.state.stop(stop);
    }

    /// Looks after the pod until it has ended and the control plane knows it.
    ///
    /// A future has its arguments twice, so this one is on the heap.
    pub(crate) async fn run(mut self: Box<Self>) -> Finish {
        self.hear();
        self.reporter.touch(self.host.clock.now(), false);
        loop {
            let now = self.host.clock.now();
            let wake_at = self.act(now);
            if let Some(finish) = self.finish {
                if self.jobs.is_empty() {
                    break self.clean_up(finish);
                }
            } else {
                let knew_ends = self.reporter.knows_ends(&self.state);
                let report_at = self.reporter.advance(&mut self.state, &self.host.ip, now);
                if !knew_ends && self.reporter.knows_ends(&self.state) {
                    // What had to wait for that is to be done now: nothing else may ever happen.
                    continue;
                }
                if self.state.is_over() && self.reporter.is_settled() {
                    break self.clean_up(Finish::Ended);
                }
                self.wait([wake_at, report_at, self.drop_at]).await;
                continue;
            }
            self.wait([None, None, self.drop_at]).await;
        }
    }

    /// Does what the pod needs now; gives when to look again.
    fn act(&mut self, now: Timestamp) -> Option<Timestamp> {
        let mut step = self.state.next(now);
        if step.is_past_deadline {
            self.state.stop(Stop::Deadline);
            self.reporter.touch(now, false);
            step = self.state.next(now);
        }
        if self.finish.is_some() {
            step = Step { end: self.runs.keys().copied().collect(), ..Step::default() };
            self.drop_at.get_or_insert(now + END_WITHIN);
        }
        for index in step.show {
            self.state.show_delay(index);
            self.reporter.touch(now, true);
        }
        if step.prepare_volumes {
            self.prepare_volumes();
        }
        // An end is durable before anything follows from it.
        if self.reporter.knows_ends(&self.state) {
            if step.restart_all {
                self.state.restart_all();
                self.reporter.touch(now, false);
                step = self.state.next(now);
            }
            for index in step.start {
                self.start(index, now);
            }
        }
        self.end(&step.end, now);
        if step.is_over && !self.state.is_over() {
            self.state.conclude();
            self.reporter.touch(now, true);
        }
        step.wake_at
    }

    fn prepare_volumes(&mut self) {
        self.state.preparing_volumes();
        let (host, directory) = (Arc::clone(&self.host), self.directory.clone());
        let (pod, identity) = (Arc::clone(&self.state.pod), Arc::clone(&self.state.identity));
        let messages = self.messages.0.clone();
        let volumes = async move {
            let result = prepare_volumes(&host, &pod, &identity, &directory).await;
            // The worker holds the receiver for as long as it holds this task.
            let _ = messages.send(Box::new(Message::VolumesPrepared(result))).await;
        };
        let id = self.jobs.spawn(volumes).id();
        self.job_of.insert(id, Job::Volumes);
    }

    fn start(&mut self, index: usize, now: Timestamp) {
        let launch = Box::new(Launch {
            host: Arc::clone(&self.host),
            pod: Arc::clone(&self.state.pod),
            identity: Arc::clone(&self.state.identity),
            directory: self.directory.clone(),
            index,
            spans: None,
            restart: self.state.starting(index, now),
            storage: self.storage.clone(),
            log_meter: self.log_meters.get(&index).cloned(),
        });
        let cancel = CancellationToken::new();
        let task = self.jobs.spawn(launch.run(cancel.clone(), self.messages.0.clone()));
        self.job_of.insert(task.id(), Job::Container(index));
        self.runs.insert(index, Run { cancel, task });
    }

    fn end(&mut self, containers: &[usize], now: Timestamp) {
        for index in containers {
            if self.runs.get(index).is_some_and(|run| !run.cancel.is_cancelled()) {
                self.cancel(*index, now);
                self.state.dismiss(*index);
            }
        }
        if self.drop_at.is_none_or(|drop_at| now < drop_at) {
            return;
        }
        self.drop_at = None;
        match self.finish {
            Some(_) => self.jobs.abort_all(),
            None => self.cancelled().for_each(|run| run.task.abort()),
        }
    }

    /// What has been told to end, and has not.
    fn cancelled(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(|run| run.cancel.is_cancelled())
    }

    /// Waits until something happens, at most until the earliest of `times`, and takes note of it.
    async fn wait(&mut self, times: [Option<Timestamp>; 3]) {
        let wake_at = times.into_iter().flatten().min();
        let clock = self.host.clock.clone();
        let timer = async move {
            match wake_at {
                Some(wake_at) => clock.sleep_until(wake_at).await,
                None => std::future::pending().await,
            }
        };
        // An end that has been seen is still told; a run that goes on is ended, or lost.
        let is_at_work = self.finish.is_none() && !self.state.is_over();
        let may_shut_down = is_at_work
            && match self.shutdown_ends {
                Shutdown::EndPods => !self.state.is_stopped(),
                Shutdown::LeavePods => self.reporter.knows_ends(&self.state),
            };
        tokio::select! {
            biased;
            Ok(()) = self.exceeded.changed() => self.evict(),
            Some(message) = self.messages.1.recv() => self.fold(*message),
            Some(ended) = self.jobs.join_next_with_id() => self.joined(ended),
            Ok(()) = self.news.changed() => self.hear(),
            () = self.shutdown.cancelled(), if may_shut_down => self.shut_down(),
            () = self.reporter.answer() => {}
            () = timer => {}
        }
        // What is there already is one piece of news, and needs one report.
        while let Ok(message) = self.messages.1.try_recv() {
            self.fold(*message);
        }
    }

    fn shut_down(&mut self) {
        if self.shutdown_ends == Shutdown::LeavePods {
            return self.finish = Some(Finish::ShutDown);
        }
        self.state.stop(Stop::NodeShutdown);
        self.reporter.touch(self.host.clock.now(), true);
    }

    /// Ends the pod if it has stored too much.
    fn evict(&mut self) {
        let Some(exceeded) = self.exceeded.borrow_and_update().clone() else { return };
        let message = storage::message(&self.state.pod, &exceeded, &self.host.limits);
        self.state.stop(Stop::Evicted { message });
        self.reporter.touch(self.host.clock.now(), true);
    }

    fn fold(&mut self, message: Message) {
        let now = self.host.clock.now();
        // Whoever ended because of it has told it before.
        self.evict();
        let is_urgent = match message {
            Message::VolumesPrepared(result) => {
                let has_failed = result.is_err();
                self.state.volumes_prepared(result, now);
                has_failed
            }
            Message::Container(index, progress) => {
                let is_start = matches!(progress, Progress::Started { .. });
                if let Some(known_at) = self.known_at.take_if(|_| is_start) {
                    self.host.usages.times().started(&self.state.pod, known_at, now);
                }
                self.state.fold(index, progress, now);
                !is_start
            }
        };
        self.reporter.touch(now, is_urgent);
    }

    fn joined(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let (id, failure) = match ended {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error)),
        };
        // A job that came to its end has told how, and that may still be on its way to us.
        while let Ok(message) = self.messages.1.try_recv() {
            self.fold(*message);
        }
        let job = self.job_of.remove(&id);
        if let Some(Job::Container(index)) = job {
            self.runs.remove(&index);
            // The next one that is told to end has its own time for it.
            if self.finish.is_none() && self.cancelled().next().is_none() {
                self.drop_at = None;
            }
        }
        let (Some(job), Some(failure)) = (job, failure) else { return };
        let what = if failure.is_panic() { "the runtime panicked" } else { "it was dropped" };
        tracing::error!(pod = %self.state.identity.name, ?job, "a job of a pod was lost: {what}");
        self.fold(match job {
            Job::Volumes => Message::VolumesPrepared(Err((String::new(), what.to_owned()))),
            Job::Container(index) => Message::Container(
                index,
                Progress::Lost(Termination {
                    exit_code: 137,
                    reason: "Error".to_owned(),
                    message: Some(what.to_owned()),
                    finished_at: Some(self.host.clock.now()),
                    ..Termination::unknown()
                }),
            ),
        });
    }

    fn hear(&mut self) {
        let News { pod, is_gone, evicted } = self.news.borrow_and_update().clone();
        let now = self.host.clock.now();
        if is_gone {
            self.finish = Some(Finish::Gone);
        } else if phase_of(&pod).is_some_and(Phase::is_terminal) {
            // If not by us, then by podgc, or by the last report of an earlier process of this node,
            // which was still on its way when this one began.
            if !self.state.is_over() {
                self.finish = Some(Finish::Ended);
            }
            return;
        } else if pod.metadata.deletion_timestamp.is_some() {
            self.state.stop(Stop::Deleted);
            self.reporter.touch(now, false);
        }
        if let Some(message) = evicted {
            self.state.stop(Stop::LowOnDisk { message });
            self.reporter.touch(now, true);
        }
        if self.state.update(pod) {
            self.reporter.touch(now, false);
        }
        for index in self.state.hear_ends() {
            self.cancel(index, now);
        }
    }

    /// Tells what runs of a container to end.
    fn cancel(&mut self, index: usize, now: Timestamp) {
        if let Some(run) = self.runs.get(&index) {
            run.cancel.cancel();
            self.drop_at.get_or_insert(now + END_WITHIN);
        }
    }

    /// Leaves behind what outlives the pod's end: its logs, and nothing once it is gone.
    fn clean_up(self, finish: Finish) -> Finish {
        let uid = &self.state.identity.uid;
        let spec = self.state.pod.spec.as_ref();
        let has_volumes = spec.is_some_and(|spec| spec.volumes.iter().flatten().next().is_some());
        // Most have none, and to ask the file system for it costs as much as all of this.
        let has_directory = has_volumes || self.host.logs.has_files(uid);
        let path = match finish {
            Finish::Ended => {
                if let Some((phase, reason)) = self.reporter.end() {
                    self.host.usages.pod_ended(phase, reason);
                }
                if let Some(ended_at) = self.reporter.ended_at() {
                    self.host.usages.times().ended(ended_at, self.host.clock.now());
                }
                self.directory.volumes()
            }
            Finish::Gone => {
                self.host.logs.remove_pod(uid);
                self.directory.path().to_owned()
            }
            Finish::ShutDown => return finish,
        };
        if has_directory {
            directory::discard(self.directory.root(), &path);
            if let Some(root) = &self.host.volumes.memory_root {
                directory::discard(root, self.directory.in_memory(root).path());
            }
            // Its logs are in there, if they are large.
            let _ = fs::remove_dir(self.directory.path());
        }
        finish
    }
}

/// What tells that a pod stores too much, the account of its volumes, and those of its logs.
type Accounts = (
    watch::Receiver<Option<StorageExceeded>>,
    Option<Arc<dyn Storage>>,
    BTreeMap<usize, Arc<LogMeter>>,
);

/// Begins to keep account of what `pod` stores.
fn keep_account<C, R: PodRuntime>(
    host: &Host<C, R>,
    pod: &Pod,
    directory: &PodDirectory,
) -> Accounts {
    let (sender, exceeded) = watch::channel(None);
    let tell = move |what: StorageExceeded| {
        // The first is what it is evicted for.
        sender.send_if_modified(|told| told.is_none() && told.replace(what).is_none());
    };
    let tell = Arc::new(tell);
    let limits = storage::limits(pod, directory, &host.volumes, &host.limits);
    let pod_is_limited = limits.bytes_max.is_some();
    let is_kept = pod_is_limited || !limits.volumes.is_empty();
    let account: Arc<dyn Fn(StorageExceeded) + Send + Sync> = Arc::clone(&tell) as _;
    let storage = is_kept.then(|| host.runtime.storage(limits, account)).flatten();
    let mut meters = BTreeMap::new();
    for (index, container) in containers(pod).enumerate().filter(|_| pod_is_limited) {
        let bytes_max = storage::container_limit(container, &host.limits);
        let (tell, name) = (Arc::clone(&tell), container.name.clone());
        let exceeded = move || tell(StorageExceeded::Container(name.clone()));
        let meter = LogMeter::new(bytes_max, storage.clone(), exceeded);
        meters.insert(index, Arc::new(meter));
    }
    (exceeded, storage, meters)
}
