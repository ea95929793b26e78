//! What is written to etcd, and what can't be any more: by the library, without a server.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use mayfly_controller::api::{ConfigMap, Key, ObjectMeta};
use mayfly_controller::clock::Clock;
use mayfly_controller::store::{CommitError, Names, OpenError, Store, Transaction};
use mayfly_etcd::{Candidate, Client, Credentials, EtcdDisk, Leader, Session};
use serde_json::json;

use super::kit::Etcd;
use crate::harness::Home;

pub(super) fn map(name: &str, text: &str) -> ConfigMap {
    let data = [("text".to_owned(), text.to_owned())].into_iter().collect();
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some("default".to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(data),
        ..ConfigMap::default()
    }
}

/// The next leader, once there is no other.
pub(super) async fn lead(etcd: &Etcd, lease: u64) -> Session {
    lead_by(&[&etcd.address], &etcd.memory(), lease).await
}

/// The same by way of `members`, by a server that remembers in the file `memory`.
pub(super) async fn lead_by(members: &[&str], memory: &Path, lease: u64) -> Session {
    let address = format!("etcd://{}", members.join(",")).parse().expect("an address");
    let prefix = "/mayfly/".parse().expect("a prefix");
    let client = Client::new(address, &Credentials::default(), &prefix, memory).expect("a client");
    let introduction = Leader {
        id: String::new(),
        url: "https://127.0.0.1:1".to_owned(),
        authority: None,
        version: "1".to_owned(),
        users: String::new(),
    };
    Candidate::new(client, introduction, Duration::from_secs(lease)).stand(|_| {}).await
}

pub(super) async fn store(session: &Session) -> Store {
    open(session, Clock::system()).await.expect("it must be read")
}

/// The state, by a server with this clock.
pub(super) async fn open(session: &Session, clock: Clock) -> Result<Store, OpenError> {
    let session = session.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let disk = EtcdDisk::new(session, clock.clone());
        Store::kept_by(disk, clock, Names::random())
    });
    opened.await.expect("it must not panic")
}

pub(super) async fn create(store: &Store, name: &str, text: &str) -> Result<(), CommitError> {
    store.commit(Transaction::new().create(map(name, text))).await.map(drop)
}

