//! Server-side apply, as kubectl and others do it.

use serde_json::{Value, json};

use super::{Answer, Api, CONFIG_MAPS, JOBS};

const APPLY: &str = "application/apply-patch+yaml";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

async fn apply(api: &Api, query: &str, config: &Value) -> Answer {
    let kind = if config["kind"] == "Job" { JOBS } else { CONFIG_MAPS };
    let name = config["metadata"]["name"].as_str().expect("must have a name");
    api.patch(&format!("{kind}/{name}?{query}"), APPLY, config).await
}

fn config_map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
}

fn managers(answer: &Answer) -> Vec<(Value, Value)> {
    let entries = answer.body["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|it| (it["manager"].clone(), it["fieldsV1"]["f:data"].clone())).collect()
}

#[tokio::test]
async fn what_is_applied_is_created_changed_and_removed_again() {
    let api = Api::new().await;
    let created = apply(&api, "fieldManager=a", &config_map(&json!({"x": "1", "y": "2"}))).await;
    assert_eq!((created.code, &created.body["data"]), (201, &json!({"x": "1", "y": "2"})));
    assert_eq!(managers(&created), [(json!("a"), json!({"f:x": {}, "f:y": {}}))]);

    let shared = apply(&api, "fieldManager=b", &config_map(&json!({"y": "2", "z": "3"}))).await;
    assert_eq!(shared.code, 200);
    let again = apply(&api, "fieldManager=b", &config_map(&json!({"y": "2", "z": "3"}))).await;
    assert_eq!(again.body, shared.body, "nothing has changed");

    let left = apply(&api, "fieldManager=a", &config_map(&json!({}))).await;
    assert_eq!(left.body["data"], json!({"y": "2", "z": "3"}), "what b owns as well stays");
    let left = apply(&api, "fieldManager=b", &config_map(&json!({"z": "3"}))).await;
    assert_eq!(left.body["data"], json!({"z": "3"}));
}

#[tokio::test]
async fn what_somebody_else_owns_is_a_conflict_unless_it_is_taken() {
    let api = Api::new().await;
    let first = config_map(&json!({"x": "1", "y": "2"}));
    api.post(&format!("{CONFIG_MAPS}?fieldManager=kubectl-create"), &first).await;
    let change = config_map(&json!({"x": "9", "y": "2"}));
    let refused = apply(&api, "fieldManager=b", &change).await;
    assert_eq!(
        refused.body,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 409,
            "reason": "Conflict",
            "message": "Apply failed with 1 conflict: conflict with \"kubectl-create\" using v1: .data.x",
            "details": {"causes": [{
                "reason": "FieldManagerConflict",
                "message": "conflict with \"kubectl-create\" using v1", "field": ".data.x",
            }]},
        })
    );
    let both = config_map(&json!({"x": "9", "y": "8"}));
    assert_eq!(
        apply(&api, "fieldManager=b", &both).await.body["message"],
        "Apply failed with 2 conflicts: conflicts with \"kubectl-create\" using v1:\n- .data.x\n- .data.y"
    );
    let forced = apply(&api, "fieldManager=b&force=true", &change).await;
    assert_eq!((forced.code, &forced.body["data"]["x"]), (200, &json!("9")));
    assert_eq!(
        managers(&forced),
        [
            (json!("b"), json!({"f:x": {}, "f:y": {}})),
            (json!("kubectl-create"), json!({".": {}, "f:y": {}})),
        ]
    );
}

