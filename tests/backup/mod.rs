//! `mayfly backup` and `mayfly restore`, with real servers and a real folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Ended, Home, PATIENTLY, Server, guest, job};

const FILE: &str = "monday.jsonl";

/// A home with a server in it.
struct Site {
    home: Home,
    server: Server,
}

impl Site {
    fn new() -> Self {
        let home = Home::new();
        let server = Self::serve(&home);
        Self { home, server }
    }

    fn serve(home: &Home) -> Server {
        let sleep = format!("sleep={}", guest("job_sleep"));
        let echo = format!("echo={}", guest("job_echo"));
        Server::start(home, &["--image", &sleep, "--image", &echo])
    }

    fn run(&self, words: &str) -> Ended {
        self.home.run(&words.split(' ').collect::<Vec<_>>())
    }

    fn told(&self, words: &str) -> String {
        self.run(words).exits(0).stdout
    }

    fn wait(&self, words: &str) {
        self.told(&format!("wait {PATIENTLY} {words}"));
    }

    /// Creates a Job that sleeps for so many seconds, and waits until it does.
    fn sleeper(&self, name: &str, seconds: &str) {
        let container = format!("image: sleep\nargs: ['{seconds}']");
        self.home.write("job.yaml", job(name, "", &container));
        self.told("create -f job.yaml");
        self.wait(&format!("--for=condition=Ready pod -l job-name={name}"));
    }

    fn names(&self, what: &str) -> Vec<String> {
        let listed = self.told(&format!("get {what} -o name"));
        let names = listed.lines().filter_map(|line| line.split_once('/'));
        names.map(|(_, name)| name.to_owned()).filter(|it| it != "kube-root-ca.crt").collect()
    }

    fn version(&self, what: &str) -> u64 {
        let path = "jsonpath={.metadata.resourceVersion}";
        self.told(&format!("get {what} -o {path}")).parse().expect("it must be a number")
    }
}

#[test]
fn a_server_goes_back_to_a_backup_without_stopping() {
    let site = Site::new();
    site.home.write("done.yaml", job("done", "", "image: echo\nargs: [hello]"));
    site.told("create -f done.yaml");
    site.wait("--for=condition=Complete job/done");
    site.sleeper("goes-on", "1.5");
    site.told("create configmap settings --from-literal=colour=red");
    site.told("create secret generic password --from-literal=word=open");

    site.run(&format!("backup {FILE}")).exits(0).says("objects at resource version");
    let mode = fs::metadata(site.home.path(FILE)).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "Secrets are in it");

    site.told("delete job done");
    site.told("delete configmap settings");
    site.told("create configmap settings --from-literal=colour=blue");
    site.sleeper("later", "100000");
    let newest = site.version("job/later");
    let url = site.server.url().to_owned();

    // Who watches is told to list again, and goes on.
    let mut watch = site.home.start(&["get", "configmaps", "--watch"]);
    watch.line(|_, line| line.starts_with("settings"));
    site.run(&format!("restore {FILE}")).exits(2).says("say --replace");
    let said = site.run(&format!("restore --replace {FILE}")).exits(0);
    said.says("the resource version is");
    site.told("create configmap restored --from-literal=a=b");
    watch.line(|_, line| line.starts_with("restored"));
    drop(watch);

    assert_eq!(site.names("jobs"), ["done", "goes-on"]);
    assert_eq!(site.told("get configmap settings -o jsonpath={.data.colour}"), "red");
    assert_eq!(site.told("get secret password -o jsonpath={.data.word}"), "b3Blbg==");
    assert!(site.version("job/done") > newest, "versions only grow");
    assert_eq!(site.server.url(), url);
    // What ran when the backup was made runs again, and what came later is over.
    site.wait("--for=condition=Complete job/goes-on");
    assert_eq!(site.told("get job goes-on -o jsonpath={.status.failed}"), "");
    let pods = site.told("get pods -o jsonpath={.items[*].metadata.labels.job-name}");
    assert_eq!(pods, "done goes-on");
    site.home.write("new.yaml", job("new", "", "image: echo\nargs: [world]"));
    site.told("create -f new.yaml");
    site.wait("--for=condition=Complete job/new");
    assert!(site.told("logs job/new").contains("arg 1: world\n"));

    // It is what the next process finds as well.
    let Site { home, server } = site;
    server.kill();
    let site = Site { server: Site::serve(&home), home };
    assert_eq!(site.names("jobs"), ["done", "goes-on", "new"]);
}

