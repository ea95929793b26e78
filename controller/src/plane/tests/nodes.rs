//! A Job outlives a node that is lost.

use serde_json::json;

use super::*;
use crate::api::{Lease, NodeStatus};

#[tokio::test(start_paused = true)]
async fn pods_of_a_node_that_falls_silent_are_replaced_on_another() {
    let simulation = Simulation::start(30, &[0]);
    let store = &simulation.store;
    simulation.plane.ready().await;
    // Nobody is behind it: what is bound to it never runs. It has what the other one has.
    let here = store.get::<Node>(&Key::new("", "localhost")).unwrap();
    let allocatable = here.status.as_ref().unwrap().allocatable.clone();
    let node = Node {
        metadata: ObjectMeta { name: Some("lost".to_owned()), ..ObjectMeta::default() },
        status: Some(
            serde_json::from_value::<NodeStatus>(json!({
                "allocatable": allocatable,
                "conditions": [{"type": "Ready", "status": "True"}],
            }))
            .unwrap(),
        ),
        ..Node::default()
    };
    let lease: Lease = serde_json::from_value(json!({
        "metadata": {"name": "lost", "namespace": "kube-node-lease"},
        "spec": {"leaseDurationSeconds": 40, "renewTime": "2026-01-01T00:00:00.000000Z"},
    }))
    .unwrap();
    store.commit(Transaction::new().create(node).create(lease)).await.unwrap();
    simulation.create("completions: 4, parallelism: 4").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let on = |node: &str| {
        let pods = store.list::<Pod>(None).items;
        let there = |pod: &Pod| pod.spec.as_ref().unwrap().node_name.as_deref() == Some(node);
        pods.iter().filter(|pod| there(pod)).count()
    };
    assert_eq!((on("lost"), on("localhost")), (2, 2), "they are spread");
    // 40 seconds until it is lost, 300 that pods tolerate that, 20 of back-off for two pods that
    // have failed so, and 30 that others run.
    tokio::time::sleep(Duration::from_secs(395)).await;
    let status = || store.get::<Job>(&Key::new("default", "job")).unwrap().status.clone().unwrap();
    assert_eq!(status().succeeded, Some(4));
    let conditions = status().conditions.unwrap_or_default();
    assert_eq!(conditions.len(), 1, "{conditions:?}");
    assert_eq!(conditions[0].type_, "SuccessCriteriaMet", "two pods may still run");
    assert_eq!(status().terminating, Some(2));
    // Whoever deletes the node says that they don't.
    let delete =
        Transaction::new().delete(Kind::Node, Key::new("", "lost"), DeleteOptions::default());
    store.commit(delete).await.unwrap();
    let job = simulation.end().await;
    let status = job.status.as_ref().unwrap();
    assert_eq!((status.succeeded, status.failed), (Some(4), Some(2)));
    simulation.plane.shutdown().await;
}
