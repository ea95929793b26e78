//! Pods that can't begin: what they wait for is told, and no wait is a silent one.

use crate::harness::{Home, guest, job};

/// Runs a Job whose container has `container`, and whose pod has the line `pod`: it must not end,
/// and `mayfly` must say each of `messages`, once for all its pods.
fn check(container: &str, pod: &str, messages: &[&str]) {
    let home = Home::new();
    let container = format!("image: {}\n{container}", guest("job_echo"));
    let manifest = job("a", "completions: 3\nparallelism: 3", &container);
    home.write("job.yaml", format!("{manifest}      {pod}\n"));
    let ended = home.run(&["run", "--timeout", "2s", "job.yaml"]).exits(1).says("3 active");
    for message in messages {
        assert_eq!(ended.stderr.matches(message).count(), 1, "wanted once: {message}\n{ended:#?}");
    }
}

#[test]
fn a_volume_that_cannot_be_made() {
    check(
        "volumeMounts: [{name: v, mountPath: /v}]",
        "volumes: [{name: v, configMap: {name: settings}}]",
        &["waits: MountVolume.SetUp failed for volume \"v\" : configmap \"settings\" not found"],
    );
}

#[test]
fn a_node_that_is_not_here() {
    check("", "nodeName: other", &["waits: its nodeName is other, and the only node here is"]);
    check("", "nodeSelector: {disk: fast}", &["waits: 0/1 nodes are available"]);
}

#[test]
fn more_than_the_node_has() {
    check("resources: {requests: {memory: 900Gi}}", "", &["waits: 0/1 nodes are available"]);
}

#[test]
fn a_namespace_without_room() {
    let home = Home::new();
    let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec: {hard: {pods: 0}}";
    let manifest = job("a", "", &format!("image: {}", guest("job_echo")));
    home.write("job.yaml", format!("{quota}\n---\n{manifest}"));
    let ended = home.run(&["run", "--timeout", "2s", "job.yaml"]).exits(1);
    let wanted = "job a waits: Error creating: pods \"a-";
    assert_eq!(ended.stderr.matches(wanted).count(), 1, "wanted once: {wanted}\n{ended:#?}");
    ended.says("is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0");
}
