//! What shows objects: forms, watches, events, and where the server is.

use std::time::Duration;

use rustix::process::Signal;

use super::Site;
use crate::harness::{Home, PATIENTLY, Server, Stream, guest, job, module};

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn objects_in_every_form() {
    let site = Site::new();
    let file = site.job("a", "backoffLimit: 0", "echo", "x");
    site.told(&format!("create -f {file}"));
    site.run("wait --for=complete-or-failed job/a").exits(0);
    assert_eq!(site.told("get jobs -o name"), "job.batch/a\n");
    assert_eq!(site.told("get job a -o jsonpath={.status.succeeded}"), "1");
    assert_eq!(site.run("get job a -o json").exits(0).json()["kind"], "Job");
    let list = site.run("get jobs,pods -o json").exits(0).json();
    assert_eq!((&list["kind"], list["items"].as_array().map(Vec::len)), (&"List".into(), Some(2)));
    let yaml = site.told("get job a -o yaml");
    assert!(yaml.starts_with("apiVersion: batch/v1\nkind: Job\nmetadata:\n"), "{yaml}");
    assert!(!yaml.contains("managedFields"), "{yaml}");
    let columns = "get jobs -o custom-columns=N:.metadata.name,S:.status.succeeded,X:.x";
    assert_eq!(site.told(columns), "N     S     X\na     1     <none>\n");
    assert!(site.told("get jobs -o wide").contains("batch.kubernetes.io/controller-uid="));
    assert!(site.told("get jobs -A --no-headers").starts_with("default   a     Complete"));
    let both = site.told("get jobs,pods");
    assert!(both.contains("job.batch/a ") && both.contains("\n\nNAME ") && both.contains("pod/a-"));
    let events = site.told("events --for job/a");
    assert!(events.contains("SuccessfulCreate") && events.contains("Job/a"), "{events}");
    assert_eq!(site.run("get cj").exits(0).stderr, "No resources found in default namespace.\n");
    assert_eq!(site.run("get cj -A").exits(0).stderr, "No resources found\n");
}

#[test]
fn changes_are_shown_as_they_come() {
    let site = Site::new();
    let file = site.job("before", "backoffLimit: 0", "echo", "x");
    site.told(&format!("create -f {file}"));
    let mut watch = site.home.start(&["get", "jobs", "-w", "--output-watch-events"]);
    let is_row = |line: &str, words: &[&str]| {
        let found: Vec<&str> = line.split_whitespace().collect();
        found.starts_with(words)
    };
    watch.line(|_, line| is_row(line, &["EVENT", "NAME", "STATUS"]));
    watch.line(|_, line| is_row(line, &["ADDED", "before"]));
    let file = site.job("a", "backoffLimit: 0", "echo", "x");
    site.told(&format!("create -f {file}"));
    watch.line(|_, line| is_row(line, &["MODIFIED", "a", "Complete", "1/1"]));
    site.told("delete job a");
    watch.line(|from, line| from == Stream::Stdout && is_row(line, &["DELETED", "a"]));
    watch.signal(Signal::TERM);
    watch.wait().exits(1);
}

#[test]
fn a_signal_ends_what_waits_as_it_ends_kubectl() {
    let site = Site::new();
    site.told("create configmap a --from-literal=k=v");
    for signal in [Signal::INT, Signal::HUP, Signal::QUIT, Signal::TERM] {
        let mut watch = site.home.start(&["get", "cm", "-w", "-o", "name"]);
        watch.line(|_, line| line == "configmap/a");
        watch.signal(signal);
        let ended = watch.wait().exits(1);
        assert_eq!(ended.stderr, "", "{signal:?}");
    }
}

#[test]
fn a_watch_outlives_its_server() {
    let home = Home::new();
    let echo = format!("echo={}", guest("job_echo"));
    let first = Server::start(&home, &["--image", &echo]);
    let address = first.address().to_owned();
    home.run(&["create", "configmap", "a", "--from-literal=k=v"]).exits(0);
    let mut watch = home.start(&["get", "cm", "-w", "-o", "name"]);
    watch.line(|_, line| line == "configmap/a");
    first.stop().exits(0);
    let _second = Server::start_again(&home, &address, &echo);
    home.run(&["create", "configmap", "b", "--from-literal=k=v"]).exits(0);
    watch.line(|_, line| line == "configmap/b");
}

#[test]
fn a_log_that_is_followed_outlives_its_server() {
    let home = Home::new();
    let slow = |pause| module::printing("begun\n", pause, "done\n");
    // Its first run has no end but that of its server.
    home.write("slow.wasm", slow(A_DAY));
    let image = "slow=slow.wasm";
    let first = Server::start(&home, &["--image", image]);
    let address = first.address().to_owned();
    home.write("a.yaml", job("a", "backoffLimit: 0", "image: slow"));
    home.run(&["create", "-f", "a.yaml"]).exits(0);
    home.run(&["wait", PATIENTLY, "--for=jsonpath={.status.active}=1", "job/a"]).exits(0);
    let pod = home.run(&["get", "pods", "-o", "name"]).exits(0).stdout;
    home.run(&["wait", PATIENTLY, "--for=condition=Ready", pod.trim()]).exits(0);
    let mut log = home.start(&["logs", "-f", pod.trim()]);
    log.line(|from, line| from == Stream::Stdout && line == "begun");
    first.kill();
    // Long enough to be found again by who follows.
    home.write("slow.wasm", slow(Duration::from_secs(5)));
    let second = Server::start_again(&home, &address, image);
    let ended = log.wait().exits(0);
    assert!(ended.stdout.ends_with("done\n"), "{ended:?}");

    // The run that was lost did not reach its end; whoever comes later reads the one that did.
    home.run(&["wait", "--for=complete-or-failed", "job/a"]).exits(0);
    assert_eq!(home.run(&["logs", pod.trim()]).exits(0).stdout, "begun\ndone\n");
    second.stop().exits(0);
}

#[test]
fn where_the_server_is() {
    let site = Site::new();
    let view = site.told("config view");
    assert!(view.contains("client-key-data: DATA+OMITTED"), "{view}");
    assert!(!view.contains("LS0t"), "nothing secret: {view}");
    assert_eq!(site.told("config current-context"), "mayfly\n");
    assert_eq!(site.told("config get-contexts -o name"), "mayfly\n");
    site.told("create ns other");
    let set = site.told("config set-context --current --namespace=other");
    assert_eq!(set, "Context \"mayfly\" modified.\n");
    assert_eq!(site.run("get jobs").exits(0).stderr, "No resources found in other namespace.\n");
    assert_eq!(site.told("config use-context mayfly"), "Switched to context \"mayfly\".\n");
    site.run("config use-context x").exits(1).says("no context exists with the name: \"x\"");
    let mode = std::fs::metadata(site.home.path(".local/state/mayfly/kubeconfig"));
    let mode = std::os::unix::fs::MetadataExt::mode(&mode.expect("it must be there"));
    assert_eq!(mode & 0o777, 0o600, "still its owner's alone");
}

#[test]
fn shells_and_readers_are_told() {
    let home = Home::new();
    assert!(home.run(&["completion", "bash"]).exits(0).stdout.contains("rerun"));
    assert!(home.run(&["man"]).exits(0).stdout.contains(".TH mayfly"));
    home.run(&["man", "pages"]).exits(0);
    let page = std::fs::read_to_string(home.path("pages/mayfly-get.1")).expect("a page");
    assert!(page.contains("jsonpath"), "{page}");
}
