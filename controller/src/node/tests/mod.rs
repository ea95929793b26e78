//! The agent with a store, in simulated time, over a runtime that plays what it is told.

mod disk;
mod failures;
mod fake;
mod late;
mod lives;
mod restart;
mod rules;
mod sidecars;
mod updates;
mod usage;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Agent, DiskReserve, LocalClient, LostRuns, NodeSettings, Shutdown};
use crate::api::{
    ContainerStatus, Event, Key, Kind, OwnerReference, Pod, PodStatus, Resource, SignedDuration,
    Timestamp,
};
use crate::clock::Clock;
use crate::store::{ChangeKind, DeleteOptions, Names, Store, Transaction, Watch};
use fake::FakeRuntime;

/// A node with its control plane.
struct Cluster {
    root: tempfile::TempDir,
    clock: Clock,
    start: Timestamp,
    store: Store,
    watch: Watch,
    runtime: Arc<FakeRuntime>,
    lost_runs: LostRuns,
    agent: Option<(CancellationToken, JoinHandle<()>)>,
    logs: super::logs::Logs,
    shutdown: Shutdown,
    /// What must be left of its disk, if that is looked at.
    reserve: Option<DiskReserve>,
    /// What the node hears of its disk.
    disk: tokio::sync::watch::Sender<Option<super::disk::Shortage>>,
}

impl Cluster {
    fn new(runtime: FakeRuntime) -> Self {
        Self::with_lost_runs(runtime, LostRuns::Count)
    }

    fn with_lost_runs(runtime: FakeRuntime, lost_runs: LostRuns) -> Self {
        let start = "2026-01-02T03:04:05Z".parse().unwrap();
        let clock = Clock::simulated(start);
        let store = Store::in_memory(clock.clone(), Names::seeded(7));
        let watch = store.watch(&[Kind::Pod], 0).unwrap();
        let root = tempfile::tempdir().unwrap();
        let logs =
            super::logs::Logs::new(root.path(), clock.clone(), super::logs::LogLimits::default());
        let runtime = Arc::new(runtime);
        let disk = tokio::sync::watch::channel(None).0;
        let (agent, shutdown) = (None, Shutdown::default());
        let mut cluster = Self {
            root,
            clock,
            start,
            store,
            watch,
            runtime,
            lost_runs,
            agent,
            logs,
            shutdown,
            reserve: None,
            disk,
        };
        cluster.start_agent();
        cluster
    }

    fn start_agent(&mut self) {
        let mut settings = NodeSettings::new("here", self.root.path());
        settings.lost_runs = self.lost_runs;
        settings.shutdown = self.shutdown;
        settings.disk = self.reserve;
        let client = LocalClient::new(self.store.clone());
        let agent = Agent::new(client, Arc::clone(&self.runtime), self.clock.clone(), settings);
        self.logs = agent.logs();
        self.disk = agent.disk();
        let cancel = CancellationToken::new();
        self.agent = Some((cancel.clone(), tokio::spawn(agent.run(cancel))));
    }

    /// As when the process is killed.
    fn kill_agent(&mut self) {
        self.agent.take().unwrap().1.abort();
    }

    async fn stop_agent(&mut self) {
        let (cancel, task) = self.agent.take().unwrap();
        cancel.cancel();
        task.await.unwrap();
    }

    /// Creates a pod called `p` with this spec, bound to the node.
    async fn run(&self, spec: &str) {
        self.run_owned(spec, Vec::new()).await;
    }

