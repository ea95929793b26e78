//! Pods that go for those of a higher priority.

use super::*;

/// A pod of that priority, which has started at that second if it is on a node.
fn of(name: &str, second: u32, cpu: &str, priority: i32) -> Arc<Pod> {
    let pod = pod(name, second, cpu, &format!(", \"priority\": {priority}"));
    changed(&pod, |pod| {
        let status = format!(r#"{{"startTime": "2026-01-02T03:04:{second:02}Z"}}"#);
        pod.status = serde_json::from_str(&status).unwrap();
    })
}

fn index(nodes: &[Node], pods: &[Arc<Pod>]) -> Index {
    let mut index = Index::default();
    nodes.iter().for_each(|node| index.node(node));
    pods.iter().for_each(|pod| index.pod(pod));
    index
}

#[expect(clippy::needless_pass_by_value, reason = "so that a case ends in `expect![..]`")]
fn decides(index: &mut Index, expected: Expect) {
    expected.assert_eq(&told(&index.decide(100)));
}

/// It is on its way out.
fn ending(pod: &Arc<Pod>) -> Arc<Pod> {
    changed(pod, |pod| {
        let time = serde_json::from_str(r#""2026-01-02T03:05:00Z""#).unwrap();
        pod.metadata.deletion_timestamp = Some(time);
    })
}

#[test]
fn the_fewest_go_and_the_pod_has_their_room() {
    let victim = on(&of("late", 2, "1", 0), "a");
    let pods = [on(&of("early", 1, "1", 0), "a"), victim.clone(), of("high", 3, "1", 10)];
    let mut index = index(&[node("a", "2", 10)], &pods);
    decides(
        &mut index,
        expect![[r#"
            ns/high -> a after ns/late
        "#]],
    );
    // While it ends, nobody else goes, and nobody of a lower priority has the room.
    index.pod(&ending(&victim));
    index.pod(&of("low", 4, "1", 5));
    index.pod_gone("late");
    decides(
        &mut index,
        expect![[r#"
            ns/high -> a
            ns/low -> a after ns/early
        "#]],
    );
}

#[test]
fn the_node_is_taken_where_the_least_important_go() {
    let check = |pods: &[(&str, u32, &str, i32, &str)], expected: &str| {
        let nodes = [node("a", "2", 10), node("b", "2", 10)];
        let pods = pods.iter().map(|(name, second, cpu, priority, node)| {
            on(&of(name, *second, cpu, *priority), node)
        });
        let pods: Vec<_> = pods.chain([of("high", 30, "2", 100)]).collect();
        let told = told(&index(&nodes, &pods).decide(100));
        assert_eq!(told, format!("ns/high -> {expected}\n"));
    };
    check(&[("p", 1, "2", 5, "a"), ("q", 1, "2", 4, "b")], "b after ns/q");
    let two = [("p", 1, "1", 5, "a"), ("q", 1, "1", 5, "a"), ("r", 1, "2", 5, "b")];
    check(&two, "b after ns/r");
    check(&[("p", 1, "2", 5, "a"), ("q", 2, "2", 5, "b")], "b after ns/q");
    check(&[("p", 1, "2", 5, "a"), ("q", 1, "2", 5, "b")], "a after ns/p");
}

#[test]
fn nobody_goes_where_that_does_not_help_or_is_not_wished_for() {
    let there = on(&of("there", 1, "1", 0), "a");
    let never = pod("never", 2, "2", r#", "priority": 9, "preemptionPolicy": "Never""#);
    let pods = [there, never, of("equal", 3, "2", 0), of("large", 4, "3", 9)];
    let told = told(&index(&[node("a", "2", 10)], &pods).decide(100));
    assert_eq!(told.lines().count(), 3);
    assert!(!told.contains("after"), "{told}");
}

#[test]
fn those_go_that_must_not_be_near() {
    let apart = r#", "priority": 9, "affinity": {"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchLabels": {"app": "loud"}}
        }]}}"#;
    let loud = |name: &str, node: &str| {
        changed(&on(&of(name, 1, "1", 0), node), |pod| {
            pod.metadata.labels = Some([("app".to_owned(), "loud".to_owned())].into());
        })
    };
    let quiet = on(&of("quiet", 1, "1", 0), "a");
    let pods = [loud("loud", "a"), quiet, pod("high", 2, "1", apart)];
    decides(
        &mut index(&[node("a", "4", 10)], &pods),
        expect![[r#"
            ns/high -> a after ns/loud
        "#]],
    );
}

#[test]
fn room_that_is_kept_is_known_again_after_a_restart() {
    let waits = changed(&of("high", 1, "1", 9), |pod| {
        pod.status.as_mut().unwrap().nominated_node_name = Some("a".to_owned());
    });
    let victim = ending(&on(&of("victim", 1, "1", 0), "a"));
    let mut index = index(&[node("a", "1", 10)], &[waits, victim]);
    let told_first = told(&index.decide(100));
    assert!(!told_first.contains("after"), "{told_first}");
    index.pod_gone("victim");
    index.pod(&of("low", 0, "1", 0));
    assert!(told(&index.decide(100)).starts_with("ns/high -> a\n"));
    index.pod_gone("high");
    assert_eq!(told(&index.decide(100)), "ns/low -> a\n");
}
