//! A Job's whole trace, in simulated time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::*;
use crate::api::{Job, Key, Kind, Object, Pod, Timestamp};
use crate::clock::Clock;
use crate::http::{Api, router};
use crate::job::BackoffSettings;
use crate::node::{
    Container, ContainerEnd, Image, NodeSettings, PodRuntime, Pull, PullError, StartError,
};
use crate::plane::{ControlPlane, Settings};
use crate::store::{Names, Store};

/// Keeps what it takes, and all traces but those that somebody else does not keep.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Span>>>);

impl SpanSink for Kept {
    fn keeps(&self, _: TraceId, parent: Option<Parent>) -> bool {
        parent.is_none_or(|parent| parent.is_sampled)
    }

    fn take(&self, span: Span) {
        self.0.lock().unwrap().push(span);
    }
}

/// Fails the first run of all; takes a second to pull, of which it compiles half, and two to run.
#[derive(Default)]
struct Slow {
    headers: Mutex<Vec<Vec<(String, String)>>>,
}

impl PodRuntime for Slow {
    async fn pull(&self, pull: Pull) -> Result<Image, PullError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Some(compiled) = pull.compiled {
            compiled.set(Duration::from_millis(500)).unwrap();
        }
        Ok(Image { id: pull.image, was_present: false, bytes: 7 })
    }

    async fn run(
        &self,
        container: Container,
        _: CancellationToken,
    ) -> Result<ContainerEnd, StartError> {
        let is_first = {
            let mut headers = self.headers.lock().unwrap();
            headers.push(container.request_headers);
            headers.len() == 1
        };
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (exit_code, reason) = if is_first { (3, "Error") } else { (0, "Completed") };
        let (reason, message) = (reason.to_owned(), None);
        Ok(ContainerEnd { exit_code, reason, message, termination_log: Vec::new() })
    }
}

struct World {
    store: Store,
    api: Api,
    kept: Kept,
    runtime: Arc<Slow>,
    _plane: ControlPlane,
    _root: tempfile::TempDir,
}

impl World {
    async fn start(is_traced: bool) -> Self {
        let start = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        let store = Store::in_memory(Clock::simulated(start), Names::seeded(1));
        let root = tempfile::tempdir().unwrap();
        let (kept, runtime) = (Kept::default(), Arc::new(Slow::default()));
        let tracer = if is_traced { Tracer::new(kept.clone()) } else { Tracer::default() };
        let settings = Settings {
            backoff: BackoffSettings::default(),
            node: NodeSettings { tracer: tracer.clone(), ..NodeSettings::new("here", root.path()) },
            root_ca: None,
            terminated_pod_gc_threshold: 0,
        };
        let plane = ControlPlane::start(store.clone(), runtime.clone(), settings);
        plane.ready().await;
        let api = Api::new(store.clone()).with_tracer(tracer);
        Self { store, api, kept, runtime, _plane: plane, _root: root }
    }

    /// Creates a Job of two pods, with the header `traceparent`, and waits until it is through.
    async fn run(&self, traceparent: &str) {
        let template = json!({"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "i"}],
        }});
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
            "spec": {"completions": 2, "completionMode": "Indexed", "template": template},
        });
        let request = Request::post("/apis/batch/v1/namespaces/default/jobs")
            .header("content-type", "application/json")
            .header("traceparent", traceparent);
        let request = request.body(Body::from(job.to_string())).unwrap();
        let response = router(self.api.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 201);
        let mut watch = self.store.watch(&[Kind::Job], 0).unwrap();
        loop {
            let change = watch.next().await.unwrap();
            let Object::Job(job) = &change.object else { continue };
            let status = job.status.clone().unwrap_or_default();
            let mut conditions = status.conditions.iter().flatten();
            if conditions.any(|it| it.type_ == "Complete" && it.status == "True") {
                break;
            }
        }
        // Whoever follows has seen it by then, too.
        self.store.clock().sleep(Duration::from_millis(1)).await;
    }

    /// The spans as a tree, in the order in which they begin.
    fn tree(&self) -> String {
        let mut spans = self.kept.0.lock().unwrap().clone();
        spans.sort_by_key(|span| (span.from, span.to, span.id.0));
        let start = spans[0].from;
        let mut text = String::new();
        let roots = spans.iter().filter(|span| spans.iter().all(|it| Some(it.id) != span.parent));
        roots.for_each(|root| below(root, 0, &spans, start, &mut text));
        text
    }
}

