//! Pods that fit nowhere: what wakes them, and what does not.

use super::*;

/// A lane of pods that each ask for so much CPU.
fn sort(count: u32, cpu: &str) -> Vec<Arc<Pod>> {
    (0..count).map(|number| pod(&format!("{cpu}-{number}"), number, cpu, "")).collect()
}

/// What was looked at since `before`: nodes, and lanes again.
fn since(index: &Index, before: Work) -> (u64, u64) {
    let now = index.work();
    (now.nodes - before.nodes, now.lanes - before.lanes)
}

#[test]
fn one_that_fits_nowhere_is_not_tried_again_for_what_can_not_help_it() {
    let mut index = Index::default();
    index.node(&node("a", "4", 100));
    index.node(&node("b", "4", 100));
    sort(7, "1").iter().for_each(|pod| index.pod(pod));
    index.pod(&pod("large", 8, "3", ""));
    index.decide(100);
    let before = index.work();
    // More pods of either sort wait or come; and nodes say that they are still there.
    index.pod(&pod("another", 9, "3", ""));
    index.node(&node("a", "4", 100));
    index.decide(100);
    assert_eq!(since(&index, before), (0, 0));
    // One goes: that is one core, and two are free then on that node at most.
    let before = index.work();
    index.pod_gone("1-0");
    index.decide(100);
    assert_eq!(since(&index, before), (0, 0), "three are asked for");
}

#[test]
fn only_the_node_that_has_room_again_is_looked_at() {
    let mut index = Index::default();
    let names: Vec<_> = (0..20).map(|number| format!("n{number:02}")).collect();
    names.iter().for_each(|name| index.node(&node(name, "1", 100)));
    sort(21, "1").iter().for_each(|pod| index.pod(pod));
    assert_eq!(index.decide(100).len(), 21);
    let before = index.work();
    index.pod_gone("1-7");
    let decisions = told(&index.decide(100));
    assert_eq!(decisions, "ns/1-20 -> n07\n");
    let (nodes, lanes) = since(&index, before);
    assert!(nodes <= 2 && lanes == 1, "{nodes} nodes, {lanes} lanes");
}

#[test]
fn a_node_that_comes_or_changes_is_looked_at_by_those_that_it_may_help() {
    let zone = r#", "nodeSelector": {"zone": "z"}"#;
    let mut index = Index::default();
    index.node(&node("a", "1", 100));
    [pod("p", 1, "1", zone), pod("q", 2, "9", "")].iter().for_each(|pod| index.pod(pod));
    assert_eq!(index.decide(100).len(), 2, "both are told");
    index.node(&node("b", "8", 100));
    assert_eq!(index.decide(100), [], "neither fits there");
    let labelled = |cpu: &str| {
        let mut node = node("b", cpu, 100);
        node.metadata.labels = Some([("zone".to_owned(), "z".to_owned())].into());
        node
    };
    index.node(&labelled("8"));
    assert_eq!(told(&index.decide(100)), "ns/p -> b\n");
    index.node(&labelled("16"));
    assert_eq!(told(&index.decide(100)), "ns/q -> b\n");
}

#[test]
fn one_that_waits_and_asks_for_something_else_is_tried_again() {
    let mut index = Index::default();
    let mut tainted = node("a", "1", 100);
    let taints = r#"{"taints": [{"key": "k", "effect": "NoSchedule"}]}"#;
    tainted.spec = serde_json::from_str(taints).unwrap();
    index.node(&tainted);
    let waits = pod("p", 1, "1", "");
    index.pod(&waits);
    expect![[r#"
        ns/p: 0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
    "#]]
    .assert_eq(&told(&index.decide(100)));
    let tolerant = changed(&waits, |pod| {
        let tolerations = r#"[{"operator": "Exists"}]"#;
        pod.spec.as_mut().unwrap().tolerations = serde_json::from_str(tolerations).unwrap();
    });
    index.pod(&tolerant);
    assert_eq!(told(&index.decide(100)), "ns/p -> a\n");
}

#[test]
fn nodes_with_taints_to_be_avoided_come_last() {
    let mut avoided = node("a", "2", 100);
    let taints = r#"{"taints": [{"key": "k", "effect": "PreferNoSchedule"}]}"#;
    avoided.spec = serde_json::from_str(taints).unwrap();
    check(
        &[avoided, node("b", "1", 100)],
        &sort(2, "1"),
        &expect![[r#"
            ns/1-0 -> b
            ns/1-1 -> a
        "#]],
    );
}

#[test]
fn a_node_that_is_gone_leaves_its_place_to_another() {
    let mut index = Index::default();
    index.node(&node("a", "1", 100));
    let pods = sort(3, "1");
    index.pod(&pods[0]);
    assert_eq!(told(&index.decide(100)), "ns/1-0 -> a\n");
    index.node_gone("a");
    index.pod(&pods[1]);
    index.decide(100);
    index.pod_gone("1-0");
    assert_eq!(index.decide(100), []);
    index.node(&node("b", "2", 100));
    index.pod(&pods[2]);
    assert_eq!(told(&index.decide(100)), "ns/1-1 -> b\nns/1-2 -> b\n");
    assert_eq!(index.nodes.ids().len(), 1);
}

#[test]
fn who_never_may_have_others_go_is_told_so() {
    let never = r#", "preemptionPolicy": "Never""#;
    check(
        &[node("a", "1", 100)],
        &[pod("p", 1, "2", never)],
        &expect![[r#"
            ns/p: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.
        "#]],
    );
}

#[test]
fn the_highest_priority_comes_first() {
    let high = r#", "priority": 1000"#;
    let low = r#", "priority": -5"#;
    check(
        &[node("a", "3", 2)],
        &[pod("low", 1, "1", low), pod("usual", 2, "1", ""), pod("high", 3, "1", high)],
        &expect![[r#"
            ns/high -> a
            ns/usual -> a
            ns/low: 0/1 nodes are available: 1 Too many pods. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
        "#]],
    );
}
