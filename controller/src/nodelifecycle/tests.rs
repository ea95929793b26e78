use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::index::Index;
use super::reconcile::{Mark, reconcile};
use super::*;
use crate::api::{Event, Key, Lease, Node, Pod, Resource, Timestamp};
use crate::clock::Clock;
use crate::store::{Names, Store, Transaction};
use crate::taints::taint;

const START: &str = "2026-01-01T00:00:00Z";

/// A store with nodes in it, and nothing at work but the controller.
struct Cluster {
    store: Store,
    beats: i32,
    _controller: DropGuard,
}

impl Cluster {
    async fn of(nodes: &[&str]) -> Self {
        let start = START.parse::<Timestamp>().unwrap();
        let store = Store::in_memory(Clock::simulated(start), Names::seeded(1));
        for name in nodes {
            let node = json!({"metadata": {"name": name}, "status": {"conditions": [
                {"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "False"},
            ]}});
            store.commit(Transaction::new().create(of::<Node>(node))).await.unwrap();
            let lease = json!({"metadata": {"name": name, "namespace": "kube-node-lease"},
                "spec": {"leaseDurationSeconds": 40, "renewTime": "2020-01-01T00:00:00.000000Z"}});
            store.commit(Transaction::new().create(of::<Lease>(lease))).await.unwrap();
        }
        let cancel = CancellationToken::new();
        tokio::spawn(NodeLifecycleController::new(store.clone()).run(cancel.clone()));
        Self { store, beats: 0, _controller: cancel.drop_guard() }
    }

    async fn pod(&self, name: &str, node: &str, tolerations: Value) {
        let pod = json!({
            "metadata": {"name": name, "namespace": "ns"},
            "spec": {"nodeName": node, "containers": [], "tolerations": tolerations},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        self.store.commit(Transaction::new().create(of::<Pod>(pod))).await.unwrap();
    }

    /// Ten seconds pass, with the lease of each of `nodes` renewed.
    async fn beat(&mut self, nodes: &[&str]) {
        tokio::time::sleep(Duration::from_secs(10)).await;
        self.beats += 1;
        // Clocks of other hosts are wrong: only that it changes matters.
        let renewed = format!("2019-01-01T00:00:00.{:06}Z", self.beats);
        for name in nodes {
            let renewed = renewed.clone();
            let key = Key::new("kube-node-lease", name);
            let renew = Transaction::new().modify(key, None, move |lease: &mut Lease| {
                lease.spec.as_mut().unwrap().renew_time =
                    Some(serde_json::from_value(json!(renewed)).unwrap());
            });
            self.store.commit(renew).await.unwrap();
        }
    }

    async fn change(&self, node: &str, change: impl FnOnce(&mut Node) + Send + 'static) {
        let change = Transaction::new().modify(Key::new("", node), None, change);
        self.store.commit(change).await.unwrap();
        settle().await;
    }

    fn ready(&self, node: &str) -> String {
        let node = self.store.get::<Node>(&Key::new("", node)).unwrap();
        let conditions = node.status.as_ref().unwrap().conditions.iter().flatten();
        conditions.clone().find(|it| it.type_ == "Ready").unwrap().status.clone()
    }

    fn taints(&self, node: &str) -> Vec<String> {
        let node = self.store.get::<Node>(&Key::new("", node)).unwrap();
        let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
        taints.map(|it| format!("{}:{}", it.key, it.effect)).collect()
    }

    /// `ready`, `not ready` or `deleted`, and why.
    fn state(&self, pod: &str) -> String {
        let Some(pod) = self.store.get::<Pod>(&Key::new("ns", pod)) else {
            return "deleted".to_owned();
        };
        let conditions = pod.status.as_ref().unwrap().conditions.iter().flatten();
        let is_ready = conditions.clone().any(|it| it.type_ == "Ready" && it.status == "True");
        match pod.metadata.deletion_timestamp {
            Some(_) => {
                let why = conditions.clone().find(|it| it.type_ == "DisruptionTarget").unwrap();
                format!("deleted: {}", why.reason.as_deref().unwrap())
            }
            None if is_ready => "ready".to_owned(),
            None => "not ready".to_owned(),
        }
    }

    fn told(&self, reason: &str) -> Vec<String> {
        let events = self.store.list::<Event>(None).items;
        let those = events.iter().filter(|it| it.reason.as_deref() == Some(reason));
        those.map(|it| it.message.clone().unwrap()).collect()
    }
}

fn of<T: Resource>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}

/// Everything that is due is done.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

const LOST: [&str; 2] =
    ["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"];

#[tokio::test(start_paused = true)]
async fn a_node_that_is_silent_for_40_seconds_is_not_ready_and_its_pods_go_300_later() {
    let mut cluster = Cluster::of(&["a", "b"]).await;
    cluster.pod("p", "a", json!([])).await;
    for _ in 0..4 {
        cluster.beat(&["b"]).await;
        assert_eq!((cluster.ready("a").as_str(), cluster.taints("a").len()), ("True", 0));
    }
    settle().await;
    assert_eq!(cluster.ready("a"), "Unknown");
    assert_eq!(cluster.taints("a"), LOST);
    assert_eq!((cluster.ready("b").as_str(), cluster.taints("b").len()), ("True", 0));
    assert_eq!(cluster.state("p"), "not ready");
    assert_eq!(cluster.told("NodeNotReady").len(), 2, "of the node and of its pod");
    for _ in 0..29 {
        cluster.beat(&["b"]).await;
    }
    assert_eq!(cluster.state("p"), "not ready");
    cluster.beat(&["b"]).await;
    settle().await;
    assert_eq!(cluster.state("p"), "deleted: DeletionByTaintManager");
    assert_eq!(cluster.told("TaintManagerEviction"), ["Marking for deletion Pod ns/p"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_heard_again_is_as_before_and_keeps_its_pods() {
    let mut cluster = Cluster::of(&["a", "b"]).await;
    cluster.pod("p", "a", json!([])).await;
    for _ in 0..20 {
        cluster.beat(&["b"]).await;
    }
    assert_eq!(cluster.taints("a"), LOST);
    cluster.beat(&["a", "b"]).await;
    // The lease alone does not say that it is ready; its agent does.
    cluster
        .change("a", |node| {
            let conditions = node.status.as_mut().unwrap().conditions.as_mut().unwrap();
            conditions.iter_mut().for_each(|it| it.status = "True".to_owned());
            conditions.retain(|it| it.type_ == "Ready");
        })
        .await;
    assert_eq!(cluster.taints("a"), [""; 0]);
    for _ in 0..60 {
        cluster.beat(&["a", "b"]).await;
    }
    assert_eq!(cluster.state("p"), "not ready", "until its agent says otherwise");
}

#[tokio::test(start_paused = true)]
async fn what_a_pod_tolerates_is_how_long_it_stays() {
    let mut cluster = Cluster::of(&["a", "b"]).await;
    let unreachable = "node.kubernetes.io/unreachable";
    let shortly = json!([{"key": unreachable, "operator": "Exists", "tolerationSeconds": 15}]);
    cluster.pod("shortly", "a", shortly).await;
    cluster.pod("forever", "a", json!([{"operator": "Exists"}])).await;
    cluster.pod("elsewhere", "b", json!([])).await;
    for _ in 0..5 {
        cluster.beat(&["b"]).await;
    }
    assert_eq!(cluster.state("shortly"), "not ready");
    cluster.beat(&["b"]).await;
    assert_eq!(cluster.state("shortly"), "deleted: DeletionByTaintManager");
    for _ in 0..100 {
        cluster.beat(&["b"]).await;
    }
    assert_eq!(cluster.state("forever"), "not ready");
    assert_eq!(cluster.state("elsewhere"), "ready");
}

#[tokio::test(start_paused = true)]
async fn where_all_nodes_are_lost_nothing_is_taken_from_them() {
    let mut cluster = Cluster::of(&["a", "b"]).await;
    cluster.pod("p", "a", json!([])).await;
    for _ in 0..100 {
        cluster.beat(&[]).await;
    }
    assert_eq!(cluster.taints("a"), LOST[..1]);
    assert_eq!(cluster.state("p"), "not ready");
}

#[tokio::test(start_paused = true)]
async fn taints_of_people_are_carried_out_and_stay() {
    let mut cluster = Cluster::of(&["a", "b"]).await;
    cluster
        .pod("p", "a", json!([{"key": "mine", "operator": "Exists", "tolerationSeconds": 15}]))
        .await;
    cluster.pod("q", "a", json!([])).await;
    let taint = taint("mine", "NoExecute");
    cluster
        .change("a", move |node| {
            let spec = node.spec.get_or_insert_default();
            spec.taints = Some(vec![taint]);
            spec.unschedulable = Some(true);
        })
        .await;
    assert_eq!(
        cluster.taints("a"),
        ["mine:NoExecute", "node.kubernetes.io/unschedulable:NoSchedule"]
    );
    assert_eq!(cluster.state("q"), "deleted: DeletionByTaintManager", "at once");
    cluster.beat(&["a", "b"]).await;
    assert_eq!(cluster.state("p"), "ready");
    cluster.beat(&["a", "b"]).await;
    assert_eq!(cluster.state("p"), "deleted: DeletionByTaintManager");
    cluster.change("a", |node| node.spec.as_mut().unwrap().unschedulable = None).await;
    assert_eq!(cluster.taints("a"), ["mine:NoExecute"]);
}

#[tokio::test(start_paused = true)]
async fn a_taint_from_the_end_of_time_is_as_good_as_new() {
    let mut cluster = Cluster::of(&["a", "b"]).await;
    cluster.pod("p", "a", json!([])).await;
    let late = json!({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute",
        "timeAdded": "9999-12-30T22:00:00Z"});
    cluster
        .change("a", move |node| {
            let spec = node.spec.get_or_insert_default();
            spec.taints = Some(vec![serde_json::from_value(late).unwrap()]);
            let conditions = node.status.as_mut().unwrap().conditions.as_mut().unwrap();
            conditions[0].status = "Unknown".to_owned();
        })
        .await;
    assert_eq!(cluster.taints("a").len(), 2);
    for _ in 0..31 {
        cluster.beat(&["a", "b"]).await;
    }
    assert_eq!(cluster.state("p"), "deleted: DeletionByTaintManager");
}

#[test]
fn many_lost_nodes_are_left_alone_and_few_are_not() {
    // All, how many of them are lost, and whether their pods have to go.
    let cases =
        [(1, 1, false), (2, 1, true), (3, 2, true), (4, 3, false), (10, 5, true), (10, 6, false)];
    for (all, lost, go) in cases {
        let mut index = Index::default();
        let now = START.parse::<Timestamp>().unwrap();
        for number in 0..all {
            let status = if number < lost { "False" } else { "True" };
            let node = json!({"metadata": {"name": number.to_string()}, "status": {"conditions": [
                {"type": "Ready", "status": status},
            ]}});
            index.node(&of::<Node>(node), now);
        }
        let plan = reconcile(&index, now);
        assert_eq!(plan.marks.len(), lost, "{lost} of {all}");
        let executes = |it: &Mark| it.taints.iter().any(|it| it.effect == "NoExecute");
        assert_eq!(plan.marks.iter().all(executes), go, "{lost} of {all}");
    }
}
