//! Pods that can't begin: what they wait for is told, and no wait is a silent one.

use rustix::process::Signal;

use crate::harness::{Ended, Home, guest, job};

/// Runs a Job whose container has `container`, and whose pod has the line `pod`: it must not end,
/// and `mayfly` must say each of `messages`, once for all its pods.
fn check(container: &str, pod: &str, messages: &[&str]) {
    let home = Home::new();
    let container = format!("image: {}\n{container}", guest("job_echo"));
    let manifest = job("a", "completions: 3\nparallelism: 3", &container);
    let manifest = format!("{manifest}      {pod}\n");
    let ended = beside_one_that_ends(&home, &manifest, &[messages, &["job/a: 3 active"]].concat());
    for message in messages {
        assert_eq!(ended.stderr.matches(message).count(), 1, "wanted once: {message}\n{ended:#?}");
    }
}

/// Runs what `manifest` has until `messages` have been said and another Job has come to its end, so
/// that there was time to say them once more. Then a signal ends it.
fn beside_one_that_ends(home: &Home, manifest: &str, messages: &[&str]) -> Ended {
    let sleeps = job("b", "", &format!("image: {}\nargs: [\"2\"]", guest("job_sleep")));
    let elsewhere = sleeps.replace("  name: b\n", "  name: b\n  namespace: elsewhere\n");
    home.write("jobs.yaml", format!("{manifest}---\n{elsewhere}"));
    let mut running = home.start(&["run", "jobs.yaml"]);
    running.lines_with(&[messages, &["job/elsewhere/b: complete"]].concat());
    running.signal(Signal::INT);
    running.wait().exits(130)
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
    let wanted = "job a waits: Error creating: pods \"a-";
    let ended = beside_one_that_ends(&home, &format!("{quota}\n---\n{manifest}"), &[wanted]);
    assert_eq!(ended.stderr.matches(wanted).count(), 1, "wanted once: {wanted}\n{ended:#?}");
    ended.says("is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0");
}
