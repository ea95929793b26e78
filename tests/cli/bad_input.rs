//! What can't be run: each mistake with its message, exit code 2, and nothing started.

use std::fs;

use crate::harness::{Home, guest, job};

/// Runs `files` with `arguments`: it must refuse, and say each of `messages`.
fn check(files: &[(&str, &[u8])], arguments: &[&str], messages: &[&str]) {
    let home = Home::new();
    for (name, content) in files {
        home.write(name, content);
    }
    let mut all = vec!["run"];
    all.extend(arguments);
    let mut ended = home.run(&all).exits(2);
    assert_eq!(ended.stdout, "", "nothing runs");
    for message in messages {
        ended = ended.says(message);
    }
    for line in ended.stderr.lines() {
        assert!(line.starts_with("mayfly: "), "{line}");
    }
}

fn check_one(manifest: &str, messages: &[&str]) {
    check(&[("job.yaml", manifest.as_bytes())], &["job.yaml"], messages);
}

fn image(path: &str) -> String {
    format!("image: {path}")
}

#[test]
fn a_typo_in_a_field() {
    let manifest = job("a", "completion: 3", &image(&guest("job_echo")));
    check_one(&manifest, &["job.yaml:", "unknown field \"spec.completion\"", "completions"]);
}

#[test]
fn restart_policy_always() {
    let manifest = job("a", "backoffLimit: 1", &image("x.wasm")).replace("Never", "Always");
    check_one(
        &manifest,
        &["spec.template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\""],
    );
}

#[test]
fn negative_numbers() {
    let manifest = job("a", "completions: -1\nparallelism: -2\nbackoffLimit: -3", &image("x"));
    check_one(
        &manifest,
        &[
            "spec.completions: Invalid value: -1: must be greater than or equal to 0",
            "spec.parallelism: Invalid value: -2",
            "spec.backoffLimit: Invalid value: -3",
        ],
    );
}

#[test]
fn an_empty_file() {
    check(&[("empty.yaml", b"")], &["empty.yaml"], &["empty.yaml: there is no object in it"]);
    check(&[("empty.yaml", b"---\n# no\n")], &["empty.yaml"], &["there is no object in it"]);
}

#[test]
fn a_folder_without_manifests() {
    check(
        &[("jobs/readme.md", b""), ("jobs/deeper/job.yaml", b"")],
        &["jobs"],
        &["jobs: there is no .yaml, .yml or .json file in this folder"],
    );
}

#[test]
fn a_file_that_is_not_there() {
    check(&[], &["no.yaml"], &["can't read no.yaml: No such file"]);
}

#[test]
fn a_missing_image() {
    check_one(
        &job("a", "", &image("./no.wasm")),
        &["job.yaml", "image \"./no.wasm\"", "no such image", "A path starts from the folder"],
    );
    check_one(
        &job("a", "", &image("nobody")),
        &[
            "image \"nobody\"",
            "no such image",
            "--image nobody=FILE",
            "`mayfly image add nobody FILE`",
        ],
    );
}

#[test]
fn the_perl_of_the_documentation_before_it_is_made() {
    let home = Home::new();
    let manifest = crate::harness::repository().join("examples/job.yml");
    let ended = home.run(&["run", manifest.to_str().expect("UTF-8")]).exits(2);
    ended.says("image \"perl\"").says("examples/perl/build").says("mayfly image add perl FILE");
}

#[test]
fn a_file_that_is_no_webassembly() {
    let manifest = job("a", "", &image("x.wasm"));
    let file = |content: &'static [u8]| {
        vec![("job.yaml", manifest.as_bytes().to_vec()), ("x.wasm", content.to_vec())]
    };
    let table: [(&'static [u8], &str); 6] = [
        (b"#!/bin/sh\n", "not a WebAssembly module: it looks like a script"),
        (b"", "the file is empty"),
        (b"\0asm\x0d\0\x01\0", "a WebAssembly component that does not export wasi:cli/run"),
        (b"\0asm\x01\0\0\0\x01\x7f", "cut short"),
        (b"\0asm\x01\0\0\0", "without a function `_start`"),
        (b"(module)", "text format"),
    ];
    for (content, message) in table {
        let files = file(content);
        let files: Vec<_> = files.iter().map(|(name, it)| (*name, it.as_slice())).collect();
        check(&files, &["job.yaml"], &["image \"x.wasm\"", message]);
    }
}