pub(super) fn has(store: &Store, name: &str) -> bool {
    store.get::<ConfigMap>(&Key::new("default", name)).is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_of_before_writes_nothing() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    // It says seldom that it leads, so that it is its write that is refused.
    let first = lead(&etcd, 600).await;
    let old = store(&first).await;
    create(&old, "before", "one").await.expect("it leads");
    etcd.abdicate().await;
    let second = lead(&etcd, 600).await;
    let new = store(&second).await;
    create(&new, "after", "two").await.expect("it leads");
    let error = create(&old, "late", "three").await.expect_err("it does not lead any more");
    assert!(matches!(error, CommitError::Disk { .. }), "{error}");
    assert!(!has(&old, "late"), "what is not kept is not shown");
    first.lost().await;
    assert!(!first.holds() && second.holds());
    create(&old, "later", "three").await.expect_err("nor later on");
    create(&new, "last", "two").await.expect("the other one leads");
    second.resign().await;
    let third = lead(&etcd, 600).await;
    let found = store(&third).await;
    let names = ["before", "after", "last", "late", "later"].map(|name| has(&found, name));
    assert_eq!(names, [true, true, true, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_given_another_state_writes_nothing() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    let session = lead(&etcd, 600).await;
    let store = store(&session).await;
    create(&store, "before", "one").await.expect("it leads");
    // As if etcd had been given an older copy of itself, with the same leader.
    etcd.put("/mayfly/state", "7").await;
    create(&store, "late", "two").await.expect_err("that is another state");
    session.lost().await;
    assert_eq!(etcd.get("/mayfly/objects/ConfigMap/default/late").await, None);
    assert_eq!(etcd.get("/mayfly/state").await.as_deref(), Some("7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_go_on_above_all_that_were_given() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    let session = lead(&etcd, 600).await;
    let first = store(&session).await;
    create(&first, "before", "one").await.expect("it leads");
    let given = first.resource_version();
    session.resign().await;
    etcd.put("/mayfly/state", "7").await;
    let session = lead(&etcd, 600).await;
    assert!(store(&session).await.resource_version() > given);
    // Even where the clock is behind.
    session.resign().await;
    etcd.put("/mayfly/state", &(1_u64 << 52).to_string()).await;
    let session = lead(&etcd, 600).await;
    assert_eq!(store(&session).await.resource_version(), (1 << 52) + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_were_only_read_are_given_to_nothing_else() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    // Clients are told the version of a state to which nothing was done, be it new or not.
    for _ in 0..2 {
        let session = lead(&etcd, 600).await;
        let given = store(&session).await.resource_version();
        session.resign().await;
        let session = lead(&etcd, 600).await;
        let behind = Clock::simulated(Timestamp::UNIX_EPOCH);
        let opened = open(&session, behind).await.expect("it must be read");
        assert!(opened.resource_version() > given, "the clock of that server is behind");
        session.resign().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_any_size_is_whole() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    let session = lead(&etcd, 600).await;
    let kept = store(&session).await;
    let large = "x".repeat(40_000);
    let mut transaction = Transaction::new();
    for number in 0..300 {
        transaction = transaction.create(map(&format!("map-{number}"), &large));
    }
    kept.commit(transaction).await.expect("it must be kept");
    let folder = json!({"key": BASE64.encode("/mayfly/pending/"), "range_end": BASE64.encode("/mayfly/pending0")});
    let pending = etcd.ask("/v3/kv/range", folder).await;
    assert_eq!(pending["kvs"].as_array(), None, "all of it is in its place: {pending}");
    create(&kept, "huge", &"y".repeat(2_500_000)).await.expect("it must be kept");
    session.resign().await;
    let session = lead(&etcd, 600).await;
    let found = store(&session).await;
    assert!((0..300).all(|number| has(&found, &format!("map-{number}"))));
    let huge = found.get::<ConfigMap>(&Key::new("default", "huge")).expect("it must be there");
    let data = huge.data.as_ref().expect("it must have data");
    assert_eq!(data["text"].len(), 2_500_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_cut_off_is_done_or_was_none() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    let session = lead(&etcd, 600).await;
    let kept = store(&session).await;
    create(&kept, "before", "one").await.expect("it leads");
    create(&kept, "doomed", "two").await.expect("it leads");
    session.resign().await;
    // What a server leaves that is killed before it has said that it is a commit: nothing.
    let json = r#"{"metadata":{"name":"added","namespace":"default","resourceVersion":"9"}}"#;
    let record =
        format!("ConfigMap default/added {}\n{json}\nConfigMap default/doomed -\n", json.len());
    let (one, two) = record.split_at(40);
    let state = etcd.get("/mayfly/state").await.expect("there is a state");
    let [first, second] = ["00000", "00001"].map(|part| format!("/mayfly/pending/{state}/{part}"));
    etcd.put(&first, one).await;
    etcd.put(&second, two).await;
    let session = lead(&etcd, 600).await;
    let found = store(&session).await;
    assert_eq!(["before", "added", "doomed"].map(|name| has(&found, name)), [true, false, true]);
    assert_eq!(etcd.get(&first).await, None, "it is forgotten");
    session.resign().await;
    // And after that: all of it.
    let state = etcd.get("/mayfly/state").await.expect("there is a state");
    let [first, second] = ["00000", "00001"].map(|part| format!("/mayfly/pending/{state}/{part}"));
    etcd.put(&first, one).await;
    etcd.put(&second, two).await;
    etcd.put("/mayfly/pending/head", "2").await;
    let session = lead(&etcd, 600).await;
    let found = store(&session).await;
    assert_eq!(["before", "added", "doomed"].map(|name| has(&found, name)), [true, true, false]);
    assert_eq!(etcd.get("/mayfly/pending/head").await, None);
    create(&found, "after", "three").await.expect("it goes on");
}
