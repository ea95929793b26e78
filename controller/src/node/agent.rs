//! Gives each pod of the node a worker, and tells the control plane that the node is alive.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::client::{ClusterClient, PodWatch, PodsChange};
use super::directory::{self, PodDirectory};
use super::disk::{self, Shortage};
use super::downward::Allocatable;
use super::inputs::Inputs;
use super::launch::Host;
use super::logs::Logs;
use super::phase::Phase;
use super::pod::Rules;
use super::room::Room;
use super::runtime::{PodIdentity, PodRuntime};
use super::settings::{NodeSettings, describe};
use super::stop::Stop;
use super::usage::Usages;
use super::worker::{News, Worker};
use crate::api::{Pod, Timestamp};
use crate::clock::Clock;

/// How often the control plane is told that the node is alive, as the kubelet does while nothing
/// about the node changes.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(300);

/// How long after a request that has failed it is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// How long after one pod was evicted for the disk's sake the next one is; the kubelet looks as often.
const EVICTION_INTERVAL: Duration = Duration::from_secs(10);

/// The least that a pod has stored which is evicted for it.
const EVICTED_BYTES_MIN: u64 = 1 << 20;

/// How long a shutdown waits for what still has to be told and ended.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(10);

/// Runs the pods that are bound to one node.
pub struct Agent<C, R> {
    host: Arc<Host<C, R>>,
    settings: NodeSettings,
    /// By uid: every pod that is not known to be over.
    pods: BTreeMap<String, Entry>,
    /// The uids of pods that had a directory when the agent last looked.
    left: HashSet<String>,
    /// Answers when what pods have left that are gone is out of the way of others, where that takes
    /// long; those others wait until then, and so does all news of them.
    strays: Option<oneshot::Receiver<()>>,
    waiting: Vec<Arc<Pod>>,
    room: Room,
    workers: JoinSet<PodIdentity>,
    /// Requests and removals that nobody waits for.
    chores: JoinSet<()>,
    /// What its disk is short of.
    disk: watch::Sender<Option<Shortage>>,
    /// Looks for the pod that has stored most; its uid, if there is one.
    largest: JoinSet<Option<String>>,
    /// When the next pod may be evicted.
    evict_after: Option<Timestamp>,
    shutdown: CancellationToken,
}

/// A pod of the node.
struct Entry {
    news: watch::Sender<News>,
    /// Its worker has finished.
    has_finished: bool,
    /// The control plane has told us that it is over. What it told before that may still be on its
    /// way when the worker has finished, and must not bring the pod back to life.
    is_known_over: bool,
}

impl<C: ClusterClient, R: PodRuntime> Agent<C, R> {
    /// An agent that has not begun.
    pub fn new(client: C, runtime: Arc<R>, clock: Clock, settings: NodeSettings) -> Self {
        let logs = Logs::new(settings.root.clone(), clock.clone(), settings.logs);
        let host = Host {
            client,
            runtime,
            usages: Usages::new(&settings.name, clock.clone()),
            clock,
            logs,
            inputs: Inputs::default(),
            ip: settings.host_ip.clone(),
            allocatable: settings.capacity.allocatable(),
            host_paths: settings.host_paths.clone(),
            limits: settings.limits,
            allowed_hosts: settings.allowed_hosts.clone(),
            volumes: settings.volumes.clone(),
            tracer: settings.tracer.clone(),
        };
        let Allocatable { cpu, memory, .. } = host.allocatable;
        let room = Room::new(cpu, memory, settings.limits);
        Self {
            host: Arc::new(host),
            settings,
            room,
            pods: BTreeMap::new(),
            left: HashSet::new(),
            strays: None,
            waiting: Vec::new(),
            workers: JoinSet::new(),
            chores: JoinSet::new(),
            disk: watch::channel(None).0,
            largest: JoinSet::new(),
            evict_after: None,
            shutdown: CancellationToken::new(),
        }
    }

    /// The logs of its pods, readable before, while and after it runs.
    pub fn logs(&self) -> Logs {
        self.host.logs.clone()
    }

