//! Nodes that join, and Jobs that are spread over them.

use std::collections::BTreeSet;

use super::kit::{Cluster, NODES, node_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_spread_over_the_nodes_that_have_joined() {
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let nodes = NODES.map(|name| cluster.node(&plane, name));
    for name in NODES {
        let node = plane.ready(name).await;
        let labels = node.metadata.labels.unwrap_or_default();
        for (label, value) in [
            ("kubernetes.io/arch", "wasm32"),
            ("kubernetes.io/os", "wasi"),
            ("kubernetes.io/hostname", name),
            ("type", "mayfly"),
        ] {
            assert_eq!(labels.get(label).map(String::as_str), Some(value), "{name}");
        }
    }
    plane.create(&cluster.job("spread", 8, 20)).await;
    let job = plane.completed("spread").await;
    assert_eq!(job.status.and_then(|status| status.succeeded), Some(8));
    let pods = plane.all_pods().await;
    let used: BTreeSet<&str> = pods.iter().map(node_of).collect();
    assert_eq!(used, BTreeSet::from(NODES));
    let ledger = cluster.ledger();
    assert_eq!(ledger.len(), 8);
    assert!(ledger.values().all(|runs| *runs == (1, 1)), "{ledger:?}");
    for node in nodes {
        node.stop().exits(0);
    }
    plane.server.stop().exits(0);
}
