//! `mayfly backup` and `mayfly restore`, with real servers and a real folder.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::thread;

use serde_json::Value;

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

    /// Creates a Job that runs until it is deleted, and waits until it does.
    fn sleeper(&self, name: &str) {
        self.home.write("job.yaml", job(name, "", "image: sleep\nargs: ['1000000']"));
        self.told("create -f job.yaml");
        self.wait(&format!("--for=condition=Ready pod -l job-name={name}"));
    }

    fn names(&self, what: &str) -> Vec<String> {
        let listed = self.told(&format!("get {what} -o name"));
        let names = listed.lines().filter_map(|line| line.split_once('/'));
        names.map(|(_, name)| name.to_owned()).filter(|it| it != "kube-root-ca.crt").collect()
    }

    /// The phase that the pod `uid` has in the backup.
    fn phase_in_backup(&self, uid: &str) -> String {
        let text = fs::read_to_string(self.home.path(FILE)).expect("it is there");
        let lines = text.lines().map(|line| serde_json::from_str(line).expect("it must be JSON"));
        let pod = lines.into_iter().find(|it: &Value| it["metadata"]["uid"] == uid);
        let pod = pod.expect("the pod must be in it");
        pod["status"]["phase"].as_str().expect("it must have one").to_owned()
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
    site.sleeper("goes-on");
    let uid = |site: &Site| {
        site.told("get pods -l job-name=goes-on -o jsonpath={.items[*].metadata.uid}")
    };
    let ran = uid(&site);
    site.told("create configmap settings --from-literal=colour=red");
    site.told("create secret generic password --from-literal=word=open");

    site.run(&format!("backup {FILE}")).exits(0).says("objects at resource version");
    let mode = fs::metadata(site.home.path(FILE)).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "Secrets are in it");
    assert_eq!(site.phase_in_backup(&ran), "Running");

    site.told("delete job done");
    site.told("delete configmap settings");
    site.told("create configmap settings --from-literal=colour=blue");
    site.sleeper("later");
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
    let lost = "jsonpath={.metadata.annotations.mayfly\\.dev/usage-runs-unknown}";
    site.wait(&format!("--for={lost}=1 pod -l job-name=goes-on"));
    site.wait("--for=condition=Ready pod -l job-name=goes-on");
    assert_eq!(uid(&site), ran, "it is the same pod");
    let counted = "jsonpath={.status.active},{.status.succeeded},{.status.failed}";
    assert_eq!(site.told(&format!("get job goes-on -o {counted}")), "1,,", "and it is not counted");
    let pods = site.told("get pods -o jsonpath={.items[*].metadata.labels.job-name}");
    assert_eq!(pods, "done goes-on");
    site.told("delete job goes-on");
    site.home.write("new.yaml", job("new", "", "image: echo\nargs: [world]"));
    site.told("create -f new.yaml");
    site.wait("--for=condition=Complete job/new");
    assert!(site.told("logs job/new").contains("arg 1: world\n"));

    // It is what the next process finds as well.
    let Site { home, server } = site;
    server.kill();
    let site = Site { server: Site::serve(&home), home };
    assert_eq!(site.names("jobs"), ["done", "new"]);
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

/// Whoever serves a folder could not open what another user leaves in it.
#[test]
fn a_folder_is_its_owners() {
    let home = Home::new();
    let is_root = rustix::process::geteuid().is_root();
    let foreign = if is_root { "foreign" } else { "/" };
    if is_root {
        fs::create_dir(home.path(foreign)).expect("it is ours");
        chown(home.path(foreign), Some(1), Some(1)).expect("root may");
    }
    let server = Server::start(&home, &[]);
    home.run(&["backup", FILE]).exits(0);
    server.stop().exits(0);
    let new = format!("{foreign}/new");
    for folder in [foreign, &new].into_iter().filter(|folder| is_root || *folder == "/") {
        let backup = home.run(&["backup", "--state-dir", folder, "other.jsonl"]).exits(2);
        backup.says("belongs to another user").says("sudo -u ");
        let restore = home.run(&["restore", "--replace", "--state-dir", folder, FILE]).exits(2);
        restore.says("belongs to another user");
    }
    if is_root {
        assert_eq!(fs::read_dir(home.path(foreign)).expect("it is there").count(), 0);
    }
}

#[test]
fn a_backup_is_a_file_that_is_there_for_good_or_not_at_all() {
    let site = Site::new();
    let there = || fs::read(site.home.path(FILE));
    for folder in [".", "/dev/null"] {
        site.run(&format!("backup {folder}")).exits(2).says("is no regular file");
    }
    // Behind a link, it is the file that is replaced.
    site.home.write(FILE, "the one before");
    symlink(FILE, site.home.path("link")).expect("it is ours");
    site.told("backup link");
    let whole = there().expect("it is there");
    assert!(whole.starts_with(b"{\"mayflyBackup\""));
    assert!(site.home.path("link").is_symlink());
    site.run(&format!("backup -n default {FILE}")).exits(2).says("unexpected argument '-n'");
    site.run(&format!("restore -n default {FILE}")).exits(2).says("unexpected argument '-n'");

    // A server that goes away in the middle.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port must be free");
    let address = listener.local_addr().expect("it must have one");
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: \
         c, user: u}}}}]\nusers: [{{name: u, user: {{}}}}]\nclusters: [{{name: c, cluster: {{server: \
         'http://{address}'}}}}]\n"
    );
    site.home.write("torn", kubeconfig);
    let serving = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client must come");
        let mut head = BufReader::new(client.try_clone().expect("it must be had twice")).lines();
        while head.next().is_some_and(|line| !line.expect("a head must come").is_empty()) {}
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"m\r\n";
        client.write_all(answer.as_bytes()).expect("it must listen");
    });
    let torn = site.run(&format!("backup --kubeconfig torn {FILE}")).exits(1);
    torn.says("the server's backup broke off on its way").says("nothing was written");
    serving.join().expect("it must have been asked");
    assert_eq!(there().expect("it is there"), whole);
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
