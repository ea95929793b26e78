use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{Api as Served, router};
use crate::api::{Namespace, ObjectMeta, Timestamp};
use crate::clock::Clock;
use crate::gc::Collector;
use crate::limits::REQUEST_BODY_BYTES_MAX;
use crate::store::{Names, Store, Transaction};

mod apply;
mod attached;
mod backup;
mod certificates;
mod elsewhere;
mod events;
mod hosts;
mod lists;
mod nodes;
mod owners;
mod parts;
mod patches;
mod pods;
mod priorities;
mod quotas;
mod watch;

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// An answer: its code, its first warning, its body.
struct Answer {
    code: u16,
    warning: String,
    body: Value,
}

struct Api {
    router: Router,
    served: Served,
    store: Store,
}

impl Api {
    async fn new() -> Self {
        let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
        let metadata = ObjectMeta { name: Some("default".to_owned()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        store.commit(Transaction::new().create(namespace)).await.expect("must be created");
        Self::of(Served::new(store))
    }

    fn of(served: Served) -> Self {
        Self { router: router(served.clone()), store: served.store.clone(), served }
    }

    /// Lets the garbage collector do all there is to do.
    async fn collect(&self) {
        let cancel = CancellationToken::new();
        let run = tokio::spawn(Collector::new(self.store.clone()).run(cancel.clone()));
        // With paused time, sleeping means that everybody else has done what there is to do.
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancel.cancel();
        run.await.expect("must end");
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).expect("must be a request");
        let response = self.router.clone().oneshot(request).await.expect("the router must answer");
        let code = response.status().as_u16();
        let warning = response.headers().get("warning").and_then(|it| it.to_str().ok());
        let warning = warning.unwrap_or_default().to_owned();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("must have a body");
        Answer { code, warning, body: serde_json::from_slice(&bytes).expect("must be JSON") }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], String::new()).await
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[], body.to_string()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], body.to_string()).await
    }

    async fn patch(&self, path: &str, content_type: &str, body: &Value) -> Answer {
        self.send("PATCH", path, &[("content-type", content_type)], body.to_string()).await
    }
}

fn job(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"of": name}},
        "spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "main", "image": "pi"}],
        }}},
        "status": {"succeeded": 7},
    })
}

