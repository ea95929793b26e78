//! Events in both of their versions.

use serde_json::{Value, json};

use super::Api;

const CORE: &str = "/api/v1/namespaces/default/events";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

fn event() -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"},
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "reason": "Started",
        "action": "Start", "note": "Started p", "reportingController": "a.io/b",
        "reportingInstance": "b-1",
    })
}

#[tokio::test]
async fn what_is_made_in_one_version_is_read_in_the_other() {
    let api = Api::new().await;
    let made = api.post(EVENTS, &event()).await;
    assert_eq!((made.code, &made.body["note"]), (201, &json!("Started p")), "{}", made.body);
    let kept = api.get(&format!("{CORE}/e")).await.body;
    assert_eq!((&kept["apiVersion"], &kept["message"]), (&json!("v1"), &json!("Started p")));
    assert_eq!(kept["involvedObject"]["name"], "p");
    assert_eq!(kept["reportingComponent"], "a.io/b");

    let old = json!({
        "metadata": {"name": "old"}, "involvedObject": {"name": "q", "namespace": "default"},
        "message": "m", "count": 3, "source": {"component": "c"},
    });
    assert_eq!(api.post(CORE, &old).await.code, 201);
    let read = api.get(&format!("{EVENTS}/old")).await.body;
    assert_eq!((&read["apiVersion"], &read["kind"]), (&json!("events.k8s.io/v1"), &json!("Event")));
    assert_eq!((&read["deprecatedCount"], &read["note"]), (&json!(3), &json!("m")));
    assert_eq!(read["deprecatedSource"], json!({"component": "c"}));

    let selected = format!("{EVENTS}?fieldSelector=regarding.name%3Dq");
    let list = api.get(&selected).await.body;
    assert_eq!(
        (&list["apiVersion"], &list["kind"]),
        (&json!("events.k8s.io/v1"), &json!("EventList"))
    );
    let items = list["items"].as_array().expect("must be a list");
    assert_eq!((items.len(), &items[0]["regarding"]["name"]), (1, &json!("q")));
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let whole = format!("{selected}&includeObject=Object");
    let table = api.send("GET", &whole, &accept, String::new()).await.body;
    assert_eq!(table["rows"][0]["object"]["note"], "m");
    let mut watch = api.watch(&format!("{EVENTS}?watch=1&resourceVersion=0")).await;
    let first = watch.next().await.expect("must tell what is there");
    assert_eq!((&first["type"], &first["object"]["note"]), (&json!("ADDED"), &json!("Started p")));
}

#[tokio::test]
async fn changes_name_the_fields_of_their_version() {
    let api = Api::new().await;
    api.post(EVENTS, &event()).await;
    let path = format!("{EVENTS}/e");
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}});
    for content_type in ["application/merge-patch+json", "application/strategic-merge-patch+json"] {
        let patched = api.patch(&path, content_type, &series).await;
        assert_eq!(
            (patched.code, &patched.body["series"]["count"]),
            (200, &json!(2)),
            "{content_type}"
        );
    }
    let steps = json!([{"op": "replace", "path": "/note", "value": "other"}]);
    let fixed = api.patch(&path, "application/json-patch+json", &steps).await;
    assert_eq!(
        (fixed.code, &fixed.body["details"]["causes"][0]["field"]),
        (422, &json!("message"))
    );
    let steps = json!([{"op": "replace", "path": "/message", "value": "other"}]);
    let kept = api.patch(&format!("{CORE}/e"), "application/json-patch+json", &steps).await;
    assert_eq!((kept.code, &kept.body["message"]), (200, &json!("other")));

    let mut read = api.get(&path).await.body;
    read["metadata"]["labels"] = json!({"a": "b"});
    let updated = api.send("PUT", &path, &[], read.to_string()).await;
    assert_eq!((updated.code, &updated.body["note"]), (200, &json!("other")), "{}", updated.body);
    let mut wrong = event();
    wrong["message"] = json!("m");
    wrong["metadata"]["name"] = json!("f");
    let strict = api.post(&format!("{EVENTS}?fieldValidation=Strict"), &wrong).await;
    assert_eq!(strict.code, 400);
    let message = strict.body["message"].as_str().unwrap_or_default();
    assert!(message.ends_with(r#"strict decoding error: unknown field "message""#), "{message}");
    let deleted = api.send("DELETE", &path, &[], String::new()).await;
    assert_eq!((deleted.code, &deleted.body["status"]), (200, &json!("Success")));
}
