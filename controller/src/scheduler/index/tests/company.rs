//! What pods ask of nodes and of one another.

use serde_json::{Value, json};

use super::*;

/// A node in a zone.
fn zoned(name: &str, zone: &str) -> Node {
    let mut node = node(name, "100", 100);
    node.metadata.labels.as_mut().unwrap().insert("zone".to_owned(), zone.to_owned());
    node
}

/// A pod with a label `app`, whose spec has `more`.
fn app(name: &str, second: u32, app: &str, more: &Value) -> Arc<Pod> {
    let more = more.as_object().unwrap().iter();
    let more: String = more.map(|(key, value)| format!(", \"{key}\": {value}")).collect();
    changed(&pod(name, second, "1", &more), |pod| {
        pod.metadata.labels = Some([("app".to_owned(), app.to_owned())].into());
    })
}

/// What selects the pods of an app, near by that label.
fn term(app: &str, key: &str) -> Value {
    json!({"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}})
}

fn required(kind: &str, terms: &[Value]) -> Value {
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": terms}}})
}

fn preferred(kind: &str, weight: u32, term: &Value) -> Value {
    let term = json!([{"weight": weight, "podAffinityTerm": term}]);
    json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": term}}})
}

fn spread(max_skew: u32, key: &str, more: &Value) -> Value {
    let mut constraint = json!({
        "maxSkew": max_skew, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "a"}},
    });
    constraint.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    json!({"topologySpreadConstraints": [constraint]})
}

const HOST: &str = "kubernetes.io/hostname";

/// Why pods wait, shortened to what is said of nodes.
fn short(text: &str) -> String {
    let lines = text.lines().map(|line| line.split(". no new claims").next().unwrap());
    lines.map(|line| format!("{line}\n")).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "so that a case ends in `expect![..]`")]
fn decides(index: &mut Index, expected: Expect) {
    expected.assert_eq(&short(&told(&index.decide(100))));
}

fn index(nodes: &[Node], pods: &[Arc<Pod>]) -> Index {
    let mut index = Index::default();
    nodes.iter().for_each(|node| index.node(node));
    pods.iter().for_each(|pod| index.pod(pod));
    index
}

