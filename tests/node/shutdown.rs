//! Nodes that are told to stop while pods run.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Pod};

use super::kit::{Cluster, LONG, node_of, phase};

/// Whether the node `name` is not ready, and says `message`.
fn is_not_ready(node: &Node, name: &str, message: &str) -> bool {
    let conditions = node.status.iter().flat_map(|it| it.conditions.iter().flatten());
    let mut ready = conditions.filter(|it| it.type_ == "Ready" && it.status == "False");
    node.metadata.name.as_deref() == Some(name)
        && ready.any(|it| it.message.as_deref() == Some(message))
}

fn uids<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> BTreeSet<String> {
    pods.into_iter().filter_map(|pod| pod.metadata.uid.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_a_node_that_is_told_to_stop_have_failed_and_are_made_elsewhere() {
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    // Long enough for a busy machine to tell all that it has to.
    let patiently = ["--shutdown-grace-period", "60s"];
    let [left, right] = cluster.nodes_at_work_with(&plane, &patiently).await;
    let before = plane.all_pods().await;
    let lost = uids(before.iter().filter(|pod| node_of(pod) == "left"));
    assert!(!lost.is_empty() && lost.len() < 4, "{before:#?}");
    // Until the node is tainted, what is made in the place of its pods may be bound to it once more.
    plane.cordon("left").await;
    left.stop().exits(0);
    plane.wait(plane.nodes(), |node| is_not_ready(node, "left", "node is shutting down")).await;
    // By the time that it has stopped it is known how its pods ended.
    for pod in plane.all_pods().await.iter().filter(|pod| lost.is_superset(&uids([*pod]))) {
        let status = pod.status.as_ref().expect("it has one");
        assert_eq!(
            (phase(pod), status.reason.as_deref(), status.message.as_deref()),
            (
                "Failed",
                Some("Terminated"),
                Some("Pod was terminated in response to imminent node shutdown.")
            )
        );
        let mut conditions = status.conditions.iter().flatten();
        let disruption = conditions.find(|it| it.type_ == "DisruptionTarget").expect("it has one");
        assert_eq!(disruption.reason.as_deref(), Some("TerminationByKubelet"));
    }
    let ledger = cluster.until(4 + lost.len(), 0).await;
    assert!(ledger.values().all(|runs| *runs == (1, 0)), "{ledger:?}");
    plane
        .wait(plane.jobs(), |job| {
            let status = job.status.clone().unwrap_or_default();
            (status.active, status.failed) == (Some(4), i32::try_from(lost.len()).ok())
        })
        .await;
    let now = plane.all_pods().await;
    assert!(now.iter().filter(|pod| phase(pod) == "Running").all(|pod| node_of(pod) == "right"));
    // It comes back as if nothing had been.
    let left = cluster.node(&plane, "left");
    plane.ready("left").await;
    for node in [left, right] {
        node.stop().exits(0);
    }
    plane.server.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_can_leave_its_pods_to_its_next_process() {
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let options = ["--register-with-taints", "", "--shutdown-grace-period", "0s"];
    let node = cluster.node_with(&plane, "left", &options);
    plane.ready("left").await;
    plane.create(&cluster.job("long", 1, u32::try_from(LONG.as_millis()).unwrap())).await;
    plane.running(1).await;
    node.stop().exits(0);
    let pods = plane.all_pods().await;
    assert_eq!((pods.len(), phase(&pods[0])), (1, "Running"));
    plane.ready("left").await;
    let node = cluster.node_with(&plane, "left", &options);
    let pod = plane.wait(plane.pods(), |pod| phase(pod) == "Failed").await;
    let message = pod.status.and_then(|status| status.message);
    assert_eq!(message.as_deref(), Some("Pod was terminated because its node was restarted."));
    node.stop().exits(0);
    plane.server.stop().exits(0);
}
