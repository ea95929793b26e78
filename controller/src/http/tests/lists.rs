//! Which state a list is of.

use serde_json::Value;

use super::*;
use crate::limits::WATCH_HISTORY_MAX;

fn names(answer: &Answer) -> String {
    let items = answer.body["items"].as_array().expect("must be a list").iter();
    let names = items.map(|item| item["metadata"]["name"].as_str().unwrap_or_default());
    names.collect::<Vec<_>>().join(" ")
}

fn config_map(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

async fn with_config_maps(names: &[&str]) -> Api {
    let api = Api::new().await;
    for name in names {
        assert_eq!(api.post(CONFIG_MAPS, &config_map(name)).await.code, 201);
    }
    api
}

async fn delete(api: &Api, name: &str) {
    let path = format!("{CONFIG_MAPS}/{name}");
    assert_eq!(api.send("DELETE", &path, &[], String::new()).await.code, 200);
}

#[tokio::test]
async fn all_pages_are_of_one_state() {
    let api = with_config_maps(&["a", "b", "c", "d"]).await;
    let first = api.get(&format!("{CONFIG_MAPS}?limit=2")).await;
    assert_eq!(
        (names(&first).as_str(), &first.body["metadata"]["remainingItemCount"]),
        ("a b", &json!(2))
    );
    delete(&api, "c").await;
    api.post(CONFIG_MAPS, &config_map("cc")).await;
    let data = json!({"data": {"new": "yes"}});
    api.patch(&format!("{CONFIG_MAPS}/d"), "application/merge-patch+json", &data).await;
    let proceed = first.body["metadata"]["continue"].as_str().expect("must go on").to_owned();
    let second = api.get(&format!("{CONFIG_MAPS}?limit=2&continue={proceed}")).await;
    assert_eq!(names(&second), "c d");
    assert!(second.body["items"][1].get("data").is_none(), "as it was");
    let version = |answer: &Answer| answer.body["metadata"]["resourceVersion"].clone();
    assert_eq!(version(&second), version(&first));
    assert_eq!(names(&api.get(CONFIG_MAPS).await), "a b cc d");

    let both = api.get(&format!("{CONFIG_MAPS}?resourceVersion=1&continue={proceed}")).await;
    assert_eq!(
        both.body["message"],
        "specifying resource version is not allowed when using continue"
    );
}

#[tokio::test]
async fn an_exact_version_is_that_state() {
    let api = with_config_maps(&["a", "b"]).await;
    let before = api.get(CONFIG_MAPS).await.body["metadata"]["resourceVersion"].clone();
    let before = before.as_str().expect("must have a version");
    delete(&api, "a").await;
    let at = |query: &str| format!("{CONFIG_MAPS}?resourceVersion={before}{query}");
    assert_eq!(names(&api.get(&at("&resourceVersionMatch=Exact")).await), "a b");
    assert_eq!(names(&api.get(&at("&limit=5")).await), "a b", "a limit alone means the same");
    assert_eq!(names(&api.get(&at("&limit=5&resourceVersionMatch=NotOlderThan")).await), "b");
    assert_eq!(names(&api.get(&at("")).await), "b");
    let future = format!("{CONFIG_MAPS}?resourceVersion=999&resourceVersionMatch=Exact");
    assert_eq!(api.get(&future).await.code, 504);
    let wrong = api.get(&format!("{CONFIG_MAPS}?resourceVersionMatch=Exact")).await;
    assert_eq!((wrong.code, &wrong.body["reason"]), (422, &json!("Invalid")));
}

#[tokio::test]
async fn a_list_that_took_too_long_can_go_on_in_the_state_of_now() {
    let api = with_config_maps(&["a", "b", "c"]).await;
    let first = api.get(&format!("{CONFIG_MAPS}?limit=1")).await;
    let proceed = first.body["metadata"]["continue"].as_str().expect("must go on").to_owned();
    for count in 0..=WATCH_HISTORY_MAX {
        api.change("c", count).await;
    }
    let expired = api.get(&format!("{CONFIG_MAPS}?limit=1&continue={proceed}")).await;
    assert_eq!((expired.code, &expired.body["reason"]), (410, &json!("Expired")));
    let proceed = expired.body["metadata"]["continue"].as_str().expect("must go on").to_owned();
    let second = api.get(&format!("{CONFIG_MAPS}?limit=1&continue={proceed}")).await;
    assert_eq!(names(&second), "b");
    let old = api.get(&format!("{CONFIG_MAPS}?resourceVersion=1&resourceVersionMatch=Exact")).await;
    assert_eq!(
        (old.code, &old.body["message"]),
        (410, &json!("The resourceVersion for the provided list is too old."))
    );
}

#[tokio::test]
async fn one_name_is_found_without_the_others() {
    let api = with_config_maps(&["a", "b"]).await;
    assert_eq!(
        names(&api.get(&format!("{CONFIG_MAPS}?fieldSelector=metadata.name%3Db")).await),
        "b"
    );
    let neither = format!("{CONFIG_MAPS}?fieldSelector=metadata.name%3Db,metadata.name%3Da");
    assert_eq!(names(&api.get(&neither).await), "");
    let everywhere = "/api/v1/configmaps?fieldSelector=metadata.name%3Db";
    assert_eq!(names(&api.get(everywhere).await), "b");
}
