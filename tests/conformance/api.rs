//! Recorded requests, sent to the router one after another, and what came back.
//!
//! What a server chooses itself is left out of the comparison: uids, ends of names, the version that
//! a state has. Nothing acts on the objects meanwhile. What happened to them between two recorded
//! requests (those who recorded tidied up, and sent requests that are not told) is made good by
//! [`between`] before the next one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request as HttpRequest;
use mayfly_controller::clock::Clock;
use mayfly_controller::http::{Api, router};
use mayfly_controller::store::{Names, Store};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt as _;

use super::alike::{self, alike, alike_text};
use super::between;
use super::harness;
use crate::harness::say;

/// One request, and what came back.
#[derive(Deserialize)]
pub(super) struct Exchange {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) path: String,
    query: BTreeMap<String, String>,
    content_type: String,
    pub(super) manifest: Value,
    pub(super) http_status: u16,
    status_object: Option<Value>,
    pub(super) result_spec: Option<Value>,
    #[serde(default)]
    warnings: Vec<String>,
}

/// An answer of ours.
struct Answer {
    code: u16,
    warnings: Vec<String>,
    body: Value,
}

#[tokio::test]
async fn requests() {
    let Some(exchanges) = load() else { return };
    let mut session = Session::new();
    let (mut passed, mut failed) = (0, Vec::new());
    for exchange in &exchanges {
        let answer = session.send(exchange).await;
        match exchange.check(&answer) {
            Ok(()) => passed += 1,
            Err(why) => failed.push(format!("{}: {why}", exchange.name)),
        }
    }
    for line in &failed {
        say!("  failed: {line}");
    }
    say!("requests: {passed} passed, {} failed, 0 skipped", failed.len());
    assert!(failed.is_empty(), "some requests were answered otherwise");
}

/// The recorded exchanges, if there are any.
fn load() -> Option<Vec<Exchange>> {
    let path = match std::env::var_os("MAYFLY_REQUESTS") {
        Some(path) => PathBuf::from(path),
        None => harness::shared()?.join("conformance/requests.json"),
    };
    let text = std::fs::read(&path).expect("the requests must be readable");
    Some(serde_json::from_slice(&text).expect("the requests must be well-formed"))
}

/// A server, and which of its uids stand for which recorded ones.
struct Session {
    store: Store,
    router: Router,
    uids: BTreeMap<String, String>,
}

impl Session {
    fn new() -> Self {
        let store = Store::in_memory(Clock::system(), Names::random());
        Self { router: router(Api::new(store.clone())), store, uids: BTreeMap::new() }
    }

    async fn send(&mut self, exchange: &Exchange) -> Answer {
        between::happen(&self.store, exchange, |text| self.with_our_uids(text)).await;
        let request = exchange.request(|text| self.with_our_uids(text));
        let response = self.router.clone().oneshot(request).await.expect("the router must answer");
        let code = response.status().as_u16();
        let warnings = response.headers().get_all("warning").iter();
        let warnings = warnings.filter_map(|it| it.to_str().ok()).map(str::to_owned).collect();
        // A watch goes on; what counts is that it began.
        let body = if exchange.query.contains_key("watch") && code == 200 {
            Value::Null
        } else {
            let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("must have a body");
            serde_json::from_slice(&bytes).expect("must be JSON")
        };
        self.learn(exchange, &body);
        Answer { code, warnings, body }
    }

    /// Notes which uid of ours stands for a recorded one.
    fn learn(&mut self, exchange: &Exchange, body: &Value) {
        let at = "/selector/matchLabels/batch.kubernetes.io~1controller-uid";
        let recorded = exchange.result_spec.as_ref().and_then(|spec| spec.pointer(at));
        let ours = body.pointer("/metadata/uid");
        if let (Some(Value::String(recorded)), Some(Value::String(ours))) = (recorded, ours) {
            self.uids.insert(recorded.clone(), ours.clone());
        }
    }

    fn with_our_uids(&self, text: &str) -> String {
        let uids = self.uids.iter();
        uids.fold(text.to_owned(), |text, (recorded, ours)| text.replace(recorded, ours))
    }
}

impl Exchange {
    fn request(&self, translate: impl Fn(&str) -> String) -> HttpRequest<Body> {
        let body = match &self.manifest {
            Value::Null => String::new(),
            // What is no JSON was recorded as it was sent.
            Value::String(text) => text.clone(),
            manifest => alike::in_full(&manifest.to_string()),
        };
        let query: Vec<String> = self.query.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let separator = if self.path.contains('?') { "&" } else { "?" };
        let uri = format!("{}{separator}{}", self.path, query.join("&"));
        HttpRequest::builder()
            .method(self.method.as_str())
            .uri(uri.replace(' ', "+"))
            .header("content-type", &self.content_type)
            .header("accept", "application/json")
            .body(Body::from(translate(&body)))
            .expect("must be a request")
    }

    fn check(&self, answer: &Answer) -> Result<(), String> {
        let body = alike(&answer.body.to_string());
        if self.http_status != answer.code {
            return Err(format!("expected {}, got {}: {body}", self.http_status, answer.code));
        }
        if let Some(expect) = &self.status_object {
            let expect = alike(&expect.to_string());
            if expect != body {
                return Err(format!("\n    expected {expect}\n         got {body}"));
            }
        }
        if let Some(expect) = &self.result_spec {
            let (expect, got) =
                (alike(&expect.to_string()), alike(&answer.body["spec"].to_string()));
            if expect != got {
                return Err(format!("\n    expected {expect}\n         got {got}"));
            }
        }
        self.check_warnings(answer)
    }

    fn check_warnings(&self, answer: &Answer) -> Result<(), String> {
        // Of what no node here can do, we warn beyond what Kubernetes does.
        let ours = answer.warnings.iter().filter(|it| !it.contains("mayfly"));
        let got: Vec<String> = ours.map(|it| alike_text(it)).collect();
        let expect: Vec<String> = self.warnings.iter().map(|it| alike_text(it)).collect();
        if expect == got { Ok(()) } else { Err(format!("expected {expect:?}, got {got:?}")) }
    }
}