#[tokio::test]
async fn what_can_not_be_applied_is_told_why() {
    let api = Api::new().await;
    let check = |path: String, config: Value, code: u16, message: &'static str| {
        let api = &api;
        async move {
            let answer = api.patch(&path, APPLY, &config).await;
            assert_eq!(answer.code, code, "{config}: {}", answer.body);
            assert_eq!(answer.body["message"], message, "{config}");
        }
    };
    let at = |query: &str| format!("{CONFIG_MAPS}/c?{query}");
    check(
        at(""),
        config_map(&json!({})),
        422,
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for \
         apply patch",
    )
    .await;
    let mut managed = config_map(&json!({}));
    managed["metadata"]["managedFields"] = json!([]);
    check(at("fieldManager=a"), managed, 400, "metadata.managedFields must be nil").await;
    let mut other = config_map(&json!({}));
    other["kind"] = json!("Secret");
    check(at("fieldManager=a"), other, 400, "invalid object type: /v1, Kind=Secret").await;
    let mut unknown = config_map(&json!({}));
    unknown["date"] = json!({});
    check(
        at("fieldManager=a"),
        unknown,
        500,
        "failed to create typed patch object (/c; /v1, Kind=ConfigMap): .date: field not declared \
         in schema",
    )
    .await;
    let mut elsewhere = config_map(&json!({}));
    elsewhere["metadata"]["name"] = json!("d");
    check(
        at("fieldManager=a"),
        elsewhere,
        400,
        "the name of the object (d) does not match the name on the URL (c)",
    )
    .await;
    let mut gone = config_map(&json!({}));
    gone["metadata"]["uid"] = json!("u");
    check(
        at("fieldManager=a"),
        gone,
        409,
        "Operation cannot be fulfilled on configmaps \"c\": uid mismatch: the provided object \
         specified uid u, and no existing object was found",
    )
    .await;
    check(at("fieldManager=a&dryRun=All"), json!([]), 400, "error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}").await;
    apply(&api, "fieldManager=a", &config_map(&json!({}))).await;
    let mut stale = config_map(&json!({"x": "1"}));
    stale["metadata"]["resourceVersion"] = json!("1");
    assert_eq!(apply(&api, "fieldManager=a", &stale).await.code, 409);
}

/// The Job that kubectl applies in the recorded commands.
fn pi2(ttl: i32) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "pi2", "namespace": "default"},
        "spec": {
            "backoffLimit": 4, "ttlSecondsAfterFinished": ttl,
            "template": {"spec": {"restartPolicy": "Never", "containers": [
                {"name": "pi", "image": "perl:5.34.0", "command": ["perl", "-wle", "print 1"]},
            ]}},
        },
    })
}

#[tokio::test]
async fn kubectl_takes_over_what_it_applied_by_itself() {
    let api = Api::new().await;
    let mut created = pi2(1000);
    let annotation = format!("{created}\n");
    created["metadata"]["annotations"] = json!({LAST_APPLIED: annotation});
    api.post(&format!("{JOBS}?fieldManager=kubectl-client-side-apply"), &created).await;
    let path = format!("{JOBS}/pi2");

    // 1. What it applies is what it applied before, so nothing conflicts; nor if it changes.
    let changed = apply(&api, "fieldManager=kubectl", &pi2(2000)).await;
    assert_eq!(
        (changed.code, &changed.body["spec"]["ttlSecondsAfterFinished"]),
        (200, &json!(2000))
    );
    let annotation = changed.body["metadata"]["annotations"][LAST_APPLIED].as_str();
    let annotation = annotation.expect("must still be there");
    assert_eq!(serde_json::from_str::<Value>(annotation).expect("must be JSON"), pi2(2000));

    // 2. The annotation is applied by a manager of its own.
    let last = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "pi2", "namespace": "default", "annotations": {LAST_APPLIED: annotation}},
    });
    let kept = apply(&api, "fieldManager=kubectl-last-applied", &last).await;
    assert_eq!(kept.code, 200, "{}", kept.body);

    // 3. It gives the fields of its old self to the new one.
    let entries = kept.body["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let of = |manager: &str| {
        let mut entries = entries.iter();
        entries.find(|it| it["manager"] == manager).cloned().expect("must be a manager")
    };
    let mut kubectl = of("kubectl");
    json_patch::merge(&mut kubectl["fieldsV1"], &of("kubectl-client-side-apply")["fieldsV1"]);
    let value = json!([kubectl, of("kubectl-last-applied")]);
    let version = &kept.body["metadata"]["resourceVersion"];
    let steps = json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": value},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]);
    let given = api
        .patch(&format!("{path}?fieldManager=kubectl"), "application/json-patch+json", &steps)
        .await;
    assert_eq!(given.code, 200, "{}", given.body);
    assert_eq!(given.body["metadata"]["managedFields"].as_array().map(Vec::len), Some(2));

    // 4. What it leaves out from then on goes.
    let mut config = pi2(0);
    config["spec"].as_object_mut().expect("must be a map").remove("ttlSecondsAfterFinished");
    let done = apply(&api, "fieldManager=kubectl&force=true", &config).await;
    assert_eq!((done.code, &done.body["spec"]["ttlSecondsAfterFinished"]), (200, &Value::Null));
    assert_eq!(done.body["spec"]["backoffLimit"], 4);
    assert_eq!(done.body["spec"]["completions"], 1, "a default comes back");
}

