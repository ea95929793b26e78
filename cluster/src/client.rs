//! The agent's requests, kept by the node and told to the API server.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mayfly_controller::api::{ConfigMap, Node, Pod, Secret};
use mayfly_controller::clock::Clock;
use mayfly_controller::http::access::ClientCertificate;
use mayfly_controller::http::kubelet;
use mayfly_controller::node::{ClientError, ClusterClient, PodIdentity, Report};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alive::Alive;
use crate::couriers::Couriers;
use crate::gate::Gate;
use crate::introduction::{self, Introduction};
use crate::journal::{Journal, JournalError};
use crate::line::Line;
use crate::pods::{Noted, Pods, begun};
use crate::requests;
use crate::teller::{self, Teller};
use crate::watch::KubePods;

/// Which node speaks to the API server, and how.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// The node's name.
    pub node: String,
    /// The file in which it notes what it does; must belong to this node alone.
    pub journal: PathBuf,
    /// What it says of itself.
    pub introduction: Introduction,
    /// How long the node is taken to be alive after it has said so: the kubelet's
    /// `nodeLeaseDurationSeconds`.
    pub lease_seconds: u32,
}

/// The kubelet's default of [`ClusterSettings::lease_seconds`].
pub const LEASE_SECONDS: u32 = 40;

/// A client of a Kubernetes API server. A clone is the same.
#[derive(Clone)]
pub struct KubeClient {
    line: Line,
    clock: Clock,
    introduction: Arc<Introduction>,
    pods: Arc<Pods>,
    couriers: Couriers,
    teller: Teller,
    described: watch::Sender<Option<Node>>,
    /// What of that the API server knows.
    told: watch::Receiver<Option<Node>>,
    /// The node is about to end.
    is_leaving: Arc<AtomicBool>,
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
        let (teller, waiting) = Teller::new(&settings.node, clock.clone());
        let couriers = Couriers::new(
            line.clone(),
            Arc::clone(&pods),
            teller.clone(),
            tasks.clone(),
            cancel.clone(),
        );
        let (described, node) = watch::channel(None);
        let (is_told, told) = watch::channel(None);
        let is_leaving = Arc::<AtomicBool>::default();
        let alive = Alive::new(
            line.clone(),
            settings,
            clock.clone(),
            node,
            is_told,
            Arc::clone(&is_leaving),
        );
        for task in
            [until(&cancel, alive.run()), until(&cancel, teller::tell_all(line.clone(), waiting))]
        {
            tokio::spawn(task);
        }
        let introduction = Arc::new(settings.introduction.clone());
        Ok(Self {
            line,
            clock,
            introduction,
            pods,
            couriers,
            teller,
            described,
            told,
            is_leaving,
            node: settings.node.as_str().into(),
            gate: Arc::default(),
            tasks,
            cancel,
        })
    }

    /// Tells that the node is shutting down, so that no more pods are bound to it, and waits until the
    /// API server knows it, for as long as `patience` lasts. It goes on to tell that it is alive.
    pub async fn leave(&self, patience: Duration) {
        self.is_leaving.store(true, Ordering::Relaxed);
        self.described.send_modify(|node| node.iter_mut().for_each(introduction::shut_down));
        let (mut told, described) = (self.told.clone(), self.described.subscribe());
        let is_told = told.wait_for(|told| *told == *described.borrow());
        if tokio::time::timeout(patience, is_told).await.is_err() {
            tracing::warn!("the API server does not know yet that the node is shutting down");
        }
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
        report.events.into_iter().for_each(|event| self.teller.tell(pod, event));
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
        let mut node = self.introduction.of(node);
        if self.is_leaving.load(Ordering::Relaxed) {
            introduction::shut_down(&mut node);
        }
        self.described.send_replace(Some(node));
        Ok(())
    }
}
