//! Makes the node known, and tells for ever that it is alive: a lease that is renewed four times as
//! often as it would have to be, and the status whenever the control plane shows another one.
//!
//! As a kubelet does it: with its default settings, a lease of 40 seconds is renewed every ten, and
//! a control plane gives up on a node that has not renewed its lease for as long as that lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use mayfly_controller::api::{
    Lease, Node, NodeCondition, NodeStatus, ObjectMeta, OwnerReference, Time, Timestamp,
};
use mayfly_controller::clock::Clock;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::client::ClusterSettings;
use crate::line::{Failure, Line};
use crate::pause::Pause;
use crate::requests::{self, LEASES};

/// How much of its lease has gone when it is renewed: a quarter, as the kubelet does.
const RENEWALS: u32 = 4;

/// How often it describes itself although nothing has changed: the kubelet's default.
const REPORT_INTERVAL: Duration = Duration::from_secs(300);

/// One node's word that it is alive.
pub(crate) struct Alive {
    line: Line,
    name: String,
    clock: Clock,
    /// As the agent describes it; `None` until it has.
    described: watch::Receiver<Option<Node>>,
    /// What of that the API server was told last.
    told: watch::Sender<Option<Node>>,
    /// The node is about to end.
    is_leaving: Arc<AtomicBool>,
    /// How long it is taken to be alive after it has said so.
    lease_seconds: u32,
    /// The node's uid, when it is known to the control plane.
    uid: Option<String>,
    lease: Option<Lease>,
    /// When it has last described itself.
    reported_at: Option<Timestamp>,
}

impl Alive {
    pub(crate) fn new(
        line: Line,
        settings: &ClusterSettings,
        clock: Clock,
        described: watch::Receiver<Option<Node>>,
        told: watch::Sender<Option<Node>>,
        is_leaving: Arc<AtomicBool>,
    ) -> Self {
        let (name, lease_seconds) = (settings.node.clone(), settings.lease_seconds);
        let (uid, lease, reported_at) = (None, None, None);
        Self {
            line,
            name,
            clock,
            described,
            told,
            is_leaving,
            lease_seconds,
            uid,
            lease,
            reported_at,
        }
    }

    /// Tells it for ever.
    pub(crate) async fn run(mut self) {
        let mut pause = Pause::default();
        let renew_interval = Duration::from_secs(self.lease_seconds.into()) / RENEWALS;
        loop {
            let described = self.described.borrow_and_update().clone();
            let beaten = match &described {
                Some(node) => self.beat(node).await,
                None => Ok(()),
            };
            if beaten.is_ok() {
                self.told.send_replace(described.clone());
            }
            let rest = async {
                match (&beaten, &described) {
                    (Err(_), _) => pause.wait().await,
                    (Ok(()), Some(_)) => {
                        pause.reset();
                        tokio::time::sleep(renew_interval).await;
                    }
                    (Ok(()), None) => std::future::pending().await,
                }
            };
            if let Err(failure) = &beaten
                && !failure.is_outage()
            {
                let error = failure as &dyn std::error::Error;
                tracing::warn!(node = %self.name, error, "the node could not be registered");
            }
            tokio::select! {
                biased;
                Ok(()) = self.described.changed() => self.reported_at = None,
                () = rest => {}
            }
        }
    }

    /// Says once that the node is alive, and what it is like if that is not known.
    async fn beat(&mut self, node: &Node) -> Result<(), Failure> {
        if self.uid.is_none() {
            self.register(node).await?;
        }
        self.renew().await?;
        let shown = self.line.find::<Node>(requests::get_node(&self.name)).await?;
        let Some(shown) = shown else {
            // Somebody has deleted it, or the server has come back with an older state.
            (self.uid, self.lease) = (None, None);
            return self.register(node).await;
        };
        self.uid.clone_from(&shown.metadata.uid);
        let now = self.clock.now();
        let is_due = self.reported_at.is_none_or(|at| REPORT_INTERVAL <= since(at, now));
        if is_due || !agrees(node, &shown) {
            let patch = patch(node, &shown, now);
            let told: Node = self.line.ask(requests::patch_node_status(&self.name, &patch)).await?;
            self.uid = told.metadata.uid;
            self.reported_at = Some(now);
        }
        Ok(())
    }

