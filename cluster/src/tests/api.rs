//! An API server of a few kinds of objects, which remembers what it was asked, and refuses what it is
//! told to.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hyper::{Request, Response};
use kube::Client;
use kube::client::Body;
use mayfly_controller::node::PodIdentity;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The node of all tests.
pub(super) const NODE: &str = "the-node";

const NAMESPACE: &str = "the-namespace";

/// A version, and the pods that there are then.
pub(super) type Backup = (u64, BTreeMap<String, Value>);

/// A recorded server. A clone is the same.
#[derive(Clone, Default)]
pub(super) struct RecordedApi {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    version: u64,
    pods: BTreeMap<String, Value>,
    node: Option<Value>,
    lease: Option<Value>,
    renewals: usize,
    /// By name: how often each has happened.
    events: BTreeMap<String, i64>,
    /// What a watch shows, by version.
    history: Vec<(u64, Value)>,
    /// The shape of each request.
    asked: Vec<String>,
    /// What is refused once, with which code; 0 breaks the line off.
    refusals: Vec<(String, u16)>,
    /// What is answered once after so long, though it is done at once.
    delays: Vec<(String, Duration)>,
    is_down: bool,
}

/// What a request looks like in the document.
pub(super) fn shape<T>(request: &Request<T>) -> String {
    let path = request.uri().path();
    let segments = path.split('/').map(|segment| match segment {
        NODE => "{node}",
        NAMESPACE => "{namespace}",
        other if other.starts_with("the-") => "{name}",
        // The names of events are made of those of pods.
        other if other.contains('.') && !other.ends_with(".k8s.io") => "{name}",
        other => other,
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let query = request.uri().query().unwrap_or_default();
    let watch = if query.contains("watch=true") { "?watch" } else { "" };
    format!("{} {path}{watch}", request.method())
}

impl RecordedApi {
    /// A client of it.
    pub(super) fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { api.answer(request).await }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, io::Error> {
        let (shape, name) = (shape(&request), request.uri().path().to_owned());
        let name =
            name.trim_end_matches("/status").rsplit('/').next().unwrap_or_default().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let body = request.into_body().collect_bytes().await.map_err(io::Error::other)?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let (code, lines, delay) = {
            let mut state = self.lock();
            state.asked.push(shape.clone());
            let delay = state.delays.iter().position(|(delayed, _)| *delayed == shape);
            let delay = delay.map(|place| state.delays.remove(place).1);
            let refusal = state.refusals.iter().position(|(refused, _)| *refused == shape);
            let (code, lines) = match refusal.map(|place| state.refusals.remove(place).1) {
                _ if state.is_down => (0, Vec::new()),
                Some(code) => (code, vec![failure(code)]),
                None => state.respond(&shape, &name, &query, &body),
            };
            (code, lines, delay)
        };
        self.changed.notify_waiters();
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        if code == 0 {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let response = Response::builder().status(code).body(Body::from(text.into_bytes()));
        Ok(response.unwrap())
    }

    /// Waits until it `is_so`, which may be after any request; only a fault takes as long as an hour of
    /// simulated time.
    pub(super) async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let come = tokio::time::timeout(Duration::from_hours(1), self.come(is_so)).await;
        assert!(come.is_ok(), "it must come about: {:?}", self.asked());
    }

    async fn come(&self, is_so: impl Fn(&Self) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if is_so(self) {
                return;
            }
            changed.await;
        }
    }

    /// Refuses `request` once.
    pub(super) fn refuse(&self, request: &str, code: u16) {
        self.lock().refusals.push((request.to_owned(), code));
    }

    /// Answers `request` once after `delay`.
    pub(super) fn delay(&self, request: &str, delay: Duration) {
        self.lock().delays.push((request.to_owned(), delay));
    }

    /// Its state as it is.
    pub(super) fn backup(&self) -> Backup {
        let state = self.lock();
        (state.version, state.pods.clone())
    }

    /// It has an older state, and no history.
    pub(super) fn restore(&self, (version, pods): Backup) {
        let mut state = self.lock();
        (state.version, state.pods) = (version, pods);
        state.history.clear();
    }

    /// How many refusals are left.
    pub(super) fn refusals(&self) -> usize {
        self.lock().refusals.len()
    }

    /// Whether it can be reached.
    pub(super) fn is_down(&self, is_down: bool) {
        self.lock().is_down = is_down;
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    pub(super) fn add_pod(&self, name: &str, uid: &str) -> PodIdentity {
        let pod = json!({
            "metadata": {"name": name, "namespace": NAMESPACE, "uid": uid},
            "spec": {"nodeName": NODE, "containers": [{"name": "main"}]},
        });
        self.lock().put_pod(name, pod, "ADDED");
        PodIdentity { namespace: NAMESPACE.to_owned(), name: name.to_owned(), uid: uid.to_owned() }
    }

    pub(super) fn pod(&self, name: &str) -> Option<Value> {
        self.lock().pods.get(name).cloned()
    }

    pub(super) fn remove_pod(&self, name: &str) {
        self.lock().delete_pod(name);
    }

    /// Takes the status of a pod back, as a server does that is restored.
    pub(super) fn reset_status(&self, name: &str) {
        let mut state = self.lock();
        let mut pod = state.pods[name].clone();
        pod["status"] = json!({"phase": "Pending"});
        state.put_pod(name, pod, "MODIFIED");
    }

    pub(super) fn forget_history(&self) {
        self.lock().history.clear();
    }

    pub(super) fn events(&self) -> Vec<i64> {
        self.lock().events.values().copied().collect()
    }

    pub(super) fn node(&self) -> Option<Value> {
        self.lock().node.clone()
    }

    pub(super) fn remove_node(&self) {
        self.lock().node = None;
    }

    pub(super) fn renewals(&self) -> usize {
        self.lock().renewals
    }

    pub(super) fn ready(&self) -> String {
        let node = self.node().unwrap_or_default();
        node["status"]["conditions"][0]["status"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn set_ready(&self, status: &str) {
        if let Some(node) = &mut self.lock().node {
            node["status"]["conditions"][0]["status"] = json!(status);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn respond(&mut self, shape: &str, name: &str, query: &str, body: &Value) -> (u16, Vec<Value>) {
        let (method, path) = shape.split_once(' ').unwrap();
        let collection = path.trim_end_matches("/{name}").trim_end_matches("/{node}");
        match (method, collection.rsplit('/').next().unwrap()) {
            ("GET", "pods?watch") => (200, self.since(query)),
            ("GET", "pods") if path.ends_with("pods") => {
                let items: Vec<_> = self.pods.values().cloned().collect();
                let version = self.version.to_string();
                (200, vec![json!({"metadata": {"resourceVersion": version}, "items": items})])
            }
            ("GET", "pods") => found(self.pods.get(name)),
            ("PATCH", "status") if path.contains("/pods/") => self.patch_pod(name, body),
            ("DELETE", "pods") => match self.delete_pod(name) {
                Some(pod) => (200, vec![pod]),
                None => found(None),
            },
            ("POST", "events") => {
                let name = body["metadata"]["name"].as_str().unwrap().to_owned();
                if self.events.contains_key(&name) {
                    return (409, vec![failure(409)]);
                }
                self.events.insert(name, body["count"].as_i64().unwrap());
                (201, vec![body.clone()])
            }
            ("PATCH", "events") => match self.events.get_mut(name) {
                Some(count) => {
                    *count = body["count"].as_i64().unwrap();
                    (200, vec![body.clone()])
                }
                None => found(None),
            },
            ("POST", "nodes") if self.node.is_some() => (409, vec![failure(409)]),
            ("POST", "nodes") => {
                let mut node = body.clone();
                node["metadata"]["uid"] = json!("node-uid");
                self.node = Some(node.clone());
                (201, vec![node])
            }
            ("GET", "nodes") => found(self.node.as_ref()),
            ("PATCH", "status") => {
                let Some(node) = &mut self.node else { return found(None) };
                merge(node, body);
                (200, vec![node.clone()])
            }
            ("GET", "leases") => found(self.lease.as_ref()),
            ("POST" | "PUT", "leases") => {
                self.renewals += 1;
                self.lease = Some(body.clone());
                (200, vec![body.clone()])
            }
            _ => panic!("nobody answers {shape}"),
        }
    }

    fn since(&self, query: &str) -> Vec<Value> {
        let version = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
        let version: u64 = version.unwrap().parse().unwrap();
        let later = self.history.iter().filter(|(at, _)| version < *at);
        later.map(|(_, event)| event.clone()).collect()
    }

    fn put_pod(&mut self, name: &str, mut pod: Value, what: &str) -> Value {
        self.version += 1;
        pod["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.history.push((self.version, json!({"type": what, "object": pod})));
        self.pods.insert(name.to_owned(), pod.clone());
        pod
    }

    fn delete_pod(&mut self, name: &str) -> Option<Value> {
        let pod = self.pods.remove(name)?;
        self.put_pod(name, pod, "DELETED");
        self.pods.remove(name)
    }

    fn patch_pod(&mut self, name: &str, body: &Value) -> (u16, Vec<Value>) {
        let Some(mut pod) = self.pods.get(name).cloned() else { return found(None) };
        if body["metadata"]["uid"] != pod["metadata"]["uid"] {
            return (409, vec![failure(409)]);
        }
        merge(&mut pod, body);
        (200, vec![self.put_pod(name, pod, "MODIFIED")])
    }
}

fn found(object: Option<&Value>) -> (u16, Vec<Value>) {
    match object {
        Some(object) => (200, vec![object.clone()]),
        None => (404, vec![failure(404)]),
    }
}

fn failure(code: u16) -> Value {
    let message = "it is told to refuse";
    let reason = if code == 404 { "NotFound" } else { "" };
    json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message})
}

/// A merge patch, which is enough where lists are replaced as a whole.
fn merge(object: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else { return *object = patch.clone() };
    if !object.is_object() {
        *object = json!({});
    }
    for (name, value) in fields {
        match value {
            Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
            value => merge(&mut object[name], value),
        }
    }
}
