//! What runs right now and how much it uses: by `mayfly top`, and held against kubectl's words.

use std::time::Instant;

use super::Site;
use super::kubectl::compare;
use crate::harness::{PATIENCE, kubectl};

/// Two pods that sleep, one of them with two containers, and one elsewhere.
const NAPS: &str = "\
{apiVersion: v1, kind: Namespace, metadata: {name: team}}
---
{apiVersion: v1, kind: Pod, metadata: {name: naps, labels: {a: b}}, spec: {restartPolicy: Never,
  containers: [{name: one, image: sleep, args: [\"600\"]}, {name: two, image: sleep, args: [\"600\"]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: rests}, spec: {restartPolicy: Never,
  containers: [{name: main, image: sleep, args: [\"600\"]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: naps, namespace: team}, spec: {restartPolicy: Never,
  containers: [{name: main, image: sleep, args: [\"600\"]}]}}
";

/// A site where that runs, and is measured.
fn site() -> Site {
    let site = Site::new();
    site.home.write("naps.yaml", NAPS);
    site.told("create -f naps.yaml");
    let begun = Instant::now();
    while site.run("top pod -A --no-headers").stdout.lines().count() < 3 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", site.run("top pod -A"));
    }
    site
}

#[test]
fn what_runs_is_shown_with_what_it_uses() {
    let site = site();
    let cells = |words: &str| -> Vec<Vec<String>> {
        let told = site.told(words);
        told.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    };
    let pods = cells("top pod");
    assert_eq!(pods[0], ["NAME", "CPU(cores)", "MEMORY(bytes)"]);
    let names: Vec<&str> = pods[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["naps", "rests"]);
    for row in &pods[1..] {
        let cpu: u64 = row[1].strip_suffix('m').expect("millicores").parse().expect("a number");
        let memory: u64 = row[2].strip_suffix("Mi").expect("mebibytes").parse().expect("a number");
        assert!(cpu < 500 && (1..100).contains(&memory), "asleep: {row:?}");
    }
    let containers = cells("top pod naps --containers --no-headers");
    let names: Vec<_> = containers.iter().map(|row| (&*row[0], &*row[1])).collect();
    assert_eq!(names, [("naps", "one"), ("naps", "two")]);
    assert_eq!(cells("top node").len(), 2);

    site.run("top pod nobody").exits(1).says(
        "Error from server (NotFound): podmetrics.metrics.k8s.io \"default/nobody\" not found",
    );
    site.run("top pod -l a=none").exits(0).says("No resources found in default namespace.");
    site.told("delete pod naps rests");
    site.run("top pod").exits(0).says("No resources found in default namespace.");
    site.run("top pod x -l a=b").exits(2).says("cannot be used with");
    site.run("top pod --sort-by=age").exits(2).says("possible values: cpu, memory");
    site.run("top cronjobs").exits(2).says("unrecognized subcommand 'cronjobs'");
    site.run("top node -n team").exits(0).says("nodes are in no namespace");
}

/// What is asked of both.
const QUESTIONS: &[&str] = &[
    "top pod",
    "top pods -A",
    "top po --containers",
    "top pod -l a=b",
    "top pod -l a=none",
    "top pod -l a=none -A",
    "top pod naps",
    "top pod nobody",
    "top pod -n team",
    "top pod -n nowhere",
    "top pod --sum",
    "top pod --sum --containers -A",
    "top pod --sum -A --no-headers",
    "top pod --field-selector=metadata.name=rests",
    "top pod --sort-by=memory",
    "top node",
    "top nodes --no-headers",
    "top node localhost --show-capacity",
    "top node nobody",
    "get pods.metrics.k8s.io -o name",
    "get nodes.metrics.k8s.io -o jsonpath={.items[*].kind}",
];

#[test]
fn usage_is_shown_as_kubectl_shows_it() {
    let Some(program) = kubectl::as_recorded() else { return };
    let site = site();
    compare(&program, &site, QUESTIONS);
    let page = super::kubectl::ask(&program, &site, &["get", "--raw", "/metrics"]);
    let series =
        "container_memory_working_set_bytes{container=\"main\",namespace=\"team\",pod=\"naps\"}";
    assert!(page.lines().any(|line| line.starts_with(series)), "{page}");
}
