//! Pods that are changed after they were made.

use super::*;

const PODS: &str = "/api/v1/namespaces/default/pods";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

async fn with_pod() -> Api {
    let api = Api::new().await;
    let pod = json!({
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "main", "image": "pi:1", "args": ["a"]}]},
    });
    assert_eq!(api.post(PODS, &pod).await.code, 201);
    api
}

#[tokio::test]
async fn the_image_and_the_deadline_of_a_pod_are_changed() {
    let api = with_pod().await;
    let path = format!("{PODS}/p");
    let made = api.get(&path).await.body;
    assert_eq!(made["metadata"]["generation"], 1);
    let image = json!({"spec": {"containers": [{"name": "main", "image": "pi:2"}]}});
    let changed = api.patch(&path, STRATEGIC, &image).await;
    assert_eq!(changed.code, 200, "{}", changed.body);
    assert_eq!(changed.body["spec"]["containers"][0]["image"], "pi:2");
    assert_eq!(changed.body["spec"]["containers"][0]["args"], json!(["a"]));
    assert_eq!(changed.body["metadata"]["generation"], 2);
    let deadline = |seconds: i64| json!({"spec": {"activeDeadlineSeconds": seconds}});
    assert_eq!(api.patch(&path, STRATEGIC, &deadline(60)).await.code, 200);
    assert_eq!(api.patch(&path, STRATEGIC, &deadline(30)).await.code, 200);
    let raised = api.patch(&path, STRATEGIC, &deadline(31)).await;
    assert_eq!((raised.code, &raised.body["reason"]), (422, &json!("Invalid")));
    assert_eq!(
        raised.body["message"],
        "Pod \"p\" is invalid: spec.activeDeadlineSeconds: Invalid value: 31: must be less than or \
         equal to previous value"
    );
    assert_eq!(api.get(&path).await.body["metadata"]["generation"], 4);
}

#[tokio::test]
async fn whatever_else_a_pod_says_stays_as_it_is() {
    let api = with_pod().await;
    let path = format!("{PODS}/p");
    let args = json!({"spec": {"containers": [{"name": "main", "args": ["b"]}]}});
    let refused = api.patch(&path, STRATEGIC, &args).await;
    assert_eq!((refused.code, &refused.body["reason"]), (422, &json!("Invalid")));
    let message = refused.body["message"].as_str().unwrap();
    let expected = "Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other \
        than `spec.containers[*].image`,`spec.initContainers[*].image`,\
        `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
        tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
        previously negative)\nspec.containers[0].args[0]: \"a\" -> \"b\"";
    assert_eq!(message, expected);
    let more = json!({"spec": {"containers": [{"name": "more", "image": "pi:1"}]}});
    let refused = api.patch(&path, STRATEGIC, &more).await;
    assert_eq!(
        refused.body["message"],
        "Pod \"p\" is invalid: spec.containers: Forbidden: pod updates may not add or remove \
         containers"
    );
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    let labelled = api.patch(&path, STRATEGIC, &label).await;
    assert_eq!((labelled.code, &labelled.body["metadata"]["generation"]), (200, &json!(1)));
}
