//! The agent's requests, kept by the node and told to the API server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mayfly_controller::api::{ConfigMap, Event, Kind, Node, ObjectReference, Pod, Secret};
use mayfly_controller::clock::Clock;
use mayfly_controller::events::Recorder;
use mayfly_controller::http::access::ClientCertificate;
use mayfly_controller::http::kubelet;
use mayfly_controller::node::{ClientError, ClusterClient, PodIdentity, Report};
use mayfly_controller::store::Names;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alive::Alive;
use crate::couriers::Couriers;
use crate::gate::Gate;
use crate::introduction::Introduction;
use crate::journal::{Journal, JournalError};
use crate::limits::EVENTS_MAX;
use crate::line::Line;
use crate::pods::{Noted, Pods, begun};
use crate::watch::KubePods;
use crate::{requests, teller};

/// Which node speaks to the API server, and how.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// The node's name.
    pub node: String,
    /// The file in which it notes what it does; must belong to this node alone.
    pub journal: PathBuf,
    /// What it says of itself.
    pub introduction: Introduction,
}

/// A client of a Kubernetes API server. A clone is the same.
#[derive(Clone)]
pub struct KubeClient {
    line: Line,
    clock: Clock,
    introduction: Arc<Introduction>,
    pods: Arc<Pods>,
    couriers: Couriers,
    recorder: Arc<Recorder>,
    events: mpsc::Sender<Event>,
    described: watch::Sender<Option<Node>>,
    node: Arc<str>,
    gate: Arc<Gate>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl KubeClient {
    /// Begins to work for a node at the API server of `client`. Must be called in a tokio runtime.
    pub fn start(
        client: kube::Client,
        settings: &ClusterSettings,
        clock: Clock,
    ) -> Result<Self, JournalError> {
        let (journal, records) = Journal::open(&settings.journal)?;
        let (line, pods) = (Line::new(client), Arc::new(Pods::new(journal, records)));
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let couriers =
            Couriers::new(line.clone(), Arc::clone(&pods), tasks.clone(), cancel.clone());
        let (events, waiting) = mpsc::channel(EVENTS_MAX);
        let (described, node) = watch::channel(None);
        let alive = Alive::new(line.clone(), &settings.node, clock.clone(), node);
        for task in
            [until(&cancel, alive.run()), until(&cancel, teller::tell_all(line.clone(), waiting))]
        {
            tokio::spawn(task);
        }
        let recorder = Recorder::new("kubelet", Names::random()).on_host(&settings.node);
        let (introduction, recorder) =
            (Arc::new(settings.introduction.clone()), Arc::new(recorder));
        Ok(Self {
            line,
            clock,
            introduction,
            pods,
            couriers,
            recorder,
            events,
            described,
            node: settings.node.as_str().into(),
            gate: Arc::default(),
            tasks,
            cancel,
        })
    }

    /// Waits until the API server knows all that was said, for as long as `patience` lasts, and says
    /// nothing more. What it does not know by then is told by the node's next process.
    pub async fn stop(&self, patience: Duration) {
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                pods = self.tasks.len(),
                "the API server does not know yet how pods ended"
            );
        }
        self.cancel.cancel();
    }

    fn tell(&self, pod: &PodIdentity, report: Report) {
        let now = self.clock.now();
        for event in report.events {
            let about = ObjectReference {
                api_version: Some(Kind::Pod.api_version().to_owned()),
                kind: Some(Kind::Pod.name().to_owned()),
                namespace: Some(pod.namespace.clone()),
                name: Some(pod.name.clone()),
                uid: Some(pod.uid.clone()),
                resource_version: None,
                field_path: event.field_path,
            };
            let (event_type, reason) = (event.event_type, event.reason);
            let event = self.recorder.event(&about, event_type, reason, &event.message, now);
            if let Some(event) = event
                && self.events.try_send(event).is_err()
            {
                tracing::debug!(pod = %pod.name, reason, "an event is lost: there are too many");
            }
        }
    }
}

fn until(
    cancel: &CancellationToken,
    task: impl Future<Output = ()> + Send + 'static,
) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    let cancel = cancel.clone();
    Box::pin(async move {
        let _ = cancel.run_until_cancelled(task).await;
    })
}

/// Waits until what was noted is durable.
async fn durable(noted: Noted, attempt: impl Fn() -> String) -> Result<(), ClientError> {
    let failed = |source| ClientError { attempt: attempt(), source };
    match noted.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(failed(Box::new(error))),
        Err(ended) => Err(failed(Box::new(ended))),
    }
}

/// What the node answers when it is asked.
impl kubelet::Host for KubeClient {
    fn pod(&self, namespace: &str, name: &str) -> Option<Arc<Pod>> {
        self.pods.get(namespace, name)
    }

    fn pods(&self) -> Vec<Arc<Pod>> {
        self.pods.all()
    }

    fn may(&self, who: &ClientCertificate, subresource: &'static str) -> kubelet::Answer<bool> {
        let (line, node, gate) = (self.line.clone(), self.node.clone(), Arc::clone(&self.gate));
        let who = who.clone();
        Box::pin(async move { gate.may(&line, &node, &who, subresource).await })
    }
}

impl ClusterClient for KubeClient {
    type Watch = KubePods;

    fn watch_pods(&self, node: &str) -> KubePods {
        KubePods::follow(self.line.clone(), Arc::clone(&self.pods), self.couriers.clone(), node)
    }

    async fn begins(
        &self,
        pod: &PodIdentity,
        container: &str,
        restart: u32,
    ) -> Result<(), ClientError> {
        let noted = self.pods.begins(pod, container, begun(restart, self.clock.now()));
        durable(noted, || format!("noting that {container} of pod {} begins", pod.name)).await
    }

    async fn report(&self, pod: &PodIdentity, mut report: Report) -> Result<(), ClientError> {
        if let Some(status) = report.status.take() {
            let noted = self.pods.said(pod, status, std::mem::take(&mut report.usage));
            durable(noted, || format!("noting the status of pod {}", pod.name)).await?;
            self.couriers.see_to(&pod.uid);
        }
        self.tell(pod, report);
        Ok(())
    }

    async fn remove(&self, pod: &PodIdentity) -> Result<(), ClientError> {
        self.pods.remove(pod);
        self.couriers.see_to(&pod.uid);
        Ok(())
    }

    async fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<ConfigMap>>, ClientError> {
        let found = self.line.find(requests::get_config_map(namespace, name)).await;
        let found = found.map_err(|it| it.of(format!("getting ConfigMap {namespace}/{name}")))?;
        Ok(found.map(Arc::new))
    }

    async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<Secret>>, ClientError> {
        let found = self.line.find(requests::get_secret(namespace, name)).await;
        let found = found.map_err(|it| it.of(format!("getting Secret {namespace}/{name}")))?;
        Ok(found.map(Arc::new))
    }

    async fn register(&self, node: Node) -> Result<(), ClientError> {
        self.described.send_replace(Some(self.introduction.of(node)));
        Ok(())
    }
}
