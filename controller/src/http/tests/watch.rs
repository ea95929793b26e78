//! What a watch tells, and what it costs.

use axum::body::BodyDataStream;
use axum::http::HeaderMap;
use futures_util::StreamExt as _;
use serde_json::Value;

use super::*;
use crate::api::{ConfigMap, Key, Kind, Object};
use crate::limits::{
    WATCH_FRAME_BYTES_MAX, WATCH_FRAMES_MAX, WATCH_HISTORY_MAX, WATCH_STALL_SECONDS, WATCHES_MAX,
};
use crate::store::{DeleteOptions, unpacked_by};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// A watch, line by line.
pub(super) struct Events {
    body: BodyDataStream,
    headers: HeaderMap,
    read: Vec<u8>,
}

impl Events {
    /// The next event; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("a line must be JSON"));
            }
            self.read.extend(self.body.next().await?.expect("a watch must not fail"));
        }
    }

    /// The next event as `TYPE name`, or with the code of a status; `END` at the end.
    async fn told(&mut self) -> String {
        let Some(event) = self.next().await else { return "END".to_owned() };
        let object = &event["object"];
        let type_ = event["type"].as_str().expect("an event must have a type");
        let word = match type_ {
            "ERROR" => object["code"].to_string(),
            "BOOKMARK" => object["metadata"]["annotations"]["k8s.io/initial-events-end"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            _ => object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        };
        format!("{type_} {word}")
    }

    async fn tells(&mut self, expect: &[&str]) {
        for expect in expect {
            assert_eq!(self.told().await, *expect);
        }
    }
}

impl Api {
    /// Writes the ConfigMap `name`, which has `count` in it.
    pub(super) async fn change(&self, name: &str, count: usize) {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some("default".to_owned()),
            ..ObjectMeta::default()
        };
        let object = ConfigMap { metadata, ..ConfigMap::default() };
        let data = move |map: &mut ConfigMap| {
            map.data = Some([("count".to_owned(), count.to_string())].into());
        };
        let write = Transaction::new().create_or_modify(object, data);
        self.store.commit(write).await.expect("must be written");
    }

    /// Gives the ConfigMap `name` the label `of`.
    async fn label(&self, name: &str, of: &str) {
        let of = of.to_owned();
        let label = move |object: &mut Object| {
            object.metadata_mut().labels = Some([("of".to_owned(), of)].into());
        };
        let key = Key::new("default", name);
        let write = Transaction::new().modify_object(Kind::ConfigMap, key, None, label);
        self.store.commit(write).await.expect("must be written");
    }

    async fn delete(&self, name: &str) {
        let key = Key::new("default", name);
        let delete = Transaction::new().delete(Kind::ConfigMap, key, DeleteOptions::default());
        self.store.commit(delete).await.expect("must be deleted");
    }

    pub(super) async fn watch(&self, path: &str) -> Events {
        self.watch_as(path, "application/json").await
    }

    async fn watch_as(&self, path: &str, accept: &str) -> Events {
        let request = Request::builder().uri(path).header("accept", accept);
        let request = request.body(Body::empty()).expect("must be a request");
        let response = self.router.clone().oneshot(request).await.expect("must answer");
        assert_eq!(response.status(), 200);
        let headers = response.headers().clone();
        Events { body: response.into_body().into_data_stream(), headers, read: Vec::new() }
    }
}

