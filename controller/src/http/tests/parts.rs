//! What is written or asked apart from an object as a whole: its status, its end, its last
//! finalizers; and what there is none of.

use super::*;

#[tokio::test]
async fn a_namespace_must_be_there_first_and_takes_nothing_at_its_end() {
    let api = Api::new().await;
    let nowhere = "/apis/batch/v1/namespaces/n/jobs";
    assert_eq!(api.post(nowhere, &job("pi")).await.code, 404);
    let made = api.post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await.body;
    assert_eq!(made["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(api.post(nowhere, &job("pi")).await.code, 201);
    let path = "/api/v1/namespaces/n";
    let deleted = api.send("DELETE", path, &[], String::new()).await;
    assert_eq!((deleted.code, &deleted.body["status"]["phase"]), (200, &json!("Terminating")));
    let again = api.send("DELETE", path, &[], String::new()).await;
    assert_eq!((again.code, &again.body["reason"]), (409, &json!("Conflict")));
    let late = api.post(nowhere, &job("late")).await;
    assert_eq!(
        late.body["message"],
        "jobs.batch \"late\" is forbidden: unable to create new content in namespace n because it \
         is being terminated"
    );
    assert_eq!(
        (late.code, &late.body["details"]["causes"]),
        (
            403,
            &json!([{
                "reason": "NamespaceTerminating", "message": "namespace n is being terminated",
                "field": "metadata.namespace",
            }])
        )
    );

    // Whoever sees to what is in it lets it go.
    let mut finalized = api.get(path).await.body;
    finalized["spec"] = json!({"finalizers": []});
    let plain = api.send("PUT", path, &[], finalized.to_string()).await;
    assert_eq!(plain.body["spec"]["finalizers"], json!(["kubernetes"]), "not in this way");
    let finalize = format!("{path}/finalize");
    finalized["metadata"] = plain.body["metadata"].clone();
    assert_eq!(api.get(&finalize).await.code, 405);
    assert_eq!(api.send("PUT", &finalize, &[], finalized.to_string()).await.code, 200);
    assert_eq!(api.get(path).await.code, 404);
    let kept = api.send("DELETE", "/api/v1/namespaces/default", &[], String::new()).await;
    assert_eq!(kept.code, 403);
}

#[tokio::test]
async fn a_status_is_written_with_labels_and_without_the_rest() {
    let api = Api::new().await;
    let pods = "/api/v1/namespaces/default/pods";
    let cron_jobs = "/apis/batch/v1/namespaces/default/cronjobs";
    let pod = json!({
        "metadata": {"name": "it"},
        "spec": {"containers": [{"name": "main", "image": "pi"}]},
    });
    api.post(pods, &pod).await;
    let cron_job = json!({
        "metadata": {"name": "it"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job("x")["spec"]}},
    });
    api.post(cron_jobs, &cron_job).await;
    api.post("/api/v1/nodes", &json!({"metadata": {"name": "it"}})).await;
    for (path, spec, status, shown) in [
        (pods, json!({"nodeName": "n"}), json!({"phase": "Running"}), "/status/phase"),
        (
            cron_jobs,
            json!({"suspend": true}),
            json!({"lastScheduleTime": "2026-01-01T00:00:00Z"}),
            "/status/lastScheduleTime",
        ),
        (
            "/api/v1/nodes",
            json!({"unschedulable": true}),
            json!({"phase": "Running"}),
            "/status/phase",
        ),
    ] {
        let whole = format!("{path}/it");
        let part = format!("{whole}/status");
        let before = api.get(&whole).await.body;
        assert_eq!(api.get(&part).await.body, before);
        let annotations = json!({"seen": "yes"});
        let change =
            json!({"metadata": {"annotations": annotations}, "spec": spec, "status": status});
        let patched = api.patch(&part, "application/merge-patch+json", &change).await;
        assert_eq!(patched.code, 200, "{path}: {}", patched.body);
        assert_eq!(patched.body["spec"], before["spec"], "{path}");
        assert_eq!(patched.body["metadata"]["annotations"], annotations, "{path}");
        let mut told = patched.body.clone();
        assert!(told.pointer(shown).is_some(), "{path}");
        // As a whole it is not written by whoever writes the rest.
        told["status"] = json!({});
        let written = api.send("PUT", &whole, &[], told.to_string()).await.body;
        assert_eq!(written.pointer(shown), patched.body.pointer(shown), "{path}");
        told["metadata"] = written["metadata"].clone();
        let put = api.send("PUT", &part, &[], told.to_string()).await;
        assert_eq!((put.code, put.body.pointer(shown)), (200, None), "{path}");
    }
    let part = "/api/v1/namespaces/default/status";
    let wrong = json!({"status": {"phase": "Terminating"}});
    let wrong = api.patch(part, "application/merge-patch+json", &wrong).await;
    assert_eq!(
        (wrong.code, &wrong.body["details"]["causes"][0]["message"]),
        (
            422,
            &json!(
                "Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"
            )
        )
    );
}

#[tokio::test]
async fn an_evicted_pod_says_so_and_goes() {
    let api = Api::new().await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({
        "metadata": {"name": "p", "finalizers": ["example.com/seen"]},
        "spec": {"nodeName": "n", "containers": [{"name": "main", "image": "pi"}]},
    });
    let uid = api.post(pods, &pod).await.body["metadata"]["uid"].clone();
    let running = json!({"status": {"phase": "Running"}});
    let merge = "application/merge-patch+json";
    assert_eq!(api.patch(&format!("{pods}/p/status"), merge, &running).await.code, 200);
    let path = format!("{pods}/p/eviction");
    let eviction = |options: Value| {
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"},
            "deleteOptions": options})
    };
    let other = eviction(json!({"preconditions": {"uid": "other"}}));
    assert_eq!(api.post(&path, &other).await.code, 409);
    let tried = api.post(&path, &eviction(json!({"dryRun": ["All"]}))).await;
    assert_eq!(tried.code, 201);
    let left = api.get(&format!("{pods}/p")).await.body;
    assert!(left["metadata"].get("deletionTimestamp").is_none());

    let meant = eviction(json!({"preconditions": {"uid": uid}, "gracePeriodSeconds": 7}));
    let evicted = api.post(&path, &meant).await;
    assert_eq!(
        evicted.body,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
        })
    );
    let going = api.get(&format!("{pods}/p")).await.body;
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 7);
    let condition = &going["status"]["conditions"][0];
    assert_eq!(
        (&condition["type"], &condition["reason"]),
        (&json!("DisruptionTarget"), &json!("EvictionByEvictionAPI"))
    );
    let misnamed =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "q"}});
    assert_eq!(api.post(&path, &misnamed).await.code, 400);
    assert_eq!(api.post(&format!("{pods}/q/eviction"), &misnamed).await.code, 404);
    assert_eq!(api.get(&path).await.code, 405);
}

