//! From a manifest to its result, with nothing but `mayfly`.

use std::time::Instant;

use super::Site;
use crate::harness::{PATIENCE, pi};

#[test]
fn from_a_manifest_to_its_log() {
    let site = Site::new();
    let file = site.job("pi", "backoffLimit: 4", "pi", "\"2000\"");
    assert_eq!(site.told(&format!("create -f {file}")), "job.batch/pi created\n");
    site.run("wait --for=complete-or-failed job/pi").exits(0);

    let described = site.told("describe job pi");
    for line in [
        "Name:             pi",
        "Pods Statuses:    0 Active (0 Ready) / 1 Succeeded / 0 Failed",
        "    Image:      pi",
    ] {
        assert!(described.lines().any(|it| it == line), "{line}\n{described}");
    }
    assert!(described.contains("Normal  Completed"), "{described}");

    let pods = site.told("get pods -l job-name=pi");
    let [headers, row] = pods.lines().collect::<Vec<_>>()[..] else { panic!("{pods}") };
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(headers), ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    assert_eq!(words(row)[1..4], ["0/1", "Completed", "0"]);

    let selected = "get pods --selector=job-name=pi --output=jsonpath={.items..metadata.name}";
    let name = site.told(selected);
    assert!(name.starts_with("pi-") && !name.contains(char::is_whitespace), "{name}");
    assert_eq!(site.told(&format!("logs {name}")), format!("{}\n", pi(2000)));
    assert_eq!(site.told("logs job/pi"), format!("{}\n", pi(2000)));
}

#[test]
fn logs_of_several_containers_and_pods() {
    let site = Site::new();
    let file = site.job("two", "completions: 2\nparallelism: 2", "echo", "a, b");
    site.told(&format!("create -f {file}"));
    site.run("wait --for=complete-or-failed job/two").exits(0);
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let all = lines(site.told("logs -l job-name=two --prefix --tail=-1"));
    let of_first = all.iter().filter(|line| line.ends_with("arg 1: a")).count();
    assert_eq!(of_first, 2, "one of each pod: {all:?}");
    assert!(all.iter().all(|line| line.starts_with("[pod/two-")), "{all:?}");
    let one = site.run("logs job/two --tail=1").exits(0).says("Found 2 pods, using pod/two-");
    assert_eq!(one.stdout.lines().count(), 1);
    assert_eq!(site.told("logs job/two --limit-bytes=5").len(), 5);
    let stamped = site.told("logs job/two --timestamps --tail=1");
    let time = stamped.split(' ').next().unwrap_or_default();
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{stamped}");
    site.run("logs job/two -c nobody").exits(1).says("container nobody is not valid for pod two-");
}

#[test]
fn logs_are_followed_to_their_end() {
    let site = Site::new();
    let file = site.job("naps", "backoffLimit: 0", "sleep", "\"2\"");
    site.told(&format!("create -f {file}"));
    // It may be over by now: then its log is told from beginning to end.
    let state =
        "get pods -l job-name=naps -o jsonpath={.items[*].status.containerStatuses[*].state}";
    let begun = Instant::now();
    while !["running", "terminated"].iter().any(|it| site.told(state).contains(it)) {
        assert!(begun.elapsed() < PATIENCE, "it must begin: {}", site.told("get pods -o yaml"));
    }
    assert_eq!(site.told("logs -f job/naps"), "slept 2\n");
}