#[test]
fn a_pod_goes_to_nodes_that_it_requires_and_prefers() {
    let zone = |zone: &str| json!([{"key": "zone", "operator": "In", "values": [zone]}]);
    let nodes = [zoned("a", "x"), zoned("b", "y"), zoned("c", "y")];
    let required = |expressions: Value| {
        let terms = json!([{"matchExpressions": expressions}]);
        json!({"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
        }}})
    };
    let prefers = json!({"affinity": {"nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 10, "preference": {"matchFields": [
                {"key": "metadata.name", "operator": "In", "values": ["c"]},
            ]}},
        ],
    }}});
    let pods = [
        app("requires", 1, "a", &required(zone("x"))),
        app("nowhere", 2, "a", &required(zone("z"))),
        app("prefers", 3, "a", &prefers),
        app("again", 4, "a", &prefers),
    ];
    decides(
        &mut index(&nodes, &pods),
        expect![[r#"
            ns/requires -> a
            ns/prefers -> c
            ns/again -> c
            ns/nowhere: 0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector
        "#]],
    );
}

#[test]
fn pods_that_may_not_be_together_are_apart_and_the_last_waits() {
    let apart = required("podAntiAffinity", &[term("a", HOST)]);
    let pods: Vec<_> = (0..3).map(|n| app(&format!("p{n}"), n, "a", &apart)).collect();
    let mut index = index(&[zoned("a", "x"), zoned("b", "x")], &pods);
    decides(
        &mut index,
        expect![[r#"
            ns/p0 -> a
            ns/p1 -> b
            ns/p2: 0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules
        "#]],
    );
    // One of those that are there does not let others near, which say nothing of it themselves.
    index.pod(&app("plain", 9, "a", &json!({})));
    index.pod(&app("other", 9, "b", &json!({})));
    decides(
        &mut index,
        expect![[r#"
            ns/other -> a
            ns/plain: 0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules
        "#]],
    );
    index.pod_gone("p1");
    decides(
        &mut index,
        expect![[r#"
            ns/p2 -> b
        "#]],
    );
    ["p0", "p2"].into_iter().for_each(|uid| index.pod_gone(uid));
    decides(
        &mut index,
        expect![[r#"
            ns/plain -> b
        "#]],
    );
}

#[test]
fn pods_that_must_be_together_follow_the_first() {
    let near = required("podAffinity", &[term("a", "zone")]);
    let nodes = [zoned("a", "x"), zoned("b", "y"), zoned("c", "y")];
    let follower = |name: &str, second| app(name, second, "b", &near);
    let mut index = index(&nodes, &[follower("early", 1)]);
    decides(
        &mut index,
        expect![[r#"
            ns/early: 0/3 nodes are available: 3 node(s) didn't match pod affinity rules
        "#]],
    );
    // The first of those that select themselves may go anywhere, and the rest goes with it.
    let own = |name: &str, second| app(name, second, "a", &near);
    index.pod(&on(&app("busy", 1, "c", &json!({})), "a"));
    (2..5).for_each(|n| index.pod(&own(&format!("p{n}"), n)));
    decides(
        &mut index,
        expect![[r#"
            ns/p2 -> b
            ns/early -> c
            ns/p3 -> b
            ns/p4 -> c
        "#]],
    );
}

#[test]
fn one_pod_must_be_selected_by_all_terms() {
    let both = required(
        "podAffinity",
        &[term("a", "zone"), {
            let exists = json!({"matchExpressions": [{"key": "b", "operator": "Exists"}]});
            json!({"topologyKey": "zone", "labelSelector": exists})
        }],
    );
    let nodes = [zoned("a", "x"), zoned("b", "y")];
    let with_b = changed(&on(&app("both", 1, "a", &json!({})), "b"), |pod| {
        pod.metadata.labels.as_mut().unwrap().insert("b".to_owned(), String::new());
    });
    let one = on(&app("one", 1, "a", &json!({})), "a");
    decides(
        &mut index(&nodes, &[with_b, one, app("p", 2, "c", &both)]),
        expect![[r#"
            ns/p -> b
        "#]],
    );
}

#[test]
fn pods_of_other_namespaces_are_meant_by_name_or_by_labels() {
    let elsewhere = |name: &str, namespace: &str| {
        changed(&on(&app(name, 1, "a", &json!({})), "b"), |pod| {
            pod.metadata.namespace = Some(namespace.to_owned());
        })
    };
    let by = |more: Value| {
        let mut term = term("a", HOST);
        term.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        required("podAntiAffinity", &[term])
    };
    let check = |more: Value, expected: &str| {
        let mut index = Index::default();
        let team = json!({"metadata": {"name": "other", "labels": {"team": "t"}}});
        index.namespace(&serde_json::from_value(team).unwrap());
        index.node(&zoned("b", "x"));
        index.pod(&elsewhere("there", "other"));
        index.pod(&app("p", 2, "c", &by(more.clone())));
        assert_eq!(told(&index.decide(9)).contains("-> b"), expected == "comes", "{more}");
        assert!(!index.is_stale());
        let other = json!({"metadata": {"name": "other", "labels": {"team": "u"}}});
        index.namespace(&serde_json::from_value(other).unwrap());
        assert_eq!(index.is_stale(), more.get("namespaceSelector").is_some());
    };
    check(json!({}), "comes");
    check(json!({"namespaces": ["other"]}), "waits");
    check(json!({"namespaces": ["ns"]}), "comes");
    check(json!({"namespaceSelector": {}}), "waits");
    check(json!({"namespaceSelector": {"matchLabels": {"team": "t"}}}), "waits");
    check(json!({"namespaceSelector": {"matchLabels": {"team": "u"}}}), "comes");
    check(
        json!({"namespaceSelector": {"matchLabels": {"team": "u"}}, "namespaces": ["other"]}),
        "waits",
    );
    check(json!({"namespaces": ["other"], "matchLabelKeys": ["app"]}), "comes");
    check(json!({"namespaces": ["other"], "mismatchLabelKeys": ["app"]}), "waits");
}

#[test]
fn company_that_is_preferred_counts_for_both_sides() {
    let nodes = [zoned("a", "x"), zoned("b", "y")];
    let busy = on(&app("busy", 1, "a", &json!({})), "b");
    let to = preferred("podAffinity", 100, &term("a", "zone"));
    let from = preferred("podAntiAffinity", 100, &term("b", "zone"));
    decides(
        &mut index(&nodes, &[busy, app("to", 2, "c", &to)]),
        expect![[r#"
            ns/to -> b
        "#]],
    );
    // The one that is there would rather be alone, which whoever comes respects.
    let shy = on(&app("shy", 1, "a", &from), "a");
    let load = (0..2).map(|n| on(&app(&format!("load{n}"), 1, "c", &json!({})), "b"));
    let pods: Vec<_> = load.chain([shy, app("comes", 2, "b", &json!({}))]).collect();
    decides(
        &mut index(&nodes, &pods),
        expect![[r#"
            ns/comes -> b
        "#]],
    );
}

#[test]
fn pods_are_spread_over_domains_within_the_skew() {
    let spread = spread(1, "zone", &json!({}));
    let nodes = [zoned("a", "x"), zoned("b", "x"), zoned("c", "x"), zoned("d", "y")];
    let mut full = zoned("d", "y");
    full.status.as_mut().unwrap().allocatable.as_mut().unwrap().insert(
        "pods".to_owned(),
        k8s_openapi::apimachinery::pkg::api::resource::Quantity("1".to_owned()),
    );
    let pods: Vec<_> = (0..4).map(|n| app(&format!("p{n}"), n, "a", &spread)).collect();
    let mut index = index(&[nodes[0].clone(), nodes[1].clone(), nodes[2].clone(), full], &pods);
    decides(
        &mut index,
        expect![[r#"
            ns/p0 -> a
            ns/p1 -> d
            ns/p2 -> b
            ns/p3: 0/4 nodes are available: 1 Too many pods, 3 node(s) didn't match pod topology spread constraints
        "#]],
    );
    // One more in the other zone makes room in this one.
    index.node(&node("other", "1", 1));
    decides(&mut index, expect![[""]]);
    index.node(&zoned("e", "y"));
    decides(
        &mut index,
        expect![[r#"
            ns/p3 -> e
        "#]],
    );
}

#[test]
fn nodes_without_the_label_take_none_and_too_few_domains_count_as_empty() {
    let nodes = [zoned("a", "x"), node("b", "100", 100)];
    let pods = |more: Value| -> Vec<_> {
        let spread = spread(1, "zone", &more);
        (0..2).map(|n| app(&format!("p{n}"), n, "a", &spread)).collect()
    };
    decides(
        &mut index(&nodes, &pods(json!({}))),
        expect![[r#"
            ns/p0 -> a
            ns/p1 -> a
        "#]],
    );
    decides(
        &mut index(&nodes, &pods(json!({"minDomains": 2}))),
        expect![[r#"
            ns/p0 -> a
            ns/p1: 0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label)
        "#]],
    );
}

#[test]
fn policies_say_which_nodes_count() {
    let mut tainted = zoned("b", "y");
    let taints = r#"{"taints": [{"key": "k", "effect": "NoSchedule"}]}"#;
    tainted.spec = serde_json::from_str(taints).unwrap();
    let check = |more: Value, placed: usize| {
        let spread = spread(1, "zone", &more);
        let pods: Vec<_> = (0..3).map(|n| app(&format!("p{n}"), n, "a", &spread)).collect();
        let mut index = index(&[zoned("a", "x"), tainted.clone()], &pods);
        let told = told(&index.decide(9));
        assert_eq!(told.matches("-> a").count(), placed, "{more}: {told}");
    };
    check(json!({}), 1);
    check(json!({"nodeTaintsPolicy": "Ignore"}), 1);
    check(json!({"nodeTaintsPolicy": "Honor"}), 3);
    // Of other labels, or on their way out, pods are not counted.
    check(json!({"matchLabelKeys": ["app"]}), 1);
    check(json!({"labelSelector": {"matchLabels": {"app": "b"}}}), 3);
    check(json!({"labelSelector": null}), 3);
}

#[test]
fn a_spread_that_is_only_wished_for_is_kept_where_it_can_be() {
    let soft = spread(1, "zone", &json!({"whenUnsatisfiable": "ScheduleAnyway"}));
    let nodes = [zoned("a", "x"), zoned("b", "x"), zoned("c", "y")];
    let pods: Vec<_> = (0..4).map(|n| app(&format!("p{n}"), n, "a", &soft)).collect();
    decides(
        &mut index(&nodes, &pods),
        expect![[r#"
            ns/p0 -> a
            ns/p1 -> c
            ns/p2 -> b
            ns/p3 -> c
        "#]],
    );
}

#[test]
fn a_namespace_that_is_new_makes_nothing_stale_unless_it_has_pods() {
    let mut term = term("a", HOST);
    term["namespaceSelector"] = json!({"matchLabels": {"team": "t"}});
    let apart = required("podAntiAffinity", &[term]);
    let there = changed(&on(&app("there", 1, "a", &json!({})), "a"), |pod| {
        pod.metadata.namespace = Some("early".to_owned());
    });
    let mut index = index(&[zoned("a", "x")], &[there, app("p", 2, "b", &apart)]);
    let mut is_stale_after = |name: &str, team: &str| {
        let namespace = json!({"metadata": {"name": name, "labels": {"team": team}}});
        index.namespace(&serde_json::from_value(namespace).unwrap());
        index.is_stale()
    };
    assert!(!is_stale_after("new", "t"), "nobody is there yet");
    assert!(!is_stale_after("new", "t"), "it is as it was");
    assert!(is_stale_after("early", "t"), "a pod is there, held against no labels");
}

#[test]
fn what_nobody_asks_by_any_more_makes_pods_no_other_sort() {
    let apart = required("podAntiAffinity", &[term("a", HOST)]);
    let pods = [
        on(&app("asks", 1, "b", &apart), "a"),
        on(&app("there", 1, "a", &json!({})), "a"),
        app("waits", 2, "a", &json!({"nodeSelector": {"no": "such"}})),
    ];
    let mut index = index(&[zoned("a", "x")], &pods);
    index.decide(9);
    let are_selected =
        |index: &Index| ["there", "waits"].map(|uid| !index.pods[uid].class.selected_by.is_empty());
    assert_eq!(are_selected(&index), [true, true]);
    index.pod_gone("asks");
    assert_eq!(are_selected(&index), [false, false]);
    // It is of the sort that it always was, and knows already that it waits.
    assert_eq!(index.decide(9), []);
    index.pod(&app("like it", 3, "a", &json!({"nodeSelector": {"no": "such"}})));
    let lane = |uid: &str| match &index.pods[uid].on {
        On::Lane(lane, _) => *lane,
        On::Node(_) => panic!("it must wait"),
    };
    assert_eq!(lane("like it"), lane("waits"));
}

#[test]
fn labels_that_change_change_who_is_selected() {
    let apart = required("podAntiAffinity", &[term("a", HOST)]);
    let there = on(&app("there", 1, "a", &json!({})), "a");
    let mut index = index(&[zoned("a", "x")], &[there.clone(), app("p", 2, "b", &apart)]);
    assert!(told(&index.decide(9)).contains("anti-affinity"));
    index.pod(&changed(&there, |pod| pod.metadata.labels = None));
    assert_eq!(told(&index.decide(9)), "ns/p -> a\n");
    ["there", "p"].into_iter().for_each(|uid| index.pod_gone(uid));
    assert!(index.selectors.is_empty(), "what nobody asks by must be forgotten");
}
