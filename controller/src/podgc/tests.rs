use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::api::{Key, Pod, SignedDuration, Timestamp};
use crate::limits::POD_GC_PODS_MAX;

const START: &str = "2026-01-01T00:00:00Z";

fn at(second: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

/// A pod that was made in this second of the hour, in this phase with this reason.
fn pod(name: &str, second: u32, phase: &str, reason: Option<&str>) -> Pod {
    let pod = json!({
        "metadata": {
            "name": name, "namespace": "ns", "uid": name,
            "creationTimestamp": format!("2026-01-01T00:{:02}:{:02}Z", second / 60, second % 60),
        },
        "spec": { "containers": [] },
        "status": { "phase": phase, "reason": reason },
    });
    serde_json::from_value(pod).unwrap()
}

fn bound(mut pod: Pod, node: &str) -> Pod {
    pod.spec.as_mut().unwrap().node_name = Some(node.to_owned());
    pod
}

fn deleted(mut pod: Pod, grace: i64) -> Pod {
    pod.metadata.deletion_timestamp = Some(crate::api::Time(at(0)));
    pod.metadata.deletion_grace_period_seconds = Some(grace);
    pod
}

fn index(pods: &[Pod]) -> Index {
    let mut index = Index::default();
    pods.iter().for_each(|pod| index.pod(pod, at(0)));
    index
}

fn collected(index: &Index, finished_max: usize, second: i64) -> Vec<String> {
    let plan = reconcile(index, finished_max, at(second));
    plan.collect.iter().map(|it| format!("{} {:?}", it.key.name, it.why)).collect()
}

#[test]
fn the_oldest_finished_go_beyond_the_threshold_and_evicted_ones_before_them() {
    let pods = [
        pod("b", 2, "Succeeded", None),
        pod("a", 2, "Failed", None),
        pod("old", 1, "Succeeded", None),
        pod("evicted", 9, "Failed", Some("Evicted")),
        pod("running", 0, "Running", None),
        pod("pending", 0, "Pending", None),
    ];
    let index = index(&pods);
    assert_eq!(collected(&index, 4, 0), Vec::<String>::new());
    assert_eq!(collected(&index, 3, 0), ["evicted Finished"]);
    let order = ["evicted Finished", "old Finished", "a Finished"];
    assert_eq!(collected(&index, 1, 0), order);
    assert_eq!(collected(&index, 0, 0), Vec::<String>::new(), "0 keeps all");
}

#[test]
fn one_that_is_on_its_way_out_is_not_deleted_again_and_takes_no_place() {
    let mut index = index(&[
        pod("a", 1, "Succeeded", None),
        pod("b", 2, "Succeeded", None),
        pod("c", 3, "Succeeded", None),
    ]);
    assert_eq!(collected(&index, 2, 0), ["a Finished"]);
    // Its finalizer holds it.
    index.pod(&deleted(pod("a", 1, "Succeeded", None), 0), at(1));
    assert_eq!(collected(&index, 2, 1), Vec::<String>::new());
    index.pod_gone(&Key::new("ns", "a"));
    assert_eq!(collected(&index, 2, 1), Vec::<String>::new());
    assert_eq!(collected(&index, 1, 1), ["b Finished"]);
}

#[test]
fn pods_of_a_node_go_once_it_has_been_gone_for_forty_seconds() {
    let pods = [
        bound(pod("running", 0, "Running", None), "gone"),
        bound(pod("done", 0, "Succeeded", None), "gone"),
        bound(deleted(pod("going", 0, "Running", None), 30), "gone"),
        bound(deleted(pod("held", 0, "Failed", None), 0), "gone"),
        bound(pod("other", 0, "Running", None), "here"),
    ];
    let mut index = Index::default();
    index.node(&"here".into());
    pods.iter().for_each(|pod| index.pod(pod, at(5)));
    assert_eq!(reconcile(&index, 10, at(5)).wake_at, Some(at(45)));
    assert_eq!(collected(&index, 10, 44), Vec::<String>::new());
    let all = ["done NodeGone", "going NodeGone", "running NodeGone"];
    assert_eq!(collected(&index, 10, 45), all);
    // A node that comes back in time keeps its pods.
    index.node(&"gone".into());
    assert_eq!(collected(&index, 10, 45), Vec::<String>::new());
    assert_eq!(reconcile(&index, 10, at(45)).wake_at, None);
    index.node_gone(&"gone".into(), at(50));
    assert_eq!(collected(&index, 10, 89), Vec::<String>::new());
    assert_eq!(collected(&index, 10, 90), all);
}

#[test]
fn a_node_without_pods_is_not_waited_for() {
    let mut index = index(&[bound(pod("a", 0, "Running", None), "gone")]);
    index.pod_gone(&Key::new("ns", "a"));
    assert_eq!(reconcile(&index, 10, at(0)), Plan::default());
    index.node_gone(&"another".into(), at(0));
    assert_eq!(reconcile(&index, 10, at(0)), Plan::default());
}

#[test]
fn one_that_is_deleted_before_it_has_a_node_goes() {
    let pods = [
        deleted(pod("a", 0, "Pending", None), 0),
        pod("b", 0, "Pending", None),
        deleted(bound(pod("c", 0, "Pending", None), "here"), 30),
    ];
    let mut index = Index::default();
    index.node(&"here".into());
    pods.iter().for_each(|pod| index.pod(pod, at(0)));
    assert_eq!(collected(&index, 10, 0), ["a Unscheduled"]);
}

#[test]
fn a_plan_has_a_bound() {
    let pods: Vec<_> = (0..2000).map(|n| pod(&format!("p{n:04}"), 0, "Failed", None)).collect();
    let index = index(&pods);
    assert_eq!(reconcile(&index, 1, at(0)).collect.len(), POD_GC_PODS_MAX);
}

/// What an index knows, as text.
fn told(index: &Index) -> String {
    let finished: Vec<_> = index.finished().collect();
    let missing: Vec<_> = index.missing().map(|(node, _)| node).collect();
    let bound = ["a", "b"].map(|node| index.bound(node).collect::<Vec<_>>());
    let unscheduled: Vec<_> = index.unscheduled().collect();
    format!("{finished:?} {missing:?} {bound:?} {unscheduled:?}")
}

#[test]
fn changes_come_to_what_there_is_in_the_end() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut index = Index::default();
        let (mut pods, mut nodes) = (BTreeMap::new(), BTreeSet::new());
        for _ in 0..60 {
            let name = random.choice(["p", "q", "r", "s"]).unwrap();
            let node = random.choice(["a", "b"]).unwrap();
            match random.u8(0..6) {
                0 => {
                    nodes.insert(node);
                    index.node(&node.into());
                }
                1 => {
                    nodes.remove(node);
                    index.node_gone(&node.into(), at(0));
                }
                2 => {
                    pods.remove(name);
                    index.pod_gone(&Key::new("ns", name));
                }
                _ => {
                    let phase = random.choice(["Pending", "Running", "Succeeded", "Failed"]);
                    let reason = random.bool().then_some("Evicted");
                    let mut pod = pod(name, random.u32(0..3), phase.unwrap(), reason);
                    if random.bool() {
                        pod = bound(pod, node);
                    }
                    if random.bool() {
                        pod = deleted(pod, random.i64(0..2));
                    }
                    index.pod(&pod, at(0));
                    pods.insert(name, pod);
                }
            }
            let mut fresh = Index::default();
            nodes.iter().for_each(|node| fresh.node(&(*node).into()));
            pods.values().for_each(|pod| fresh.pod(pod, at(0)));
            assert_eq!(told(&index), told(&fresh), "seed {seed}");
        }
    }
}