#[test]
fn what_is_not_whole_changes_nothing() {
    let site = Site::new();
    site.told("create configmap settings --from-literal=colour=red");
    site.run(&format!("backup {FILE}")).exits(0);
    site.told("create configmap later --from-literal=a=b");
    let whole = fs::read_to_string(site.home.path(FILE)).expect("it is there");
    let check = |text: &str, why: &str| {
        site.home.write("bad.jsonl", text);
        site.run("restore --replace bad.jsonl").exits(1).says(why);
        assert_eq!(site.names("configmaps"), ["later", "settings"]);
    };
    check("apiVersion: v1\n", "this is no backup of mayfly");
    check(&whole[..whole.len() / 2], "this backup is cut off");
    check(&whole.replacen("red", "bed", 1), "this backup is damaged");
    check(&whole.replacen("cmVk", "YmVk", 1).replacen("red", "bed", 1), "this backup is damaged");
    let newer = whole.replacen("\"schema\":", "\"schema\":9", 1);
    check(&newer, "restore it with that one, or a newer one");

    site.run("backup missing/monday.jsonl").exits(2).says("can't write missing/monday.jsonl");
    site.run("restore --replace missing.jsonl").exits(2).says("can't read missing.jsonl");
}

#[test]
fn a_folder_that_nobody_serves_can_be_written_and_filled() {
    let site = Site::new();
    site.told("create configmap settings --from-literal=colour=red");
    let state = ".local/state/mayfly";
    let in_use = site.run(&format!("backup --state-dir {state} {FILE}")).exits(2);
    in_use.says("a server is at work there").says("without --state-dir");
    let Site { home, server } = site;
    server.stop().exits(0);
    let run = |words: &str| home.run(&words.split(' ').collect::<Vec<_>>());
    run(&format!("backup --state-dir {state} {FILE}")).exits(0);
    run("backup --state-dir nowhere other.jsonl").exits(2).says("is no state folder of a server");

    run(&format!("restore --state-dir another {FILE}")).exits(0).says("restored");
    let again = run(&format!("restore --state-dir another {FILE}")).exits(2);
    again.says("objects already; say --replace");
    run(&format!("restore --state-dir another --replace {FILE}")).exits(0);
    let server = Server::start(&home, &["--state-dir", "another"]);
    let mut get = home.mayfly();
    get.args(["get", "configmap", "settings", "-o", "jsonpath={.data.colour}"]);
    let got = crate::harness::Running::start(server.client(&mut get)).wait().exits(0);
    assert_eq!(got.stdout, "red");
}

#[test]
fn only_who_may_do_everything_has_the_whole_state() {
    let home = Home::new();
    // The SHA-256 of "new".
    let users = "users:\n- name: jane\n  roles: [{role: edit}]\n  tokens:\n  - sha256: \
                 11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437\n";
    let path = home.write("users.yaml", users);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let server = Server::start(&home, &["--users", "users.yaml"]);
    let text = fs::read_to_string(server.kubeconfig()).expect("it must be readable");
    let user = text.find("    client-certificate-data").expect("the admin's certificate");
    home.write("jane", format!("{}    token: new\n", &text[..user]));
    home.run(&["get", "jobs", "--kubeconfig", "jane"]).exits(0);
    let refused = home.run(&["backup", "--kubeconfig", "jane", FILE]).exits(1);
    refused.says("User \"jane\" cannot get path \"/mayfly/backup\"");
    assert!(!home.path(FILE).exists());
    home.run(&["backup", FILE]).exits(0);
    let refused = home.run(&["restore", "--replace", "--kubeconfig", "jane", FILE]).exits(1);
    refused.says("User \"jane\" cannot post path \"/mayfly/restore\"");
}
