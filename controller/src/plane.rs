//! The control plane: everything that acts on one store, started and stopped together.
//!
//! ```text
//! cron job controller · job controller · scheduler · node agent ──────────────┐
//! ttl controller · collectors of garbage and pods · event expiry · namespaces ┤
//! quotas · node lifecycle · certificates and tokens of hosts that join ────────┴▶ store
//! ```
//!
//! It introduces them to the store, and never one to another.

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::{Key, Kind, SignedDuration};
use crate::bootstrap::TokenCleaner;
use crate::certificates::{CertificateController, Signer};
use crate::cronjob::CronJobController;
use crate::events;
use crate::gc::Collector;
use crate::job::{BackoffSettings, JobController};
use crate::meter::QueueMeter;
use crate::namespace::NamespaceController;
use crate::node::logs::Logs;
use crate::node::{Agent, Inputs, LocalClient, NodeSettings, PodRuntime, Usages};
use crate::nodelifecycle::NodeLifecycleController;
use crate::podgc::PodGcController;
use crate::quota::QuotaController;
use crate::scheduler::Scheduler;
use crate::store::Store;
use crate::trace::Follower;
use crate::ttl::TtlController;

/// How a control plane works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long Jobs wait after a failure.
    pub backoff: BackoffSettings,
    /// The node in this process. What it lets its pods have bounds all pods.
    pub node: NodeSettings,
    /// The certificate (PEM) that every namespace gets to know the server by, if there is one.
    pub root_ca: Option<String>,
    /// Finished pods that are kept; beyond, the oldest are deleted. 0 keeps all.
    pub terminated_pod_gc_threshold: usize,
}

/// A control plane, with one node or none, at work in the background.
///
/// If it is dropped, it stops like a process that is killed: what was going on is found by the next
/// one on the same store.
pub struct ControlPlane {
    /// In the order in which they are stopped.
    components: Vec<Component>,
    store: Store,
    /// The name of its node, if it has one.
    node: Option<String>,
    /// Whether it is known by an authority of which it tells.
    has_root_ca: bool,
    logs: Logs,
    inputs: Inputs,
    usages: Usages,
    queues: Vec<Arc<QueueMeter>>,
    ended: CancellationToken,
}

struct Component {
    name: &'static str,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl ControlPlane {
    /// Starts everything on `store`, where nothing else of the kind may be at work. Must be called
    /// in a tokio runtime.
    ///
    /// Pods run in `runtime`. The first namespaces are made if they are missing.
    pub fn start<R: PodRuntime>(store: Store, runtime: Arc<R>, settings: Settings) -> Self {
        let node = Some(settings.node.name.clone());
        Self::begin(store, runtime, settings, node)
    }

    /// The same without a node: pods run on other hosts, whose agents speak to the API. What its
    /// settings say of the node is what bounds all pods; `runtime` runs nothing.
    pub fn start_without_node<R: PodRuntime>(
        store: Store,
        runtime: Arc<R>,
        settings: Settings,
    ) -> Self {
        Self::begin(store, runtime, settings, None)
    }

