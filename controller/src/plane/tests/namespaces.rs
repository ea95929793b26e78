//! Namespaces with Jobs at work in them, from the deletion on.

use super::*;
use crate::http::{Api, router};
use crate::node::NodeSettings;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

impl Simulation {
    async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path);
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = request.body(body).unwrap();
        let router = router(Api::new(self.store.clone()));
        let response = router.oneshot(request).await.unwrap();
        let code = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (code, serde_json::from_slice(&bytes).unwrap())
    }

    /// Makes a namespace, and in it a Job and a CronJob that makes Jobs.
    async fn busy_namespace(&self, name: &str) {
        let namespace = json!({"metadata": {"name": name}});
        assert_eq!(self.send("POST", "/api/v1/namespaces", &namespace).await.0, 201);
        let spec = json!({"parallelism": 3, "completions": 9, "template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "main", "image": "any"}],
        }}});
        let jobs = format!("/apis/batch/v1/namespaces/{name}/jobs");
        let job = json!({"metadata": {"name": "job"}, "spec": spec});
        assert_eq!(self.send("POST", &jobs, &job).await.0, 201);
        let cron_jobs = format!("/apis/batch/v1/namespaces/{name}/cronjobs");
        let spec = json!({"schedule": "* * * * *", "jobTemplate": {"spec": spec}});
        let cron_job = json!({"metadata": {"name": "cron"}, "spec": spec});
        assert_eq!(self.send("POST", &cron_jobs, &cron_job).await.0, 201);
    }

    /// How many objects of any kind there are in the namespace.
    fn count(&self, namespace: &str) -> usize {
        let (all, _) = self.store.list_kinds(Kind::ALL);
        all.iter().filter(|object| *object.key().namespace == *namespace).count()
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_with_work_in_it_ends_with_all_of_it() {
    let simulation = Simulation::start(1_000, &[0]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    simulation.busy_namespace("n").await;
    tokio::time::sleep(Duration::from_secs(150)).await;
    let running = simulation.store.list::<Pod>(Some("n")).items.len();
    assert_eq!(running, 9, "the Job's three pods and those of two minutes");
    let (code, told) = simulation.send("DELETE", "/api/v1/namespaces/n", &Value::Null).await;
    assert_eq!((code, &told["status"]["phase"]), (200, &json!("Terminating")));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(simulation.send("GET", "/api/v1/namespaces/n", &Value::Null).await.0, 404);
    assert_eq!(simulation.count("n"), 0);
    // And nothing of it comes back.
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(simulation.count("n"), 0);
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_does_not_keep_a_namespace() {
    for yields in [0, 5, 20, 80, 300] {
        let mut simulation = Simulation::start(1_000, &[0]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        simulation.busy_namespace("n").await;
        tokio::time::sleep(Duration::from_secs(90)).await;
        simulation.send("DELETE", "/api/v1/namespaces/n", &Value::Null).await;
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        simulation.crash();
        tokio::time::sleep(Duration::from_secs(120)).await;
        let left = simulation.send("GET", "/api/v1/namespaces/n", &Value::Null).await;
        assert_eq!(left.0, 404, "after {yields}: {}", left.1);
        assert_eq!(simulation.count("n"), 0, "after {yields}");
        simulation.plane.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_dependents_of_a_job_go_first_or_later_or_stay() {
    for (policy, left) in [("Background", 0), ("Foreground", 0), ("Orphan", 3)] {
        let simulation = Simulation::start(1_000, &[0]);
        simulation.create("parallelism: 3").await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let path = "/apis/batch/v1/namespaces/default/jobs/job";
        let options = json!({"propagationPolicy": policy});
        assert_eq!(simulation.send("DELETE", path, &options).await.0, 200);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(simulation.send("GET", path, &Value::Null).await.0, 404, "{policy}");
        let pods = simulation.store.list::<Pod>(None).items;
        assert_eq!(pods.len(), left, "{policy}");
        for pod in pods {
            assert_eq!(pod.metadata.owner_references, None);
            assert_eq!(pod.metadata.finalizers, None, "nobody counts it any more");
        }
        simulation.plane.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_evicted_pod_is_replaced_and_counts_as_a_failure() {
    let simulation = Simulation::start(1_000, &[0]);
    simulation.create("parallelism: 1").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let pod = simulation.store.list::<Pod>(None).items.remove(0);
    let name = pod.metadata.name.clone().unwrap();
    let path = format!("/api/v1/namespaces/default/pods/{name}/eviction");
    let eviction = json!({"metadata": {"name": name}});
    assert_eq!(simulation.send("POST", &path, &eviction).await.0, 201);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let job = simulation.store.get::<Job>(&Key::new("default", "job")).unwrap();
    let status = job.status.as_ref().unwrap();
    assert_eq!((status.failed, status.active), (Some(1), Some(1)));
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_is_ready_and_says_so_again_and_again() {
    let simulation = Simulation::start(1, &[0]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let settings = NodeSettings::new("localhost", simulation.root.path());
    let path = format!("/api/v1/nodes/{}", settings.name);
    let node = simulation.send("GET", &path, &Value::Null).await.1;
    let conditions = node["status"]["conditions"].as_array().unwrap().iter();
    let told: Vec<String> =
        conditions.map(|it| format!("{} {}", it["type"], it["status"]).replace('"', "")).collect();
    assert_eq!(
        told,
        ["MemoryPressure False", "DiskPressure False", "PIDPressure False", "Ready True"]
    );
    let path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/localhost";
    let before = simulation.send("GET", path, &Value::Null).await.1;
    tokio::time::sleep(Duration::from_secs(301)).await;
    let after = simulation.send("GET", path, &Value::Null).await.1;
    assert!(after["spec"]["renewTime"].as_str() > before["spec"]["renewTime"].as_str());
    simulation.plane.shutdown().await;
}
