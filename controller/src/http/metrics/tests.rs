//! What is told of pods that run, in simulated time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::api::{Pod, Timestamp};
use crate::clock::Clock;
use crate::http::access::{Access, Policy, TokenHash};
use crate::http::{Api, router};
use crate::job::BackoffSettings;
use crate::limits::{METRICS_PAGES_AT_ONCE_MAX, METRICS_SECONDS_MAX};
use crate::node::{
    Container, ContainerEnd, Image, NodeSettings, PodRuntime, Pull, PullError, StartError, Usage,
    UsageSource,
};
use crate::plane::{ControlPlane, Settings};
use crate::store::{Names, Store, Transaction};

/// Uses half a core, and 17 KiB and a byte of memory; a container called `short` ends after two
/// seconds, the others never.
#[derive(Default)]
struct HalfACore(Mutex<Vec<String>>);

struct Half(tokio::time::Instant);

impl UsageSource for Half {
    fn usage(&self) -> Usage {
        Usage {
            cpu: self.0.elapsed() / 2,
            memory_bytes: (17 << 10) + 1,
            memory_bytes_peak: 1 << 20,
            fuel: None,
            file_bytes_read: 10,
            file_bytes_written: 20,
            printed_bytes: 30,
            network_bytes_received: 40,
            network_bytes_sent: 50,
        }
    }
}

impl PodRuntime for HalfACore {
    async fn pull(&self, pull: Pull) -> Result<Image, PullError> {
        Ok(Image { id: pull.image, was_present: true, bytes: 1 })
    }

    async fn run(
        &self,
        container: Container,
        cancel: CancellationToken,
    ) -> Result<ContainerEnd, StartError> {
        container.gauge.read_from(Half(tokio::time::Instant::now()));
        self.0.lock().unwrap().push(container.name.clone());
        let is_short = container.name == "short";
        let work = async {
            match is_short {
                true => tokio::time::sleep(Duration::from_secs(2)).await,
                false => std::future::pending().await,
            }
        };
        let exit_code = cancel.run_until_cancelled(work).await.map_or(137, |()| 0);
        let reason = if exit_code == 0 { "Completed" } else { "Error" }.to_owned();
        Ok(ContainerEnd { exit_code, reason, message: None, termination_log: Vec::new() })
    }
}

struct Cluster {
    store: Store,
    api: Api,
    _plane: ControlPlane,
    _root: tempfile::TempDir,
}

impl Cluster {
    async fn start() -> Self {
        let start = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        let store = Store::in_memory(Clock::simulated(start), Names::seeded(1));
        let root = tempfile::tempdir().unwrap();
        let settings = Settings {
            backoff: BackoffSettings::default(),
            node: NodeSettings::new("here", root.path()),
            root_ca: None,
            terminated_pod_gc_threshold: 0,
        };
        let plane = ControlPlane::start(store.clone(), Arc::new(HalfACore::default()), settings);
        plane.ready().await;
        let api = Api::new(store.clone())
            .with_usages(plane.usages().clone())
            .with_queues(plane.queues().to_vec());
        Self { store, api, _plane: plane, _root: root }
    }

