//! Patches in every format, and what kubectl's own commands send.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Answer, Api, CONFIG_MAPS, JOBS, Served, job};
use crate::api::{Namespace, ObjectMeta, Pod, Timestamp};
use crate::clock::Clock;
use crate::store::{Names, Store, Transaction};

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const CRON_JOBS: &str = "/apis/batch/v1/namespaces/default/cronjobs";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn version(answer: &Answer) -> &Value {
    &answer.body["metadata"]["resourceVersion"]
}

#[tokio::test]
async fn patches_merge_or_follow_their_steps() {
    let api = Api::new().await;
    api.post(CONFIG_MAPS, &json!({"metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}})).await;
    let path = format!("{CONFIG_MAPS}/c");
    let merge = json!({"data": {"a": null, "c": "3"}});
    let merged = api.patch(&path, MERGE, &merge).await;
    assert_eq!((merged.code, &merged.body["data"]), (200, &json!({"b": "2", "c": "3"})));
    let steps = json!([{"op": "test", "path": "/data/b", "value": "2"}, {"op": "remove", "path": "/data/b"}]);
    let patched = api.patch(&path, JSON, &steps).await;
    assert_eq!((patched.code, &patched.body["data"]), (200, &json!({"c": "3"})));
    let failed = api.patch(&path, JSON, &steps).await;
    assert_eq!((failed.code, &failed.body["reason"]), (422, &json!("Invalid")));
    assert_eq!(
        failed.body["message"],
        "the server rejected our request due to an error in our request"
    );
    let strategic = api.patch(&path, STRATEGIC, &json!({"data": {"d": "4"}})).await;
    assert_eq!((strategic.code, &strategic.body["data"]), (200, &json!({"c": "3", "d": "4"})));
    let stale = json!({"metadata": {"resourceVersion": "1"}, "data": {}});
    assert_eq!(api.patch(&path, MERGE, &stale).await.code, 409);
    let missing = api.patch(&format!("{CONFIG_MAPS}/none"), MERGE, &merge).await;
    assert_eq!((missing.code, &missing.body["reason"]), (404, &json!("NotFound")));
}

#[tokio::test]
async fn what_is_no_patch_is_told_why() {
    let api = Api::new().await;
    api.post(JOBS, &job("pi")).await;
    let check =
        |content_type: &'static str, body: &'static str, code: u16, message: &'static str| {
            let api = &api;
            async move {
                let headers = [("content-type", content_type)];
                let answer = api.send("PATCH", &format!("{JOBS}/pi"), &headers, body.into()).await;
                assert_eq!(answer.code, code, "{body}: {}", answer.body);
                assert_eq!(answer.body["message"], message, "{body}");
            }
        };
    let decoding = "error decoding patch: unexpected end of JSON input";
    check(MERGE, r#"{"a""#, 400, decoding).await;
    check(JSON, "[", 400, decoding).await;
    check(STRATEGIC, "{", 400, "unexpected end of JSON input").await;
    check(
        MERGE,
        "[]",
        400,
        "error decoding patch: json: cannot unmarshal array into Go value of type \
         map[string]interface {}",
    )
    .await;
    check(
        JSON,
        "{}",
        400,
        "error decoding patch: json: cannot unmarshal object into Go value of type \
         []handlers.jsonPatchOp",
    )
    .await;
    check(
        "application/json",
        "{}",
        415,
        "the body of the request was in an unknown format - accepted media types include: \
         application/json-patch+json, application/merge-patch+json, \
         application/strategic-merge-patch+json, application/apply-patch+yaml",
    )
    .await;
    check(
        STRATEGIC,
        r#"{"spec":{"completions":"x"}}"#,
        422,
        " \"\" is invalid: patch: Invalid value: \"map[spec:map[completions:x]]\": json: cannot \
         unmarshal string into Go struct field JobSpec.spec.completions of type int32",
    )
    .await;
    let cbor = [("content-type", "application/apply-patch+cbor")];
    let cbor = api.send("PATCH", &format!("{JOBS}/pi?fieldManager=a"), &cbor, String::new()).await;
    assert_eq!(cbor.code, 415);
    let forced = api.patch(&format!("{JOBS}/pi?force=true"), MERGE, &json!({})).await;
    assert_eq!(
        forced.body["message"],
        "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for \
         non-apply patch"
    );
}

#[tokio::test]
async fn unknown_fields_are_refused_warned_of_or_dropped() {
    let api = Api::new().await;
    api.post(JOBS, &job("pi")).await;
    let path = format!("{JOBS}/pi");
    for content_type in [MERGE, STRATEGIC] {
        let change = json!({"spec": {"foo": 1}});
        let strict =
            api.patch(&format!("{path}?fieldValidation=Strict"), content_type, &change).await;
        assert_eq!(strict.code, 422);
        let message = strict.body["message"].as_str().expect("must have a message");
        assert!(
            message.ends_with(r#"strict decoding error: unknown field "spec.foo""#),
            "{message}"
        );
        let warned = api.patch(&path, content_type, &change).await;
        assert_eq!(
            (warned.code, warned.warning.as_str()),
            (200, r#"299 - "unknown field \"spec.foo\"""#)
        );
        let ignored =
            api.patch(&format!("{path}?fieldValidation=Ignore"), content_type, &change).await;
        assert_eq!((ignored.code, ignored.warning.as_str()), (200, ""));
    }
}

#[tokio::test]
async fn what_is_there_twice_is_refused_or_warned_of() {
    let api = Api::new().await;
    api.post(JOBS, &job("pi")).await;
    let check = |content_type: &'static str, body: &'static str, told: &'static str| {
        let api = &api;
        async move {
            let path = format!("{JOBS}/pi?fieldManager=a&fieldValidation");
            let headers = [("content-type", content_type)];
            let send = |validation: &str| format!("{path}={validation}");
            let strict = api.send("PATCH", &send("Strict"), &headers, body.into()).await;
            let message = strict.body["message"].as_str().expect("must have a message");
            assert!(strict.code >= 400 && message.contains(told), "{message}");
            let warned = api.send("PATCH", &send("Warn"), &headers, body.into()).await;
            assert_eq!(warned.code, 200, "{}", warned.body);
            let ignored = api.send("PATCH", &send("Ignore"), &headers, body.into()).await;
            assert_eq!((ignored.code, ignored.warning.as_str()), (200, ""));
        }
    };
    let twice = r#"{"spec": {"parallelism": 1, "parallelism": 2, "foo": 1}}"#;
    let told =
        r#"strict decoding error: duplicate field "spec.parallelism", unknown field "spec.foo""#;
    check(MERGE, twice, told).await;
    check(STRATEGIC, twice, told).await;
    check(
        JSON,
        r#"[{"op": "add", "path": "/spec/parallelism", "value": 3, "why": 1}]"#,
        r#"strict decoding error: json patch unknown field "[0].why""#,
    )
    .await;
    check(
        "application/apply-patch+yaml",
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: pi\n  name: pi\n",
        "error strict decoding patch: error converting YAML to JSON: yaml: unmarshal errors:\n  line 5: \
         key \"name\" already set in map",
    )
    .await;
}

/// What `kubectl apply` sends of a Job.
fn applied(image: &str, ttl: Option<i32>) -> (Value, Value) {
    let mut spec = json!({"backoffLimit": 4, "template": {"spec": {
        "containers": [{"name": "pi", "image": image, "command": ["perl", "-wle", "print 1"]}],
        "restartPolicy": "Never",
    }}});
    if let Some(ttl) = ttl {
        spec["ttlSecondsAfterFinished"] = json!(ttl);
    }
    let manifest = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"annotations": {}, "name": "pi2", "namespace": "default"}, "spec": spec,
    });
    let annotation = json!({LAST_APPLIED: format!("{manifest}\n")});
    (manifest, annotation)
}

#[tokio::test]
async fn kubectl_apply_changes_a_job_or_is_refused() {
    let api = Api::new().await;
    let (mut manifest, annotation) = applied("perl:5.34.0", None);
    manifest["metadata"]["annotations"] = annotation;
    let query = "?fieldManager=kubectl-client-side-apply&fieldValidation=Strict";
    assert_eq!(api.post(&format!("{JOBS}{query}"), &manifest).await.code, 201);

    let (_, annotation) = applied("perl:5.34.0", Some(1000));
    let change =
        json!({"metadata": {"annotations": annotation}, "spec": {"ttlSecondsAfterFinished": 1000}});
    let path = format!("{JOBS}/pi2{query}");
    let changed = api.patch(&path, STRATEGIC, &change).await;
    assert_eq!(
        (changed.code, &changed.body["spec"]["ttlSecondsAfterFinished"]),
        (200, &json!(1000))
    );
    assert_eq!(changed.body["metadata"]["annotations"], annotation);

    let image = json!({"spec": {
        "template": {"spec": {
            "$setElementOrder/containers": [{"name": "pi"}],
            "containers": [{"image": "perl:5.36", "name": "pi"}],
        }},
        "ttlSecondsAfterFinished": null,
    }});
    let refused = api.patch(&path, STRATEGIC, &image).await;
    assert_eq!((refused.code, &refused.body["reason"]), (422, &json!("Invalid")));
    let message = refused.body["message"].as_str().expect("must have a message");
    assert!(
        message
            .starts_with(r#"Job.batch "pi2" is invalid: spec.template: Invalid value: {"labels""#)
    );
    assert!(
        message.contains(r#""Image":"perl:5.36","Command":["perl","-wle","print 1"]"#),
        "{message}"
    );

    let tried = json!({"metadata": {"resourceVersion": version(&changed)}, "spec": {"ttlSecondsAfterFinished": null}});
    let tried = api
        .patch(
            &format!("{JOBS}/pi2?dryRun=All&fieldManager=kubectl-client-side-apply"),
            STRATEGIC,
            &tried,
        )
        .await;
    assert_eq!((tried.code, &tried.body["spec"]["ttlSecondsAfterFinished"]), (200, &Value::Null));
    assert_eq!(tried.body["metadata"]["generation"], 3);
    assert_eq!(api.get(&format!("{JOBS}/pi2")).await.body, changed.body);
}

#[tokio::test]
async fn kubectls_commands_change_what_they_are_to_change() {
    let api = Api::new().await;
    api.post(JOBS, &job("pi")).await;
    let path = format!("{JOBS}/pi");
    let check = |content_type: &'static str, change: Value, at: &'static str, expect: Value| {
        let (api, path) = (&api, &path);
        async move {
            let answer = api.patch(path, content_type, &change).await;
            assert_eq!(answer.code, 200, "{}", answer.body);
            assert_eq!(answer.body.pointer(at), Some(&expect), "{change}");
        }
    };
    let ttl = "/spec/ttlSecondsAfterFinished";
    check(STRATEGIC, json!({"spec": {"ttlSecondsAfterFinished": 600}}), ttl, json!(600)).await;
    check(MERGE, json!({"spec": {"ttlSecondsAfterFinished": 601}}), ttl, json!(601)).await;
    check(JSON, json!([{"op": "replace", "path": ttl, "value": 602}]), ttl, json!(602)).await;
    check(STRATEGIC, json!({"spec": {"suspend": true}}), "/spec/suspend", json!(true)).await;
    check(MERGE, json!({"metadata": {"labels": {"a": "b"}}}), "/metadata/labels/a", json!("b"))
        .await;
    check(
        MERGE,
        json!({"metadata": {"annotations": {"note": "x"}}}),
        "/metadata/annotations/note",
        json!("x"),
    )
    .await;
    let unchanged = api.get(&path).await;
    let status =
        api.patch(&format!("{path}/status"), MERGE, &json!({"status": {"ready": null}})).await;
    assert_eq!((status.code, version(&status)), (200, version(&unchanged)), "nothing has changed");
    assert_eq!(
        api.patch(&format!("{path}/scale"), MERGE, &json!({"spec": {"replicas": 2}})).await.code,
        404
    );
}

#[tokio::test]
async fn kubectl_sets_the_image_of_a_cron_job_and_suspends_it() {
    let api = Api::new().await;
    let pod = json!({"restartPolicy": "OnFailure", "containers": [
        {"name": "hello", "image": "busybox:1.28", "command": ["date"]},
    ]});
    let cron_job = json!({
        "metadata": {"name": "hello"},
        "spec": {"schedule": "* * * * *", "suspend": true, "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    });
    assert_eq!(api.post(CRON_JOBS, &cron_job).await.code, 201);
    let path = format!("{CRON_JOBS}/hello");
    let suspend = api.patch(&path, STRATEGIC, &json!({"spec": {"suspend": true}})).await;
    assert_eq!(version(&suspend), version(&api.get(&path).await), "it was so already");
    let change = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": {
        "$setElementOrder/containers": [{"name": "hello"}],
        "containers": [{"image": "busybox:1.36", "name": "hello"}],
    }}}}}});
    let set = api.patch(&format!("{path}?fieldManager=kubectl-set"), STRATEGIC, &change).await;
    let container = &set.body["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        (&container["image"], &container["command"]),
        (&json!("busybox:1.36"), &json!(["date"]))
    );
}

