//! PriorityClasses over HTTP, and what they make of pods.

use super::*;

const CLASSES: &str = "/apis/scheduling.k8s.io/v1/priorityclasses";
const PODS: &str = "/api/v1/namespaces/default/pods";

fn class(name: &str, value: i32, more: &Value) -> Value {
    let mut class = json!({"metadata": {"name": name}, "value": value});
    let more = more.as_object().cloned().unwrap_or_default();
    class.as_object_mut().expect("an object").extend(more);
    class
}

fn pod(name: &str, more: &Value) -> Value {
    let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
    let more = more.as_object().cloned().unwrap_or_default();
    spec.as_object_mut().expect("an object").extend(more);
    json!({"metadata": {"name": name}, "spec": spec})
}

#[tokio::test(start_paused = true)]
async fn a_class_is_kept_shown_and_given_to_pods() {
    let api = Api::new().await;
    let created = api.post(CLASSES, &class("high", 1000, &json!({}))).await;
    assert_eq!(created.code, 201, "{}", created.body);
    assert_eq!(created.body["preemptionPolicy"], "PreemptLowerPriority");
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = api.send("GET", &format!("{CLASSES}/high"), &table, String::new()).await.body;
    let row = json!(["high", 1000, false, "0s", "PreemptLowerPriority"]);
    assert_eq!(table["rows"][0]["cells"], row);
    let made = api.post(PODS, &pod("p", &json!({"priorityClassName": "high"}))).await;
    assert_eq!((made.code, &made.body["spec"]["priority"]), (201, &json!(1000)));
    let plain = api.post(PODS, &pod("q", &json!({}))).await;
    assert_eq!((plain.code, &plain.body["spec"]["priority"]), (201, &json!(0)));
    // Who writes a pod and leaves it out leaves it as it is.
    let mut again = made.body.clone();
    again["spec"].as_object_mut().expect("an object").remove("priority");
    let again = api.send("PUT", &format!("{PODS}/p"), &[], again.to_string()).await;
    assert_eq!((again.code, &again.body["spec"]["priority"]), (200, &json!(1000)));
}

#[tokio::test(start_paused = true)]
async fn what_no_class_gives_and_what_may_not_be_is_refused() {
    let api = Api::new().await;
    let refused = api.post(PODS, &pod("p", &json!({"priorityClassName": "none"}))).await;
    let why = "pods \"p\" is forbidden: no PriorityClass with name none was found";
    assert_eq!((refused.code, &refused.body["message"]), (403, &json!(why)));
    let usual = class("usual", 7, &json!({"globalDefault": true}));
    assert_eq!(api.post(CLASSES, &usual).await.code, 201);
    let second = api.post(CLASSES, &class("other", 8, &json!({"globalDefault": true}))).await;
    let why = "priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass usual is \
               already marked as default. Only one default can exist";
    assert_eq!((second.code, &second.body["message"]), (403, &json!(why)));
    let plain = api.post(PODS, &pod("q", &json!({}))).await;
    assert_eq!(plain.body["spec"]["priorityClassName"], "usual");
    assert_eq!(plain.body["spec"]["priority"], 7);
    let path = format!("{CLASSES}/usual");
    let merge = [("content-type", "application/merge-patch+json")];
    let changed = api.send("PATCH", &path, &merge, json!({"value": 9}).to_string()).await;
    assert_eq!(changed.code, 422, "{}", changed.body);
    let said = changed.body["message"].as_str().unwrap_or_default();
    assert!(said.contains("value: Forbidden: may not be changed in an update."), "{said}");
}
