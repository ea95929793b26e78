//! The same server over HTTP/2: many requests over one connection, good ones and bad.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use futures_util::future::join_all;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client::{Shows, config};
use crate::harness::{Home, Server};

/// Connects to `server`.
async fn connect(server: &Server) -> SendRequest<Body> {
    let config = Arc::new(config(server, &Shows::Certificate, &[b"h2"]));
    let stream = TcpStream::connect(server.address()).await.expect("it must listen");
    let name = "localhost".try_into().expect("it must be a name");
    let stream = TlsConnector::from(config).connect(name, stream).await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let shaken = handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = shaken.expect("it must speak HTTP/2");
    tokio::spawn(connection);
    sender
}

async fn send(to: &mut SendRequest<Body>, request: Request<Body>) -> (StatusCode, String) {
    to.ready().await.expect("the connection must be open");
    let answer = to.send_request(request).await.expect("there must be an answer");
    let (parts, body) = answer.into_parts();
    let bytes = to_bytes(Body::new(body), usize::MAX).await.expect("it must have a body");
    (parts.status, String::from_utf8(bytes.to_vec()).expect("it must be text"))
}

fn get(path: &str) -> Request<Body> {
    let uri = format!("https://localhost{path}");
    Request::get(uri).body(Body::empty()).expect("it must be a request")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_share_a_connection() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let connection = connect(&server).await;
    let answers = join_all((0..80).map(|_| {
        let mut connection = connection.clone();
        async move { send(&mut connection, get("/api/v1/namespaces")).await }
    }));
    for (code, body) in answers.await {
        assert_eq!(code, 200);
        let list: Value = serde_json::from_str(&body).expect("it must be JSON");
        assert_eq!(list["kind"], "NamespaceList");
    }
    server.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_told_the_limit() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let mut connection = connect(&server).await;
    let mut large = get("/api");
    let value = "a".repeat(70_000).parse().expect("it must be a header");
    large.headers_mut().insert("x-large", value);
    let (code, body) = send(&mut connection, large).await;
    assert_eq!(code, 431);
    assert!(body.contains("Request header fields too large: limit is 65536 bytes"), "{body}");
    let jobs = "https://localhost/apis/batch/v1/namespaces/default/jobs";
    let body = Body::from(vec![b' '; 100 << 20]);
    let post = Request::post(jobs).header("content-type", "application/json").body(body);
    let (code, body) = send(&mut connection, post.expect("it must be a request")).await;
    assert_eq!(code, 413);
    assert!(body.contains("Request entity too large: limit is 3145728"), "{body}");
    assert_eq!(send(&mut connection, get("/livez")).await, (StatusCode::OK, "ok".to_owned()));
    server.stop().exits(0);
}