#[tokio::test]
async fn a_pod_that_a_controller_made_can_be_labelled() {
    let api = Api::new().await;
    let bare = json!({
        "metadata": {"name": "pi-x", "namespace": "default"},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "pi"}]},
    });
    let bare: Pod = serde_json::from_value(bare).expect("must be a Pod");
    api.store.commit(Transaction::new().create(bare)).await.expect("must be created");
    let path = "/api/v1/namespaces/default/pods/pi-x?fieldManager=kubectl-label";
    let labelled = api.patch(path, MERGE, &json!({"metadata": {"labels": {"z": "1"}}})).await;
    assert_eq!((labelled.code, &labelled.body["metadata"]["labels"]), (200, &json!({"z": "1"})));
    assert_eq!(labelled.body["spec"].get("priority"), None, "its spec is as it was");
    let moved = api.patch(path, MERGE, &json!({"spec": {"hostname": "h"}})).await;
    assert_eq!(moved.code, 422);
}

#[tokio::test]
async fn writers_who_name_no_version_never_conflict() {
    const WRITERS: usize = 40;
    let folder = tempfile::tempdir().expect("must be made");
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
    let store = Store::open(folder.path(), clock, Names::seeded(1)).expect("must open");
    let metadata = ObjectMeta { name: Some("default".to_owned()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    store.commit(Transaction::new().create(namespace)).await.expect("must be created");
    let api = Api::of(Served::new(store));
    api.post(CONFIG_MAPS, &json!({"metadata": {"name": "c"}})).await;
    let path = format!("{CONFIG_MAPS}/c");
    // Each group of commits has many of them, of which one is the first.
    let patches = (0..WRITERS).map(|n| {
        let (api, path) = (&api, &path);
        async move { api.patch(path, MERGE, &json!({"data": {format!("k{n}"): "v"}})).await.code }
    });
    assert!(join_all(patches).await.iter().all(|code| *code == 200));
    let data = api.get(&path).await.body["data"].clone();
    assert_eq!(data.as_object().map(serde_json::Map::len), Some(WRITERS));
    let puts = (0..WRITERS).map(|n| {
        let (api, path) = (&api, &path);
        let body = json!({"metadata": {"name": "c"}, "data": {"n": n.to_string()}});
        async move { api.send("PUT", path, &[], body.to_string()).await.code }
    });
    assert!(join_all(puts).await.iter().all(|code| *code == 200));
}
