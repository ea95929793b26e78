//! What comes of a request that is passed on, with a leader that says what it is told to.

use axum::http::Method;
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::*;
use crate::serve::door::Door;
use crate::serve::tls::{Authorities, Source};

/// Who leads at `listener`.
fn leader_at(listener: &TcpListener) -> Leader {
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let text = String::new;
    Leader { id: text(), url, authority: None, version: text(), users: text() }
}

/// The same, for a server.
fn peer_at(listener: &TcpListener) -> Peer {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Source::Made(vec!["localhost".to_owned()]);
    let tls =
        Tls::open(folder.path(), Authorities::Own, source, Clock::system().now()).expect("TLS");
    Peer::new(&leader_at(listener), &Arc::new(tls)).expect("a client")
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

/// All up to an empty line.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a byte"));
    }
    String::from_utf8(head).expect("a head").to_lowercase()
}

fn request(method: &Method) -> Request {
    let request = Request::builder().method(method).uri("/api/v1/pods");
    request.body(Body::empty()).expect("it must be one")
}

/// A place of its own.
fn place() -> OwnedSemaphorePermit {
    Arc::new(Semaphore::new(1)).try_acquire_owned().expect("it must be free")
}

/// The code of an answer, and whether it says when to ask again.
fn told(answer: &Response<Body>) -> (u16, bool) {
    (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
}

#[tokio::test]
async fn what_was_not_sent_or_only_reads_may_be_asked_again() {
    let check = async |peer: &Peer, method: Method, expect: (u16, bool)| {
        let answer = peer.forward(request(&method), place()).await;
        assert_eq!(told(&answer), expect, "{method}");
    };
    let there = listen().await;
    let peer = peer_at(&there);
    // It takes in what it is asked, and is gone before it says what has become of it.
    let leading = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = there.accept().await.expect("a connection");
            head(&mut stream).await;
        }
    });
    check(&peer, Method::POST, (504, false)).await;
    check(&peer, Method::GET, (503, true)).await;
    leading.await.expect("it must not panic");
    // And now it is not there at all.
    check(&peer, Method::POST, (503, true)).await;
    check(&peer, Method::GET, (503, true)).await;
}

#[tokio::test]
async fn a_stream_is_passed_on_both_ways() {
    let (there, here) = (listen().await, listen().await);
    let peer = Arc::new(peer_at(&there));
    let passes = axum::Router::new().fallback(move |request: Request| {
        let peer = Arc::clone(&peer);
        async move { peer.forward(request, place()).await }
    });
    let at = here.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(here, passes).await });
    let leading = tokio::spawn(async move {
        let (mut stream, _) = there.accept().await.expect("a connection");
        let asked = head(&mut stream).await;
        assert!(asked.starts_with("get /attach?stdin=true http/1.1\r\n"), "{asked}");
        assert!(asked.contains("upgrade: websocket\r\n") && asked.contains("a: b\r\n"), "{asked}");
        let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                      upgrade: websocket\r\n\r\nhello";
        stream.write_all(answer.as_bytes()).await.expect("it must be sent");
        let mut said = [0; 5];
        stream.read_exact(&mut said).await.expect("it must come");
        stream.write_all(&said).await.expect("it must be sent");
    });
    let mut client = TcpStream::connect(at).await.expect("a connection");
    let request = "GET /attach?stdin=true HTTP/1.1\r\nhost: here\r\nconnection: Upgrade\r\n\
                   upgrade: websocket\r\na: b\r\n\r\n";
    client.write_all(request.as_bytes()).await.expect("it must be sent");
    let answer = head(&mut client).await;
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    client.write_all(b"again").await.expect("it must be sent");
    let mut all = [0; 10];
    client.read_exact(&mut all).await.expect("it must come");
    assert_eq!(&all, b"helloagain");
    leading.await.expect("it must not panic");
    serving.abort();
}

#[tokio::test]
async fn what_was_passed_on_ends_when_another_leads() {
    let there = listen().await;
    let door = Door::default();
    door.lead_away(peer_at(&there));
    // A leader that hangs: it takes everything in, and its system keeps its connections open.
    let ask = |method: Method| tokio::spawn(door.router().oneshot(request(&method)));
    let watch = ask(Method::GET);
    let (mut watched, _) = there.accept().await.expect("a connection");
    head(&mut watched).await;
    let some = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nevent\r\n";
    watched.write_all(some.as_bytes()).await.expect("it must be sent");
    let answer = watch.await.expect("it must not panic").expect("it must answer");
    assert_eq!(told(&answer), (200, false));
    let mut events = answer.into_body().into_data_stream();
    assert_eq!(events.next().await.expect("an event").expect("it must be whole"), "event");
    let mut silent = Vec::new();
    let mut asked = Vec::new();
    for (method, expect) in [(Method::GET, (503, true)), (Method::POST, (504, false))] {
        asked.push((ask(method), expect));
        let (mut stream, _) = there.accept().await.expect("a connection");
        head(&mut stream).await;
        silent.push(stream);
    }
    door.lead_away(peer_at(&listen().await));
    for (answer, expect) in asked {
        let answer = answer.await.expect("it must not panic").expect("it must answer");
        assert_eq!(told(&answer), expect);
    }
    let end = events.next().await.expect("it must not look whole");
    assert!(end.expect_err("it breaks off").to_string().contains("does not lead any more"));
}

#[tokio::test]
async fn who_leads_already_is_no_other() {
    let there = listen().await;
    let door = Door::default();
    let leader = leader_at(&there);
    assert!(!door.leads_to(&leader), "it leads nowhere");
    door.lead_away(peer_at(&there));
    assert!(door.leads_to(&leader));
    let again = Leader { id: "another election".to_owned(), ..leader.clone() };
    assert!(!door.leads_to(&again));
    door.shut("nobody leads");
    assert!(!door.leads_to(&leader));
}

#[tokio::test]
async fn one_too_many_is_told_to_come_back() {
    let there = listen().await;
    let door = Door::with_places(1);
    door.lead_away(peer_at(&there));
    let ask = || tokio::spawn(door.router().oneshot(request(&Method::GET)));
    let begin = async || {
        let asked = ask();
        let (mut stream, _) = there.accept().await.expect("a connection");
        head(&mut stream).await;
        let some = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(some.as_bytes()).await.expect("it must be sent");
        (asked.await.expect("it must not panic").expect("it must answer"), stream)
    };
    let (first, _stream) = begin().await;
    assert_eq!(told(&first), (200, false));
    let refused = ask().await.expect("it must not panic").expect("it must answer");
    assert_eq!(told(&refused), (429, true));
    // Its place is free as soon as nobody reads it any more.
    drop(first);
    let (next, _stream) = begin().await;
    assert_eq!(told(&next), (200, false));
}

#[test]
fn what_is_of_one_connection_stays_there() {
    let mut headers = HeaderMap::new();
    headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert("accept", HeaderValue::from_static("text/plain"));
    assert!(is_upgrade(&headers));
    let mut with = headers.clone();
    between(&mut with, true);
    assert_eq!(
        (with.len(), &with[CONNECTION], &with[UPGRADE]),
        (3, &"Upgrade".parse().unwrap(), &"websocket".parse().unwrap())
    );
    between(&mut headers, false);
    assert_eq!(headers.len(), 1);
}
