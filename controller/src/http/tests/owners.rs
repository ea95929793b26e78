//! Who owns what after creates, updates and patches: `metadata.managedFields`.

use serde_json::{Value, json};

use super::{Api, CONFIG_MAPS, JOBS, job};
use crate::api::{Job, Key, Time, Timestamp};
use crate::store::Transaction;

const MERGE: &str = "application/merge-patch+json";

/// For each entry of `managedFields`, who it is of and the fields.
fn owners(object: &Value) -> Vec<(String, Value)> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let owners = entries.iter().map(|entry| {
        assert_eq!(entry["fieldsType"], "FieldsV1");
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let who = format!("{} {} {}", text("manager"), text("operation"), text("subresource"));
        (who.trim_end().to_owned(), entry["fieldsV1"].clone())
    });
    owners.collect()
}

fn owner(who: &str, fields: Value) -> (String, Value) {
    (who.to_owned(), fields)
}

#[tokio::test]
async fn a_job_is_owned_by_who_creates_it_with_its_defaults() {
    let api = Api::new().await;
    let manifest = json!({
        "metadata": {"name": "upd"},
        "spec": {"parallelism": 0, "completions": 3, "ttlSecondsAfterFinished": 5, "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "exit 0"]}],
        }}},
    });
    let headers = [("user-agent", "refk8s-harness/1.0")];
    let created = api.send("POST", JOBS, &headers, manifest.to_string()).await.body;
    // As recorded of a Kubernetes API server, but for two labels that had been added.
    let spec = json!({
        "f:backoffLimit": {}, "f:completionMode": {}, "f:completions": {}, "f:manualSelector": {},
        "f:parallelism": {}, "f:podReplacementPolicy": {}, "f:suspend": {},
        "f:template": {"f:spec": {
            "f:containers": {"k:{\"name\":\"main\"}": {
                ".": {}, "f:command": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {},
                "f:resources": {}, "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
            }},
            "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:schedulerName": {}, "f:securityContext": {},
            "f:terminationGracePeriodSeconds": {},
        }},
        "f:ttlSecondsAfterFinished": {},
    });
    assert_eq!(owners(&created), [owner("refk8s-harness Update", json!({"f:spec": spec}))]);
    let entry = &created["metadata"]["managedFields"][0];
    assert_eq!(
        (&entry["apiVersion"], &entry["time"]),
        (&json!("batch/v1"), &json!("1970-01-01T00:00:00Z"))
    );
}

