use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;

mod company;
mod many;
mod preempt;
mod waiting;

fn node(name: &str, cpu: &str, pods: u32) -> Node {
    let json = format!(
        r#"{{"metadata": {{"name": "{name}", "labels": {{"kubernetes.io/hostname": "{name}"}}}},
            "status": {{"allocatable": {{"cpu": "{cpu}", "memory": "1Gi", "pods": "{pods}"}}}}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

/// A pod that asks for so much CPU, created at that second.
fn pod(name: &str, second: u32, cpu: &str, more: &str) -> Arc<Pod> {
    let json = format!(
        r#"{{"metadata": {{"name": "{name}", "namespace": "ns", "uid": "{name}",
                "creationTimestamp": "2026-01-02T03:04:{second:02}Z"}},
            "spec": {{"containers": [{{"name": "c",
                "resources": {{"requests": {{"cpu": "{cpu}"}}}}}}] {more}}}}}"#
    );
    Arc::new(serde_json::from_str(&json).unwrap())
}

/// The same, after `change`.
fn changed(pod: &Arc<Pod>, change: impl FnOnce(&mut Pod)) -> Arc<Pod> {
    let mut pod = Pod::clone(pod);
    change(&mut pod);
    Arc::new(pod)
}

/// The same, on a node.
fn on(pod: &Arc<Pod>, node: &str) -> Arc<Pod> {
    changed(pod, |pod| pod.spec.as_mut().unwrap().node_name = Some(node.into()))
}

fn told(decisions: &[Decision]) -> String {
    let mut text = String::new();
    for decision in decisions {
        match decision {
            Decision::Bind { pod, node } => writeln!(text, "{} -> {node}", pod.key()).unwrap(),
            Decision::Preempt { pod, node, victims, .. } => {
                let victims: Vec<_> = victims.iter().map(|it| it.key().to_string()).collect();
                let victims = match &victims[..] {
                    [] => "those that go already".to_owned(),
                    some => some.join(", "),
                };
                writeln!(text, "{} -> {node} after {victims}", pod.key()).unwrap();
            }
            Decision::Wait { pod, message } => {
                writeln!(text, "{}: {message}", pod.key()).unwrap();
            }
            Decision::GiveUp { pod } => writeln!(text, "{} gives up", pod.key()).unwrap(),
        }
    }
    text
}

fn check(nodes: &[Node], pods: &[Arc<Pod>], expected: &Expect) -> Index {
    let mut index = Index::default();
    nodes.iter().for_each(|node| index.node(node));
    pods.iter().for_each(|pod| index.pod(pod));
    expected.assert_eq(&told(&index.decide(100)));
    assert_eq!(index.decide(100), [], "deciding again must change nothing");
    index
}