fn config_maps(query: &str) -> String {
    format!("{CONFIG_MAPS}?watch=1{query}")
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_changes_are_each_seen_once_and_in_order() {
    const CHANGES: usize = 10_000;
    let api = Api::new().await;
    let mut events = api.watch(&config_maps("&resourceVersion=1")).await;
    let store = api.store.clone();
    let writer = Api { router: api.router.clone(), served: api.served.clone(), store };
    let written = tokio::spawn(async move {
        for count in 0..CHANGES {
            writer.change(&format!("c{}", count % 7), count).await;
        }
    });
    let mut versions = 1;
    for count in 0..CHANGES {
        let event = events.next().await.expect("must go on");
        let expect = if count < 7 { "ADDED" } else { "MODIFIED" };
        assert_eq!(event["type"], expect, "{count}");
        if count >= 7 {
            assert_eq!(event["object"]["data"]["count"], count.to_string());
        }
        let version = event["object"]["metadata"]["resourceVersion"].as_str();
        let version: u64 = version.and_then(|it| it.parse().ok()).expect("must have a version");
        assert_eq!(version, versions + 1);
        versions = version;
    }
    written.await.expect("must end");
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_told_and_can_list_again() {
    let api = Api::new().await;
    let mut events = api.watch(&config_maps("&resourceVersion=1")).await;
    api.change("c", 0).await;
    events.tells(&["ADDED c"]).await;
    for count in 0..WATCH_HISTORY_MAX * 2 {
        api.change("c", count).await;
    }
    // It is told what was waiting for it, and then that more was not kept.
    let status = loop {
        let event = events.next().await.expect("must be told");
        if event["type"] == "ERROR" {
            break event["object"].clone();
        }
        assert_eq!(event["type"], "MODIFIED");
    };
    assert_eq!((&status["code"], &status["reason"]), (&json!(410), &json!("Expired")));
    let message = status["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("too old resource version: "), "{message}");
    events.tells(&["END"]).await;

    let list = api.get(CONFIG_MAPS).await.body;
    let version = list["metadata"]["resourceVersion"].as_str().expect("must have a version");
    let mut again = api.watch(&config_maps(&format!("&resourceVersion={version}"))).await;
    api.delete("c").await;
    again.tells(&["DELETED c"]).await;
    // As a watch that begins too late.
    api.watch(&config_maps("&resourceVersion=1")).await.tells(&["ERROR 410", "END"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_reading_costs_bounded_memory_and_then_nothing() {
    let api = Api::new().await;
    let mut events = api.watch(&config_maps("")).await;
    for count in 0..20_000 {
        api.change("c", count).await;
        if count % 1_000 == 0 {
            // The watch has its turn as well.
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(api.served.watches.available_permits(), WATCHES_MAX - 1, "it is still there");
    tokio::time::sleep(Duration::from_secs(WATCH_STALL_SECONDS + 1)).await;
    assert_eq!(api.served.watches.available_permits(), WATCHES_MAX, "nothing waits for it");
    let mut waiting = 0;
    while let Some(frame) = events.body.next().await {
        waiting += frame.expect("a watch must not fail").len();
    }
    let one_event = 1024;
    let most = WATCH_FRAMES_MAX * (WATCH_FRAME_BYTES_MAX + one_event);
    assert!((1..=most).contains(&waiting), "{waiting} of {most} bytes");
}

#[tokio::test(start_paused = true)]
async fn a_watch_begins_where_it_is_asked_to() {
    let api = Api::new().await;
    api.change("b", 0).await;
    api.change("a", 0).await;
    let state = ["ADDED a", "ADDED b"];
    let with_end = ["ADDED a", "ADDED b", "BOOKMARK true"];
    let list = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let mut watches = Vec::new();
    for (query, expect) in [
        ("", &state[..]),
        ("&resourceVersion=0", &state),
        ("&allowWatchBookmarks=true", &with_end),
        (&format!("{list}&allowWatchBookmarks=true"), &with_end),
        (&format!("{list}&resourceVersion=2"), &state),
        ("&sendInitialEvents=false&resourceVersionMatch=NotOlderThan", &[]),
        ("&resourceVersion=2", &["ADDED a"]),
        ("&resourceVersion=4", &[]),
    ] {
        let mut events = api.watch(&config_maps(query)).await;
        events.tells(expect).await;
        watches.push(events);
    }
    api.change("c", 0).await;
    api.change("c", 1).await;
    let mut future = watches.pop().expect("must be the last one");
    future.tells(&["MODIFIED c"]).await;
    for events in &mut watches {
        events.tells(&["ADDED c", "MODIFIED c"]).await;
    }
    // What is not reached yet is waited for before the beginning is said to be over.
    let query = format!("{list}&allowWatchBookmarks=1&resourceVersion=6");
    let mut events = api.watch(&config_maps(&query)).await;
    events.tells(&["ADDED a", "ADDED b", "ADDED c"]).await;
    api.delete("a").await;
    events.tells(&["DELETED a", "BOOKMARK true"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_begins_or_ceases_to_be_selected_comes_or_goes() {
    let api = Api::new().await;
    for name in ["a", "b"] {
        api.change(name, 0).await;
    }
    let mut events = api.watch(&config_maps("&resourceVersion=3&labelSelector=of%3Dus")).await;
    let mut one = api.watch(&config_maps("&fieldSelector=metadata.name%3Db")).await;
    let legacy = "/api/v1/watch/namespaces/default/configmaps/b?resourceVersion=3";
    let mut legacy = api.watch(legacy).await;
    for (name, of) in [("a", "us"), ("b", "us"), ("a", "them"), ("a", "others")] {
        api.label(name, of).await;
    }
    api.delete("a").await;
    api.delete("b").await;
    let ceased = ["ADDED a", "ADDED b"];
    events.tells(&ceased).await;
    let gone = events.next().await.expect("must go on");
    assert_eq!(gone["type"], "DELETED");
    let metadata = &gone["object"]["metadata"];
    assert_eq!(
        (&metadata["labels"]["of"], &metadata["resourceVersion"]),
        (&json!("us"), &json!("6")),
        "as it was, with the version at which it ceased"
    );
    events.tells(&["DELETED b"]).await;
    one.tells(&["ADDED b", "MODIFIED b", "DELETED b"]).await;
    legacy.tells(&["MODIFIED b", "DELETED b"]).await;
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_every_minute_and_before_the_end() {
    let api = Api::new().await;
    let begun = tokio::time::Instant::now();
    let query = "&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=130";
    let mut events = api.watch(&config_maps(query)).await;
    api.change("c", 0).await;
    events.tells(&["ADDED c"]).await;
    api.post(JOBS, &job("of-another-kind")).await;
    for seconds in [60, 120, 128] {
        let event = events.next().await.expect("must go on");
        assert_eq!(event["type"], "BOOKMARK");
        assert_eq!(event["object"]["kind"], "ConfigMap");
        assert_eq!(event["object"]["metadata"]["resourceVersion"], "3");
        assert_eq!(begun.elapsed().as_secs(), seconds);
    }
    events.tells(&["END"]).await;
    assert_eq!(begun.elapsed().as_secs(), 130);

    // One that says nothing of its end lasts half an hour to an hour, without bookmarks.
    let begun = tokio::time::Instant::now();
    api.watch(&config_maps("&resourceVersion=3")).await.tells(&["END"]).await;
    let minutes = begun.elapsed().as_secs() / 60;
    assert!((30..60).contains(&minutes), "{minutes}");
    let begun = tokio::time::Instant::now();
    api.watch(&config_maps("&resourceVersion=3&timeoutSeconds=9223372036854775807"))
        .await
        .tells(&["END"])
        .await;
    assert!(begun.elapsed().as_secs() < 3600, "what is no time is none");
}

#[tokio::test(start_paused = true)]
async fn a_watch_has_the_form_that_is_asked_for() {
    let api = Api::new().await;
    api.change("a", 0).await;
    api.change("b", 0).await;
    let path = config_maps("&allowWatchBookmarks=true");
    let mut table = api.watch_as(&path, TABLE).await;
    assert_eq!(table.headers["content-type"], "application/json");
    let first = table.next().await.expect("must go on")["object"].clone();
    assert_eq!((&first["kind"], &first["rows"][0]["cells"][0]), (&json!("Table"), &json!("a")));
    assert_eq!(first["columnDefinitions"][0]["name"], "Name");
    assert_eq!(first["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let second = table.next().await.expect("must go on")["object"].clone();
    assert_eq!(second["columnDefinitions"], Value::Null);
    assert_eq!(second["metadata"]["resourceVersion"], "3");
    let bookmark = table.next().await.expect("must go on");
    assert_eq!(
        (&bookmark["type"], &bookmark["object"]["kind"]),
        (&json!("BOOKMARK"), &json!("Table"))
    );

    let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let mut metadata = api.watch_as(&path, metadata).await;
    for _ in 0..3 {
        let event = metadata.next().await.expect("must go on");
        assert_eq!(event["object"]["kind"], "PartialObjectMetadata", "{event}");
        assert!(event["object"].get("data").is_none());
    }
    // Every kind has a bookmark, in every form.
    for kind in Kind::ALL {
        let (group, version) = kind.api_version().split_once('/').unwrap_or(("", "v1"));
        let root = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
        let path = format!("{root}/{version}/{}?watch=1&allowWatchBookmarks=1", kind.plural());
        for form in ["application/json", TABLE] {
            let mut events = api.watch_as(&path, form).await;
            while events.next().await.expect("must go on")["type"] != "BOOKMARK" {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_can_not_be_begun_is_refused() {
    let api = Api::new().await;
    let check = async |query: &str, code: u16, reason: &str| {
        let answer = api.get(&config_maps(query)).await;
        assert_eq!(answer.code, code, "{query}: {}", answer.body);
        assert_eq!(answer.body["reason"].as_str().unwrap_or_default(), reason, "{query}");
    };
    check("&resourceVersion=abc", 500, "").await;
    check("&timeoutSeconds=abc", 400, "BadRequest").await;
    check("&labelSelector=a%20b", 400, "BadRequest").await;
    check("&sendInitialEvents=true", 422, "Invalid").await;
    check("&resourceVersionMatch=Exact&resourceVersion=1", 422, "Invalid").await;
    let post = api.post("/api/v1/watch/namespaces/default/configmaps", &json!({})).await;
    assert_eq!(post.code, 405);
    assert_eq!(api.served.watches.available_permits(), WATCHES_MAX);

    let mut many = Vec::new();
    for _ in 0..WATCHES_MAX {
        many.push(api.watch(&config_maps("&resourceVersion=1")).await);
    }
    check("", 429, "TooManyRequests").await;
    let told = api.get(&config_maps("")).await.body["message"].to_string();
    assert!(told.contains("no more than 1024 watches at once"), "{told}");
    // Whoever goes makes room.
    many.truncate(1);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(api.served.watches.available_permits(), WATCHES_MAX - 1);
    api.served.shutdown.cancel();
    many[0].tells(&["END"]).await;
}

#[tokio::test(start_paused = true)]
async fn watches_end_when_the_server_does() {
    let shutdown = CancellationToken::new();
    let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
    let api = Api::of(Served::new(store).with_shutdown(shutdown.clone()));
    let mut events = api.watch(&config_maps("")).await;
    api.change("a", 0).await;
    events.tells(&["ADDED a"]).await;
    shutdown.cancel();
    events.tells(&["END"]).await;
}

#[tokio::test]
async fn no_more_is_unpacked_than_a_watch_may_tell_of() {
    let api = Api::new().await;
    for name in ["a", "b", "c"] {
        assert_eq!(api.post(JOBS, &job(name)).await.code, 201);
    }
    api.store.pack_all();
    for (query, first, unpacked) in [("", "a", 3), ("&fieldSelector=metadata.name%3Db", "b", 1)] {
        let begun = async {
            let mut watch = api.watch(&format!("{JOBS}?watch=true{query}")).await;
            watch.tells(&[&format!("ADDED {first}")]).await;
        };
        assert_eq!(unpacked_by(begun).await.1, unpacked, "{query}");
    }
}
