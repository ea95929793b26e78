//! What a guest reaches of the network, and what it does not.
//!
//! These guests call WASI preview 2 by themselves, so they are run as components. Whatever is to be
//! reached is on loopback, which takes a rule of its own.

mod fetch;
mod server;

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::pin::pin;

use mayfly_runtime::{Host, HostName, Network, Port, Protocol, Rule};

use self::server::{Server, beside, forever, silent};
use super::*;
use crate::harness::module::component;

/// Runs the guest `name`, which has `network`.
async fn run_in<const N: usize>(
    network: &Network,
    name: &str,
    args: [&str; N],
    limits: Limits,
) -> Ran {
    let guest = Guest::new().args([name]).args(args).network(network.clone());
    run_wasm(component(name), guest, limits).await
}

/// A network of which `rules` are asked for and allowed.
fn network(rules: &[Rule]) -> Network {
    Network { asked: rules.to_vec(), allowed: rules.to_vec(), ..Network::default() }
}

fn rule(host: Host) -> Rule {
    Rule { host, port: Port::Any, protocol: None }
}

fn name(text: &str) -> HostName {
    HostName::new(text).expect("it must be a name")
}

fn addresses(network: &str, prefix: u8) -> Rule {
    rule(Host::Addresses { network: network.parse().expect("it must be an address"), prefix })
}

/// What lets a guest reach `address`, and nothing else.
fn only(address: SocketAddr) -> Network {
    let prefix = if address.is_ipv4() { 32 } else { 128 };
    let host = Host::Addresses { network: address.ip(), prefix };
    network(&[Rule { host, port: Port::Only(address.port()), protocol: None }])
}

/// All that may be had without a rule for special addresses.
fn wide() -> Network {
    let named = [Host::Name(name("example.org")), Host::Below(name("example.net"))];
    let mut rules: Vec<_> = named.map(rule).into();
    rules.extend([addresses("0.0.0.0", 0), addresses("::", 0)]);
    network(&rules)
}

/// Checks that each of the `lines` that the guest printed says that it was denied, for one of
/// `reasons`.
#[track_caller]
fn denied(ran: &Ran, lines: usize, reasons: &[&str]) {
    assert_eq!(ran.outcome.end, End::Exited(0), "{}{}", ran.stdout, ran.stderr);
    for line in ran.stdout.lines() {
        let reason = line.rsplit(' ').next().unwrap_or_default();
        assert!(line.starts_with("denied ") && reasons.contains(&reason), "{line}");
    }
    assert_eq!(ran.stdout.lines().count(), lines, "{}", ran.stdout);
}

/// Checks that the guest got out, so that what keeps it in can be seen to.
#[track_caller]
fn got_out(ran: &Ran) {
    assert_eq!(ran.outcome.end, End::Exited(1), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("ESCAPED "), "{}", ran.stdout);
}

/// Why an address is not reached.
const ADDRESS: [&str; 2] = ["access-denied", "invalid-argument"];

pub(super) async fn escape_loopback() {
    let (server, datagrams) = loop {
        let server = Server::start().await;
        // The same number may be somebody's for datagrams.
        if let Ok(datagrams) = UdpSocket::bind(server.address) {
            break (server, datagrams);
        }
    };
    let port = server.port();
    datagrams.set_nonblocking(true).expect("it must");
    for network in [Network::default(), wide(), network(&[rule(Host::Any)])] {
        let run = run_in(&network, "escape_loopback", [&port], Limits::default());
        denied(&beside(server.accept(silent), run).await, 48, &ADDRESS);
    }
    assert_eq!(server.accepted(), 0);
    assert!(datagrams.recv(&mut [0; 16]).is_err(), "nothing must have come");
    let network = only(server.address);
    let run = run_in(&network, "escape_loopback", [&port], Limits::default());
    got_out(&beside(server.accept(silent), run).await);
}

pub(super) async fn escape_link_local() {
    for network in [Network::default(), wide(), network(&[rule(Host::Any)])] {
        let ran = run_in(&network, "escape_link_local", [], Limits::default()).await;
        denied(&ran, 48, &ADDRESS);
    }
}

pub(super) async fn escape_own_port() {
    for address in [Some(Ipv4Addr::LOCALHOST), server::address_of_host()].into_iter().flatten() {
        let server = Server::start_on(Ipv4Addr::UNSPECIFIED).await;
        let address = SocketAddr::from((address, server.address.port()));
        // Whatever is on this host, but not where it listens.
        let host = addresses(&address.ip().to_string(), 32);
        let mut network = network(&[host, addresses("127.0.0.0", 8), rule(Host::Any)]);
        network.own_ports = vec![address.port()];
        let args = [&*address.to_string()];
        let run = run_in(&network, "escape_own_port", args, Limits::default());
        denied(&beside(server.accept(silent), run).await, 1, &ADDRESS);
        assert_eq!(server.accepted(), 0);
        network.own_ports.clear();
        let run = run_in(&network, "escape_own_port", args, Limits::default());
        got_out(&beside(server.accept(silent), run).await);
    }
}