#[test]
fn a_truncated_module() {
    let whole = fs::read(Home::new().path(&guest("job_echo"))).expect("the guest must be there");
    let manifest = job("a", "", &image("x.wasm"));
    check(
        &[("job.yaml", manifest.as_bytes()), ("x.wasm", &whole[..whole.len() / 2])],
        &["job.yaml"],
        &["image \"x.wasm\"", "cut short"],
    );
}

#[test]
fn an_image_that_must_be_here_and_is_not() {
    let manifest = job("a", "", &format!("{}\nimagePullPolicy: Never", image("perl")));
    check_one(&manifest, &["Container image \"perl\" is not present with pull policy of Never"]);
}

#[test]
fn a_cron_job() {
    let manifest = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\n";
    check_one(manifest, &["job.yaml", "CronJob", "--now", "`mayfly serve`"]);
}

#[test]
fn a_cron_job_that_is_none() {
    let manifest =
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {schedule: '* * *'}\n";
    check(
        &[("cron.yaml", manifest.as_bytes())],
        &["--now", "cron.yaml"],
        &[
            "cron.yaml",
            "spec.schedule: Invalid value: \"* * *\": expected exactly 5 fields, found 3: [* * *]",
            "spec.jobTemplate.spec.template.spec.containers: Required value",
        ],
    );
}

#[test]
fn now_without_a_cron_job() {
    let manifest = job("a", "", &image(&guest("job_echo")));
    let message = "--now is for CronJobs, and there is none in what was given";
    check(&[("job.yaml", manifest.as_bytes())], &["--now", "job.yaml"], &[message]);
}

#[test]
fn only_what_nobody_uses() {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    check_one(manifest, &["there is no Job and no Pod to run"]);
}

#[test]
fn the_same_name_twice() {
    let manifest = job("a", "", &image(&guest("job_echo")));
    check_one(&format!("{manifest}---\n{manifest}"), &["document 2", "Job default/a", "already"]);
}

#[test]
fn two_namespaces() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b}\n";
    let file: &[(&str, &[u8])] = &[("job.yaml", manifest.as_bytes())];
    check(file, &["-n", "c", "job.yaml"], &["\"b\"", "\"c\""]);
}

#[test]
fn a_namespace_that_is_a_path() {
    let manifest = job("a", "", &image("x")).replace("name: a\n", "name: a\n  namespace: ../b\n");
    check_one(&manifest, &["metadata.namespace: Invalid value: \"../b\""]);
    let manifest = job("a", "", &image("x"));
    let file: &[(&str, &[u8])] = &[("job.yaml", manifest.as_bytes())];
    check(file, &["-n", "..", "job.yaml"], &["metadata.namespace: Invalid value: \"..\""]);
}

#[test]
fn every_complaint_of_every_file() {
    check(
        &[
            ("1.yaml", job("a", "completion: 1", &image("x")).as_bytes()),
            ("2.yaml", job("b", "completions: -1", &image("x")).as_bytes()),
            ("3.json", b"{"),
        ],
        &[".", "4.yaml"],
        &["1.yaml:", "spec.completion", "2.yaml:", "spec.completions", "3.json:", "4.yaml"],
    );
}

#[test]
fn a_state_folder_that_cannot_be() {
    let manifest = job("a", "", &image(&guest("job_echo")));
    check(
        &[("job.yaml", manifest.as_bytes()), ("file", b"")],
        &["--state-dir", "file/state", "job.yaml"],
        &["can't use the state folder file/state"],
    );
}

#[test]
fn options_that_make_no_sense() {
    let manifest = job("a", "", &image(&guest("job_echo")));
    let run = |arguments: &[&str]| {
        let home = Home::new();
        home.write("job.yaml", &manifest);
        home.run(arguments).exits(2)
    };
    run(&["run", "--image", "perl", "job.yaml"]).says("NAME=FILE is wanted");
    run(&["run", "--image", "a b=x", "job.yaml"]).says("this is no image name");
    run(&["run", "--timeout", "10", "job.yaml"]).says("a duration is wanted");
    run(&["run", "--image-dir", "no", "job.yaml"]).says("can't read --image-dir no");
    run(&["run"]).says("Usage");
}