#[tokio::test]
async fn a_job_is_created_read_changed_and_deleted() {
    let api = Api::new().await;
    let created = api.post(JOBS, &job("pi")).await;
    assert_eq!((created.code, &created.body["kind"]), (201, &json!("Job")));
    assert_eq!(created.body["spec"]["backoffLimit"], 6, "defaults are set");
    assert_eq!(created.body["status"], json!({}), "a status is not the client's to set");

    let path = format!("{JOBS}/pi");
    let read = api.get(&path).await;
    assert_eq!(read.body, created.body);

    let mut changed = read.body.clone();
    changed["spec"]["parallelism"] = json!(2);
    let updated = api.send("PUT", &path, &[], changed.to_string()).await;
    assert_eq!((updated.code, &updated.body["metadata"]["generation"]), (200, &json!(2)));
    let again = api.send("PUT", &path, &[], changed.to_string()).await;
    assert_eq!((again.code, &again.body["reason"]), (409, &json!("Conflict")));

    let deleted = api.send("DELETE", &path, &[], r#"{"propagationPolicy":"Background"}"#.into());
    let deleted = deleted.await;
    assert_eq!((deleted.code, &deleted.body["status"]), (200, &json!("Success")));
    assert_eq!(deleted.body["details"]["uid"], created.body["metadata"]["uid"]);
    assert_eq!(api.get(&path).await.code, 404);
}

#[tokio::test]
async fn names_are_made_and_nothing_is_kept_of_a_dry_run() {
    let api = Api::new().await;
    let mut nameless = job("");
    nameless["metadata"] = json!({"generateName": "pi-"});
    let made = api.post(JOBS, &nameless).await;
    let name = made.body["metadata"]["name"].as_str().expect("must have a name").to_owned();
    assert!(name.starts_with("pi-") && name.len() == 8, "{name}");

    let tried = api.post(&format!("{JOBS}?dryRun=All"), &job("tried")).await;
    assert_eq!(tried.code, 201);
    assert!(tried.body["metadata"]["uid"].is_string());
    assert_eq!(api.get(&format!("{JOBS}/tried")).await.code, 404);
    let mut taken = job("");
    taken["metadata"] = json!({"name": name});
    let taken = api.post(&format!("{JOBS}?dryRun=All"), &taken).await;
    assert_eq!(taken.code, 409);
}

#[tokio::test]
async fn a_list_is_selected_and_cut_into_pages() {
    let api = Api::new().await;
    for name in ["a", "b", "c"] {
        api.post(JOBS, &job(name)).await;
    }
    let names = |answer: &Answer| {
        let items = answer.body["items"].as_array().expect("must be a list").iter();
        items.map(|item| item["metadata"]["name"].to_string()).collect::<String>()
    };
    let all = api.get("/apis/batch/v1/jobs").await;
    assert_eq!((names(&all).as_str(), &all.body["kind"]), (r#""a""b""c""#, &json!("JobList")));
    assert!(all.body["items"][0].get("kind").is_none(), "a list says the kind for all");
    for query in ["labelSelector=of%21%3Da%2Cof+in+(b,x)", "fieldSelector=metadata.name%3Db"] {
        assert_eq!(names(&api.get(&format!("{JOBS}?{query}")).await), r#""b""#, "{query}");
    }
    let first = api.get(&format!("{JOBS}?limit=2")).await;
    assert_eq!(names(&first), r#""a""b""#);
    assert_eq!(first.body["metadata"]["remainingItemCount"], 1);
    let proceed = first.body["metadata"]["continue"].as_str().expect("must go on");
    let second = api.get(&format!("{JOBS}?limit=2&continue={proceed}")).await;
    assert_eq!(names(&second), r#""c""#);
    assert!(second.body["metadata"].get("continue").is_none());
}

#[tokio::test]
async fn what_is_there_comes_as_a_table_too() {
    let api = Api::new().await;
    api.post(JOBS, &job("pi")).await;
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")];
    let table = api.send("GET", JOBS, &accept, String::new()).await.body;
    assert_eq!(table["kind"], "Table");
    let row = &table["rows"][0];
    let cells = row["cells"].as_array().expect("a row must have cells");
    assert_eq!(cells[..3], ["pi", "Running", "0/1"]);
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    let one = api.send("GET", &format!("{JOBS}/pi"), &accept, String::new()).await.body;
    assert_eq!(one["rows"], table["rows"]);
    let none = api.send("GET", JOBS, &[("accept", "text/html")], String::new()).await;
    assert_eq!((none.code, &none.body["reason"]), (406, &json!("NotAcceptable")));
}

#[tokio::test]
async fn the_status_of_a_job_is_written_apart_from_its_spec() {
    let api = Api::new().await;
    api.post(JOBS, &job("pi")).await;
    let change = json!({"spec": {"parallelism": 5}, "status": {"active": 1}});
    let path = format!("{JOBS}/pi/status");
    let written = api.patch(&path, "application/merge-patch+json", &change).await.body;
    assert_eq!(
        (&written["spec"]["parallelism"], &written["status"]["active"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(api.send("DELETE", &path, &[], String::new()).await.code, 405);
}

#[tokio::test(start_paused = true)]
async fn a_jobs_pods_stay_or_hold_it_back_as_is_asked() {
    let api = Api::new().await;
    let pods = "/api/v1/namespaces/default/pods";
    let uid = api.post(JOBS, &job("pi")).await.body["metadata"]["uid"].clone();
    let pod = json!({
        "metadata": {"name": "p", "ownerReferences": [
            {"apiVersion": "batch/v1", "kind": "Job", "name": "pi", "uid": uid, "controller": true},
        ]},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "pi"}]},
    });
    assert_eq!(api.post(pods, &pod).await.code, 201);
    let path = format!("{JOBS}/pi");
    let other = r#"{"preconditions":{"uid":"other"}}"#;
    assert_eq!(api.send("DELETE", &path, &[], other.into()).await.code, 409);
    let deleted = api.send("DELETE", &path, &[], String::new()).await;
    assert!(deleted.warning.contains("child pods are preserved by default"), "{}", deleted.warning);
    let held = api.get(&path).await.body;
    assert_eq!(held["metadata"]["finalizers"], json!(["orphan"]));
    api.collect().await;
    assert_eq!(api.get(&path).await.code, 404);
    let left = api.get(&format!("{pods}/p")).await.body;
    assert!(left["metadata"].get("ownerReferences").is_none(), "{left}");

    api.post(JOBS, &job("pi")).await;
    let foreground = format!("{path}?propagationPolicy=Foreground");
    let held = api.send("DELETE", &foreground, &[], String::new()).await.body;
    assert_eq!(held["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    // Whoever asks again may choose otherwise.
    let again =
        api.send("DELETE", &path, &[], r#"{"propagationPolicy":"Background"}"#.into()).await;
    assert_eq!((again.code, &again.body["status"]), (200, &json!("Success")));
    assert_eq!(api.get(&path).await.code, 404);
}

#[tokio::test(start_paused = true)]
async fn a_collection_is_deleted_as_far_as_it_is_selected() {
    let api = Api::new().await;
    for name in ["a", "b", "c"] {
        api.post(JOBS, &job(name)).await;
    }
    let some = format!("{JOBS}?labelSelector=of+in+(a,b)&dryRun=All");
    let tried = api.send("DELETE", &some, &[], String::new()).await;
    assert_eq!((tried.code, tried.body["items"].as_array().map(Vec::len)), (200, Some(2)));
    assert_eq!(api.get(JOBS).await.body["items"].as_array().map(Vec::len), Some(3));
    let some = format!("{JOBS}?labelSelector=of+in+(a,b)");
    let background = r#"{"propagationPolicy":"Background"}"#;
    let deleted = api.send("DELETE", &some, &[], background.into()).await;
    assert_eq!((deleted.code, &deleted.body["kind"]), (200, &json!("JobList")));
    assert_eq!(deleted.body["items"][1]["metadata"]["name"], "b");
    let orphaned = api.send("DELETE", JOBS, &[], String::new()).await;
    assert!(orphaned.warning.contains("child pods are preserved"), "{}", orphaned.warning);
    let left = api.get(JOBS).await.body;
    assert_eq!(left["items"].as_array().map(Vec::len), Some(1), "what it owns is let go first");
    api.collect().await;
    assert_eq!(api.get(JOBS).await.body["items"], json!([]));
    for path in ["/api/v1/namespaces", "/apis/batch/v1/jobs"] {
        assert_eq!(api.send("DELETE", path, &[], String::new()).await.code, 405, "{path}");
    }
    let other = r#"{"propagationPolicy":"Sideways"}"#;
    assert_eq!(api.send("DELETE", JOBS, &[], other.into()).await.code, 422);
}

#[tokio::test]
async fn a_pod_has_its_grace_period_unless_it_is_to_go_at_once() {
    let api = Api::new().await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({
        "metadata": {"name": "p"},
        "spec": {"nodeName": "n", "containers": [{"name": "main", "image": "pi"}]},
    });
    assert_eq!(api.post(pods, &pod).await.code, 201);
    let path = format!("{pods}/p");
    let deleted = api.send("DELETE", &path, &[], String::new()).await.body;
    assert_eq!(deleted["metadata"]["deletionGracePeriodSeconds"], 30);
    let forced = r#"{"gracePeriodSeconds":0,"propagationPolicy":"Background"}"#;
    let forced = api.send("DELETE", &path, &[], forced.into()).await;
    assert_eq!((forced.code, &forced.body["kind"]), (200, &json!("Pod")));
    assert_eq!(api.get(&path).await.code, 404);
}

#[tokio::test]
async fn bad_requests_are_told_what_is_wrong() {
    let api = Api::new().await;
    let large = " ".repeat(REQUEST_BODY_BYTES_MAX + 1);
    assert_eq!(api.send("POST", JOBS, &[], large).await.code, 413);
    let deep = "[".repeat(100_000);
    assert_eq!(api.send("POST", JOBS, &[], deep).await.code, 400);
    let secrets = "/api/v1/namespaces/default/secrets";
    for path in [JOBS, CONFIG_MAPS, secrets, "/api/v1/nodes"] {
        let escaping = api.post(path, &json!({"metadata": {"name": "../x"}})).await;
        assert_eq!((escaping.code, &escaping.body["reason"]), (422, &json!("Invalid")), "{path}");
    }
    let foreign = [("content-type", "text/plain")];
    let deleted = api.send("DELETE", &format!("{JOBS}/x"), &foreign, "a".into()).await;
    assert_eq!((deleted.code, &deleted.body["reason"]), (415, &json!("UnsupportedMediaType")));
    let elsewhere = json!({"metadata": {"name": "c", "namespace": "other"}});
    assert_eq!(api.post(CONFIG_MAPS, &elsewhere).await.code, 400);
    let unknown = json!({"metadata": {"name": "c"}, "date": {}});
    let warned = api.post(CONFIG_MAPS, &unknown).await;
    assert_eq!(warned.warning, r#"299 - "unknown field \"date\"""#);
    let strict = api.post(&format!("{CONFIG_MAPS}?fieldValidation=Strict"), &unknown).await;
    assert_eq!(strict.code, 400);
}
