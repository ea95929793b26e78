//! The line between a node and its control plane, which can be cut and joined again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use mayfly_controller::api::{ConfigMap, Node, Secret};
use mayfly_controller::node::{
    ClientError, ClusterClient, LocalClient, PodIdentity, PodWatch, PodsChange, Report,
};
use tokio::sync::Notify;

/// How long a request waits for its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client behind the line.
#[derive(Clone)]
pub(crate) struct CutOff {
    client: LocalClient,
    line: Arc<Line>,
}

/// The line.
pub(crate) struct Line {
    is_cut: AtomicBool,
    changed: Notify,
    random: Mutex<Rng>,
}

impl Line {
    pub(crate) fn new(random: Rng) -> Arc<Self> {
        let (is_cut, changed) = (AtomicBool::new(false), Notify::new());
        Arc::new(Self { is_cut, changed, random: Mutex::new(random) })
    }

    pub(crate) fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    async fn becomes(&self, is_cut: bool) {
        loop {
            let changed = self.changed.notified();
            if self.is_cut() == is_cut {
                return;
            }
            changed.await;
        }
    }

    fn chance(&self, chance: f64) -> bool {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).f64() < chance
    }
}

impl CutOff {
    pub(crate) fn new(client: LocalClient, line: Arc<Line>) -> Self {
        Self { client, line }
    }

    /// Sends a request. While the line is cut it comes to nothing, or its answer is lost.
    async fn send<T>(
        &self,
        request: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let lost = || ClientError {
            attempt: "talking to the control plane".to_owned(),
            source: "the line is cut".into(),
        };
        if self.line.is_cut() {
            tokio::time::sleep(TIMEOUT).await;
            return Err(lost());
        }
        let answer = request.await;
        if self.line.is_cut() && self.line.chance(0.5) { Err(lost()) } else { answer }
    }
}

impl ClusterClient for CutOff {
    type Watch = CutOffPods;

    fn watch_pods(&self, node: &str) -> CutOffPods {
        CutOffPods { client: self.clone(), node: node.to_owned(), pods: None }
    }

    async fn report(&self, pod: &PodIdentity, report: Report) -> Result<(), ClientError> {
        self.send(self.client.report(pod, report)).await
    }

    async fn remove(&self, pod: &PodIdentity) -> Result<(), ClientError> {
        self.send(self.client.remove(pod)).await
    }

    async fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<ConfigMap>>, ClientError> {
        self.send(self.client.config_map(namespace, name)).await
    }

    async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<Secret>>, ClientError> {
        self.send(self.client.secret(namespace, name)).await
    }

    async fn register(&self, node: Node) -> Result<(), ClientError> {
        self.send(self.client.register(node)).await
    }
}

/// The pods of the node; all of them again after each cut.
pub(crate) struct CutOffPods {
    client: CutOff,
    node: String,
    pods: Option<<LocalClient as ClusterClient>::Watch>,
}

impl PodWatch for CutOffPods {
    async fn next(&mut self) -> PodsChange {
        loop {
            let line = Arc::clone(&self.client.line);
            if line.is_cut() {
                self.pods = None;
                line.becomes(false).await;
            }
            let begin = || self.client.client.watch_pods(&self.node);
            let pods = self.pods.get_or_insert_with(begin);
            tokio::select! {
                biased;
                () = line.becomes(true) => {}
                change = pods.next() => return change,
            }
        }
    }
}
