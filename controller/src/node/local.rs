//! The agent's view of a control plane in its own process: straight to the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::client::{ClientError, ClusterClient, PodWatch, PodsChange, Report};
use super::runtime::PodIdentity;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use crate::api::{
    ConfigMap, ContainerStatus, Key, Kind, Lease, Node, ObjectMeta, Pod, PodStatus, Resource,
    Secret, Timestamp, names,
};
use crate::events::Recorder;
use crate::store::{ChangeKind, CommitError, DeleteOptions, Store, Transaction, Watch};

/// The namespace of the leases by which nodes say that they are alive.
const NODE_LEASES: &str = "kube-node-lease";

/// How long a node is taken to be alive after it has said so: two of its heartbeats.
const NODE_LEASE_SECONDS: i32 = 600;

/// A client of a store.
#[derive(Clone)]
pub struct LocalClient {
    store: Store,
    recorder: Arc<Recorder>,
}

impl LocalClient {
    /// A client of `store`.
    pub fn new(store: Store) -> Self {
        let recorder = Arc::new(Recorder::new("kubelet", store.names().clone()));
        Self { store, recorder }
    }

    async fn commit(&self, attempt: String, transaction: Transaction) -> Result<(), ClientError> {
        let committed = self.store.commit(transaction).await;
        committed
            .map(drop)
            .map_err(|error: CommitError| ClientError { attempt, source: Box::new(error) })
    }
}

impl ClusterClient for LocalClient {
    type Watch = LocalPods;

    fn watch_pods(&self, node: &str) -> LocalPods {
        LocalPods { store: self.store.clone(), node: node.to_owned(), watch: None }
    }

    async fn report(&self, pod: &PodIdentity, report: Report) -> Result<(), ClientError> {
        let Report { status, usage, events } = report;
        let mut transaction = Transaction::new();
        if let Some(status) = status {
            let (key, uid) = (Key::new(&pod.namespace, &pod.name), Some(pod.uid.clone()));
            transaction = transaction.modify(key, uid, move |pod: &mut Pod| {
                write_status(pod, status);
                write_usage(pod, usage);
            });
        }
        let now = self.store.clock().now();
        for event in events {
            let about = pod.reference(event.field_path);
            let recorder = &self.recorder;
            let event =
                recorder.record(&about, event.event_type, event.reason, &event.message, now);
            transaction = transaction.and(event);
        }
        let attempt = format!("writing the status of pod {}/{}", pod.namespace, pod.name);
        self.commit(attempt, transaction).await
    }

    async fn remove(&self, pod: &PodIdentity) -> Result<(), ClientError> {
        let options = DeleteOptions { uid: Some(pod.uid.clone()), grace_period_seconds: Some(0) };
        let key = Key::new(&pod.namespace, &pod.name);
        let attempt = format!("deleting pod {key}");
        self.commit(attempt, Transaction::new().delete(Kind::Pod, key, options)).await
    }

    async fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<ConfigMap>>, ClientError> {
        Ok(self.store.get(&Key::new(namespace, name)))
    }

    async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<Secret>>, ClientError> {
        Ok(self.store.get(&Key::new(namespace, name)))
    }

    async fn register(&self, node: Node) -> Result<(), ClientError> {
        let attempt = format!("registering node {}", node.key());
        let (name, told) = (node.key().name, node.clone());
        let register = Transaction::new().create_or_modify(node, move |node: &mut Node| {
            merge_node(node, told);
        });
        let now = self.store.clock().now();
        self.commit(attempt, register.and(renew(&name, now))).await
    }
}

/// Puts `status` in the place of the pod's, but for what is not the node's to say.
fn write_status(pod: &mut Pod, mut status: PodStatus) {
    let old = pod.status.take().unwrap_or_default();
    let conditions = status.conditions.get_or_insert_default();
    for condition in old.conditions.into_iter().flatten() {
        let known = conditions.iter_mut().find(|known| known.type_ == condition.type_);
        match known {
            // The scheduler has said it first, and with more.
            Some(known) if known.type_ == "PodScheduled" => *known = condition,
            Some(_) => {}
            None => conditions.push(condition),
        }
    }
    if matches!(old.phase.as_deref(), Some("Succeeded" | "Failed")) {
        status.phase = old.phase;
    }
    keep_ends(old.init_container_statuses.as_deref(), &mut status.init_container_statuses);
    keep_ends(old.container_statuses.as_deref(), &mut status.container_statuses);
    status.nominated_node_name = old.nominated_node_name;
    pod.status = Some(status);
}

