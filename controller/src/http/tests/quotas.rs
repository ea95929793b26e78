//! What bounds a namespace, over HTTP: quotas and limit ranges as objects, and as what they do.

use tokio::time::sleep;

use super::*;
use crate::quota::QuotaController;

const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
const RANGES: &str = "/api/v1/namespaces/default/limitranges";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// An API with quotas that are counted.
async fn counted() -> (Api, CancellationToken) {
    let api = Api::new().await;
    let cancel = CancellationToken::new();
    tokio::spawn(QuotaController::new(api.store.clone()).run(cancel.clone()));
    (api, cancel)
}

/// With paused time, sleeping means that everybody else has done what there is to do.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

fn pod(name: &str, resources: Value) -> Value {
    let mut container = json!({"name": "c", "image": "i"});
    container["resources"] = resources;
    json!({"metadata": {"name": name}, "spec": {"containers": [container]}})
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_kept_and_its_status_is_not_its_makers_to_set() {
    let (api, _cancel) = counted().await;
    let quota = json!({
        "metadata": {"name": "q"}, "spec": {"hard": {"pods": "2", "limits.cpu": "1"}},
        "status": {"used": {"pods": "7"}},
    });
    let created = api.post(QUOTAS, &quota).await;
    assert_eq!((created.code, &created.body["status"]), (201, &json!({})));
    settle().await;
    let path = format!("{QUOTAS}/q");
    let found = api.get(&path).await.body;
    assert_eq!(
        found["status"],
        json!({"hard": {"pods": "2", "limits.cpu": "1"}, "used": {"pods": "0", "limits.cpu": "0"}})
    );
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = api.send("GET", QUOTAS, &table, String::new()).await.body;
    assert_eq!(table["rows"][0]["cells"], json!(["q", "pods: 0/2", "limits.cpu: 0/1", "0s"]));
    let columns = table["columnDefinitions"].as_array().cloned().unwrap_or_default();
    let columns: Vec<_> = columns.iter().map(|column| column["name"].clone()).collect();
    assert_eq!(columns, ["Name", "Request", "Limit", "Age"]);

    let mut changed = found.clone();
    changed["spec"]["hard"]["pods"] = json!("3");
    changed["status"] = json!({});
    let changed = api.send("PUT", &path, &[], changed.to_string()).await;
    assert_eq!((changed.code, &changed.body["status"]), (200, &found["status"]));
    let merge = "application/merge-patch+json";
    let status = json!({"spec": {"hard": {"pods": "9"}}, "status": {"used": {"pods": "5"}}});
    let written = api.patch(&format!("{path}/status"), merge, &status).await;
    let pods = |part: &str| written.body[part].clone();
    assert_eq!((written.code, &pods("spec")["hard"]["pods"]), (200, &json!("3")));
    assert_eq!(pods("status")["used"]["pods"], "5");
    let refused = api.patch(&path, merge, &json!({"spec": {"scopes": ["BestEffort"]}})).await;
    assert_eq!(refused.code, 422);
    let deleted = api.send("DELETE", QUOTAS, &[], String::new()).await;
    assert_eq!((deleted.code, api.get(&path).await.code), (200, 404));
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_room_for_is_forbidden() {
    let (api, _cancel) = counted().await;
    let hard = json!({"pods": "1", "limits.memory": "1Gi", "count/jobs.batch": "1"});
    api.post(QUOTAS, &json!({"metadata": {"name": "q"}, "spec": {"hard": hard}})).await;
    settle().await;
    let unsaid = api.post(PODS, &pod("a", json!({}))).await;
    assert_eq!(
        (unsaid.code, unsaid.body["message"].as_str().unwrap_or_default()),
        (403, "pods \"a\" is forbidden: failed quota: q: must specify limits.memory for: c")
    );
    let limited = json!({"limits": {"memory": "512Mi"}});
    let tried = format!("{PODS}?dryRun=All");
    assert_eq!(api.post(&tried, &pod("a", limited.clone())).await.code, 201);
    assert_eq!(api.post(PODS, &pod("a", limited.clone())).await.code, 201);
    let full = api.post(PODS, &pod("b", json!({"limits": {"memory": "768Mi"}}))).await;
    assert_eq!(
        (full.code, full.body["message"].as_str().unwrap_or_default()),
        (
            403,
            "pods \"b\" is forbidden: exceeded quota: q, requested: limits.memory=768Mi,pods=1, \
             used: limits.memory=512Mi,pods=1, limited: limits.memory=1Gi,pods=1"
        )
    );
    assert_eq!(api.post(&tried, &pod("b", limited)).await.code, 403);
    assert_eq!(api.post(JOBS, &job("one")).await.code, 201);
    let second = api.post(JOBS, &job("two")).await;
    assert_eq!(
        second.body["message"],
        "jobs.batch \"two\" is forbidden: exceeded quota: q, requested: count/jobs.batch=1, used: \
         count/jobs.batch=1, limited: count/jobs.batch=1"
    );
    let delete = format!("{JOBS}/one?propagationPolicy=Background");
    api.send("DELETE", &delete, &[], String::new()).await;
    settle().await;
    assert_eq!(api.post(JOBS, &job("two")).await.code, 201);
}

#[tokio::test(start_paused = true)]
async fn a_limit_range_gives_pods_what_they_do_not_say() {
    let api = Api::new().await;
    let limits = json!([{"type": "Container", "max": {"memory": "1Gi"}, "min": {"cpu": "100m"}}]);
    let range = json!({"metadata": {"name": "l"}, "spec": {"limits": limits}});
    let created = api.post(RANGES, &range).await;
    assert_eq!(created.code, 201);
    let made = &created.body["spec"]["limits"][0];
    assert_eq!(
        (&made["default"], &made["defaultRequest"]),
        (&json!({"memory": "1Gi"}), &json!({"memory": "1Gi", "cpu": "100m"}))
    );
    let made = api.post(PODS, &pod("a", json!({}))).await.body;
    assert_eq!(
        made["spec"]["containers"][0]["resources"],
        json!({"limits": {"memory": "1Gi"}, "requests": {"memory": "1Gi", "cpu": "100m"}})
    );
    assert_eq!(
        made["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu, memory request for container c; memory limit for container c"
    );
    let large = api.post(PODS, &pod("b", json!({"limits": {"memory": "2Gi"}}))).await;
    assert_eq!(
        (large.code, large.body["message"].as_str().unwrap_or_default()),
        (
            403,
            "pods \"b\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi"
        )
    );
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = api.send("GET", RANGES, &table, String::new()).await.body;
    assert_eq!(table["rows"][0]["cells"], json!(["l", "1970-01-01T00:00:00Z"]));
}
