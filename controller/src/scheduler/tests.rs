use std::sync::Arc;

use super::*;
use crate::api::{Event, Key, Node};
use crate::clock::Clock;
use crate::store::Names;

fn pod(name: &str) -> Pod {
    let json = format!(
        r#"{{"metadata": {{"name": "{name}", "namespace": "ns"}}, "spec": {{"containers": []}}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn node() -> Node {
    serde_json::from_str(
        r#"{"metadata": {"name": "here"}, "status": {"allocatable": {"pods": "2"}}}"#,
    )
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn pods_are_bound_when_a_node_comes_and_told_if_it_is_full() {
    let clock = Clock::simulated("2026-01-02T03:04:05Z".parse().unwrap());
    let store = Store::in_memory(clock.clone(), Names::seeded(1));
    let cancel = CancellationToken::new();
    let running = tokio::spawn(Scheduler::new(store.clone()).run(cancel.clone()));
    let create = |object: Object| store.commit(Transaction::new().create_object(object));
    for name in ["a", "b", "c"] {
        create(Pod::into_object(Arc::new(pod(name)))).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.list::<Event>(None).items.len(), 0, "the node is still awaited");
    create(Node::into_object(Arc::new(node()))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let pods = store.list::<Pod>(None).items;
    let nodes: Vec<_> =
        pods.iter().map(|pod| pod.spec.as_ref().unwrap().node_name.as_deref()).collect();
    assert_eq!(nodes, [Some("here"), Some("here"), None]);
    let condition = |pod: &Pod| pod.status.clone().unwrap().conditions.unwrap()[0].clone();
    assert_eq!(condition(&pods[0]).status, "True");
    let waits = condition(&pods[2]);
    assert_eq!((waits.status.as_str(), waits.reason.as_deref()), ("False", Some("Unschedulable")));
    let events = store.list::<Event>(None).items;
    let mut told: Vec<_> = events
        .iter()
        .map(|it| format!("{}: {}", it.reason.clone().unwrap(), it.message.clone().unwrap()))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "FailedScheduling: 0/1 nodes are available: 1 Too many pods. no new claims to \
             deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for \
             incoming pod.",
            "Scheduled: Successfully assigned ns/a to here",
            "Scheduled: Successfully assigned ns/b to here",
        ]
    );
    cancel.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_disk_is_short_takes_no_pods_until_it_is_not() {
    let clock = Clock::simulated("2026-01-02T03:04:05Z".parse().unwrap());
    let store = Store::in_memory(clock.clone(), Names::seeded(1));
    let cancel = CancellationToken::new();
    let running = tokio::spawn(Scheduler::new(store.clone()).run(cancel.clone()));
    let pressed = |status: &str| {
        let mut node = node();
        node.status.as_mut().unwrap().conditions = serde_json::from_value(serde_json::json!([
            {"type": "DiskPressure", "status": status}
        ]))
        .unwrap();
        node
    };
    let commit = async |transaction| drop(store.commit(transaction).await.unwrap());
    commit(Transaction::new().create(pressed("True"))).await;
    commit(Transaction::new().create(pod("a"))).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let bound_to = || {
        let pods = store.list::<Pod>(None).items;
        pods[0].spec.as_ref().and_then(|spec| spec.node_name.clone())
    };
    assert_eq!(bound_to(), None);
    let told = store.list::<Event>(None).items[0].message.clone().unwrap();
    let why = "1 node(s) had untolerated taint(s)";
    assert!(told.contains(why), "{told}");
    let status = pressed("False").status;
    commit(Transaction::new().modify(Key::new("", "here"), None, move |node: &mut Node| {
        node.status = status;
    }))
    .await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(bound_to().as_deref(), Some("here"));
    cancel.cancel();
    running.await.unwrap();
}
