//! How a server starts and stops, and what it says meanwhile.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use super::client::{Client, Shows};
use crate::harness::{Home, PATIENTLY, Server, Stream};

#[test]
fn it_says_where_it_serves_and_stops_in_order() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    assert_eq!(*server.kubeconfig(), home.path(".local/state/mayfly/kubeconfig"));
    let mode = |name: &str| {
        let path = home.path(".local/state/mayfly").join(name);
        fs::metadata(path).expect(name).permissions().mode() & 0o777
    };
    assert_eq!([mode("kubeconfig"), mode("tls/ca.key"), mode("tls")], [0o600, 0o600, 0o700]);
    let text = fs::read_to_string(server.kubeconfig()).expect("it must be readable");
    for line in [&format!("    server: {}", server.url()), "current-context: mayfly"] {
        assert!(text.lines().any(|it| it == line), "{line}: {text}");
    }
    let ended = server.stop().exits(0);
    assert!(ended.stderr.ends_with("once more to stop at once\nmayfly: stopped\n"), "{ended:?}");
}

#[test]
fn an_address_that_is_taken_is_told_with_what_to_do() {
    let home = Home::new();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port must be free");
    let address = other.local_addr().expect("it must have one").to_string();
    let ended = home.run(&["serve", "--listen", &address]).exits(2);
    ended.says(&format!("can't listen at {address}")).says("--listen 127.0.0.1:0");
    home.run(&["serve", "--listen", "example.org:80"]).exits(2).says("an address and a port");
}

#[test]
fn one_server_has_a_state_folder() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let ended = home.run(&["serve", "--listen", "127.0.0.1:0"]).exits(2);
    ended.says("is in use by process").says("--state-dir");
    let other = Server::start(&home, &["--state-dir", "another"]);
    assert_ne!(server.url(), other.url());
}

#[test]
fn who_trusts_a_server_trusts_the_next_one_there() {
    let home = Home::new();
    let first = Server::start(&home, &[]);
    let trusted = first.credential("certificate-authority-data");
    let client = first.credential("client-certificate-data");
    first.stop().exits(0);
    let second = Server::start(&home, &[]);
    assert_eq!(second.credential("certificate-authority-data"), trusted);
    assert_ne!(second.credential("client-certificate-data"), client);
}

#[test]
fn somebody_elses_kubeconfig_is_left() {
    let home = Home::new();
    let other = "apiVersion: v1\nkind: Config\nclusters: [{name: production, cluster: {}}]\n";
    home.write("config", other);
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--kubeconfig", "config"];
    home.run(&arguments).exits(2).says("config has more in it than mayfly wrote");
    assert_eq!(fs::read_to_string(home.path("config")).expect("it is ours"), other);
    let server = Server::start(&home, &["--kubeconfig", "new"]);
    assert_eq!(*server.kubeconfig(), home.path("new"));
}

#[test]
fn what_is_logged_can_be_json() {
    let home = Home::new();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let mut running = home.start(&arguments);
    let line = running.line(|from, line| from == Stream::Stderr && line.contains("serving"));
    let event: serde_json::Value = serde_json::from_str(&line).expect("it must be JSON");
    assert!(event["url"].as_str().is_some_and(|url| url.starts_with("https://127.0.0.1:")));
    running.signal(Signal::INT);
    let ended = running.wait().exits(0);
    for line in ended.stderr.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("each line must be JSON");
    }
}

#[test]
fn options_can_come_from_a_file() {
    let home = Home::new();
    let image = crate::harness::guest("job_echo");
    // Nobody could listen there: what the command line says counts more.
    home.write(
        "serve.yaml",
        format!("listen: 192.0.2.1:1\nimage: [echo={image}]\noffline: true\n"),
    );
    let server = Server::start(&home, &["--config", "serve.yaml"]);
    home.write("job.yaml", crate::harness::job("echo", "", "image: echo"));
    home.run(&["create", "-f", "job.yaml"]).exits(0);
    let done = ["wait", PATIENTLY, "--for=condition=Complete", "job/echo"];
    home.run(&done).exits(0);
    server.stop().exits(0);

    home.write("serve.yaml", "offline: true\nlissen: 127.0.0.1:0\n");
    let ended = home.run(&["serve", "--config", "serve.yaml"]).exits(2);
    ended.says("can't use the options in serve.yaml: line 2: lissen: there is no such option");
    home.write("serve.yaml", "tls-cert: server.crt\n");
    let ended = home.run(&["serve", "--config", "serve.yaml"]).exits(2);
    ended.says("can't use the options in serve.yaml: ").says("--tls-key");
    home.run(&["serve", "--config", "missing.yaml"]).exits(2).says("missing.yaml: No such file");
}

/// A request whose body does not come keeps the server from stopping for a while.
#[test]
fn a_second_signal_stops_it_at_once() {
    let home = Home::new();
    let mut server = Server::start(&home, &[]);
    let mut client = Client::connect(&server, &Shows::Certificate);
    let head = "POST /api/v1/namespaces HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\
                Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n";
    client.send(head.as_bytes());
    assert_eq!(client.answer().map(|answer| answer.code), Some(100), "it waits for the body");
    server.running().signal(Signal::TERM);
    server.running().line(|_, line| line.contains("once more to stop at once"));
    server.stop().exits(143);
}

#[test]
fn what_goes_on_ends_when_the_server_stops() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let path = "/api/v1/namespaces?watch=true";
    let mut watch = Client::connect(&server, &Shows::Certificate).watch(path);
    assert!(watch.line().contains("\"ADDED\""));
    server.stop().exits(0);
    while !watch.rest_is_empty() {}
}