/// Puts `usage` in the place of what the pod's annotations say of that, if it says anything.
fn write_usage(pod: &mut Pod, usage: BTreeMap<String, String>) {
    if !usage.is_empty() {
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.retain(|name, _| !name.starts_with(names::USAGE_PREFIX));
        annotations.extend(usage);
    }
}

/// Keeps the ends of runs that are known already: a process that began a run once more may not have
/// heard yet how it had ended.
fn keep_ends(old: Option<&[ContainerStatus]>, new: &mut Option<Vec<ContainerStatus>>) {
    for status in new.iter_mut().flatten() {
        let before = old.into_iter().flatten().find(|old| old.name == status.name);
        let Some(before) = before.filter(|old| old.restart_count == status.restart_count) else {
            continue;
        };
        let has_ended = before.state.as_ref().is_some_and(|state| state.terminated.is_some());
        if has_ended && status.state.as_ref().is_some_and(|state| state.waiting.is_none()) {
            status.clone_from(before);
        }
    }
}

/// Renews the lease by which the node `name` says that it is alive.
fn renew(name: &str, now: Timestamp) -> Transaction {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(NODE_LEASES.to_owned()),
        ..ObjectMeta::default()
    };
    let spec = LeaseSpec {
        holder_identity: Some(name.to_owned()),
        lease_duration_seconds: Some(NODE_LEASE_SECONDS),
        renew_time: Some(MicroTime(now)),
        ..LeaseSpec::default()
    };
    let lease = Lease { metadata, spec: Some(spec.clone()) };
    Transaction::new().create_or_modify(lease, |lease: &mut Lease| lease.spec = Some(spec))
}

/// Makes `node` what its agent has `told` of it, and keeps what others have given it.
fn merge_node(node: &mut Node, told: Node) {
    let labels = node.metadata.labels.get_or_insert_default();
    labels.extend(told.metadata.labels.into_iter().flatten());
    let mut status = told.status.unwrap_or_default();
    let old = node.status.take().unwrap_or_default();
    for condition in status.conditions.iter_mut().flatten() {
        let before = old.conditions.iter().flatten().find(|old| old.type_ == condition.type_);
        if let Some(before) = before.filter(|before| before.status == condition.status) {
            condition.last_transition_time = before.last_transition_time.clone();
        }
    }
    node.status = Some(status);
}

/// The pods of one node, out of a store.
pub struct LocalPods {
    store: Store,
    node: String,
    /// `None` before the first list, and after a gap.
    watch: Option<Watch>,
}

impl LocalPods {
    fn is_ours(&self, pod: &Pod) -> bool {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        node == Some(&*self.node)
    }
}

impl PodWatch for LocalPods {
    async fn next(&mut self) -> PodsChange {
        loop {
            let Some(watch) = &mut self.watch else {
                let (pods, watch) = self.store.list_and_watch(&[Kind::Pod]);
                self.watch = Some(watch);
                let pods = pods.iter().filter_map(Pod::from_object);
                return PodsChange::Are(pods.filter(|pod| self.is_ours(pod)).cloned().collect());
            };
            let Ok(change) = watch.next().await else {
                self.watch = None;
                continue;
            };
            let Some(pod) = Pod::from_object(&change.object).filter(|pod| self.is_ours(pod)) else {
                continue;
            };
            return match change.what {
                ChangeKind::Added | ChangeKind::Modified => PodsChange::Is(Arc::clone(pod)),
                ChangeKind::Deleted => PodsChange::Gone(PodIdentity::of(pod)),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_end_stays_for_as_long_as_no_other_run_has_begun() {
        let check = |restarts: i32, state: Value, stays: bool| {
            let status = |restarts, state: &Value| -> PodStatus {
                let container = json!({
                    "name": "main", "image": "i", "imageID": "", "ready": false,
                    "restartCount": restarts, "state": state,
                });
                let status = json!({ "phase": "Running", "containerStatuses": [container] });
                serde_json::from_value(status).expect("a status")
            };
            let ended = status(1, &json!({ "terminated": { "exitCode": 2 } }));
            let told = status(restarts, &state);
            let mut pod = Pod { status: Some(ended.clone()), ..Pod::default() };
            write_status(&mut pod, told.clone());
            let found = pod.status.and_then(|status| status.container_statuses);
            let expect = if stays { ended } else { told };
            assert_eq!(found, expect.container_statuses, "{restarts} {state}");
        };
        check(1, json!({ "running": {} }), true);
        check(1, json!({ "terminated": { "exitCode": 137 } }), true);
        check(1, json!({ "waiting": { "reason": "CrashLoopBackOff" } }), false);
        check(2, json!({ "running": {} }), false);
        check(2, json!({ "terminated": { "exitCode": 0 } }), false);
    }
}
