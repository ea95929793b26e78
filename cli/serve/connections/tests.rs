//! What clients see of a connection's end.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use mayfly_controller::clock::Clock;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::Connections;
use crate::serve::tls::{self, Authorities, Source, Tls};

/// Answers with a piece of what is asked for, and at `/broken` fails then.
async fn answer(request: axum::http::Request<Body>) -> Body {
    let failure = || Err(io::Error::other("it breaks off"));
    let breaks_off = request.uri().path() == "/broken";
    let pieces = [Ok(Bytes::from_static(b"some"))].into_iter().chain(breaks_off.then(failure));
    // Between two pieces there is time for the first to go out.
    let pieces = stream::iter(pieces.collect::<Vec<_>>()).then(async |piece| {
        tokio::task::yield_now().await;
        piece
    });
    Body::from_stream(Box::pin(pieces))
}

/// What comes of `request` until the connection ends, and how it ends.
async fn ask(address: std::net::SocketAddr, tls: &Tls, request: &str) -> (String, io::Result<()>) {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(tls.own_authority().as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let mut client = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let end = client.read_to_end(&mut bytes).await.map(drop);
    (String::from_utf8(bytes).unwrap(), end)
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let folder = tempfile::tempdir().unwrap();
    let names = tls::names(IpAddr::V4(Ipv4Addr::LOCALHOST), &[]);
    let tls =
        Tls::open(folder.path(), Authorities::Own, Source::Made(names), Clock::system().now())
            .unwrap();
    let connections = Connections::new(&tls, Router::new().fallback(answer)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = tokio::spawn(connections.clone().accept(listener));
    for (request, is_whole) in [
        ("GET /whole HTTP/1.0\r\n\r\n", true),
        ("GET /broken HTTP/1.0\r\n\r\n", false),
        ("GET /whole HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true),
        ("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n", false),
        // There is no more of it than its head.
        ("HEAD /broken HTTP/1.0\r\n\r\n", true),
    ] {
        let (text, end) = ask(address, &tls, request).await;
        // What has come of a broken one by then depends on who is quicker.
        let has_body = is_whole && !request.starts_with("HEAD");
        assert!(text.contains("some") || !has_body, "{request}: {text}");
        match end {
            Ok(()) => assert!(is_whole, "{request}: {text}"),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{request}");
                assert!(!is_whole, "{request}: {text}");
            }
        }
    }
    connections.stop(Duration::from_secs(60)).await;
    accepting.await.unwrap();
}