#[tokio::test]
async fn a_pod_that_does_not_run_is_evicted_without_a_word() {
    let api = Api::new().await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({
        "metadata": {"name": "p", "finalizers": ["example.com/seen"]},
        "spec": {"containers": [{"name": "main", "image": "pi"}]},
    });
    api.post(pods, &pod).await;
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}});
    assert_eq!(api.post(&format!("{pods}/p/eviction"), &eviction).await.code, 201);
    let going = api.get(&format!("{pods}/p")).await.body;
    assert!(going["metadata"].get("deletionTimestamp").is_some());
    assert!(going["status"].get("conditions").is_none());
}

#[tokio::test]
async fn what_there_is_none_of_is_an_empty_list() {
    let api = Api::new().await;
    let sets = "/apis/apps/v1/namespaces/default/replicasets";
    let list = api.get(sets).await.body;
    assert_eq!((&list["kind"], &list["items"]), (&json!("ReplicaSetList"), &json!([])));
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = api.send("GET", "/api/v1/services", &accept, String::new()).await.body;
    assert_eq!((&table["kind"], &table["rows"]), (&json!("Table"), &json!([])));
    let none = api.get(&format!("{sets}/a")).await;
    assert_eq!(
        (none.code, &none.body["message"]),
        (404, &json!("replicasets.apps \"a\" not found"))
    );
    let service = api.get("/api/v1/namespaces/default/services/kubernetes").await.body;
    assert_eq!(
        (&service["kind"], &service["metadata"]["name"]),
        (&json!("Service"), &json!("kubernetes"))
    );
    assert_eq!(api.get("/api/v1/namespaces/other/services/kubernetes").await.code, 404);
    let made = api.post(sets, &json!({"metadata": {"name": "a"}})).await;
    let told = made.body["message"].as_str().unwrap_or_default();
    assert_eq!(made.code, 405);
    assert!(told.ends_with("mayfly runs Jobs, and keeps no replicasets"), "{told}");
}
