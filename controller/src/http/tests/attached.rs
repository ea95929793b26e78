//! Clients that are attached to pods on other hosts, over real sockets, whose nodes do what a test tells
//! them.

use std::net::SocketAddr;
use std::sync::Mutex;

use axum::http::{HeaderMap, Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::elsewhere::pod_elsewhere;
use super::*;
use crate::api::Node;
use crate::http::kubelet::Answer;
use crate::http::{Kubelets, Switched};

/// A node that answers so, with a stream if it switches; and what it was asked.
#[derive(Default)]
struct Far {
    answer: Mutex<Option<(StatusCode, &'static str, Option<DuplexStream>)>>,
    asked: Mutex<Option<(String, HeaderMap)>>,
}

impl Kubelets for Far {
    fn get(&self, _: Arc<Node>, _: String) -> Answer<Result<Response<Body>, String>> {
        unreachable!("nobody asks for logs")
    }

    fn switch(
        &self,
        _: Arc<Node>,
        path: String,
        headers: HeaderMap,
    ) -> Answer<Result<Switched, String>> {
        *self.asked.lock().unwrap() = Some((path, headers));
        let told = self.answer.lock().unwrap().take();
        Box::pin(async {
            let (status, body, stream) = told.expect("it is asked once");
            let answer = Response::builder().status(status).header("set-cookie", "a=b");
            let answer = answer.header("sec-websocket-accept", "so").header("upgrade", "websocket");
            let answer = answer.header("connection", "upgrade").body(Body::from(body)).unwrap();
            Ok(Switched { answer, stream: stream.map(|it| Box::new(it) as _) })
        })
    }
}

/// An API with a pod on a node far away.
struct Attached {
    far: Arc<Far>,
    places: Arc<Semaphore>,
    shutdown: CancellationToken,
    address: SocketAddr,
}

impl Attached {
    async fn new() -> Self {
        let (far, shutdown) = (Arc::new(Far::default()), CancellationToken::new());
        let mut served = Api::new().await.served.with_kubelets("own", far.clone());
        let places = Arc::new(Semaphore::new(1));
        served.streams = Arc::clone(&places);
        let api = Api::of(served.with_shutdown(shutdown.clone()));
        pod_elsewhere(&api).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, api.router).await });
        Self { far, places, shutdown, address }
    }

    /// Has the node answer so.
    fn answers(&self, status: u16, body: &'static str, stream: Option<DuplexStream>) {
        let status = StatusCode::from_u16(status).unwrap();
        *self.far.answer.lock().unwrap() = Some((status, body, stream));
    }

    /// The head of the answer to who wants to be attached, and what is said from then on.
    async fn attach(&self) -> (String, TcpStream) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = "GET /api/v1/namespaces/default/pods/p/attach?stdin=true&stdout=true HTTP/1.1\r\n\
                       host: here\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                       sec-websocket-key: a2V5\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-protocol: v5.channel.k8s.io\r\n\
                       authorization: Bearer secret\r\ncookie: a=b\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        (String::from_utf8(head).unwrap().to_lowercase(), stream)
    }

    /// Waits until nobody is attached any more.
    async fn until_nobody_is(&self) {
        let _place = self.places.acquire().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_and_the_node_are_joined_and_the_node_learns_nothing_else() {
    let there = Attached::new().await;
    let (mut far, near) = duplex(64);
    there.answers(101, "", Some(near));
    let (head, mut client) = there.attach().await;
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(head.contains("sec-websocket-accept: so\r\n") && !head.contains("cookie"), "{head}");
    let (path, headers) = there.far.asked.lock().unwrap().take().unwrap();
    assert_eq!(path, "/attach/default/p/main?input=1&output=1");
    let mut names: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    let websocket = ["sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version"];
    assert_eq!(names, [&["connection"], &websocket[..], &["upgrade"]].concat());
    assert_eq!(there.places.available_permits(), 0);
    client.write_all(b"typed").await.unwrap();
    let mut said = [0; 5];
    far.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"typed");
    far.write_all(b"shown").await.unwrap();
    client.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"shown");
    drop(client);
    assert_eq!(far.read(&mut said).await.unwrap(), 0);
    drop(far);
    there.until_nobody_is().await;
}

#[tokio::test]
async fn both_are_left_when_the_server_stops() {
    let there = Attached::new().await;
    let (mut far, near) = duplex(64);
    there.answers(101, "", Some(near));
    let (_, mut client) = there.attach().await;
    there.shutdown.cancel();
    there.until_nobody_is().await;
    assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn why_a_node_refuses_is_told_and_what_it_may_not_answer_is_not() {
    let there = Attached::new().await;
    let cases =
        [(404, 404), (409, 409), (500, 500), (401, 500), (403, 500), (200, 500), (302, 500)];
    for (status, expect) in cases {
        there.answers(status, "so it is", None);
        let (head, mut client) = there.attach().await;
        assert!(head.starts_with(&format!("http/1.1 {expect} ")), "{status}: {head}");
        let wanted = match status == expect {
            true => "so it is".to_owned(),
            false => {
                format!("asking node other for /attach/default/p/main: it answered with {status}")
            }
        };
        let mut body = Vec::new();
        while !String::from_utf8_lossy(&body).contains(&wanted) {
            let more = client.read_buf(&mut body).await.unwrap();
            assert_ne!(more, 0, "{status}: {}", String::from_utf8_lossy(&body));
        }
        drop(client);
        there.until_nobody_is().await;
    }
}