fn below(span: &Span, depth: usize, spans: &[Span], start: Timestamp, text: &mut String) {
    let at = |time: Timestamp| time.duration_since(start).as_millis();
    let number = |name: &str| match span.attributes.iter().find(|(it, _)| *it == name) {
        Some((_, Value::Number(number))) => format!(" {number}"),
        _ => String::new(),
    };
    let error = span.error.as_ref().map_or(String::new(), |error| format!(" !{error}"));
    let more = number("mayfly.job.completion_index") + &number("mayfly.container.exit_code");
    let more = more + &number("mayfly.pods_created") + &error;
    let (name, from, to) = (&span.name, at(span.from), at(span.to));
    text.push_str(&format!("{:indent$}{name} {from}..{to}{more}\n", "", indent = 2 * depth));
    let children = spans.iter().filter(|it| it.parent == Some(span.id));
    children.for_each(|child| below(child, depth + 1, spans, start, text));
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(start_paused = true)]
async fn a_job_has_one_trace_from_its_request_to_its_last_pod() {
    let world = World::start(true).await;
    world.run(PARENT).await;
    expect_test::expect_file!["expected/job.txt"].assert_eq(&world.tree());
    let spans = world.kept.0.lock().unwrap().clone();
    let parent = parse_traceparent(PARENT).unwrap();
    assert!(spans.iter().all(|span| span.trace == parent.trace), "it is one trace");
    let roots: Vec<_> = spans.iter().filter(|span| span.parent == Some(parent.span)).collect();
    assert_eq!(roots.len(), 1);
    assert!(roots[0].parent_is_remote && roots[0].role == Role::Server);
    let names = |span: &&Span| (span.name.clone(), span.id);
    let mut ids: Vec<_> = spans.iter().map(|span| names(&span)).collect();
    ids.sort_by_key(|(_, id)| id.0);
    ids.dedup_by_key(|(_, id)| *id);
    assert_eq!(ids.len(), spans.len(), "each has an id of its own");
    // What a guest asks is part of its own run.
    let runs = spans.iter().filter(|span| span.name == "run");
    let mut runs: Vec<_> = runs.map(|it| format!("00-{}-{}-01", it.trace, it.id)).collect();
    let headers = world.runtime.headers.lock().unwrap().clone();
    let mut told: Vec<_> = headers
        .concat()
        .into_iter()
        .map(|(name, value)| {
            assert_eq!(name, "traceparent");
            value
        })
        .collect();
    runs.sort();
    told.sort();
    assert_eq!(runs, told);
    // What was noted is in the Job, and nobody's to manage.
    let job = world.store.get::<Job>(&Key::new("default", "j")).unwrap();
    let noted = &job.metadata.annotations.as_ref().unwrap()["mayfly.dev/traceparent"];
    assert_eq!(noted, PARENT);
    let job = serde_json::to_value(&*job).unwrap();
    let managed = job["metadata"]["managedFields"].to_string();
    assert!(managed.contains("f:spec"), "{managed}");
    assert!(!managed.contains("traceparent"), "{managed}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_of_what_nobody_keeps() {
    let unsampled = PARENT.replace("-01", "-00");
    for (is_traced, header) in [(false, PARENT), (true, &unsampled)] {
        let world = World::start(is_traced).await;
        world.run(header).await;
        assert_eq!(world.kept.0.lock().unwrap().len(), 0);
        assert_eq!(world.runtime.headers.lock().unwrap().concat(), []);
        let job = world.store.get::<Job>(&Key::new("default", "j")).unwrap();
        let noted = job.metadata.annotations.iter().flatten();
        let noted = noted.filter(|(name, _)| name.as_str() == "mayfly.dev/traceparent").count();
        assert_eq!(noted, usize::from(is_traced), "who joins later knows of it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_none_begins_a_trace_of_the_job() {
    let world = World::start(true).await;
    world.run("nonsense").await;
    let job = world.store.get::<Job>(&Key::new("default", "j")).unwrap();
    let trace = TraceId::of(job.metadata.uid.as_ref().unwrap());
    let spans = world.kept.0.lock().unwrap().clone();
    assert!(spans.iter().all(|span| span.trace == trace));
    let pods = world.store.list::<Pod>(None).items;
    let annotations = pods[0].metadata.annotations.clone().unwrap_or_default();
    assert!(!annotations.contains_key("mayfly.dev/traceparent"), "{annotations:?}");
}
