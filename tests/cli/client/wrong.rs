//! What can't be: each mistake with its words and its exit code.

use super::Site;
use crate::harness::{Home, job};

#[test]
fn what_makes_no_sense_is_told_before_anybody_is_asked() {
    let home = Home::new();
    home.write("no-kind.yaml", "a: b\n");
    home.write("no-name.yaml", "apiVersion: v1\nkind: Pod\n");
    for (words, message) in [
        ("get pods -o jsno", "there is no format jsno"),
        ("get pods -o jsonpath={.a", "unclosed action"),
        ("get pods -o custom-columns=x", "expected <header>:<json-path-expr>"),
        ("wait --for=soon job/a", "unrecognized condition"),
        ("wait job/a", "--for"),
        ("create -f no-kind.yaml", "no-kind.yaml:1: apiVersion is not set"),
        ("create -f nowhere.yaml", "can't read nowhere.yaml"),
        ("create", "must specify -f FILE"),
        ("create job a", "--image"),
        ("delete jobs", "no name was specified"),
        ("logs", "expected 'logs POD'"),
        ("logs a --since=soon", "a duration is wanted"),
        ("completion dos", "possible values"),
    ] {
        let ended = home.run(&words.split(' ').collect::<Vec<_>>()).exits(2);
        assert_eq!(ended.stdout, "", "{words}");
        ended.says(message);
    }
}

#[test]
fn nobody_serves() {
    let home = Home::new();
    let ended = home.run(&["get", "jobs"]).exits(1);
    ended.says("no kubeconfig says where the server is").says("`mayfly serve`");
    home.run(&["get", "jobs", "--kubeconfig", "no"]).exits(1).says("can't use the kubeconfig no: ");
    let config = |server: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n"
        )
    };
    // A port that nobody listens on, nor can: it is held.
    let held = tokio::net::TcpSocket::new_v4().expect("a socket must be had");
    held.bind("127.0.0.1:0".parse().expect("an address")).expect("a port must be free");
    let free = held.local_addr().expect("it must have one");
    home.write("dead", config(&format!("http://{free}")));
    let ended = home.run(&["get", "jobs", "--kubeconfig", "dead"]).exits(1);
    ended
        .says(&format!("The connection to the server {free} was refused"))
        .says("The kubeconfig dead names it; `mayfly serve` starts a server.");
    home.run(&["get", "jobs", "--kubeconfig", "dead", "--context", "x"])
        .exits(1)
        .says("context \"x\" does not exist");
    drop(held);
    home.write("odd", "- not\n- a\n- kubeconfig\n");
    home.run(&["get", "jobs", "--kubeconfig", "odd"]).exits(1).says("can't use the kubeconfig odd");
}

#[test]
fn what_the_server_refuses_is_told_in_kubectls_words() {
    let site = Site::new();
    site.home.write("typo.yaml", job("a", "completion: 1", "image: echo"));
    site.home.write("wrong.yaml", job("a", "completions: -1\nparallelism: -1", "image: echo"));
    site.home.write("kind.yaml", "apiVersion: x/v1\nkind: Thing\nmetadata: {name: a}\n");
    for (words, code, message) in [
        ("get cows", 1, "error: the server doesn't have a resource type \"cows\"\n"),
        ("get job a", 1, "Error from server (NotFound): jobs.batch \"a\" not found\n"),
        ("delete job a", 1, "Error from server (NotFound): jobs.batch \"a\" not found\n"),
        ("describe job a", 1, "Error from server (NotFound): jobs.batch \"a\" not found\n"),
        (
            "logs a",
            1,
            "error: error from server (NotFound): pods \"a\" not found in namespace \"default\"\n",
        ),
        ("wait --for=condition=complete job/a", 1, "Error from server (NotFound): "),
        ("wait --for=condition=complete jobs --all", 1, "error: no matching resources found\n"),
        (
            "get jobs -l a=(",
            1,
            "Error from server (BadRequest): Unable to find \"batch/v1, Resource=jobs\" that match label selector \"a=(\"",
        ),
        ("get jobs --field-selector=a=b", 1, "field label \"a\" not supported for Job"),
        (
            "create -f typo.yaml",
            1,
            "error when creating \"typo.yaml\": Job in version \"v1\" cannot be handled as a Job: strict decoding error: unknown field \"spec.completion\"",
        ),
        (
            "create -f wrong.yaml",
            1,
            "The Job \"a\" is invalid: \n* spec.parallelism: Invalid value: -1",
        ),
        ("create -f kind.yaml", 1, "error: no matches for kind \"Thing\" in version \"x/v1\"\n"),
        (
            "get job a b",
            1,
            "jobs.batch \"a\" not found\nError from server (NotFound): jobs.batch \"b\" not found\n",
        ),
        ("get job/a -l x=y", 2, "error: name cannot be provided when a selector is specified\n"),
        ("get", 2, "error: which objects?"),
        ("get job/a/b", 2, "resource/name form"),
        ("get jobs,pods -w", 2, "error: you may only specify a single resource type\n"),
        ("create job x --from=pod/y", 2, "error: from must be an existing cronjob\n"),
        ("create job x --from=cronjob/y", 1, "cronjobs.batch \"y\" not found"),
    ] {
        let ended = site.run(words).exits(code);
        assert_eq!(ended.stdout, "", "{words}");
        ended.says(message);
    }
    site.run("create -f typo.yaml --validate=warn").exits(0).says("Warning: unknown field");
}

#[test]
fn a_reader_that_goes_is_no_error() {
    let site = Site::new();
    let mut command = site.home.mayfly();
    command.args(["get", "ns", "-o", "json"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("mayfly must start");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("mayfly must end");
    assert_eq!(output.status.code(), Some(141), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
