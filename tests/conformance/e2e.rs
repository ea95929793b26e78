//! What Kubernetes' own end-to-end suite for Jobs and CronJobs asks of a server, one line of its
//! audit log after another, sent to our router with a control plane at work behind it.
//!
//! What is held against the recording is the status code: a line that was answered well must be
//! answered well here.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use futures_util::StreamExt as _;
use mayfly_controller::api::Timestamp;
use mayfly_controller::clock::Clock;
use mayfly_controller::http::{Api, router};
use mayfly_controller::job::BackoffSettings;
use mayfly_controller::node::{
    Container, ContainerEnd, Image, NodeSettings, PodRuntime, Pull, PullError, StartError,
};
use mayfly_controller::store::{Names, Store};
use mayfly_controller::{ControlPlane, Settings};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::harness;
use crate::harness::say;

/// The namespace that takes the place of the recorded ones.
const NAMESPACE: &str = "e2e";

/// What the recording had no kubelet for, and what nobody here is asked for.
const ELSEWHERE: &[(&str, &str)] = &[
    ("/log", "the recorded server had no kubelet; logs have tests of their own"),
    ("/proxy/pods", "the suite goes on without it, as it did where it was recorded"),
];

/// Containers that run until they are ended.
struct Sleepers;

impl PodRuntime for Sleepers {
    async fn pull(&self, pull: Pull) -> Result<Image, PullError> {
        Ok(Image { id: pull.image, was_present: true, bytes: 1 })
    }

