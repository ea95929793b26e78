//! Hosts that pods reach: those that they ask for and the operator allows, and nothing else.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use crate::harness::module::component;
use crate::harness::{Home, job};

/// A home with the guest `name` as an image, `guest.wasm`.
fn home_with(name: &str) -> Home {
    let home = Home::new();
    home.write("guest.wasm", component(name));
    home
}

/// A Job of that guest with these annotations of its pods.
fn asks(annotations: &str, args: &str) -> String {
    let container = format!("image: guest.wasm\nargs: {args}");
    let manifest = job("a", "backoffLimit: 0", &container);
    let metadata = format!("template:\n    metadata:\n      annotations: {{{annotations}}}\n");
    manifest.replacen("template:\n", &metadata, 1)
}

/// A server that answers every request with `hello`, for as long as the test's process lives.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there must be a free port");
    let address = listener.local_addr().expect("it must have a port");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("it must take connections");
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                head.extend(byte);
            }
            // The guest may have been stopped.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        }
    });
    address
}

#[test]
fn a_pod_reaches_a_host_that_it_asks_for_and_the_operator_allows() {
    let (home, address) = (home_with("job_fetch"), server());
    let asked = format!("mayfly.dev/allow-hosts: '{address}'");
    home.write("job.yaml", asks(&asked, &format!("['http://{address}/']")));
    let allowed = address.to_string();
    let ended = home.run(&["run", "--allow-hosts", &allowed, "job.yaml"]).exits(0);
    assert_eq!(ended.stdout, "200\nhello\n");
    let allowed = format!("default={address}/tcp, example.org");
    home.run(&["run", "--allow-hosts", &allowed, "job.yaml"]).exits(2).says("is not allowed");
    home.write(
        "job.yaml",
        asks(
            &format!("mayfly.dev/allow-hosts: '{address}/tcp'"),
            &format!("['http://{address}/']"),
        ),
    );
    home.run(&["run", "--allow-hosts", &allowed, "job.yaml"]).exits(0);
}

#[test]
fn a_pod_that_asks_for_nothing_reaches_nothing() {
    let (home, address) = (home_with("job_fetch"), server());
    home.write("job.yaml", asks("a: b", &format!("['http://{address}/']")));
    let ended = home.run(&["run", "--allow-hosts", &address.to_string(), "job.yaml"]).exits(1);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    ended.says("HTTP-request-denied");
}

#[test]
fn what_is_not_allowed_is_refused_before_anything_starts() {
    let home = home_with("job_fetch");
    home.write("job.yaml", asks("mayfly.dev/allow-hosts: 'example.org:443'", "[]"));
    home.run(&["run", "job.yaml"])
        .exits(2)
        .says("job.yaml")
        .says("no host is allowed in namespace \"default\"")
        .says("--allow-hosts");
    for allowed in ["example.com", "example.org:80", "other=example.org", "*.example.org"] {
        home.run(&["run", "--allow-hosts", allowed, "job.yaml"])
            .exits(2)
            .says("allowed in namespace \"default\"");
    }
    home.run(&["run", "--allow-hosts", "a:0", "job.yaml"]).exits(2).says("`a:0` must have a port");
    home.write("job.yaml", asks("mayfly.dev/allow-hosts: 'http://a'", "[]"));
    home.run(&["run", "--allow-hosts", "*", "job.yaml"])
        .exits(2)
        .says("spec.template.metadata.annotations[mayfly.dev/allow-hosts]")
        .says("`http://a` must have a port");
}

#[test]
fn a_pod_that_moves_too_many_bytes_ends_with_a_code_of_its_own() {
    let (home, address) = (home_with("job_fetch"), server());
    let annotations =
        format!("mayfly.dev/allow-hosts: '{address}', mayfly.dev/network-bytes: '150'");
    let url = format!("'http://{address}/'");
    home.write("job.yaml", asks(&annotations, &format!("[{url}, {url}, {url}]")));
    let allowed = address.to_string();
    let ended = home.run(&["run", "--allow-hosts", &allowed, "-o", "json", "job.yaml"]).exits(1);
    let failure = ended.json()["status"].to_string();
    assert!(failure.contains("BackoffLimitExceeded"), "{failure}");
    ended.says("NetworkExceeded");
}