    async fn run_owned(&self, spec: &str, owners: Vec<OwnerReference>) {
        let mut pod: Pod =
            serde_json::from_str(&format!(r#"{{"spec": {spec}}}"#)).expect("the spec must parse");
        pod.metadata.name = Some("p".into());
        pod.metadata.namespace = Some("ns".into());
        pod.metadata.uid = Some("u".into());
        pod.metadata.owner_references = Some(owners);
        pod.spec.as_mut().unwrap().node_name = Some("here".into());
        self.create(pod).await;
    }

    async fn create(&self, object: impl Resource) {
        self.store.commit(Transaction::new().create(object)).await.unwrap();
    }

    /// Changes the pod as somebody else does.
    async fn update(&self, change: impl FnOnce(&mut Pod) + Send + 'static) {
        let update = Transaction::new().modify(Key::new("ns", "p"), None, change);
        self.store.commit(update).await.unwrap();
    }

    async fn delete(&self, options: DeleteOptions) {
        let delete = Transaction::new().delete(Kind::Pod, Key::new("ns", "p"), options);
        self.store.commit(delete).await.unwrap();
    }

    /// Lets the clock come to `seconds` after the start.
    async fn until(&self, seconds: f64) {
        let at = self.start + SignedDuration::from_secs_f64(seconds);
        self.clock.sleep_until(at).await;
    }

    fn pod(&self) -> Option<Arc<Pod>> {
        self.store.get(&Key::new("ns", "p"))
    }

    fn status(&self) -> PodStatus {
        self.pod().unwrap().status.clone().unwrap()
    }

    /// A condition of the pod: its status and reason.
    fn condition(&self, type_: &str) -> String {
        let status = self.status();
        let mut conditions = status.conditions.iter().flatten();
        let found = conditions.find(|it| it.type_ == type_);
        found.map_or("absent".to_owned(), |it| {
            format!("{} {}", it.status, it.reason.clone().unwrap_or_default()).trim().to_owned()
        })
    }

    /// Each version of the pod since the last call, a line each.
    fn history(&mut self) -> String {
        let mut lines = String::new();
        while let Some(change) = self.watch.try_next() {
            let pod = Pod::from_object(&change.object).unwrap();
            let what = match change.what {
                ChangeKind::Added => continue,
                ChangeKind::Modified => line_of(pod),
                ChangeKind::Deleted => "gone".to_owned(),
            };
            writeln!(lines, "{what}").unwrap();
        }
        lines
    }

    /// Every event of the node: type, reason, message and count.
    fn events(&self) -> String {
        let mut events = self.store.list::<Event>(Some("ns")).items;
        events.sort_by_key(|event| {
            event.metadata.resource_version.clone().unwrap().parse::<u64>().unwrap()
        });
        let line = |event: &Arc<Event>| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let count = event.count.filter(|count| *count > 1);
            let count = count.map(|count| format!(" x{count}")).unwrap_or_default();
            let (kind, reason) = (text(&event.type_), text(&event.reason));
            format!("{kind} {reason}: {}{count}\n", text(&event.message))
        };
        events.iter().map(line).collect()
    }

    /// Lets `seconds` pass, and gives when each version of the pod came and what it was.
    async fn story(&mut self, seconds: u32) -> String {
        let mut story = String::new();
        let end = self.clock.now() + Duration::from_secs(seconds.into());
        loop {
            let change = tokio::select! {
                change = self.watch.next() => change.unwrap(),
                () = self.clock.sleep_until(end) => return story,
            };
            let pod = Pod::from_object(&change.object).unwrap();
            let what = match change.what {
                ChangeKind::Added => continue,
                ChangeKind::Modified => line_of(pod),
                ChangeKind::Deleted => "gone".to_owned(),
            };
            let at = self.clock.now().duration_since(self.start).as_secs_f64();
            writeln!(story, "{at:05.2} {what}").unwrap();
        }
    }
}

fn line_of(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let mut line = status.phase.unwrap_or_default();
    if let Some(reason) = status.reason {
        write!(line, "/{reason}").unwrap();
    }
    if pod.metadata.deletion_timestamp.is_some() {
        line.push_str(" deleting");
    }
    let statuses = [status.init_container_statuses, status.container_statuses];
    for container in statuses.iter().flatten().flatten() {
        write!(line, " {}", state_of(container)).unwrap();
    }
    line
}

/// `name:state`, the restart count if there was one, and how the last run ended.
fn state_of(container: &ContainerStatus) -> String {
    let mut text = format!("{}:", container.name);
    let state = container.state.clone().unwrap_or_default();
    if let Some(waiting) = state.waiting {
        text.push_str(&waiting.reason.unwrap_or_default());
    } else if state.running.is_some() {
        text.push_str("running");
    } else if let Some(end) = state.terminated {
        write!(text, "{}({})", end.reason.unwrap_or_default(), end.exit_code).unwrap();
    }
    if container.restart_count > 0 {
        write!(text, "#{}", container.restart_count).unwrap();
    }
    if let Some(end) = container.last_state.as_ref().and_then(|last| last.terminated.as_ref()) {
        write!(text, "<-{}({})", end.reason.clone().unwrap_or_default(), end.exit_code).unwrap();
    }
    text
}