    fn begin<R: PodRuntime>(
        store: Store,
        runtime: Arc<R>,
        settings: Settings,
        own: Option<String>,
    ) -> Self {
        let Settings { backoff, node, root_ca, terminated_pod_gc_threshold } = settings;
        let has_root_ca = root_ca.is_some();
        let limits = node.limits;
        let tracer = node.tracer.clone();
        let client = LocalClient::new(store.clone());
        let agent = Agent::new(client, runtime, store.clock().clone(), node);
        let ended = CancellationToken::new();
        let (logs, inputs, usages) = (agent.logs(), agent.inputs(), agent.usages());
        let cron_jobs = CronJobController::new(store.clone());
        let jobs = JobController::new(store.clone(), backoff)
            .with_operator_limits(limits)
            .with_tracer(tracer.clone());
        let queues = vec![cron_jobs.meter(), jobs.meter()];
        // Whoever makes work stops before whoever does it, and who tidies up comes last.
        let mut components = vec![
            start("cron job controller", &ended, |cancel| cron_jobs.run(cancel)),
            start("job controller", &ended, |cancel| jobs.run(cancel)),
            start("scheduler", &ended, |cancel| {
                Scheduler::new(store.clone()).with_operator_limits(limits).run(cancel)
            }),
        ];
        if own.is_some() {
            components.push(start("node agent", &ended, |cancel| agent.run(cancel)));
        }
        components.extend([
            start("node lifecycle controller", &ended, |cancel| {
                NodeLifecycleController::new(store.clone()).run(cancel)
            }),
            start("ttl controller", &ended, |cancel| TtlController::new(store.clone()).run(cancel)),
            start("garbage collector", &ended, |cancel| Collector::new(store.clone()).run(cancel)),
            start("pod garbage collector", &ended, |cancel| {
                PodGcController::new(store.clone(), terminated_pod_gc_threshold).run(cancel)
            }),
            start("event expiry", &ended, |cancel| events::expire(store.clone(), cancel)),
            start("quota controller", &ended, |cancel| {
                QuotaController::new(store.clone()).run(cancel)
            }),
            start("namespace controller", &ended, |cancel| {
                NamespaceController::new(store.clone(), root_ca).run(cancel)
            }),
        ]);
        if tracer.is_on() {
            components.push(start("tracer", &ended, |cancel| {
                Follower::new(store.clone(), tracer).run(cancel)
            }));
        }
        let node = own;
        Self { components, store, node, has_root_ca, logs, inputs, usages, queues, ended }
    }

    /// The same, which has `signer` sign certificates for hosts that join, for `duration` at most.
    #[must_use]
    pub fn with_signer(mut self, signer: Arc<dyn Signer>, duration: SignedDuration) -> Self {
        let (certificates, tokens) = (
            CertificateController::new(self.store.clone(), signer, duration),
            TokenCleaner::new(self.store.clone()),
        );
        self.components.extend([
            start("certificate controller", &self.ended, |cancel| certificates.run(cancel)),
            start("token cleaner", &self.ended, |cancel| tokens.run(cancel)),
        ]);
        self
    }

    /// What the pods print.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// The inputs of the pods' containers.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// What the pods' containers use.
    pub fn usages(&self) -> &Usages {
        &self.usages
    }

    /// What its controllers have to do.
    pub fn queues(&self) -> &[Arc<QueueMeter>] {
        &self.queues
    }

    /// Waits until there is what clients expect to find at once: a namespace to work in, with its
    /// ServiceAccount, a node, and what hosts that join know the server by.
    pub async fn ready(&self) {
        let kinds = &[Kind::Namespace, Kind::ServiceAccount, Kind::Node, Kind::ConfigMap];
        loop {
            let version = self.store.resource_version();
            if self.is_ready() {
                return;
            }
            // What is missing comes as a change; one that was missed is found by looking again.
            if let Ok(mut watch) = self.store.watch(kinds, version) {
                let _ = watch.next().await;
            }
        }
    }

    fn is_ready(&self) -> bool {
        let has = |kind, namespace, name| {
            self.store.get_object(kind, &Key::new(namespace, name)).is_some()
        };
        has(Kind::Namespace, "", "default")
            && has(Kind::ServiceAccount, "default", "default")
            && self.node.as_ref().is_none_or(|node| has(Kind::Node, "", node))
            && (!self.has_root_ca || has(Kind::ConfigMap, "kube-public", "cluster-info"))
    }

    /// Waits until a part of it has ended without being asked to, which only a panic does. Nothing
    /// can be relied on then; the process should end.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Stops one part after another: first nothing new is begun, then what runs is ended.
    pub async fn shutdown(mut self) {
        for component in &mut self.components {
            component.cancel.cancel();
            if let Err(error) = (&mut component.task).await {
                tracing::error!(%error, component = component.name, "ended by itself");
            }
        }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        for component in &self.components {
            component.task.abort();
        }
    }
}

fn start<F: Future<Output = ()> + Send + 'static>(
    name: &'static str,
    ended: &CancellationToken,
    run: impl FnOnce(CancellationToken) -> F,
) -> Component {
    let cancel = CancellationToken::new();
    let alarm = ended.clone().drop_guard();
    let task = tokio::spawn(watched(run(cancel.clone()), alarm));
    Component { name, cancel, task }
}

/// Runs `component`, and raises `alarm` when it ends, in whatever way.
async fn watched(component: impl Future<Output = ()>, alarm: DropGuard) {
    component.await;
    drop(alarm);
}

#[cfg(test)]
mod tests;