    /// The inputs of its pods' containers.
    pub fn inputs(&self) -> Inputs {
        self.host.inputs.clone()
    }

    /// What tells it of its disk.
    #[cfg(test)]
    pub(super) fn disk(&self) -> watch::Sender<Option<Shortage>> {
        self.disk.clone()
    }

    /// What its pods' containers use.
    pub fn usages(&self) -> Usages {
        self.host.usages.clone()
    }

    /// Runs the node's pods until `cancel` fires, then ends what is running.
    ///
    /// Runs that are cut off so are found lost when the node starts again, as after a crash.
    pub async fn run(mut self, cancel: CancellationToken) {
        self.shutdown = cancel.clone();
        let mut pods = self.host.client.watch_pods(&self.settings.name);
        if let Some(reserve) = self.settings.disk {
            let (root, clock) = (self.settings.root.clone(), self.host.clock.clone());
            // Before anybody hears of the node: a pod that it has no room for should not come here.
            self.disk.send_replace(disk::shortage(&root, &reserve));
            self.chores.spawn(disk::look_after(root, reserve, clock, self.disk.clone()));
        }
        let mut disk = self.disk.subscribe();
        self.chores.spawn(heartbeat(Arc::clone(&self.host), self.settings.clone(), disk.clone()));
        self.chores.spawn(self.usages().keep_sampling());
        self.roots().for_each(directory::sweep);
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(finished) = self.workers.join_next() => match finished {
                    Ok(pod) => self.finished(&pod),
                    Err(error) => tracing::error!(%error, "the worker of a pod was lost"),
                },
                Some(_) = self.chores.join_next() => {}
                Ok(()) = disk.changed() => self.make_room(),
                Some(found) = self.largest.join_next() => self.evict(found.ok().flatten()),
                () = out_of_the_way(&mut self.strays), if self.strays.is_some() => self.settle(),
                change = pods.next(), if self.strays.is_none() => self.fold(change),
            }
        }
        self.chores.abort_all();
        let ended = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_WITHIN, ended).await.is_err() {
            tracing::warn!(pods = self.workers.len(), "pods were left behind at shutdown");
        }
    }

    /// Looks for the pod that has stored most, when the disk is short and that was not just done.
    fn make_room(&mut self) {
        let now = self.host.clock.now();
        let is_early = self.evict_after.is_some_and(|after| now < after);
        if self.disk.borrow().is_none() || is_early || !self.largest.is_empty() {
            return;
        }
        let root = self.settings.root.clone();
        let running = self
            .pods
            .values()
            .filter(|entry| !entry.has_finished && entry.news.borrow().evicted.is_none());
        let pods = running.map(|entry| PodIdentity::of(&entry.news.borrow().pod));
        let pods: Vec<_> = pods.collect();
        self.largest.spawn_blocking(move || {
            let stored = pods.into_iter().filter_map(|pod| {
                let bytes = disk::stored(PodDirectory::new(&root, &pod).ok()?.path());
                // The end of one that has next to nothing would help nobody.
                (bytes >= EVICTED_BYTES_MIN).then_some((bytes, pod.uid))
            });
            stored.max().map(|(_, uid)| uid)
        });
    }

    /// Ends the pod that has stored most, if the disk is still short.
    fn evict(&mut self, uid: Option<String>) {
        let Some(shortage) = *self.disk.borrow() else { return };
        let Some(entry) = uid.and_then(|uid| self.pods.get(&uid)) else { return };
        entry.news.send_modify(|news| news.evicted = Some(shortage.message()));
        // Until what it had is removed, the disk is as full as it was.
        self.evict_after = Some(self.host.clock.now() + EVICTION_INTERVAL);
    }

    fn fold(&mut self, change: PodsChange) {
        match change {
            PodsChange::Is(pod) => self.is(pod),
            PodsChange::Gone(pod) => self.gone(&pod),
            PodsChange::Are(pods) => {
                let uids: HashSet<String> =
                    pods.iter().filter_map(|pod| pod.metadata.uid.clone()).collect();
                let gone = self.pods.iter().filter(|(uid, _)| !uids.contains(*uid));
                let gone: Vec<_> =
                    gone.map(|(_, entry)| PodIdentity::of(&entry.news.borrow().pod)).collect();
                gone.iter().for_each(|pod| self.gone(pod));
                self.remove_strays(&uids);
                match self.strays {
                    Some(_) => self.waiting = pods,
                    None => pods.into_iter().for_each(|pod| self.is(pod)),
                }
            }
        }
    }

    /// A pod of this node is new or has changed.
    fn is(&mut self, pod: Arc<Pod>) {
        let identity = PodIdentity::of(&pod);
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if phase.and_then(Phase::parse).is_some_and(Phase::is_terminal) {
            // What is over and being deleted has nothing left to wait for.
            if pod.metadata.deletion_timestamp.is_some()
                && pod.metadata.deletion_grace_period_seconds.is_some_and(|grace| grace > 0)
            {
                self.chores.spawn(remove(Arc::clone(&self.host), identity.clone()));
            }
            if let Some(entry) = self.pods.get_mut(&identity.uid) {
                entry.is_known_over = true;
                self.room.release(&identity.uid);
                entry.news.send_modify(|news| news.pod = pod);
                self.forget(&identity.uid);
            }
            return;
        }
        match self.pods.get(&identity.uid) {
            Some(entry) => entry.news.send_modify(|news| news.pod = pod),
            None => self.start(pod, identity),
        }
    }

    /// A pod of this node is no more.
    fn gone(&mut self, pod: &PodIdentity) {
        match self.pods.get_mut(&pod.uid) {
            Some(entry) if !entry.has_finished => {
                entry.is_known_over = true;
                self.room.release(&pod.uid);
                entry.news.send_modify(|news| news.is_gone = true);
            }
            _ => {
                self.pods.remove(&pod.uid);
                self.room.release(&pod.uid);
                let has_directory =
                    self.left.remove(&pod.uid) || self.host.logs.has_files(&pod.uid);
                self.host.logs.remove_pod(&pod.uid);
                if !has_directory {
                    return;
                }
                for root in self.roots() {
                    if let Ok(left) = PodDirectory::new(root, pod) {
                        directory::discard(root, left.path());
                    }
                }
            }
        }
    }

    fn start(&mut self, pod: Arc<Pod>, identity: PodIdentity) {
        let directory = match PodDirectory::new(&self.settings.root, &identity) {
            Ok(directory) => directory,
            Err(error) => return tracing::error!(pod = %identity.name, %error, "a pod is refused"),
        };
        let capacity = self.settings.capacity.pods;
        let running = self.pods.values().filter(|entry| !entry.has_finished);
        // Counted only when it can matter.
        let is_full = self.pods.len() >= capacity && running.count() >= capacity;
        let has_begun = pod.status.as_ref().is_some_and(|status| status.start_time.is_some());
        // One that has begun was let in before, when the node may have had more.
        let is_disk_short = self.disk.borrow().is_some().then_some(Stop::DiskPressure);
        let shortage = self.room.take(&pod).or(is_disk_short).filter(|_| !has_begun);
        let (sender, news) = watch::channel(News { pod, is_gone: false, evicted: None });
        let rules = Rules {
            restarts: self.settings.restart_backoff,
            pulls: self.settings.image_backoff,
            deadline_seconds: self.settings.limits.active_deadline_seconds,
            shutdown: self.settings.shutdown,
        };
        let shutdown = self.shutdown.clone();
        let host = Arc::clone(&self.host);
        let worker = Worker::new(host, identity.clone(), directory, news, rules, shutdown);
        let mut worker = Box::new(worker);
        let shortage = if is_full { Some(Stop::OutOfPods { capacity }) } else { shortage };
        if let Some(shortage) = shortage {
            worker.reject(shortage);
        } else {
            worker.recover(self.settings.lost_runs);
        }
        let uid = identity.uid.clone();
        self.workers.spawn(async move {
            worker.run().await;
            identity
        });
        self.pods.insert(uid, Entry { news: sender, has_finished: false, is_known_over: false });
    }

    fn finished(&mut self, pod: &PodIdentity) {
        if let Some(entry) = self.pods.get_mut(&pod.uid) {
            entry.has_finished = true;
            self.room.release(&pod.uid);
            let is_gone = entry.news.borrow().is_gone;
            self.forget(&pod.uid);
            // It may have been taken away just after its worker had looked for the last time.
            if is_gone {
                self.gone(pod);
            }
        }
    }

    /// Forgets a pod that is over for its worker and for the control plane.
    fn forget(&mut self, uid: &str) {
        if self.pods.get(uid).is_some_and(|entry| entry.has_finished && entry.is_known_over) {
            self.pods.remove(uid);
        }
    }

    /// Where pods may have something: on disk, and in memory.
    fn roots(&self) -> impl Iterator<Item = &Path> {
        let memory = self.settings.volumes.memory_root.as_deref();
        std::iter::once(&*self.settings.root).chain(memory)
    }

    /// Removes what pods have left that went while nobody was looking, and takes note of what others
    /// have that may have ended.
    ///
    /// After an older state has been restored these may be all that the node has ever had.
    fn remove_strays(&mut self, uids: &HashSet<String>) {
        self.host.logs.remove_others(uids);
        let (mut left, mut strays) = (HashSet::new(), Vec::new());
        for root in self.roots() {
            // Without the folder there is nothing to remove.
            for entry in fs::read_dir(directory::pods(root)).into_iter().flatten().flatten() {
                match entry.file_name().to_str().and_then(directory::uid_of) {
                    Some(uid) if uids.contains(uid) => drop(left.insert(uid.to_owned())),
                    Some(_) => strays.push((root.to_owned(), entry.path())),
                    None => {}
                }
            }
        }
        self.left.extend(left);
        self.strays = directory::discard_all(strays);
    }

    /// Goes on with the pods that have waited until all strays were out of their way.
    fn settle(&mut self) {
        self.strays = None;
        std::mem::take(&mut self.waiting).into_iter().for_each(|pod| self.is(pod));
    }
}

