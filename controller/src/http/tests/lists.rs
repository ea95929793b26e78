//! Which state a list is of.

use serde_json::Value;

use super::*;
use crate::api::Kind;
use crate::limits::WATCH_HISTORY_MAX;
use crate::store::unpacked_by;

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

/// Two hundred packed Jobs, each with a label of its own.
async fn with_packed_jobs() -> Api {
    let api = Api::new().await;
    for number in 0..200 {
        assert_eq!(api.post(JOBS, &job(&format!("j{number:03}"))).await.code, 201);
    }
    api.store.pack_all();
    api
}

#[tokio::test]
async fn no_more_is_unpacked_than_a_page_has_or_its_selector_looks_at() {
    let api = with_packed_jobs().await;
    let check = async |query: &str, expect: &str, unpacked: usize| {
        let (page, count) = unpacked_by(api.get(&format!("{JOBS}?{query}"))).await;
        assert_eq!((names(&page).as_str(), count), (expect, unpacked), "{query}");
        page.body["metadata"]["continue"].as_str().map(str::to_owned)
    };
    let proceed = check("limit=2", "j000 j001", 2).await.expect("must go on");
    check(&format!("limit=2&continue={proceed}"), "j002 j003", 2).await;
    // Each that is looked at until there is one more than is wanted, and each that is told.
    let selected = "labelSelector=of%21%3Dj001&limit=2";
    let proceed = check(selected, "j000 j002", 4 + 2).await.expect("must go on");
    check(&format!("{selected}&continue={proceed}"), "j003 j004", 3 + 2).await;
    check("labelSelector=of%3Dj005&limit=2", "j005", 200 + 1).await;
    check("fieldSelector=metadata.name%3Dj006", "j006", 1 + 1).await;
    let (all, count) = unpacked_by(api.get(JOBS)).await;
    assert_eq!((all.body["items"].as_array().map(Vec::len), count), (Some(200), 200));
}

#[tokio::test]
async fn a_list_is_unpacked_as_it_is_read() {
    let api = with_packed_jobs().await;
    let request = Request::builder().uri(JOBS).body(Body::empty()).expect("must be a request");
    let asked = api.router.clone().oneshot(request);
    let (response, at_once) = unpacked_by(asked).await;
    let body = response.expect("the router must answer").into_body();
    let (read, later) = unpacked_by(to_bytes(body, usize::MAX)).await;
    let list: Value = serde_json::from_slice(&read.expect("must have a body")).expect("JSON");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(200));
    assert_eq!(at_once + later, 200);
    assert!(at_once < 100, "{at_once}");
}

#[tokio::test]
async fn a_collection_is_deleted_as_it_is_listed() {
    let api = with_packed_jobs().await;
    let some = format!("{JOBS}?limit=3&propagationPolicy=Background");
    let deleted = api.send("DELETE", &some, &[], String::new()).await;
    assert_eq!((deleted.code, names(&deleted).as_str()), (200, "j000 j001 j002"));
    assert_eq!(api.store.count(Kind::Job), 197);
}
