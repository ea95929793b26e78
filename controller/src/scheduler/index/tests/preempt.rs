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

/// The same, for another of a higher priority.
fn preempted(pod: &Arc<Pod>) -> Arc<Pod> {
    changed(&ending(pod), |pod| {
        let condition = r#"[{"type": "DisruptionTarget", "status": "True",
            "reason": "PreemptionByScheduler"}]"#;
        let conditions = serde_json::from_str(condition).unwrap();
        pod.status.get_or_insert_default().conditions = Some(conditions);
    })
}

/// Room is kept for it there.
fn nominated(pod: &Arc<Pod>, node: &str) -> Arc<Pod> {
    changed(pod, |pod| {
        pod.status.get_or_insert_default().nominated_node_name = Some(node.to_owned());
    })
}

/// What is said of one that no host has room for, and for which nobody goes.
const NOBODY: &str = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, \
                      preemption: 0/1 nodes are available: 1 No preemption victims found for \
                      incoming pod.";

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
    let waits = nominated(&of("high", 1, "1", 9), "a");
    let victim = preempted(&on(&of("victim", 1, "1", 0), "a"));
    let mut index = index(&[node("a", "1", 10)], &[waits, victim]);
    decides(
        &mut index,
        expect![[r#"
            ns/high: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to a terminating pod on the nominated node.
        "#]],
    );
    index.pod_gone("victim");
    index.pod(&of("low", 0, "1", 0));
    assert!(told(&index.decide(100)).starts_with("ns/high -> a\n"));
    index.pod_gone("high");
    assert_eq!(told(&index.decide(100)), "ns/low -> a\n");
}

#[test]
fn one_that_is_stuck_is_tried_again_when_those_are_gone_that_no_one_goes_for() {
    let [one, other] = ["h1", "h2"].map(|name| on(&of(name, 1, "1", 10), "a"));
    let pods = [one, other, of("p", 2, "2", 10), of("l1", 3, "1", 0), of("l2", 4, "1", 0)];
    let mut index = index(&[node("a", "2", 10)], &pods);
    assert!(!told(&index.decide(100)).contains("->"), "there is no room");
    index.pod_gone("h1");
    decides(
        &mut index,
        expect![[r#"
            ns/l1 -> a
        "#]],
    );
    // Half of what it asks for is free, and the other half is had by one of a lower priority.
    index.pod_gone("h2");
    decides(
        &mut index,
        expect![[r#"
            ns/p -> a after ns/l1
        "#]],
    );
    index.pod_gone("l1");
    assert_eq!(told(&index.decide(100)), "ns/p -> a\n");
}

#[test]
fn nobody_is_tried_again_whom_a_pod_that_ends_does_not_help() {
    let pods = [
        on(&of("h1", 1, "1", 10), "a"),
        on(&of("l1", 1, "1", 0), "a"),
        on(&of("l2", 1, "1", 0), "a"),
        // Four cores are more than will be free, and this one does not have others go.
        of("large", 2, "4", 10),
        pod("never", 3, "3", r#", "priority": 10, "preemptionPolicy": "Never""#),
        of("lowest", 4, "3", 0),
        on(&of("h2", 1, "1", 10), "a"),
    ];
    let mut index = index(&[node("a", "4", 10)], &pods);
    index.decide(100);
    let before = index.work();
    index.pod_gone("h1");
    index.pod_gone("l1");
    assert_eq!(index.decide(100), []);
    assert_eq!(index.work().lanes, before.lanes);
    index.pod_gone("h2");
    assert_eq!(told(&index.decide(100)), "ns/large -> a after ns/l2\n");
}

/// A pod of four cores for which room is kept on a node of four, where one is on its way out for it.
fn waiting() -> Index {
    let pods = [on(&of("victim", 1, "4", 0), "a"), of("p", 2, "4", 10)];
    let mut index = index(&[node("a", "4", 10)], &pods);
    assert_eq!(told(&index.decide(100)), "ns/p -> a after ns/victim\n");
    index.pod(&preempted(&pods[0]));
    index
}

#[test]
fn room_is_kept_no_more_for_one_that_another_has_overtaken() {
    let mut index = waiting();
    index.pod(&of("low", 3, "2", 5));
    index.decide(100);
    index.pod(&of("higher", 3, "2", 100));
    index.pod_gone("victim");
    let told = told(&index.decide(100));
    let expected = format!("ns/higher -> a\nns/p gives up\nns/p: {NOBODY}\nns/low -> a\n");
    assert_eq!(told, expected);
}

#[test]
fn room_is_kept_no_more_on_a_node_that_has_too_little() {
    let mut index = waiting();
    index.pod(&of("low", 3, "1", 5));
    index.decide(100);
    index.node(&node("a", "3", 10));
    index.pod_gone("victim");
    decides(
        &mut index,
        expect![[r#"
            ns/p gives up
            ns/p: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
            ns/low -> a
        "#]],
    );
    // So it is where the node is gone and its name is another's.
    let mut index = waiting();
    index.pod_gone("victim");
    index.node_gone("a");
    index.node(&node("b", "4", 10));
    assert_eq!(told(&index.decide(100)), "ns/p -> b\n");
    // That nobody waits for any more leaves its place to another.
    index.node(&node("c", "4", 10));
    assert_eq!(index.nodes.ids().len(), 2);
}

#[test]
fn those_that_are_less_important_give_up_a_node_where_others_go_for_one_that_is_more() {
    let mut index = waiting();
    index.pod(&of("higher", 3, "4", 100));
    decides(
        &mut index,
        expect![[r#"
            ns/higher -> a after those that go already
            ns/p gives up
        "#]],
    );
    index.pod_gone("victim");
    assert_eq!(told(&index.decide(100)), "ns/higher -> a\n");
}

#[test]
fn each_of_a_sort_has_others_go_and_does_not_wait_for_the_first() {
    let nodes = ["a", "b", "c"].map(|name| node(name, "1", 10));
    let low = ["a", "b", "c"].map(|node| on(&of(&format!("low-{node}"), 1, "1", 0), node));
    let high = [1, 2, 3].map(|number| of(&format!("high-{number}"), number, "1", 10));
    let mut index = index(&nodes, &low);
    high.iter().for_each(|pod| index.pod(pod));
    index.pod(&of("high-4", 4, "1", 10));
    let mut all = told(&index.decide(100));
    let last = all.split_off(all.find("ns/high-4").unwrap());
    expect![[r#"
        ns/high-1 -> a after ns/low-a
        ns/high-2 -> b after ns/low-b
        ns/high-3 -> c after ns/low-c
    "#]]
    .assert_eq(&all);
    // All that could go do so for others.
    assert!(last.contains("preemption: 0/3 nodes are available: 3 Insufficient cpu."), "{last}");
    low.iter().for_each(|pod| index.pod(&preempted(pod)));
    assert_eq!(index.decide(100), []);
    // The one whose victim is gone has its room, not the one that is the oldest.
    index.pod_gone("low-b");
    assert_eq!(told(&index.decide(100)), "ns/high-2 -> b\n");
}

#[test]
fn one_that_comes_while_others_go_for_all_of_its_sort_has_others_go_too() {
    let low = ["a", "b"].map(|node| on(&of(&format!("low-{node}"), 1, "1", 0), node));
    let mut index = index(&[node("a", "1", 10), node("b", "1", 10)], &low);
    index.pod(&of("high-1", 2, "1", 10));
    assert_eq!(told(&index.decide(100)), "ns/high-1 -> a after ns/low-a\n");
    index.pod(&of("high-2", 3, "1", 10));
    assert_eq!(told(&index.decide(100)), "ns/high-2 -> b after ns/low-b\n");
    index.pod(&of("high-3", 4, "1", 10));
    assert!(told(&index.decide(100)).starts_with("ns/high-3: "), "nobody is left");
}

#[test]
fn those_on_a_lost_node_do_not_hold_up_who_had_them_go() {
    let lost = |name: &str| {
        let mut lost = node(name, "1", 10);
        let taint = r#"{"taints": [{"key": "lost", "effect": "NoExecute"}]}"#;
        lost.spec = serde_json::from_str(taint).unwrap();
        lost
    };
    let low = ["a", "b"].map(|node| on(&of(&format!("low-{node}"), 1, "1", 0), node));
    let mut index = index(&[node("a", "1", 10), node("b", "1", 10)], &low);
    index.pod(&of("high", 2, "1", 10));
    assert_eq!(told(&index.decide(100)), "ns/high -> a after ns/low-a\n");
    index.pod(&preempted(&low[0]));
    index.node(&lost("a"));
    assert_eq!(told(&index.decide(100)), "ns/high -> b after ns/low-b\n");
    index.node(&node("a", "1", 10));
    index.pod(&preempted(&low[1]));
    assert_eq!(index.decide(100), [], "it waits for the second");
    index.pod_gone("low-b");
    assert_eq!(told(&index.decide(100)), "ns/high -> b\n");
}

#[test]
fn only_those_are_waited_for_that_go_for_another() {
    let pods = [ending(&on(&of("ends", 1, "1", 0), "a")), nominated(&of("high", 2, "1", 10), "a")];
    // One that goes anyhow is not deleted, nor told, again.
    decides(
        &mut index(&[node("a", "1", 10)], &pods),
        expect![[r#"
            ns/high -> a after those that go already
        "#]],
    );
}

#[test]
fn the_one_goes_that_has_started_last_whenever_that_was_known() {
    let nodes = [node("a", "3", 10)];
    let [early, late] = ["b-early", "z-late"].map(|name| on(&of(name, 1, "1", 0), "a"));
    let started = |pod: &Arc<Pod>, second: u32| {
        changed(pod, |pod| {
            let status = format!(r#"{{"startTime": "2026-01-02T03:05:{second:02}Z"}}"#);
            pod.status = serde_json::from_str(&status).unwrap();
        })
    };
    let mut index = index(&nodes, &[on(&of("first", 1, "1", 0), "a"), of("high-1", 2, "3", 10)]);
    // From now on it is kept which is where.
    assert_eq!(told(&index.decide(100)), "ns/high-1 -> a after ns/first\n");
    ["high-1", "first"].into_iter().for_each(|uid| index.pod_gone(uid));
    for pod in [&early, &late] {
        index.pod(&changed(pod, |pod| pod.status = None));
    }
    index.pod(&started(&early, 1));
    index.pod(&started(&late, 2));
    index.pod(&of("high-2", 3, "2", 10));
    assert_eq!(told(&index.decide(100)), "ns/high-2 -> a after ns/z-late\n");
    // Nothing is kept of those that are gone.
    ["b-early", "z-late", "high-2"].into_iter().for_each(|uid| index.pod_gone(uid));
    assert_eq!(index.bound.on(0).count(), 0);
}

#[test]
fn it_is_said_why_it_would_not_help_if_others_went() {
    let apart = r#", "priority": 9, "affinity": {"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchLabels": {"app": "loud"}}
        }]}}"#;
    let loud = changed(&on(&of("loud", 1, "1", 50), "b"), |pod| {
        pod.metadata.labels = Some([("app".to_owned(), "loud".to_owned())].into());
    });
    let pods = [
        on(&of("high", 1, "2", 50), "a"),
        on(&of("low", 1, "1", 0), "a"),
        loud,
        on(&of("also", 1, "1", 0), "b"),
        pod("p", 2, "2", apart),
    ];
    decides(
        &mut index(&[node("a", "3", 10), node("b", "3", 10)], &pods),
        expect![[r#"
            ns/p: 0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod anti-affinity rules.
        "#]],
    );
}

#[test]
fn those_go_that_make_it_uneven_or_let_it_not_near() {
    let labelled = |pod: &Arc<Pod>, app: &str| {
        changed(pod, |pod| pod.metadata.labels = Some([("app".to_owned(), app.to_owned())].into()))
    };
    let selector = r#""topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app": "own"}}"#;
    let spread = format!(
        r#", "priority": 9, "topologySpreadConstraints": [{{"maxSkew": 1,
            "whenUnsatisfiable": "DoNotSchedule", {selector}}}]"#
    );
    let nodes = [node("a", "3", 10), node("b", "1", 10)];
    let low = |name: &str, second| labelled(&on(&of(name, second, "1", 0), "a"), "own");
    let there = labelled(&on(&of("there", 1, "1", 50), "b"), "own");
    let high = labelled(&pod("high", 9, "1", &spread), "own");
    let pods = [low("p", 1), low("q", 2), low("r", 3), there, high];
    // There would be room if one of them went, but then there would be three, and one on the other.
    decides(
        &mut index(&nodes, &pods),
        expect![[r#"
            ns/high -> a after ns/q, ns/r
        "#]],
    );
    let apart = format!(
        r#", "priority": 0, "affinity": {{"podAntiAffinity": {{
            "requiredDuringSchedulingIgnoredDuringExecution": [{{{selector}}}]}}}}"#
    );
    let keeps_away = on(&pod("keeps-away", 1, "1", &apart), "a");
    let other = on(&of("other", 2, "1", 0), "a");
    let high = labelled(&of("high", 3, "1", 9), "own");
    decides(
        &mut index(&[node("a", "4", 10)], &[keeps_away, other, high]),
        expect![[r#"
            ns/high -> a after ns/keeps-away
        "#]],
    );
}