/// Waits until nothing is left of `strays` where pods have their place.
async fn out_of_the_way(strays: &mut Option<oneshot::Receiver<()>>) {
    if let Some(strays) = strays {
        // One who has panicked is out of the way as well.
        let _ = strays.await;
    }
}

/// Makes the node known, and tells for ever that it is alive.
///
/// It tells at once when its disk has become short, or is not any more.
async fn heartbeat<C: ClusterClient, R: PodRuntime>(
    host: Arc<Host<C, R>>,
    settings: NodeSettings,
    mut disk: watch::Receiver<Option<Shortage>>,
) {
    loop {
        let is_disk_short = disk.borrow_and_update().is_some();
        let now = host.clock.now();
        let delay = match host.client.register(describe(&settings, now, is_disk_short)).await {
            Ok(()) => HEARTBEAT_INTERVAL,
            Err(error) => {
                let cause = error.source.to_string();
                tracing::warn!(node = %settings.name, %error, cause, "the node could not be registered");
                RETRY_DELAY
            }
        };
        // By the time that passes: a clock that is set back must not make the node look dead.
        let has_turned = disk.wait_for(|shortage| shortage.is_some() != is_disk_short);
        tokio::select! {
            biased;
            // The agent holds the other end for as long as it holds this task.
            Ok(_) = has_turned, if delay == HEARTBEAT_INTERVAL => {}
            () = host.clock.sleep(delay) => {}
        }
    }
}

/// Removes a pod whose containers have ended, however often that takes.
async fn remove<C: ClusterClient, R: PodRuntime>(host: Arc<Host<C, R>>, pod: PodIdentity) {
    while let Err(error) = host.client.remove(&pod).await {
        let cause = error.source.to_string();
        tracing::warn!(pod = %pod.name, %error, cause, "a pod could not be removed");
        host.clock.sleep(RETRY_DELAY).await;
    }
}