    async fn run(
        &self,
        _: Container,
        cancel: CancellationToken,
    ) -> Result<ContainerEnd, StartError> {
        cancel.cancelled().await;
        Ok(ContainerEnd {
            exit_code: 137,
            reason: "Error".to_owned(),
            message: None,
            termination_log: Vec::new(),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn e2e() {
    let Some(shared) = harness::shared() else { return };
    let text = std::fs::read_to_string(shared.join("spec/e2e-requests.md"))
        .expect("the requests must be readable");
    let lines: Vec<Line> = text.lines().filter_map(Line::parse).collect();
    assert!(!lines.is_empty(), "the requests must be a table");
    let root = tempfile::tempdir().expect("must be a folder");
    let server = Server::start(root.path()).await;
    let (mut passed, mut skipped, mut failed) = (0, 0, Vec::new());
    for line in &lines {
        if let Some((_, why)) = ELSEWHERE.iter().find(|(end, _)| line.path.ends_with(end)) {
            skipped += 1;
            say!("  skipped: {} {}: {why}", line.verb, line.path);
            continue;
        }
        match server.play(line).await {
            Ok(()) => passed += 1,
            Err(why) => failed.push(format!("{} {} {}: {why}", line.verb, line.path, line.query)),
        }
    }
    for line in &failed {
        say!("  failed: {line}");
    }
    say!("e2e requests: {passed} passed, {} failed, {skipped} skipped", failed.len());
    assert!(failed.is_empty(), "some requests were answered otherwise");
    server.plane.shutdown().await;
}

/// A line of the table.
struct Line {
    verb: String,
    path: String,
    query: String,
    /// The status codes that were recorded.
    codes: String,
}

impl Line {
    fn parse(text: &str) -> Option<Self> {
        let cells: Vec<&str> = text.split(" | ").collect();
        let [verb, path, query, _count, codes] = cells[..] else { return None };
        let bare = |cell: &str| cell.trim_matches('`').to_owned();
        let line = Self {
            verb: bare(verb),
            path: bare(path),
            query: bare(query),
            codes: codes.to_owned(),
        };
        line.path.starts_with('/').then_some(line)
    }
}

struct Server {
    router: Router,
    plane: ControlPlane,
}

impl Server {
    async fn start(root: &std::path::Path) -> Self {
        let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
        let settings = Settings {
            backoff: BackoffSettings::default(),
            node: NodeSettings::new("node", root),
            root_ca: Some("certificate".to_owned()),
            terminated_pod_gc_threshold: 0,
        };
        let plane = ControlPlane::start(store.clone(), Arc::new(Sleepers), settings);
        let server = Self { router: router(Api::new(store)), plane };
        let namespace = json!({"metadata": {"name": NAMESPACE}});
        let made = server.send("POST", "/api/v1/namespaces", &namespace).await;
        assert_eq!(made.0, 201, "{}", made.1);
        server
    }

    async fn send(&self, method: &str, uri: &str, body: &Value) -> (u16, Value) {
        self.send_as(method, uri, "application/json", body).await
    }

    async fn send_as(
        &self,
        method: &str,
        uri: &str,
        content_type: &str,
        body: &Value,
    ) -> (u16, Value) {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder().method(method).uri(uri);
        let request = request.header("content-type", content_type).body(body);
        let response = self.router.clone().oneshot(request.expect("must be a request"));
        let response = response.await.expect("the router must answer");
        let code = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("must have a body");
        // Whoever else is at work has its turn.
        tokio::time::sleep(Duration::from_millis(1)).await;
        (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Sends what `line` says, about an object made for it where it needs one.
    async fn play(&self, line: &Line) -> Result<(), String> {
        if line.verb == "delete" && line.path.ends_with("/namespaces/{ns}") {
            return self.end_namespace().await;
        }
        let name = self.fixture(line).await?;
        // The one Service that there is is not in the suite's own namespace.
        let namespace = if name == "kubernetes" { "default" } else { NAMESPACE };
        let path = line.path.replace("{ns}", namespace).replace("{name}", &name);
        let query = line.query.replace("=X", "=it").replace("%3DX", "%3Dit");
        let query = query.replace("resourceVersion=N", "resourceVersion=1");
        let query = query.replace("=T", "=1");
        let uri = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        let (code, body) = match line.verb.as_str() {
            "get" | "list" => self.send("GET", &uri, &Value::Null).await,
            "watch" => return self.watch(&uri).await,
            "create" => self.send("POST", &uri, &example(&line.path, "made")).await,
            "delete" | "deletecollection" => self.send("DELETE", &uri, &Value::Null).await,
            "update" => {
                let (_, mut object) = self.send("GET", &uri, &Value::Null).await;
                object["metadata"]["annotations"] = json!({"seen": "yes"});
                self.send("PUT", &uri, &object).await
            }
            "patch" => {
                let patch = json!({"metadata": {"annotations": {"patched": "yes"}}});
                self.send_as("PATCH", &uri, "application/merge-patch+json", &patch).await
            }
            other => return Err(format!("there is no verb {other}")),
        };
        if line.codes.contains(&code.to_string()) {
            return Ok(());
        }
        Err(format!("expected {}, got {code}: {body}", line.codes))
    }

    /// Makes the object that `line` is about, if it is about one; its name.
    async fn fixture(&self, line: &Line) -> Result<String, String> {
        if line.path.contains("/nodes/") {
            return Ok("node".to_owned());
        }
        if line.path.contains("/services/") {
            return Ok("kubernetes".to_owned());
        }
        let Some((collection, _)) = line.path.split_once("/{name}") else {
            return Ok(String::new());
        };
        let name = format!("{}-{}", line.verb, line.path.len());
        let uri = collection.replace("{ns}", NAMESPACE);
        let (code, body) = self.send("POST", &uri, &example(collection, &name)).await;
        if [201, 409].contains(&code) { Ok(name) } else { Err(format!("not made: {body}")) }
    }

    /// Whether a namespace ends, with what every namespace has and a Job at work.
    async fn end_namespace(&self) -> Result<(), String> {
        let namespace = "/api/v1/namespaces/other";
        let jobs = "/apis/batch/v1/namespaces/other/jobs";
        for (collection, name) in [("/api/v1/namespaces", "other"), (jobs, "job")] {
            let (code, body) = self.send("POST", collection, &example(collection, name)).await;
            if code != 201 {
                return Err(format!("not made: {body}"));
            }
        }
        let (code, body) = self.send("DELETE", namespace, &Value::Null).await;
        if code != 200 {
            return Err(format!("got {code}: {body}"));
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        let (code, body) = self.send("GET", namespace, &Value::Null).await;
        if code == 404 { Ok(()) } else { Err(format!("it does not end: {body}")) }
    }

    /// Whether a watch begins, and ends its beginning where it is asked to.
    async fn watch(&self, uri: &str) -> Result<(), String> {
        let request = Request::builder().uri(uri).body(Body::empty()).expect("must be a request");
        let response = self.router.clone().oneshot(request).await.expect("must answer");
        if response.status() != 200 {
            return Err(format!("got {}", response.status()));
        }
        let mut body = response.into_body().into_data_stream();
        let mut told = String::new();
        while let Some(frame) = body.next().await {
            told += &String::from_utf8_lossy(&frame.map_err(|error| error.to_string())?);
        }
        let is_list = uri.contains("sendInitialEvents=true");
        if is_list && !told.contains("k8s.io/initial-events-end") {
            return Err(format!("its beginning does not end: {told}"));
        }
        if uri.contains("configmaps") || uri.contains("serviceaccounts") {
            let given = if uri.contains("configmaps") { "kube-root-ca.crt" } else { "default" };
            let all = self.send("GET", uri.split('?').next().unwrap_or_default(), &Value::Null);
            let all = all.await.1.to_string();
            if !all.contains(given) {
                return Err(format!("{given} is not there: {all}"));
            }
        }
        if told.contains("\"ERROR\"") { Err(told) } else { Ok(()) }
    }
}

/// An object for the collection at the end of `path`, with what the selectors ask for.
fn example(path: &str, name: &str) -> Value {
    let metadata = json!({"name": name, "labels": {
        "job": "it", "special-label": "it", "e2e-job-label": "it",
    }});
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "any"}]});
    let job = json!({"template": {"spec": pod}});
    let collection = path.split('/').next_back().unwrap_or_default();
    match collection {
        "pods" => json!({"metadata": metadata, "spec": pod}),
        "jobs" => json!({"metadata": metadata, "spec": job}),
        "cronjobs" => json!({
            "metadata": metadata, "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}},
        }),
        "eviction" => json!({"metadata": {"name": format!("create-{}", path.len())}}),
        _ => json!({"metadata": metadata}),
    }
}
