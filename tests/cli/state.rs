//! `--state-dir`: what is kept from one run to the next, and through the worst ends of one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Home, Stream, guest, job, module};

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
fn nobody_else_looks_into_it() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", &format!("image: {}", guest("job_echo"))));
    home.run(&["run", "--state-dir", "state", "job.yaml"]).exits(0);
    fs::create_dir(home.path("there")).expect("it must be made");
    fs::set_permissions(home.path("there"), Permissions::from_mode(0o755)).expect("it is ours");
    home.run(&["run", "--state-dir", "there", "job.yaml"]).exits(0);
    // A folder that the user made stays as open as it was; what is in it does not.
    for folder in ["state", "state/store", "state/node", "state/cache", "there/store", "there/node"]
    {
        let mode = fs::metadata(home.path(folder)).expect(folder).permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{folder}");
    }
}

#[test]
fn one_process_at_a_time() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", &format!("image: {}", guest("hog_cpu"))));
    let arguments = ["run", "--state-dir", "state", "job.yaml"];
    let mut first = home.start(&arguments);
    first.line(|from, line| from == Stream::Stderr && line.contains("1 active"));
    home.run(&arguments).exits(2).says("state");
    first.kill();
}

#[test]
fn what_was_stopped_goes_on() {
    let home = Home::new();
    // The first has no end but that of its process.
    let module = |pause| module::printing("begun\n", pause, "done\n");
    home.write("nap.wasm", module(Duration::from_secs(24 * 60 * 60)));
    home.write("job.yaml", job("a", "backoffLimit: 0", "image: nap.wasm"));
    let arguments = ["run", "--state-dir", "state", "-o", "json", "job.yaml"];
    let mut running = home.start(&arguments);
    running.line(|_, line| line.contains("1 active"));
    running.signal(rustix::process::Signal::INT);
    running.wait().exits(130);
    home.write("nap.wasm", module(Duration::ZERO));
    let status = &home.run(&arguments).exits(0).says("done").json()["status"];
    assert_eq!((&status["succeeded"], &status["failed"]), (&1.into(), &Value::Null));
}

#[test]
fn a_bare_pod_is_not_run_again_when_its_process_was_killed() {
    let home = Home::new();
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  restartPolicy: \
                    Never\n  containers: [{name: main, image: guests/hog_cpu.wasm}]\n";
    home.write("pod.yaml", manifest);
    let arguments = ["run", "--state-dir", "state", "-o", "json", "pod.yaml"];
    let mut running = home.start(&arguments);
    // Said when it is durable; one that was not known to run would be started again.
    running.line(|_, line| line.contains("1 active"));
    running.kill();
    let pod = home.run(&arguments).exits(1).json();
    assert_eq!(pod["status"]["phase"], "Failed");
    let state = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(state["reason"], "ContainerStatusUnknown");
}

/// The process is killed again and again in the middle of a Job, without warning; the Job comes to
/// its end all the same, with no more pods than completions: none was lost, and none run for
/// nothing. How often it can be killed before that is up to the machine.
#[test]
fn nothing_is_lost_or_counted_twice_when_the_process_is_killed() {
    const COMPLETIONS: usize = 200;
    for (mode, name) in [("Indexed", "job_index"), ("NonIndexed", "job_echo")] {
        let home = Home::new();
        let spec = format!("completions: {COMPLETIONS}\nparallelism: 10\ncompletionMode: {mode}");
        home.write("job.yaml", job("a", &spec, &format!("image: {}", guest(name))));
        let arguments = ["run", "--state-dir", "state", "-o", "json", "job.yaml"];
        let mut kills = 0;
        for _round in 1..=3 {
            let mut running = home.start(&arguments);
            let is_log = |_, line: &str| line.starts_with("[a-");
            let _ended = (0..20).try_for_each(|_| running.line_or_end(is_log).map(drop));
            kills += usize::from(running.kill().status.code().is_none());
        }
        assert!(kills > 0, "it must have been killed");
        let ended = home.run(&arguments).exits(0).says("going on");
        let status = &ended.json()["status"];
        assert_eq!((&status["succeeded"], &status["failed"]), (&COMPLETIONS.into(), &Value::Null));
        let logs = logs(&home);
        assert_eq!(logs.len(), COMPLETIONS, "a pod for each completion");
        if mode == "Indexed" {
            assert_eq!(status["completedIndexes"], format!("0-{}", COMPLETIONS - 1));
            let indexes: BTreeSet<usize> =
                logs.iter().map(|log| log.trim().parse().expect("an index")).collect();
            assert_eq!(indexes, (0..COMPLETIONS).collect());
        }
    }
}

#[test]
fn what_pods_print_is_kept() {
    let home = Home::new();
    let image = format!("image: {}", guest("job_index"));
    let spec = "completions: 3\nparallelism: 3\ncompletionMode: Indexed";
    home.write("job.yaml", job("a", spec, &image));
    home.run(&["run", "--state-dir", "state", "--quiet", "job.yaml"]).exits(0);
    let mut logs = logs(&home);
    logs.sort();
    assert_eq!(logs, ["0\n", "1\n", "2\n"]);
}

/// What each pod has printed in the last of its attempts, out of the files that they share.
fn logs(home: &Home) -> Vec<String> {
    let mut logs: BTreeMap<(String, u32), String> = BTreeMap::new();
    for segment in fs::read_dir(home.path("state/node/logs")).expect("the folder of logs") {
        let content = fs::read_to_string(segment.expect("an entry").path()).expect("a segment");
        let mut left = &*content;
        while let Some((head, rest)) = left.split_once('\n') {
            let words: Vec<_> = head.split(' ').collect();
            let [uid, "main", "0", attempt, _from, length, _checksum] = words[..] else {
                panic!("no head of a record: {head:?}");
            };
            let (body, rest) = rest.split_at(length.parse().expect("a length"));
            // Time, stream and a flag come before the text.
            let texts = body.lines().map(|line| line.splitn(4, ' ').nth(3).expect("a text"));
            let key = (uid.to_owned(), attempt.parse().expect("a number"));
            logs.entry(key).or_default().extend(texts.flat_map(|text| [text, "\n"]));
            left = rest;
        }
    }
    let last: BTreeMap<String, String> =
        logs.into_iter().map(|((uid, _attempt), log)| (uid, log)).collect();
    last.into_values().collect()
}
