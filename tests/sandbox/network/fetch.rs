//! Requests and conversations that are let through, and how they fail.

use std::sync::Arc;

use mayfly_runtime::Authorities;
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::server::{answers, read_head};
use super::*;

/// What `job_fetch` says of a server that answers with these bytes.
async fn fetch(answer: &'static [u8]) -> Ran {
    let server = Server::start().await;
    let url = format!("http://{}/path?query", server.address);
    let network = only(server.address);
    let run = run_in(&network, "job_fetch", [&url], Limits::default());
    beside(server.accept(answers(answer)), run).await
}

#[tokio::test]
async fn job_fetch() {
    let table: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200\nhello\n"),
        (b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n", "404\n\n"),
        (b"HTTP/1.1 302 There\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n", "302\n\n"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
            "200\nabcd\n",
        ),
    ];
    for (answer, expect) in table {
        assert_eq!(fetch(answer).await.exited(0).stdout, expect);
    }
    for (answer, expect) in [
        (&b"no answer"[..], "HTTP-protocol-error"),
        (b"", "connection-terminated"),
        (b"HTTP/1.1 200 OK\r\nA: ", "connection-terminated"),
        (TOO_LARGE.as_bytes(), "HTTP-response-header-section-size"),
    ] {
        let ran = fetch(answer).await.exited(1);
        assert!(ran.stderr.trim_end().ends_with(expect), "{expect}: {}", ran.stderr);
    }
}

static TOO_LARGE: LazyLock<String> =
    LazyLock::new(|| format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "a".repeat(100_000)));

#[tokio::test]
async fn a_host_is_asked_as_the_guest_says_and_by_nobody_else() {
    let server = Server::start().await;
    let port = server.address.port();
    let url = format!("http://localhost:{port}/a?b");
    let host = Host::Name(name("localhost"));
    let rule = Rule { host, port: Port::Only(port), protocol: Some(Protocol::Tcp) };
    let mut network = network(&[rule]);
    let heads = std::cell::RefCell::new(Vec::new());
    let answer = async |mut stream: TcpStream| {
        let head = read_head(&mut stream).await;
        heads.borrow_mut().push(String::from_utf8_lossy(&head).into_owned());
    };
    let plain = format!("GET /a?b HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n");
    let run = run_in(&network, "job_fetch", [&url], Limits::default());
    beside(server.accept(&answer), run).await.exited(1);
    assert_eq!(heads.take(), std::slice::from_ref(&plain));
    // What is said for it, unless it says it itself, or nobody could.
    let said = [("x-a", "b"), ("host", "c"), ("no header", "d"), ("x-e", "f\ng")];
    network.request_headers = said.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let run = run_in(&network, "job_fetch", [&url], Limits::default());
    beside(server.accept(&answer), run).await.exited(1);
    assert_eq!(heads.take(), [plain.replace("\r\n\r\n", "\r\nx-a: b\r\n\r\n")]);
}

/// Makes a certificate for `names`: the authority that it is its own, and what a server needs.
fn certificate(names: &[&str]) -> (String, TlsAcceptor) {
    let names: Vec<_> = names.iter().map(|it| (*it).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("it must be made");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("it must be one");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("there must be some")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(made.cert.der().to_vec())], key)
        .expect("they must fit");
    (made.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn a_server_proves_who_it_is() {
    for (names, is_believed, expect) in [
        (&["127.0.0.1"][..], true, None),
        (&["127.0.0.1"], false, Some("TLS-certificate-error")),
        (&["another.example"], true, Some("TLS-certificate-error")),
    ] {
        let (authority, acceptor) = certificate(names);
        let server = Server::start().await;
        let url = format!("https://{}/", server.address);
        let mut network = only(server.address);
        if is_believed {
            let more = Authorities::with_pem(authority.as_bytes()).expect("it must be good");
            network.authorities = Arc::new(more);
        }
        let answer = async |stream: TcpStream| {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            // Who does not believe us hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        };
        let run = run_in(&network, "job_fetch", [&url], Limits::default());
        let ran = beside(server.accept(answer), run).await;
        match expect {
            None => assert_eq!(ran.exited(0).stdout, "200\nsecret\n"),
            Some(expect) => {
                let ran = ran.exited(1);
                assert!(ran.stderr.trim_end().ends_with(expect), "{}", ran.stderr);
            }
        }
    }
    // What is no TLS at all.
    let server = Server::start().await;
    let url = format!("https://{}/", server.address);
    let network = only(server.address);
    let run = run_in(&network, "job_fetch", [&url], Limits::default());
    let ran = beside(server.accept(forever), run).await.exited(1);
    assert!(ran.stderr.trim_end().ends_with("TLS-protocol-error"), "{}", ran.stderr);
}

#[tokio::test]
async fn job_talk() {
    let server = Server::start().await;
    let answer = async |mut stream: TcpStream| {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut word = [0; 64];
        let read = stream.read(&mut word).await.unwrap_or(0);
        let _ = stream.write_all(&[b"you said ", &word[..read]].concat()).await;
    };
    let port = server.port();
    let named = network(&[rule(Host::Name(name("localhost")))]);
    for (network, host) in [(only(server.address), "127.0.0.1"), (named, "localhost")] {
        let run = run_in(&network, "job_talk", ["tcp", host, &port, "π"], Limits::default());
        assert_eq!(beside(server.accept(answer), run).await.exited(0).stdout, "you said π\n");
    }

    let peer = UdpSocket::bind("127.0.0.1:0").await.expect("there must be a free port");
    let other = UdpSocket::bind("127.0.0.1:0").await.expect("there must be a free port");
    let address = peer.local_addr().expect("it must have a port");
    let echo = async {
        let mut word = [0; 64];
        loop {
            let (read, from) = peer.recv_from(&mut word).await.expect("it must come");
            // Somebody else, who must not be heard.
            other.send_to(b"evil", from).await.expect("it must go");
            let answer = [b"you said ", &word[..read]].concat();
            peer.send_to(&answer, from).await.expect("it must go");
        }
    };
    let (network, port) = (only(address), address.port().to_string());
    let run = run_in(&network, "job_talk", ["udp", "127.0.0.1", &port, "π"], Limits::default());
    assert_eq!(beside(echo, run).await.exited(0).stdout, "you said π\n");
}

#[tokio::test]
async fn what_one_protocol_is_allowed_the_other_is_not() {
    let server = Server::start().await;
    for (protocol, way) in [(Protocol::Udp, "tcp"), (Protocol::Tcp, "udp")] {
        let mut network = only(server.address);
        network.asked[0].protocol = Some(protocol);
        let args = [way, "127.0.0.1", &server.port(), "word"];
        let ran = run_in(&network, "job_talk", args, Limits::default()).await.exited(1);
        assert_eq!(ran.stderr, "127.0.0.1: access-denied\n", "{way}");
    }
}

#[tokio::test]
async fn a_module_has_no_network_whatever_it_is_given() {
    let guest = Guest::new().args(["job_echo", "x"]).network(network(&[rule(Host::Any)]));
    let ran = run_wasm(wasm("job_echo"), guest, Limits::default()).await.exited(0);
    assert_eq!(ran.stdout, "arg 0: job_echo\narg 1: x\n");
}