#[tokio::test]
async fn others_conflict_with_what_kubectl_applied_by_itself() {
    let api = Api::new().await;
    let created = pi2(1000);
    api.post(&format!("{JOBS}?fieldManager=kubectl-client-side-apply"), &created).await;
    let refused = apply(&api, "fieldManager=other", &pi2(2000)).await;
    assert_eq!(
        refused.body["message"],
        "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using batch/v1: \
         .spec.ttlSecondsAfterFinished"
    );
}

#[tokio::test]
async fn a_status_is_applied_apart_and_an_item_is_owned_by_its_key() {
    let api = Api::new().await;
    apply(&api, "fieldManager=a", &pi2(1)).await;
    let config = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "pi2"}, "status": {"active": 1},
    });
    let path = format!("{JOBS}/pi2/status?fieldManager=b");
    let applied = api.patch(&path, APPLY, &config).await;
    assert_eq!((applied.code, &applied.body["status"]["active"]), (200, &json!(1)));
    let entries = applied.body["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let of = |manager: &str| entries.iter().find(|it| it["manager"] == manager).cloned();
    let status = of("b").expect("must own something");
    assert_eq!(
        (&status["subresource"], &status["fieldsV1"]),
        (&json!("status"), &json!({"f:status": {"f:active": {}}}))
    );
    let containers = &of("a").expect("must own something")["fieldsV1"]["f:spec"]["f:template"]["f:spec"]
        ["f:containers"];
    assert_eq!(
        *containers,
        json!({"k:{\"name\":\"pi\"}": {".": {}, "f:command": {}, "f:image": {}, "f:name": {}}})
    );
    let mut missing = config;
    missing["metadata"]["name"] = json!("none");
    let nowhere = format!("{JOBS}/none/status?fieldManager=b");
    assert_eq!(api.patch(&nowhere, APPLY, &missing).await.code, 404);
}

#[tokio::test]
async fn what_is_applied_must_be_valid_in_the_end() {
    let api = Api::new().await;
    let bare = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "pi2"}});
    let refused = apply(&api, "fieldManager=a", &bare).await;
    assert_eq!((refused.code, &refused.body["reason"]), (422, &json!("Invalid")));
    let message = refused.body["message"].as_str().expect("must have a message");
    assert!(message.contains("spec.template.spec.containers: Required value"), "{message}");
    apply(&api, "fieldManager=a", &pi2(1)).await;
    let emptied = apply(&api, "fieldManager=a", &bare).await;
    assert_eq!(emptied.code, 422, "{}", emptied.body);
    let mut generated = pi2(1);
    generated["metadata"]["creationTimestamp"] = Value::Null;
    generated["status"] = json!({});
    let before = api.get(&format!("{JOBS}/pi2")).await;
    let again = apply(&api, "fieldManager=a", &generated).await;
    assert_eq!(again.body, before.body, "a null and an empty status change nothing");
}

#[tokio::test]
async fn yaml_is_applied_too() {
    let api = Api::new().await;
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  x: \"1\"\n";
    let headers = [("content-type", APPLY)];
    let path = format!("{CONFIG_MAPS}/c?fieldManager=a");
    let created = api.send("PATCH", &path, &headers, yaml.into()).await;
    assert_eq!((created.code, &created.body["data"]), (201, &json!({"x": "1"})));
    let broken = api.send("PATCH", &path, &headers, "a: [".into()).await;
    assert_eq!(broken.code, 400);
}

#[tokio::test]
async fn what_nobody_owned_is_owned_by_who_was_before_the_first_apply() {
    let api = Api::new().await;
    let first = config_map(&json!({"x": "1"}));
    api.post(CONFIG_MAPS, &first).await;
    let path = format!("{CONFIG_MAPS}/c");
    let reset = json!({"metadata": {"managedFields": [{}]}});
    api.patch(&path, "application/merge-patch+json", &reset).await;
    let applied = apply(&api, "fieldManager=a", &config_map(&json!({"y": "2"}))).await;
    assert_eq!(
        managers(&applied),
        [
            (json!("a"), json!({"f:y": {}})),
            (json!("before-first-apply"), json!({".": {}, "f:x": {}}))
        ]
    );
}