    /// Creates a pod with these containers.
    async fn run(&self, namespace: &str, name: &str, containers: &[&str]) {
        let containers = containers.iter().map(|name| json!({"name": name, "image": "i"}));
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
            "spec": {"restartPolicy": "Never", "containers": containers.collect::<Vec<_>>()},
        }))
        .unwrap();
        self.store.commit(Transaction::new().create(pod)).await.unwrap();
    }

    async fn pass(&self, seconds: f64) {
        self.store.clock().sleep(Duration::from_secs_f64(seconds)).await;
    }

    async fn send(&self, method: &str, path: &str, header: (&str, &str)) -> (u16, String) {
        let request = Request::builder().method(method).uri(path).header(header.0, header.1);
        let request = request.body(Body::empty()).unwrap();
        let response = router(self.api.clone()).oneshot(request).await.unwrap();
        let code = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (code, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let path = format!("/apis/metrics.k8s.io/v1beta1/{path}");
        let (code, text) = self.send("GET", &path, ("accept", "application/json")).await;
        (code, serde_json::from_str(&text).unwrap())
    }

    /// The names of the pods in a list.
    async fn names(&self, path: &str) -> String {
        let (code, list) = self.get(path).await;
        assert_eq!((code, &list["kind"]), (200, &json!("PodMetricsList")), "{path}");
        let items = list["items"].as_array().unwrap().iter();
        items.map(|it| it["metadata"]["name"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_has_metrics_once_it_has_run_for_a_second() {
    let cluster = Cluster::start().await;
    cluster.run("default", "p", &["main", "other"]).await;
    cluster.pass(0.5).await;
    assert_eq!(cluster.names("pods").await, "");
    let message = "podmetrics.metrics.k8s.io \"default/p\" not found";
    let (code, status) = cluster.get("namespaces/default/pods/p").await;
    assert_eq!((code, &status["message"]), (404, &json!(message)));
    cluster.pass(2.0).await;
    let (code, metrics) = cluster.get("namespaces/default/pods/p").await;
    assert_eq!(code, 200);
    let usage = json!({"cpu": "500000000n", "memory": "18Ki"});
    assert_eq!(
        metrics,
        json!({
            "kind": "PodMetrics",
            "apiVersion": "metrics.k8s.io/v1beta1",
            "metadata": {
                "name": "p", "namespace": "default", "labels": {"app": "p"},
                "creationTimestamp": "2026-01-01T00:00:02Z",
            },
            "timestamp": "2026-01-01T00:00:02Z",
            "window": "2.5s",
            "containers": [{"name": "main", "usage": usage}, {"name": "other", "usage": usage}],
        })
    );
    // Long after, the window is of the last seconds.
    cluster.pass(3600.0).await;
    let (_, metrics) = cluster.get("namespaces/default/pods/p").await;
    assert_eq!((&metrics["window"], &metrics["containers"][0]["usage"]), (&json!("2.5s"), &usage));
}

#[tokio::test(start_paused = true)]
async fn pods_are_listed_by_namespace_and_selector_while_they_run() {
    let cluster = Cluster::start().await;
    cluster.run("default", "b", &["main"]).await;
    cluster.run("default", "a", &["short"]).await;
    cluster.run("kube-system", "c", &["main"]).await;
    cluster.pass(1.5).await;
    for (path, expect) in [
        ("pods", "a b c"),
        ("namespaces/default/pods", "a b"),
        ("namespaces/nowhere/pods", ""),
        ("pods?labelSelector=app%3Db", "b"),
        ("pods?labelSelector=app+in+(a,c)", "a c"),
        ("namespaces/default/pods?fieldSelector=metadata.name%3Da", "a"),
    ] {
        assert_eq!(cluster.names(path).await, expect, "{path}");
    }
    cluster.pass(1.0).await;
    assert_eq!(cluster.names("pods").await, "b c", "the other has ended");

    let (code, node) = cluster.get("nodes/here").await;
    assert_eq!((code, &node["kind"]), (200, &json!("NodeMetrics")));
    assert_eq!(node["usage"]["memory"], "35Ki");
    let (_, list) = cluster.get("nodes").await;
    assert_eq!(
        (&list["kind"], &list["items"][0]["metadata"]["name"]),
        (&json!("NodeMetricsList"), &json!("here"))
    );
    let (_, none) = cluster.get("nodes?labelSelector=a%3Db").await;
    assert_eq!(none["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_told_in_metrics_servers_words() {
    let cluster = Cluster::start().await;
    let unserved = "the server could not find the requested resource";
    for (path, reason, message) in [
        ("nodes/x", "NotFound", "nodemetrics.metrics.k8s.io \"x\" not found"),
        ("namespaces/a/pods/x", "NotFound", "podmetrics.metrics.k8s.io \"a/x\" not found"),
        ("jobs", "NotFound", unserved),
        ("namespaces/a/jobs", "NotFound", unserved),
        ("namespaces/a/pods/x/status", "NotFound", unserved),
        (
            "pods?labelSelector=a+b",
            "BadRequest",
            "unable to parse requirement: found 'a b', expected: a requirement",
        ),
        ("pods?fieldSelector=spec.x%3Dy", "BadRequest", "field label not supported: spec.x"),
    ] {
        let (code, status) = cluster.get(path).await;
        assert_eq!(
            (&status["kind"], &status["reason"]),
            (&json!("Status"), &json!(reason)),
            "{path}"
        );
        assert_eq!((status["message"].as_str(), &status["code"]), (Some(message), &json!(code)));
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let path = "/apis/metrics.k8s.io/v1beta1/nodes/here";
        let (code, text) = cluster.send(method, path, ("accept", "*/*")).await;
        assert!(code == 405 && text.contains("MethodNotAllowed"), "{method}: {text}");
        assert_eq!(cluster.send(method, "/metrics", ("accept", "*/*")).await.0, 405);
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_has_what_people_want_to_see() {
    let cluster = Cluster::start().await;
    cluster.run("default", "p", &["main", "other"]).await;
    cluster.pass(2.0).await;
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    for (path, cells) in [
        ("pods", json!(["p", "1000000000n", "36Ki", "2s"])),
        ("namespaces/default/pods/p", json!(["p", "1000000000n", "36Ki", "2s"])),
        ("nodes", json!(["here", "1000000000n", "35Ki", "2s"])),
    ] {
        let path = format!("/apis/metrics.k8s.io/v1beta1/{path}");
        let (_, text) = cluster.send("GET", &path, ("accept", accept)).await;
        let table: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&table["kind"], &table["rows"][0]["cells"]), (&json!("Table"), &cells));
        let names = table["columnDefinitions"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Name", "cpu", "memory", "Window"]);
    }
}

#[tokio::test(start_paused = true)]
async fn prometheus_reads_what_runs_and_the_sums() {
    let cluster = Cluster::start().await;
    cluster.run("default", "p", &["main"]).await;
    cluster.run("default", "q", &["short"]).await;
    cluster.pass(4.0).await;
    let (code, page) = cluster.send("GET", "/metrics", ("accept", "*/*")).await;
    assert_eq!(code, 200);
    for line in ["kube_pod_status_phase{namespace=\"default\",pod=\"q\",", "mayfly_build_info{"] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(page.contains("mayfly_pods{phase=\"Running\"} 1\n"), "{page}");
    let path = "/api/v1/nodes/here/proxy/metrics/resource";
    let (code, of_node) = cluster.send("GET", path, ("accept", "*/*")).await;
    assert_eq!(code, 200);
    let is_of_times = |line: &&str| line.contains("_duration_seconds");
    let lines = of_node.lines().filter(|line| !line.starts_with('#'));
    let (times, series): (Vec<&str>, Vec<&str>) = lines.partition(is_of_times);
    let of_p = "{container=\"main\",namespace=\"default\",pod=\"p\"}";
    assert_eq!(
        series,
        [
            format!("container_cpu_usage_seconds_total{of_p} 2"),
            format!("container_fs_reads_bytes_total{of_p} 10"),
            format!("container_fs_writes_bytes_total{of_p} 20"),
            format!("mayfly_container_printed_bytes_total{of_p} 30"),
            format!("container_network_receive_bytes_total{of_p} 40"),
            format!("container_network_transmit_bytes_total{of_p} 50"),
            format!("container_memory_working_set_bytes{of_p} 17409"),
            format!("container_memory_max_usage_bytes{of_p} 1048576"),
            format!("container_start_time_seconds{of_p} 1767225600"),
            "node_cpu_usage_seconds_total 3".to_owned(),
            "node_memory_working_set_bytes 17409".to_owned(),
            "mayfly_fuel_total 0".to_owned(),
            "mayfly_file_read_bytes_total 20".to_owned(),
            "mayfly_file_written_bytes_total 40".to_owned(),
            "mayfly_printed_bytes_total 60".to_owned(),
            "mayfly_network_received_bytes_total 80".to_owned(),
            "mayfly_network_sent_bytes_total 100".to_owned(),
            "mayfly_container_ends_total{reason=\"Completed\"} 1".to_owned(),
            "mayfly_pod_ends_total{phase=\"Succeeded\",reason=\"\"} 1".to_owned(),
        ]
    );
    for line in [
        "mayfly_pod_queue_duration_seconds_count 2",
        "kubelet_pod_start_duration_seconds_count 2",
        "mayfly_container_run_duration_seconds_bucket{le=\"1\"} 0",
        "mayfly_container_run_duration_seconds_bucket{le=\"5\"} 1",
        "mayfly_container_run_duration_seconds_sum 2",
        "mayfly_pod_end_duration_seconds_count 1",
    ] {
        assert!(times.contains(&line), "{line}: {times:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_is_counted() {
    let cluster = Cluster::start().await;
    for path in ["/api/v1/namespaces/default/pods", "/api/v1/pods/x/y/z", "/nowhere"] {
        cluster.send("GET", path, ("accept", "*/*")).await;
    }
    let (_, page) = cluster.send("GET", "/metrics", ("accept", "*/*")).await;
    let counts = page.lines().filter(|line| line.starts_with("apiserver_request_total{"));
    let counts: Vec<_> = counts.map(|line| line.replace("component=\"apiserver\",", "")).collect();
    let line = |rest: &str| format!("apiserver_request_total{{{rest}");
    assert_eq!(
        counts,
        [
            line(
                "verb=\"GET\",group=\"\",version=\"\",resource=\"\",subresource=\"\",scope=\"\",\
                 code=\"404\"} 1"
            ),
            line(
                "verb=\"GET\",group=\"\",version=\"v1\",resource=\"pods\",subresource=\"\",\
                 scope=\"resource\",code=\"404\"} 1"
            ),
            line(
                "verb=\"LIST\",group=\"\",version=\"v1\",resource=\"pods\",subresource=\"\",\
                 scope=\"namespace\",code=\"200\"} 1"
            ),
        ]
    );
    assert!(page.contains("workqueue_depth{name=\"job\"} 0\n"), "{page}");
    assert!(page.contains("workqueue_adds_total{name=\"cronjob\"} 0\n"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn the_page_is_for_those_who_watch_over_the_server() {
    let mut cluster = Cluster::start().await;
    let user = |name: &str, rest: &str| {
        format!("- {{name: {name}, tokens: [{{sha256: {}}}], {rest}}}\n", TokenHash::of(name))
    };
    let users = [
        user("admin", "roles: [{role: admin}]"),
        user("viewer", "roles: [{role: view}]"),
        user("scraper", "groups: [\"system:monitoring\"]"),
        user("local", "roles: [{role: view, namespaces: [default]}]"),
    ];
    let policy = Policy::parse(&format!("users:\n{}", users.concat())).unwrap();
    cluster.api = cluster.api.clone().with_access(Arc::new(Access::new(policy)));
    let metrics = "/apis/metrics.k8s.io/v1beta1";
    for (path, may) in [
        ("/metrics".to_owned(), "admin scraper"),
        ("/readyz".to_owned(), "admin viewer scraper local"),
        ("/api/v1/nodes/here/proxy/metrics/resource".to_owned(), "admin"),
        (format!("{metrics}/nodes"), "admin viewer"),
        (format!("{metrics}/pods"), "admin viewer"),
        (format!("{metrics}/namespaces/default/pods"), "admin viewer local"),
        (format!("{metrics}/namespaces/other/pods"), "admin viewer"),
    ] {
        let mut let_in = Vec::new();
        for user in ["admin", "viewer", "scraper", "local"] {
            let bearer = format!("Bearer {user}");
            match cluster.send("GET", &path, ("authorization", &bearer)).await.0 {
                200 => let_in.push(user),
                code => assert_eq!(code, 403, "{user} {path}"),
            }
        }
        assert_eq!(let_in.join(" "), may, "{path}");
        assert_eq!(cluster.send("GET", &path, ("x-nobody", "")).await.0 == 401, path != "/readyz");
    }
}

/// Pages are made while they are read, and each keeps what it is of.
#[tokio::test(start_paused = true)]
async fn pages_that_nobody_reads_are_few_and_have_an_end() {
    let cluster = Cluster::start().await;
    let router = router(cluster.api.clone());
    let node = "/api/v1/nodes/here/proxy/metrics/resource";
    let ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    let mut unread = Vec::new();
    for number in 0..METRICS_PAGES_AT_ONCE_MAX {
        let page = ask(if number % 2 == 0 { "/metrics" } else { node }).await;
        assert_eq!(page.status(), 200);
        unread.push(page);
    }
    for path in ["/metrics", node] {
        let refused = ask(path).await;
        assert_eq!(refused.status(), 429);
        let why = to_bytes(refused.into_body(), usize::MAX).await.unwrap();
        let why = String::from_utf8(why.to_vec()).unwrap();
        assert!(why.contains("no more than 16 pages of metrics at once"), "{why}");
    }
    // One that is read makes room for the next, and so does time.
    to_bytes(unread.remove(0).into_body(), usize::MAX).await.unwrap();
    cluster.pass(0.1).await;
    assert_eq!(ask("/metrics").await.status(), 200);
    cluster.pass(METRICS_SECONDS_MAX as f64 + 1.0).await;
    assert_eq!(ask("/metrics").await.status(), 200);
}
