//! Pods on other hosts that the real kubectl attaches to, through the control plane.

use std::fs::File;
use std::process::Command;

use super::kit::{Cluster, TYPING};
use crate::harness::{Running, kubectl};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_reaches_a_pod_on_another_host_and_what_it_says_comes_back() {
    // Older ones do not speak WebSockets.
    let Some(program) = kubectl::as_recorded() else { return };
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let node = cluster.node(&plane, "left");
    plane.ready("left").await;
    let typed = cluster.home.write("typed.txt", "typed\n");
    let image = format!("--image={TYPING}");
    let mut command = Command::new(program);
    cluster.home.settle(&mut command);
    plane.server.client(command.args(["run", "two", &image, "--restart=Never", "--rm", "-i"]));
    let typed = File::open(typed).expect("what was written must be there");
    let ran = Running::reading(&mut command, typed).wait().exits(0);
    assert_eq!(ran.stdout, "typed\npod \"two\" deleted\n", "{ran:#?}");
    node.stop().exits(0);
    plane.server.stop().exits(0);
}