#[test]
fn pods_are_bound_while_there_is_room_the_oldest_first() {
    let nodes = [node("a", "2", 10)];
    let pods = [pod("late", 9, "1", ""), pod("early", 1, "1", ""), pod("middle", 5, "1", "")];
    check(
        &nodes,
        &pods,
        &expect![[r#"
        ns/early -> a
        ns/middle -> a
        ns/late: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
    "#]],
    );
}

#[test]
fn one_that_does_not_fit_does_not_hold_up_others() {
    let nodes = [node("a", "2", 10)];
    let pods = [pod("large", 1, "3", ""), pod("small", 2, "1", "")];
    check(
        &nodes,
        &pods,
        &expect![[r#"
        ns/small -> a
        ns/large: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
    "#]],
    );
}

#[test]
fn pods_are_spread_over_nodes() {
    let nodes = [node("a", "8", 2), node("b", "8", 10)];
    let pods: Vec<_> = (0..5).map(|n| pod(&format!("p{n}"), n, "1", "")).collect();
    check(
        &nodes,
        &pods,
        &expect![[r#"
        ns/p0 -> a
        ns/p1 -> b
        ns/p2 -> a
        ns/p3 -> b
        ns/p4 -> b
    "#]],
    );
}

#[test]
fn those_that_have_to_wait_are_told_why() {
    let there = r#", "nodeSelector": {"kubernetes.io/hostname": "b"}"#;
    let nowhere = r#", "nodeSelector": {"no": "such"}"#;
    check(
        &[],
        &[pod("p", 1, "1", "")],
        &expect![[r#"
        ns/p: no nodes available to schedule pods
    "#]],
    );
    check(
        &[node("a", "1", 0)],
        &[pod("p", 1, "1", "")],
        &expect![[r#"
        ns/p: 0/1 nodes are available: 1 Too many pods. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
    "#]],
    );
    check(
        &[node("a", "1", 10)],
        &[pod("p", 1, "1", nowhere)],
        &expect![[r#"
        ns/p: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
    "#]],
    );
    let nodes = [node("a", "1", 10), node("b", "1", 10)];
    let pods = [pod("p", 1, "1", there), pod("q", 2, "1", there), pod("r", 3, "5", "")];
    check(
        &nodes,
        &pods,
        &expect![[r#"
        ns/p -> b
        ns/q: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.
        ns/r: 0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.
    "#]],
    );
}

#[test]
fn room_that_becomes_free_is_given_to_who_waits() {
    let pods = [pod("first", 1, "1", ""), pod("second", 2, "1", ""), pod("third", 3, "1", "")];
    let mut index = check(
        &[node("a", "1", 10)],
        &pods,
        &expect![[r#"
        ns/first -> a
        ns/second: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
        ns/third: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
    "#]],
    );
    let ended = on(&pods[0], "a");
    index.pod(&ended);
    expect![[""]].assert_eq(&told(&index.decide(100)));
    index.pod(&changed(&ended, |pod| {
        pod.status = serde_json::from_str(r#"{"phase": "Succeeded"}"#).unwrap();
    }));
    expect![[r#"
        ns/second -> a
    "#]]
    .assert_eq(&told(&index.decide(100)));
    index.pod_gone("second");
    expect![[r#"
        ns/third -> a
    "#]]
    .assert_eq(&told(&index.decide(100)));
    index.pod_gone("third");
    let is_empty = index.pods.is_empty() && index.lanes.is_empty();
    assert!(is_empty, "what has ended must be forgotten");
}

#[test]
fn a_batch_is_bounded_and_the_rest_follows() {
    let mut index = Index::default();
    index.node(&node("a", "8", 5));
    (0..7).for_each(|n| index.pod(&pod(&format!("p{n}"), n, "1", "")));
    let batches: Vec<usize> = std::iter::from_fn(|| Some(index.decide(3).len())).take(4).collect();
    assert_eq!(batches, [3, 3, 1, 0]);
}

#[test]
fn pods_that_have_a_node_or_must_not_have_one_are_left_alone() {
    let nodes = [node("a", "8", 5)];
    let pods = [
        pod("gated", 1, "1", r#", "schedulingGates": [{"name": "g"}]"#),
        pod("bound", 1, "1", r#", "nodeName": "a""#),
    ];
    check(&nodes, &pods, &expect![[""]]);
}

#[test]
fn a_pod_that_says_nothing_of_memory_is_counted_with_what_it_may_take() {
    let nodes = [node("a", "2", 10)];
    let pods: Vec<_> = (0..5).map(|second| pod(&format!("p{second}"), second, "1m", "")).collect();
    check(
        &nodes,
        &pods,
        &expect![[r#"
            ns/p0 -> a
            ns/p1 -> a
            ns/p2 -> a
            ns/p3 -> a
            ns/p4: 0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
        "#]],
    );
}

#[test]
fn a_pod_that_can_never_fit_waits_and_is_told() {
    let large = changed(&pod("large", 1, "1", ""), |pod| {
        let container = &mut pod.spec.as_mut().unwrap().containers[0];
        container.resources = serde_json::from_str(r#"{"limits": {"memory": "2Gi"}}"#).unwrap();
    });
    check(
        &[node("a", "2", 10)],
        &[large],
        &expect![[r#"
            ns/large: 0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
        "#]],
    );
}

#[test]
fn pods_that_ask_for_more_than_there_is_anywhere_are_counted() {
    let pods = ["p", "q"].map(|name| on(&pod(name, 1, "9000000000000000000", ""), "a"));
    let mut index = check(&[node("a", "1", 10), node("b", "1", 10)], &pods, &expect![[""]]);
    ["p", "q"].into_iter().for_each(|uid| index.pod_gone(uid));
    index.pod(&pod("r", 2, "1", ""));
    assert_eq!(told(&index.decide(100)), "ns/r -> a\n");
}
