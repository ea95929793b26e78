//! A node on another host that is emptied by the real kubectl, as before its host is repaired.

use std::process::Command;

use super::kit::{Cluster, node_of, phase};
use crate::harness::{Running, kubectl};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_drained_by_the_real_kubectl() {
    let Some(program) = kubectl::any() else { return };
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let [left, right] = cluster.nodes_at_work(&plane).await;
    let before = plane.all_pods().await;
    let moved = before.iter().filter(|pod| node_of(pod) == "left").count();
    assert!(moved > 0, "{before:#?}");
    let kubectl = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        cluster.home.settle(&mut command);
        plane.server.client(command.args(arguments));
        Running::start(&mut command).wait().exits(0)
    };
    // It says so when all of them are gone, and not before.
    let drained = kubectl(&["drain", "left", "--timeout=120s"]);
    assert!(drained.stdout.contains("node/left cordoned"), "{drained:#?}");
    assert!(drained.stdout.contains("node/left drained"), "{drained:#?}");
    let there = plane.all_pods().await;
    assert!(there.iter().all(|pod| node_of(pod) != "left"), "{there:#?}");
    // Others have been made elsewhere, and nothing has run twice.
    let ledger = cluster.until(4 + moved, 0).await;
    assert!(ledger.values().all(|runs| *runs == (1, 0)), "{ledger:?}");
    plane
        .wait(plane.jobs(), |job| {
            let status = job.status.clone().unwrap_or_default();
            (status.active, status.failed) == (Some(4), i32::try_from(moved).ok())
        })
        .await;
    left.stop().exits(0);
    kubectl(&["uncordon", "left"]);
    let left = cluster.node(&plane, "left");
    plane.ready("left").await;
    let there = plane.all_pods().await;
    assert!(there.iter().all(|pod| phase(pod) != "Failed"), "what was drained is gone: {there:#?}");
    for node in [left, right] {
        node.stop().exits(0);
    }
    plane.server.stop().exits(0);
}
