//! Clients that nobody here wrote, each taking a Job through its life against the real server: made,
//! watched until it is Complete, its log read, deleted.
//!
//! `tests/clients/install` fetches them; what is not there is skipped and says so.

mod kube_rs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{self, Home, Running, Server, repository, say};

/// The image that is run: it prints its arguments.
const IMAGE: &str = "echo";
/// Where the server finds it.
const OPTIONS: &[&str] = &["--image", "echo=guests/job_echo.wasm"];

#[test]
fn the_python_library_takes_a_job_through_its_life() {
    let Some(library) = fetched("python") else { return };
    let mut python = Command::new("python3");
    python.arg(repository().join("tests/clients/life.py")).env("PYTHONPATH", library);
    lives(python, "python");
}

#[test]
fn the_node_library_takes_a_job_through_its_life() {
    let Some(library) = fetched("node") else { return };
    // A module finds what it imports beside itself.
    let script = library.join("life.mjs");
    fs::copy(repository().join("tests/clients/life.mjs"), &script).expect("must be copied");
    let mut node = Command::new("node");
    node.arg(script);
    lives(node, "node");
}

#[test]
fn kubectl_takes_a_job_through_its_life() {
    let Some(program) = harness::kubectl::any() else { return };
    kubectl_lives(program.as_ref());
}

#[test]
fn an_old_kubectl_takes_a_job_through_its_life() {
    let Some(unpacked) = fetched("kubectl-1.20") else { return };
    kubectl_lives(&unpacked.join("usr/bin/kubectl"));
}

/// The folder of `client`, if it has been fetched.
fn fetched(client: &str) -> Option<PathBuf> {
    let folder = repository().join("target/clients").join(client);
    if !folder.is_dir() {
        say!("skipped: tests/clients/install has not fetched {client}");
        return None;
    }
    Some(folder)
}

/// Runs the `client` with the image that it is to run; it must print the log and end well.
fn lives(mut client: Command, name: &str) {
    let home = Home::new();
    let server = Server::start(&home, OPTIONS);
    let ended = Running::start(server.client(client.arg(IMAGE))).wait();
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stdout.contains(&format!("arg 1: {name}\n")), "{ended:?}");
}

fn kubectl_lives(kubectl: &Path) {
    let home = Home::new();
    let server = Server::start(&home, OPTIONS);
    let container = format!("image: {IMAGE}\nargs: [kubectl]");
    let manifest =
        home.write("job.yaml", harness::job("of-kubectl", "backoffLimit: 0", &container));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(kubectl);
        command.args(arguments).env("HOME", home.path(""));
        let ended = Running::start(server.client(&mut command)).wait();
        assert!(ended.status.success(), "{arguments:?}: {ended:?}");
        ended.stdout
    };
    let file = manifest.to_str().expect("must be UTF-8");
    assert_eq!(run(&["create", "-f", file]), "job.batch/of-kubectl created\n");
    run(&["wait", "--for=condition=complete", "--timeout=120s", "job/of-kubectl"]);
    assert!(run(&["logs", "job/of-kubectl"]).contains("arg 1: kubectl\n"));
    let jobs = run(&["get", "jobs"]);
    assert!(
        jobs.lines().any(|line| line.starts_with("of-kubectl ") && line.contains("1/1")),
        "{jobs}"
    );
    assert_eq!(run(&["delete", "job", "of-kubectl"]), "job.batch \"of-kubectl\" deleted\n");
    assert_eq!(run(&["get", "pods", "-o", "name"]), "");
}
