//! `--state-dir`: what is kept from one run to the next, and through the worst ends of one.

use std::collections::BTreeSet;
use std::fs;

use crate::harness::{From, Home, guest, job};

#[test]
fn a_finished_job_is_reported_as_finished() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", &format!("image: {}", guest("job_echo"))));
    let arguments = ["run", "--state-dir", "state", "job.yaml"];
    assert_ne!(home.run(&arguments).exits(0).stdout, "");
    let again = home.run(&arguments).exits(0).says("job/a: complete, 1 of 1 succeeded");
    assert_eq!(again.stdout, "", "nothing runs twice");
}

#[test]
fn another_job_under_the_same_name_is_refused() {
    let home = Home::new();
    let image = format!("image: {}", guest("job_echo"));
    home.write("job.yaml", job("a", "", &image));
    let arguments = ["run", "--state-dir", "state", "job.yaml"];
    home.run(&arguments).exits(0);
    home.write("job.yaml", job("a", "completions: 2", &image));
    home.run(&arguments).exits(2).says("job/a").says("--state-dir").says("another name");
}

#[test]
fn one_process_at_a_time() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", &format!("image: {}", guest("hog_cpu"))));
    let arguments = ["run", "--state-dir", "state", "job.yaml"];
    let mut first = home.start(&arguments);
    first.line(|from, line| from == From::Stderr && line.contains("1 active"));
    home.run(&arguments).exits(2).says("state");
    first.kill();
}

/// The process is killed again and again in the middle of a Job, without warning; the Job comes to
/// its end all the same, with every index counted once.
#[test]
fn nothing_is_lost_or_counted_twice_when_the_process_is_killed() {
    const COMPLETIONS: i64 = 200;
    let home = Home::new();
    let spec =
        format!("completions: {COMPLETIONS}\nparallelism: 10\ncompletionMode: Indexed\nbackoffLimit: 1000");
    home.write("job.yaml", job("a", &spec, &format!("image: {}", guest("job_index"))));
    // A pod that was lost with its process is tried again at once.
    let arguments =
        ["run", "--state-dir", "state", "--backoff-base", "0s", "-o", "json", "job.yaml"];
    let mut printed = BTreeSet::new();
    let index = |line: &str| Some(line.split_once("] ")?.1.trim().parse::<i64>().ok()?);
    for round in 1..=3 {
        let mut running = home.start(&arguments);
        for _ in 0..20 {
            printed.extend(index(&running.line(|_, line| index(line).is_some())));
        }
        let killed = running.kill();
        assert_eq!(killed.status.code(), None, "round {round}: it was killed: {killed:?}");
        printed.extend(killed.stderr.lines().filter_map(index));
    }
    let ended = home.run(&arguments).exits(0);
    printed.extend(ended.stderr.lines().filter_map(index));
    let status = &ended.json()["status"];
    assert_eq!(status["succeeded"], COMPLETIONS);
    assert_eq!(status["completedIndexes"], format!("0-{}", COMPLETIONS - 1));
    assert_eq!(printed, (0..COMPLETIONS).collect());
}

#[test]
fn what_pods_print_is_kept() {
    let home = Home::new();
    let image = format!("image: {}", guest("job_index"));
    let spec = "completions: 3\nparallelism: 3\ncompletionMode: Indexed";
    home.write("job.yaml", job("a", spec, &image));
    home.run(&["run", "--state-dir", "state", "--quiet", "job.yaml"]).exits(0);
    let mut kept = BTreeSet::new();
    for pod in fs::read_dir(home.path("state/node/pods")).expect("the pods' folders") {
        let log = pod.expect("an entry").path().join("main/0.log");
        let line = fs::read_to_string(log).expect("the pod's log");
        kept.insert(line.split(' ').nth(3).expect("the text of a CRI line").trim().to_owned());
    }
    assert_eq!(kept, BTreeSet::from(["0".to_owned(), "1".to_owned(), "2".to_owned()]));
}
