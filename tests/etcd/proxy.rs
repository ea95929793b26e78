//! Something between a client and a member of etcd, that loses what it is told to.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::kit::Etcd;

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// It happens, and is answered.
    Passed,
    /// It happens, and no answer comes.
    AnswerLost,
    /// It does not happen, and no answer comes.
    Lost,
    /// It does not happen, since etcd has no room.
    Refused,
    /// It happens, and etcd says that it has no room, which it has seen only afterwards.
    DoneAndRefused,
}

/// It is at work until it is dropped.
pub(super) struct Proxy {
    pub(super) address: String,
    fates: Fates,
    _serving: AbortOnDropHandle<()>,
}

/// What is to become of the next transactions, each with a word by which it is known.
type Fates = Arc<Mutex<VecDeque<(String, Fate)>>>;

#[derive(Clone)]
struct Way {
    etcd: String,
    http: reqwest::Client,
    fates: Fates,
}

impl Proxy {
    pub(super) async fn to(etcd: &Etcd) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        // Whoever was first has chosen the same.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let fates = Fates::default();
        let way = Way { etcd: etcd.address.clone(), http, fates: Arc::clone(&fates) };
        let router = Router::new().fallback(pass).with_state(way);
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it must serve");
        });
        Self { address, fates, _serving: AbortOnDropHandle::new(serving) }
    }

    /// What becomes of the next transaction that writes or deletes below `key`, whose length is a
    /// multiple of three. Others that have been told before come first.
    pub(super) fn next(&self, key: &str, fate: Fate) {
        assert_eq!(key.len() % 3, 0, "it must have a form in base64 of its own");
        let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        fates.push_back((format!("\"key\":\"{}", BASE64.encode(key)), fate));
    }

    /// That all which was told has come to pass.
    pub(super) fn assert_through(&self) {
        let fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(fates.is_empty(), "this did not come to pass: {fates:?}");
    }
}

impl Way {
    fn fate_of(&self, body: &str) -> Fate {
        let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = fates.front().is_some_and(|(word, _)| {
            body.contains(word)
                && (body.contains("requestPut") || body.contains("requestDeleteRange"))
        });
        let fate = is_meant.then(|| fates.pop_front()).flatten();
        fate.map_or(Fate::Passed, |(_, fate)| fate)
    }
}

async fn pass(State(way): State<Way>, request: Request) -> Response<Body> {
    let url = format!("http://{}{}", way.etcd, request.uri().path());
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.expect("a request");
    let fate = way.fate_of(&String::from_utf8_lossy(&body));
    match fate {
        Fate::Lost => return lost(),
        Fate::Refused => return refused(),
        Fate::Passed | Fate::AnswerLost | Fate::DoneAndRefused => {}
    }
    let Ok(answer) = way.http.post(url).body(body).send().await else { return lost() };
    let status = answer.status().as_u16();
    let Ok(answer) = answer.bytes().await else { return lost() };
    match fate {
        Fate::AnswerLost => lost(),
        Fate::DoneAndRefused => refused(),
        _ => (StatusCode::from_u16(status).expect("a status"), answer).into_response(),
    }
}

/// An answer that breaks off before it has begun.
fn lost() -> Response<Body> {
    let broken = stream::iter([Err::<Bytes, _>(io::Error::other("it is lost"))]);
    Response::new(Body::from_stream(broken))
}

fn refused() -> Response<Body> {
    let says = "etcdserver: mvcc: database space exceeded";
    let body = serde_json::json!({"error": says, "message": says, "code": 8});
    (StatusCode::TOO_MANY_REQUESTS, body.to_string()).into_response()
}
