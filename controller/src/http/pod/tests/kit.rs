//! A control plane, its API, and containers that do what a test tells them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::api::{Key, Kind, Pod, Resource};
use crate::clock::Clock;
use crate::http::{Api, router};
use crate::job::BackoffSettings;
use crate::node::logs::{Logs, Run};
use crate::node::{
    BackoffCurve, Container, ContainerEnd, Image, NodeSettings, PodIdentity, PodRuntime, Pull,
    PullError, StartError, Stdin, Stream,
};
use crate::store::{Names, Store, Transaction};
use crate::{ControlPlane, Settings};

/// The path of the pod that most tests have.
pub(super) const POD: &str = "/api/v1/namespaces/default/pods/p";

/// What a container is told to do. When whoever tells it has gone, it ends with 0.
pub(super) enum Tell {
    Print(&'static str),
    Complain(&'static str),
    /// Reads its input to the end, and prints what it reads as it reads it.
    Echo,
    End(i32),
}

/// The containers of pods, each told what to do by a test.
#[derive(Default)]
struct Actors(Mutex<HashMap<String, mpsc::UnboundedReceiver<Tell>>>);

pub(super) struct Cluster {
    pub(super) store: Store,
    pub(super) logs: Logs,
    pub(super) shutdown: CancellationToken,
    pub(super) streams: Arc<Semaphore>,
    actors: Arc<Actors>,
    router: Router,
    _plane: ControlPlane,
    _root: tempfile::TempDir,
}

/// An answer: its code, and its body as JSON, or as a string if it is none.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: StatusCode,
    pub(super) body: Value,
}

impl Cluster {
    pub(super) fn start() -> Self {
        let store = Store::in_memory(Clock::system(), Names::seeded(1));
        let root = tempfile::tempdir().unwrap();
        let at_once = BackoffCurve { base: Duration::ZERO, cap: Duration::ZERO };
        let node = NodeSettings {
            restart_backoff: at_once,
            ..NodeSettings::new("localhost", root.path())
        };
        let settings = Settings {
            backoff: BackoffSettings::default(),
            node,
            root_ca: None,
            terminated_pod_gc_threshold: 0,
        };
        let actors = Arc::new(Actors::default());
        let plane = ControlPlane::start(store.clone(), Arc::clone(&actors), settings);
        let (logs, shutdown) = (plane.logs().clone(), CancellationToken::new());
        let api = Api::new(store.clone())
            .with_logs(logs.clone())
            .with_inputs(plane.inputs().clone())
            .with_shutdown(shutdown.clone());
        let streams = Arc::clone(&api.streams);
        let router = router(api);
        Self { store, logs, shutdown, streams, actors, router, _plane: plane, _root: root }
    }

    /// Creates a pod.
    pub(super) async fn create(&self, name: &str, spec: Value) {
        let mut pod = json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec});
        if pod["spec"]["restartPolicy"].is_null() {
            pod["spec"]["restartPolicy"] = json!("Never");
        }
        let pod: Pod = serde_json::from_value(pod).unwrap();
        self.store.commit(Transaction::new().create(pod)).await.unwrap();
    }

    /// Creates a pod and waits until its containers run; gives who tells the first one.
    pub(super) async fn run(&self, name: &str, spec: Value) -> mpsc::UnboundedSender<Tell> {
        let container = spec["containers"][0]["name"].as_str().unwrap().to_owned();
        let (tell, told) = mpsc::unbounded_channel();
        self.actors.0.lock().unwrap().insert(format!("{name}/{container}"), told);
        self.create(name, spec).await;
        self.until(name, |pod| phase(pod) == "Running").await;
        tell
    }

    /// Waits until a pod is so.
    pub(super) async fn until(&self, name: &str, is_so: impl Fn(&Pod) -> bool) -> Arc<Pod> {
        let mut watch = self.store.watch(&[Kind::Pod], 0).unwrap();
        loop {
            let change = watch.next().await.unwrap();
            let pod = Pod::from_object(&change.object).unwrap();
            if pod.key() == Key::new("default", name) && is_so(pod) {
                return Arc::clone(pod);
            }
        }
    }

    /// The first run of the first container of a pod.
    pub(super) fn first_run(&self, name: &str) -> Run {
        let pod = self.store.get::<Pod>(&Key::new("default", name)).unwrap();
        let container = pod.spec.as_ref().unwrap().containers[0].name.clone();
        Run { pod: PodIdentity::of(&pod), container, restart: 0 }
    }

    pub(super) async fn open(&self, method: &str, path: &str) -> axum::http::Response<Body> {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(super) async fn send(&self, method: &str, path: &str) -> Answer {
        let response = self.open(method, path).await;
        let code = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = || json!(String::from_utf8_lossy(&bytes));
        Answer { code, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) }
    }

    /// The text of a log.
    pub(super) async fn log(&self, query: &str) -> String {
        let response = self.open("GET", &format!("{POD}/log?{query}")).await;
        assert_eq!(response.status(), StatusCode::OK, "{query}");
        assert_eq!(response.headers()["content-type"], "text/plain");
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// Serves on a local port.
    pub(super) async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

impl PodRuntime for Actors {
    async fn pull(&self, pull: Pull) -> Result<Image, PullError> {
        if pull.image == "missing" {
            return Err(PullError::Failed("there is no such image".to_owned()));
        }
        Ok(Image { id: pull.image, was_present: true, bytes: 1 })
    }

    async fn run(
        &self,
        container: Container,
        cancel: CancellationToken,
    ) -> Result<ContainerEnd, StartError> {
        let name = format!("{}/{}", container.pod.name, container.name);
        // One that nobody tells anything just runs; the next run of one is told by the same.
        let told = self.0.lock().unwrap().remove(&name);
        let end = match told {
            None => {
                cancel.cancelled().await;
                137
            }
            Some(mut told) => {
                let end = cancel.run_until_cancelled(act(container, &mut told)).await;
                self.0.lock().unwrap().insert(name, told);
                end.unwrap_or(137)
            }
        };
        let reason = if end == 0 { "Completed" } else { "Error" };
        Ok(ContainerEnd {
            exit_code: end,
            reason: reason.to_owned(),
            message: None,
            termination_log: Vec::new(),
        })
    }
}

/// Does what it is told; gives its exit code.
async fn act(container: Container, told: &mut mpsc::UnboundedReceiver<Tell>) -> i32 {
    let output = &container.output;
    while let Some(tell) = told.recv().await {
        match tell {
            Tell::Print(text) => output.write(Stream::Stdout, text.as_bytes()).unwrap(),
            Tell::Complain(text) => output.write(Stream::Stderr, text.as_bytes()).unwrap(),
            Tell::End(code) => return code,
            Tell::Echo => {
                let Stdin::Open(mut input) = container.stdin.clone() else { continue };
                let mut read = [0; 16];
                loop {
                    let count = input.read(&mut read).await.unwrap();
                    if count == 0 {
                        break;
                    }
                    output.write(Stream::Stdout, &read[..count]).unwrap();
                }
                output.write(Stream::Stdout, b"<end>").unwrap();
            }
        }
    }
    0
}
