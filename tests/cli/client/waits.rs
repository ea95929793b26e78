//! `mayfly wait`: what it says, and how it exits.

use super::Site;
use crate::harness::{PATIENTLY, Stream};

#[test]
fn exits_as_the_job_did() {
    let site = Site::new();
    let good = site.job("good", "backoffLimit: 0", "exit", "\"0\"");
    let bad = site.job("bad", "backoffLimit: 0", "exit", "\"3\"");
    site.told(&format!("create -f {good} -f {bad}"));
    let ended = site.run("wait --for=complete-or-failed job/good").exits(0);
    let why = "CompletionsReached: Reached expected number of succeeded pods";
    assert_eq!(ended.stdout, format!("job.batch/good complete: {why}\n"));
    let ended = site.run("wait --for=complete-or-failed job/bad").exits(1);
    let why = "BackoffLimitExceeded: Job has reached the specified backoff limit";
    assert_eq!(ended.stdout, format!("job.batch/bad failed: {why}\n"));
    assert_eq!(ended.stderr, "");
    let ended = site.run("wait --for=complete-or-failed jobs --all").exits(1);
    assert_eq!(ended.stdout.lines().count(), 2, "each is told");

    assert_eq!(
        site.told("wait --for=condition=Complete job/good"),
        "job.batch/good condition met\n"
    );
    assert_eq!(site.told("wait --for=condition=failed job bad"), "job.batch/bad condition met\n");
    let ended = site.run("wait --for=condition=failed job/good --timeout=1s").exits(1);
    assert_eq!(ended.stderr, "error: timed out waiting for the condition on jobs/good\n");
    site.told("wait --for=jsonpath={.status.succeeded}=1 job/good --timeout=0");
    site.run("wait --for=jsonpath={.status.succeeded}=2 job/good --timeout=0").exits(1);
    assert_eq!(site.told("wait --for=complete-or-failed job/good -o name"), "job.batch/good\n");
}

#[test]
fn waits_for_what_is_still_to_come() {
    let site = Site::new();
    let mut created = site.home.start(&["wait", "--for=create", "job/later", PATIENTLY]);
    let file = site.job("later", "backoffLimit: 0", "sleep", "\"600\"");
    site.told(&format!("create -f {file}"));
    created.line(|from, line| from == Stream::Stdout && line == "job.batch/later condition met");
    created.wait().exits(0);
    let mut ended = site.home.start(&["wait", "--for=complete-or-failed", "job/later"]);
    let gone = site.home.start(&["wait", "--for=delete", "job/later", PATIENTLY]);
    site.wait("--for=jsonpath={.status.active}=1 job/later");
    site.told("delete job later");
    let line = ended.line(|from, _| from == Stream::Stderr);
    assert!(line.contains("\"later\" was deleted") || line.contains("NotFound"), "{line}");
    ended.wait().exits(1);
    // It may have begun to look only when the Job was gone.
    let said = gone.wait().exits(0).stdout;
    assert!(["job.batch/later condition met\n", ""].contains(&said.as_str()), "{said}");
    assert_eq!(site.told("wait --for=delete job/later"), "", "it was not there");
}
