//! Parts that are killed and come back while pods run: nothing is lost, and nothing is run twice.

use super::kit::{Cluster, NODES, node_of, phase};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_and_comes_back_runs_nothing_twice() {
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let [left, right] = cluster.nodes_at_work(&plane).await;
    cluster.until(4, 0).await;
    let before = plane.all_pods().await;
    left.kill();
    let left = cluster.node(&plane, "left");
    // Those that were lost have failed, and others are made in their place.
    let lost = before.iter().filter(|pod| node_of(pod) == "left").count();
    assert!(lost > 0, "nothing was killed: {before:#?}");
    let ledger = cluster.until(4 + lost, 0).await;
    assert!(ledger.values().all(|runs| *runs == (1, 0)), "{ledger:?}");
    let pods = plane.all_pods().await;
    for old in &before {
        let now = pods.iter().find(|pod| pod.metadata.uid == old.metadata.uid);
        let Some(now) = now else { panic!("{:?} is lost", old.metadata.name) };
        match node_of(now) {
            "left" => {
                assert_eq!(phase(now), "Failed");
                let conditions = now.status.iter().flat_map(|it| it.conditions.iter().flatten());
                let mut conditions = conditions.map(|condition| condition.type_.as_str());
                assert!(conditions.any(|it| it == "DisruptionTarget"), "{now:#?}");
            }
            _ => assert_eq!(phase(now), "Running"),
        }
    }
    for node in [left, right] {
        node.stop().exits(0);
    }
    plane.server.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_run_on_while_the_control_plane_is_away() {
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let nodes = NODES.map(|name| cluster.node(&plane, name));
    for name in NODES {
        plane.ready(name).await;
    }
    plane.create(&cluster.job("away", 6, 3000)).await;
    plane.running(6).await;
    let pods = plane.all_pods().await;
    let on_left = pods.iter().filter(|pod| node_of(pod) == "left").count();
    let address = plane.server.address().to_owned();
    plane.server.kill();
    cluster.until(6, 6).await;
    // One of the nodes does not live to tell, but long enough to note it.
    cluster.noted("left", on_left).await;
    let [left, right] = nodes;
    left.kill();
    let plane = cluster.serve_again(&address).await;
    let left = cluster.node(&plane, "left");
    let job = plane.completed("away").await;
    let status = job.status.expect("it has one");
    assert_eq!((status.succeeded, status.failed), (Some(6), None));
    let ledger = cluster.ledger();
    assert_eq!(ledger.len(), 6);
    assert!(ledger.values().all(|runs| *runs == (1, 1)), "{ledger:?}");
    for node in [left, right] {
        node.stop().exits(0);
    }
    plane.server.stop().exits(0);
}