#[tokio::test]
async fn who_changes_a_field_takes_it_over() {
    let api = Api::new().await;
    let config_map = json!({"metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}});
    api.post(&format!("{CONFIG_MAPS}?fieldManager=one"), &config_map).await;
    let path = format!("{CONFIG_MAPS}/c");
    let change =
        json!({"data": {"a": "9", "b": null, "c": "3"}, "metadata": {"labels": {"x": "y"}}});
    let changed = api.patch(&format!("{path}?fieldManager=two"), MERGE, &change).await.body;
    let two = json!({
        "f:data": {"f:a": {}, "f:c": {}}, "f:metadata": {"f:labels": {".": {}, "f:x": {}}},
    });
    let expect = [owner("one Update", json!({"f:data": {}})), owner("two Update", two)];
    assert_eq!(owners(&changed), expect);

    let mut put = changed.clone();
    put["metadata"].as_object_mut().expect("must be a map").remove("managedFields");
    let same =
        api.send("PUT", &format!("{path}?fieldManager=three"), &[], put.to_string()).await.body;
    assert_eq!(
        same["metadata"], changed["metadata"],
        "a write that changes nothing leaves no trace"
    );
}

#[tokio::test]
async fn a_status_is_owned_apart_and_the_rest_can_not_be_through_it() {
    let api = Api::new().await;
    api.post(&format!("{JOBS}?fieldManager=one"), &job("pi")).await;
    let change = json!({"spec": {"parallelism": 9}, "status": {"active": 1}});
    let path = format!("{JOBS}/pi/status?fieldManager=two");
    let written = api.patch(&path, MERGE, &change).await.body;
    let owners = owners(&written);
    assert_eq!(owners[0].1["f:status"], Value::Null, "a client's status is not taken");
    assert_eq!(owners[1], owner("two Update status", json!({"f:status": {"f:active": {}}})));
    let reset = json!({"metadata": {"managedFields": []}});
    let kept = api.patch(&path, MERGE, &reset).await.body;
    assert_eq!(kept["metadata"]["managedFields"], written["metadata"]["managedFields"]);
}

#[tokio::test]
async fn owners_can_be_set_and_forgotten() {
    let api = Api::new().await;
    let config_map = json!({"metadata": {"name": "c"}, "data": {"a": "1"}});
    api.post(&format!("{CONFIG_MAPS}?fieldManager=one"), &config_map).await;
    let path = format!("{CONFIG_MAPS}/c");
    let renamed = json!([
        {"manager": "two", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:a": {}}}},
    ]);
    let steps = json!([{"op": "replace", "path": "/metadata/managedFields", "value": renamed}]);
    let set = api.patch(&path, "application/json-patch+json", &steps).await.body;
    assert_eq!(owners(&set), [owner("two Apply", json!({"f:data": {"f:a": {}}}))]);
    let malformed = json!({"metadata": {"managedFields": [{"operation": "Jump"}]}});
    let kept = api.patch(&path, MERGE, &malformed).await.body;
    assert_eq!(owners(&kept), owners(&set), "what is malformed changes nothing");
    let forgotten =
        api.patch(&path, MERGE, &json!({"metadata": {"managedFields": [{}]}})).await.body;
    assert_eq!(owners(&forgotten), []);
    let later = api.patch(&path, MERGE, &json!({"data": {"b": "2"}})).await.body;
    assert_eq!(owners(&later), [], "nobody owns anything until somebody applies it");
}

#[tokio::test]
async fn a_manager_must_have_a_name_that_can_be_shown() {
    let api = Api::new().await;
    let config_map = json!({"metadata": {"name": "c"}});
    let long = format!("{CONFIG_MAPS}?fieldManager={}", "x".repeat(129));
    assert_eq!(
        api.post(&long, &config_map).await.body["message"],
        "CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Too long: may not be more than \
         128 bytes"
    );
    let odd = api.post(&format!("{CONFIG_MAPS}?fieldManager=a%0A"), &config_map).await;
    assert_eq!(odd.code, 422);
}

#[tokio::test]
async fn a_status_that_is_read_and_written_back_leaves_no_trace() {
    let api = Api::new().await;
    api.post(JOBS, &job("pi")).await;
    let now = Timestamp::from_nanosecond(1_500_000_000).expect("must be a time");
    let start = move |job: &mut Job| {
        job.status.get_or_insert_default().start_time = Some(Time(now));
    };
    let start = Transaction::new().modify(Key::new("default", "pi"), None, start);
    api.store.commit(start).await.expect("must be committed");
    let path = format!("{JOBS}/pi/status");
    let read = api.get(&path).await.body;
    assert_eq!(read["status"]["startTime"], "1970-01-01T00:00:01Z");
    let written = api.send("PUT", &path, &[], read.to_string()).await.body;
    assert_eq!(written, read);
}

#[tokio::test]
async fn a_lease_is_made_by_who_updates_it_and_then_only_knowingly() {
    let api = Api::new().await;
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}});
    let made = api.send("PUT", path, &[], lease.to_string()).await;
    assert_eq!(
        (made.code, owners(&made.body)[0].1.clone()),
        (201, json!({"f:spec": {"f:holderIdentity": {}}}))
    );
    let blind = api.send("PUT", path, &[], lease.to_string()).await;
    assert_eq!(
        blind.body["message"],
        "Lease.coordination.k8s.io \"l\" is invalid: metadata.resourceVersion: Invalid value: 0x0: \
         must be specified for an update"
    );
    let mut renewed = made.body;
    renewed["spec"]["holderIdentity"] = json!("b");
    assert_eq!(api.send("PUT", path, &[], renewed.to_string()).await.code, 200);
    let job = api.send("PUT", &format!("{JOBS}/pi"), &[], job("pi").to_string()).await;
    assert_eq!(job.code, 404);
}