pub(super) async fn escape_listen() {
    for network in [Network::default(), network(&[rule(Host::Any), addresses("127.0.0.0", 8)])] {
        let ran = run_in(&network, "escape_listen", [], Limits::default()).await;
        denied(&ran, 15, &ADDRESS);
    }
}

pub(super) async fn escape_name() {
    for network in [Network::default(), wide()] {
        let ran = run_in(&network, "escape_name", [], Limits::default()).await;
        // Had anybody been asked, it would be another reason.
        denied(&ran, 14, &ADDRESS);
    }
}

pub(super) async fn escape_request() {
    let server = Server::start().await;
    let reasons = ["HTTP-request-denied", "HTTP-request-URI-invalid", "HTTP-protocol-error"];
    for network in [Network::default(), wide()] {
        let args = [&*server.port()];
        let run = run_in(&network, "escape_request", args, Limits::default());
        denied(&beside(server.accept(silent), run).await, 40, &reasons);
    }
    assert_eq!(server.accepted(), 0);
    let network = only(server.address);
    let args = [&*server.port()];
    let run = run_in(&network, "escape_request", args, Limits::default());
    got_out(&beside(server.accept(server::answers(b"HTTP/1.1 204 None\r\n\r\n")), run).await);
}

pub(super) async fn hog_sockets() {
    let server = Server::start().await;
    let limits = Limits { sockets: 10, ..Limits::default() };
    let address = server.address.to_string();
    let network = only(server.address);
    let run = run_in(&network, "hog_sockets", [&address], limits);
    let ran = beside(server.accept(silent), run).await.exited(0);
    let expect = "opened 10 sockets: Some(new-socket-limit)\n\
                  opened 10 connections: Some(new-socket-limit)\n";
    assert_eq!(ran.stdout, expect);

    // Their buffers are memory.
    let limits = Limits { memory_bytes: 16 << 20, ..Limits::default() };
    let run = run_in(&network, "hog_sockets", [&address], limits);
    let ran = beside(server.accept(silent), run).await;
    assert_eq!(ran.outcome.end, End::OutOfMemory(MemoryUse::Network));
}

#[tokio::test]
async fn a_connection_that_nobody_takes_is_given_up() {
    let (listener, address) = server::full().await;
    let wasm = component("job_talk");
    // So that nothing but the guest needs time from here on.
    let _loaded = ENGINE.load(wasm.into(), Metering::Epochs).await.expect("it must load");
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let port = address.port().to_string();
    let args = ["tcp", "127.0.0.1", &*port, "hello"];
    let limits = deadline(600_000);
    let ran = run_in(&only(address), "job_talk", args, limits).await.exited(1);
    assert_eq!(ran.stderr, "127.0.0.1: timeout\n");
    assert_eq!(began.elapsed().as_secs(), 60);
    drop(listener);
}

const BYTES_MAX: u64 = 1_000_000;

fn few_bytes() -> Limits {
    Limits { network_bytes: BYTES_MAX, ..Limits::default() }
}

pub(super) async fn hog_upload() {
    let server = Server::start().await;
    let address = server.address.to_string();
    let network = only(server.address);
    let run = run_in(&network, "hog_upload", [&address], few_bytes());
    let (swallow, is_over) = (server::swallows(server.received()), Cell::new(false));
    let mut serving = pin!(server.accept(async |stream| {
        swallow(stream).await;
        is_over.set(true);
    }));
    let ran = beside(serving.as_mut(), run).await;
    assert_eq!(ran.outcome.end, End::NetworkExceeded, "{}", ran.stderr);
    // What was sent may still lie in the system's buffers.
    let to_the_end = async {
        while !is_over.get() {
            tokio::task::yield_now().await;
        }
    };
    let read = tokio::time::timeout(PATIENCE, beside(serving, to_the_end)).await;
    read.expect("its connection must have an end");
    let received = server.received_bytes();
    assert!(received > 0 && received <= BYTES_MAX, "{received}");
}

pub(super) async fn hog_download() {
    for from in ["", "http://"] {
        let server = Server::start().await;
        let from = format!("{from}{}", server.address);
        let network = only(server.address);
        let run = run_in(&network, "hog_download", [&from], few_bytes());
        let ran = beside(server.accept(forever), run).await;
        assert_eq!(ran.outcome.end, End::NetworkExceeded, "{from}: {}{}", ran.stdout, ran.stderr);
    }
}

pub(super) async fn hog_datagrams() {
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("it must have a port");
    let address = peer.local_addr().expect("it must have a port");
    let args = [&*address.to_string()];
    let ran = run_in(&only(address), "hog_datagrams", args, few_bytes()).await;
    assert_eq!(ran.outcome.end, End::NetworkExceeded, "{}", ran.stderr);
}

pub(super) async fn hog_silence() {
    for from in ["", "http://", "https://"] {
        let server = Server::start().await;
        let from = format!("{from}{}", server.address);
        let limits = deadline(300);
        let network = only(server.address);
        let run = run_in(&network, "hog_silence", [&from], limits);
        ended_in_time(&beside(server.accept(silent), run).await, limits);
    }
}