    async fn register(&mut self, node: &Node) -> Result<(), Failure> {
        if self.is_leaving.load(Ordering::Relaxed) {
            // Whoever has deleted it knows that it goes: it would only come back for a moment, and stay.
            return Ok(());
        }
        match self.line.ask::<Node>(requests::create_node(node)).await {
            Ok(created) => {
                tracing::info!(node = %self.name, "the node is registered");
                (self.uid, self.reported_at) = (created.metadata.uid, Some(self.clock.now()));
            }
            // It was here before; what is different is told with the first beat.
            Err(failure) if failure.code() == Some(409) => {
                let found = self.line.find::<Node>(requests::get_node(&self.name)).await?;
                self.uid = found.and_then(|node| node.metadata.uid);
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), Failure> {
        if self.lease.is_none() {
            self.lease = self.line.find(requests::get_lease(&self.name)).await?;
        }
        let renewed = match self.lease.take() {
            Some(held) => {
                let lease = self.renewed(held.metadata);
                self.line.ask(requests::update_lease(&lease)).await
            }
            None => {
                let metadata = ObjectMeta {
                    name: Some(self.name.clone()),
                    namespace: Some(LEASES.to_owned()),
                    ..ObjectMeta::default()
                };
                let lease = self.renewed(metadata);
                self.line.ask(requests::create_lease(&lease)).await
            }
        };
        // One that failed is looked at anew the next time.
        self.lease = Some(renewed?);
        Ok(())
    }

    fn renewed(&self, mut metadata: ObjectMeta) -> Lease {
        if let Some(uid) = &self.uid {
            let owner = OwnerReference {
                api_version: "v1".to_owned(),
                kind: "Node".to_owned(),
                name: self.name.clone(),
                uid: uid.clone(),
                ..OwnerReference::default()
            };
            metadata.owner_references = Some(vec![owner]);
        }
        let spec = LeaseSpec {
            holder_identity: Some(self.name.clone()),
            lease_duration_seconds: i32::try_from(self.lease_seconds).ok(),
            renew_time: Some(MicroTime(self.clock.now())),
            ..LeaseSpec::default()
        };
        Lease { metadata, spec: Some(spec) }
    }
}

fn since(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

fn conditions(node: &Node) -> impl Iterator<Item = &NodeCondition> {
    node.status.iter().flat_map(|status| status.conditions.iter().flatten())
}

/// Whether `shown` says of the node what it says `own`, as far as anything depends on it, and an API server
/// keeps it that is older than the node: not which features it declares.
fn agrees(own: &Node, shown: &Node) -> bool {
    let said = |node: &Node| {
        let status = node.status.clone().unwrap_or_default();
        let NodeStatus { addresses, daemon_endpoints, node_info, .. } = status;
        (addresses, daemon_endpoints, node_info.map(|info| info.kubelet_version))
    };
    let labels = shown.metadata.labels.clone().unwrap_or_default();
    let annotations = shown.metadata.annotations.clone().unwrap_or_default();
    let mut own_annotations = own.metadata.annotations.iter().flatten();
    own_annotations.all(|(name, value)| annotations.get(name) == Some(value))
        && said(own) == said(shown)
        && own.metadata.labels.iter().flatten().all(|(name, value)| labels.get(name) == Some(value))
        && conditions(own).all(|condition| {
            let mut known = conditions(shown);
            known.any(|known| known.type_ == condition.type_ && known.status == condition.status)
        })
}

/// What makes `shown` say what the node says `own`.
fn patch(own: &Node, shown: &Node, now: Timestamp) -> Value {
    let mut status = own.status.clone().unwrap_or_default();
    for condition in status.conditions.iter_mut().flatten() {
        condition.last_heartbeat_time = Some(Time(now));
        let before = conditions(shown)
            .find(|known| known.type_ == condition.type_ && known.status == condition.status);
        condition.last_transition_time = match before {
            Some(before) => before.last_transition_time.clone(),
            None => Some(Time(now)),
        };
    }
    let (labels, annotations) = (&own.metadata.labels, &own.metadata.annotations);
    json!({"metadata": {"labels": labels, "annotations": annotations}, "status": status})
}
