//! A node whose disk is short: it says so, takes no more, and makes room.

use super::fake::{FakeRuntime, Play};
use super::*;
use crate::api::Node;
use crate::node::disk::Shortage;

const MIB: usize = 1 << 20;

fn never(name: &str) -> String {
    format!(
        r#"{{"metadata": {{"name": "{name}", "namespace": "ns", "uid": "{name}"}},
            "spec": {{"nodeName": "here", "restartPolicy": "Never",
                      "containers": [{{"name": "main", "image": "i"}}]}}}}"#
    )
}

async fn create(cluster: &Cluster, name: &str) {
    cluster.create(serde_json::from_str::<Pod>(&never(name)).expect("must be a pod")).await;
}

fn shown(cluster: &Cluster, name: &str) -> String {
    let pod: Arc<Pod> = cluster.store.get(&Key::new("ns", name)).expect("it must be there");
    let status = pod.status.clone().unwrap_or_default();
    let text = |text: Option<String>| text.unwrap_or_default();
    let conditions = status.conditions.iter().flatten();
    let disruption = conditions.filter(|it| it.type_ == "DisruptionTarget");
    let disruption: Vec<_> = disruption.map(|it| text(it.reason.clone())).collect();
    let (phase, reason) = (text(status.phase), text(status.reason));
    format!("{phase} {reason} {disruption:?} {}", text(status.message))
}

fn pressure(cluster: &Cluster) -> String {
    told(&cluster.store.get::<Node>(&Key::new("", "here")).expect("it must be known"))
}

/// What `node` says of its disk.
fn told(node: &Node) -> String {
    let status = node.status.clone().expect("it must have one");
    let mut conditions = status.conditions.into_iter().flatten();
    let found = conditions.find(|it| it.type_ == "DiskPressure").expect("it must be told");
    let text = |text: Option<String>| text.unwrap_or_default();
    format!("{} {}: {}", found.status, text(found.reason), text(found.message))
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_disk_is_short_says_so_and_takes_no_pods() {
    let cluster = Cluster::new(FakeRuntime::default().plays("main", &[Play::Forever]));
    create(&cluster, "before").await;
    cluster.until(1.0).await;
    assert_eq!(pressure(&cluster), "False KubeletHasNoDiskPressure: kubelet has no disk pressure");
    cluster.disk.send_replace(Some(Shortage::of_bytes(1 << 30, 1 << 20)));
    cluster.until(2.0).await;
    assert_eq!(pressure(&cluster), "True KubeletHasDiskPressure: kubelet has disk pressure");
    create(&cluster, "after").await;
    cluster.until(3.0).await;
    assert_eq!(shown(&cluster, "before"), "Running  [] ", "it has stored next to nothing");
    assert_eq!(
        shown(&cluster, "after"),
        "Failed Evicted [] Pod was rejected: The node had condition: [DiskPressure]. "
    );
    cluster.disk.send_replace(None);
    cluster.until(4.0).await;
    assert_eq!(pressure(&cluster), "False KubeletHasNoDiskPressure: kubelet has no disk pressure");
    create(&cluster, "later").await;
    cluster.until(5.0).await;
    assert_eq!(shown(&cluster, "later"), "Running  [] ");
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_short_is_known_before_the_node_is() {
    let mut cluster = Cluster::new(FakeRuntime::default());
    cluster.kill_agent();
    let mut nodes = cluster.store.watch(&[Kind::Node], 0).expect("nothing is forgotten");
    cluster.reserve = Some(DiskReserve { bytes: Some(u64::MAX), entries: None });
    cluster.start_agent();
    let first = nodes.next().await.expect("it must keep up");
    let node = Node::from_object(&first.object).expect("it must be a node");
    assert_eq!(told(node), "True KubeletHasDiskPressure: kubelet has disk pressure");
}

#[tokio::test(start_paused = true)]
async fn those_that_have_stored_most_go_one_after_another() {
    let cluster = Cluster::new(FakeRuntime::default().plays("main", &[Play::Forever]));
    for (name, bytes) in [("much", 3 * MIB), ("more", 5 * MIB), ("little", 1000)] {
        create(&cluster, name).await;
        let directory = cluster.root.path().join(format!("pods/ns_{name}_{name}"));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("stored"), vec![1; bytes]).unwrap();
    }
    cluster.until(1.0).await;
    let evicted = "Failed Evicted [\"TerminationByKubelet\"] The node was low on resource: \
                   ephemeral-storage. Threshold quantity: 1Gi, available: 1Mi. ";
    let running = "Running  [] ";
    let check = async |seconds: u32, expect: [&str; 3]| {
        for second in 1..seconds {
            cluster.disk.send_replace(Some(Shortage::of_bytes(1 << 30, 1 << 20)));
            cluster.until(f64::from(second)).await;
        }
        let found = ["more", "much", "little"].map(|name| shown(&cluster, name));
        assert_eq!(found, expect, "after {seconds} s");
    };
    check(8, [evicted, running, running]).await;
    check(30, [evicted, evicted, running]).await;
}
