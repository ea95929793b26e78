//! The stories of what one plan may do at most, and of what a namespace lets a Job have.

use std::collections::BTreeSet;

use expect_test::expect;
use serde_json::json;

use super::super::claim::Claim;
use super::super::{BackoffRecord, Denials, PodView, reconcile};
use super::{at, given, job, observe, pod, start, text};
use crate::api::ResourceQuota;
use crate::quota::{Bounds, Ledger};

#[test]
fn more_pods_than_one_plan_ends_are_let_go_plan_by_plan() {
    let spec = json!({ "parallelism": 501, "completions": 501, "activeDeadlineSeconds": 5 });
    let status = json!({ "startTime": start().to_string() });
    let pods: Vec<_> = (0..501).map(|number| pod(&format!("{number} Running"))).collect();
    let plan = reconcile(&observe(job(&spec, &status), &pods, BackoffRecord::default()), at(5));
    let status = plan.status().expect("a status");
    assert_eq!((plan.deleted().count(), plan.released().count()), (500, 500));
    assert_eq!((status.active, status.failed, status.terminating), (Some(1), Some(500), Some(500)));
    let conditions: Vec<_> = status.conditions.iter().flatten().map(|it| &*it.type_).collect();
    assert_eq!(conditions, ["FailureTarget"], "one is still there");
}

#[test]
fn what_one_plan_does_not_end_is_not_let_go_either() {
    let rules = json!([{ "succeededIndexes": "0" }]);
    let spec = json!({
        "completionMode": "Indexed", "completions": 502, "parallelism": 502,
        "successPolicy": { "rules": rules },
    });
    let mut pods: Vec<_> =
        (1..502).map(|index| pod(&format!("{index} Running index={index}"))).collect();
    pods.push(pod("0 Succeeded index=0"));
    let observed = observe(job(&spec, &given(json!({})).status), &pods, BackoffRecord::default());
    let plan = reconcile(&observed, at(5));
    let ended: BTreeSet<_> = plan.deleted().map(|pod| &*pod.key.name).collect();
    let let_go: BTreeSet<_> = plan.released().map(|pod| &*pod.key.name).collect();
    assert_eq!((ended.len(), plan.status().expect("a status").active), (500, Some(1)));
    assert!(let_go.len() == 501 && let_go.difference(&ended).eq(["0"].iter()), "{let_go:?}");
}

#[test]
fn makes_nothing_where_nothing_can_be_made_but_counts_on() {
    let spec = json!({ "completions": 3, "parallelism": 2 });
    let pods = ["a Succeeded", "b Running ready"].map(pod);
    let mut observed =
        observe(job(&spec, &given(json!({})).status), &pods, BackoffRecord::default());
    observed.room.terminating = true;
    expect![[r#"
        release a
        status active=1 ready=1 startTime="00:00Z" succeeded=1 terminating=0
    "#]]
    .assert_eq(&text(&reconcile(&observed, at(5))));
}

#[test]
fn counts_no_more_than_one_plan_may() {
    let spec = json!({ "completions": 501, "parallelism": 501 });
    let pods: Vec<_> = (0..501).map(|number| pod(&format!("{number} Succeeded"))).collect();
    let observed = observe(job(&spec, &given(json!({})).status), &pods, BackoffRecord::default());
    let plan = reconcile(&observed, at(5));
    let status = plan.status().expect("a status");
    assert_eq!((plan.released().count(), status.succeeded), (500, Some(500)));
    assert!(status.completion_time.is_none(), "one is not counted");
}

#[test]
fn what_is_not_its_own_yet_comes_first() {
    let mut observed =
        observe(job(&json!({}), &given(json!({})).status), &[], BackoffRecord::default());
    let [matching, stray] =
        ["matching Running", "stray Running"].map(|words| PodView::parse(&pod(words)).reference());
    observed.claims = vec![Claim::Adopt(matching), Claim::Disown(stray)];
    expect![[r#"
        adopt matching
        disown stray
    "#]]
    .assert_eq(&text(&reconcile(&observed, at(5))));
}

/// The bounds of a namespace that may have `pods` pods.
fn room_for(pods: u32) -> Bounds {
    let quota = json!({
        "metadata": { "name": "few", "namespace": "ns" },
        "spec": { "hard": { "pods": pods.to_string() } },
        "status": { "hard": { "pods": pods.to_string() }, "used": { "pods": "0" } },
    });
    let quota: ResourceQuota = serde_json::from_value(quota).expect("a quota");
    Bounds { quotas: vec![Ledger::of(&quota)], ..Default::default() }
}

#[test]
fn tries_again_and_again_where_there_is_no_room() {
    let spec = json!({ "completions": 3, "parallelism": 3 });
    let mut observed = observe(job(&spec, &given(json!({})).status), &[], BackoffRecord::default());
    observed.room.bounds = room_for(0);
    let mut told = String::new();
    for second in [0, 1, 2, 3] {
        let plan = reconcile(&observed, at(second));
        told += &text(&plan);
        observed.room.denials = plan.denials.unwrap_or(observed.room.denials);
    }
    expect![[r#"
        deny pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0
        status ready=0 startTime="00:00Z" terminating=0
        again at 1
        deny pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0
        status ready=0 startTime="00:00Z" terminating=0
        again at 3
        status ready=0 startTime="00:00Z" terminating=0
        again at 3
        deny pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0
        status ready=0 startTime="00:00Z" terminating=0
        again at 7
    "#]].assert_eq(&told);
}

#[test]
fn makes_as_many_pods_as_there_is_room_for() {
    let spec = json!({ "completions": 3, "parallelism": 3 });
    let mut observed = observe(job(&spec, &given(json!({})).status), &[], BackoffRecord::default());
    observed.room.bounds = room_for(2);
    expect![[r#"
        create job-
        create job-
        deny pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2
        status active=2 ready=0 startTime="00:00Z" terminating=0
        again at 1
    "#]].assert_eq(&text(&reconcile(&observed, at(0))));
}

#[test]
fn another_spec_is_tried_at_once() {
    let mut told = String::new();
    let mut denials = Denials::default();
    for generation in [1, 1, 2] {
        let mut job = job(&json!({}), &given(json!({})).status);
        job.metadata.generation = Some(generation);
        let mut observed = observe(job, &[], BackoffRecord::default());
        observed.room.bounds = room_for(0);
        observed.room.denials = denials;
        let plan = reconcile(&observed, at(0));
        told += &text(&plan);
        denials = plan.denials.unwrap_or(denials);
    }
    expect![[r#"
        deny pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0
        status ready=0 startTime="00:00Z" terminating=0
        again at 1
        status ready=0 startTime="00:00Z" terminating=0
        again at 1
        deny pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0
        status ready=0 startTime="00:00Z" terminating=0
        again at 1
    "#]].assert_eq(&told);
}
