//! Members of etcd that lose an answer, or have no room: what counts is what is in etcd. By the library,
//! without a server.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use mayfly_controller::store::Transaction;
use mayfly_etcd::Session;
use serde_json::json;
use tokio::time::timeout;

use super::fences::{create, has, lead, lead_by, map, store};
use super::kit::Etcd;
use super::proxy::{Fate, Proxy};
use crate::harness::{Home, PATIENCE};

/// Below which keys objects are, and records; and what makes a record valid.
const OBJECTS: &str = "/mayfly/objects";
const RECORDS: &str = "/mayfly/pending";
const HEAD: &str = "/mayfly/pending/he";

/// A leader that asks `members`, and says seldom that it leads.
async fn lead_through(etcd: &Etcd, members: &[&str]) -> Session {
    lead_by(members, &etcd.memory(), 600).await
}

/// As many objects as no single transaction of etcd's takes.
fn large() -> Transaction {
    let text = "x".repeat(40_000);
    (0..100).fold(Transaction::new(), |transaction, number| {
        transaction.create(map(&format!("map-{number}"), &text))
    })
}

/// How many keys there are of records.
async fn records(etcd: &Etcd) -> usize {
    let range = json!({
        "key": BASE64.encode("/mayfly/pending/"), "range_end": BASE64.encode("/mayfly/pending0"),
    });
    etcd.ask("/v3/kv/range", range).await["kvs"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_has_happened_if_another_member_says_so() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    let proxy = Proxy::to(&etcd).await;
    let session = lead_through(&etcd, &[&proxy.address, &etcd.address]).await;
    let kept = store(&session).await;
    proxy.next(OBJECTS, Fate::AnswerLost);
    create(&kept, "one", "x").await.expect("it is in etcd");
    proxy.assert_through();
    create(&kept, "two", "x").await.expect("it goes on");
    assert!(session.holds(), "{}", session.why());
    session.resign().await;
    let session = lead(&etcd, 600).await;
    let found = store(&session).await;
    assert!(has(&found, "one") && has(&found, "two"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_refused_has_happened_if_it_is_in_etcd() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    let (first, second) = (Proxy::to(&etcd).await, Proxy::to(&etcd).await);
    let session = lead_through(&etcd, &[&first.address, &second.address]).await;
    let kept = store(&session).await;
    // etcd finds that it is full when it has done what it was asked.
    first.next(OBJECTS, Fate::DoneAndRefused);
    create(&kept, "one", "x").await.expect("it is in etcd");
    // One member has done it and has not said so, and the other one has no room to do it again.
    first.next(OBJECTS, Fate::AnswerLost);
    second.next(OBJECTS, Fate::Refused);
    create(&kept, "two", "x").await.expect("it is in etcd");
    // That one is asked first from now on.
    second.next(OBJECTS, Fate::Refused);
    let error = create(&kept, "three", "x").await.expect_err("it is not in etcd");
    assert!(format!("{error:?}").contains("space exceeded"), "{error:?}");
    first.assert_through();
    second.assert_through();
    create(&kept, "four", "x").await.expect("it goes on");
    assert!(session.holds(), "{}", session.why());
    assert_eq!(
        ["one", "two", "three", "four"].map(|name| has(&kept, name)),
        [true, true, false, true]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_may_yet_happen_ends_the_session() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    let (first, second) = (Proxy::to(&etcd).await, Proxy::to(&etcd).await);
    let session = lead_through(&etcd, &[&first.address, &second.address]).await;
    let kept = store(&session).await;
    first.next(OBJECTS, Fate::Lost);
    second.next(OBJECTS, Fate::Refused);
    create(&kept, "one", "x").await.expect_err("nobody knows");
    timeout(PATIENCE, session.lost()).await.expect("it is over");
    assert!(session.why().contains("is not known"), "{}", session.why());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_commit_that_counts_is_written_as_soon_as_there_is_room() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    let proxy = Proxy::to(&etcd).await;
    let session = lead_through(&etcd, &[&proxy.address]).await;
    let kept = store(&session).await;
    proxy.next(HEAD, Fate::Passed);
    for fate in [Fate::Passed, Fate::Refused, Fate::Refused, Fate::Passed] {
        proxy.next(OBJECTS, fate);
    }
    proxy.next(HEAD, Fate::Refused);
    kept.commit(large()).await.expect("it counts since its head was written");
    proxy.assert_through();
    assert_eq!(records(&etcd).await, 0, "all of it is in its place");
    create(&kept, "after", "x").await.expect("it goes on");
    assert!(session.holds(), "{}", session.why());
    session.resign().await;
    let session = lead(&etcd, 600).await;
    let found = store(&session).await;
    assert!((0..100).all(|number| has(&found, &format!("map-{number}"))) && has(&found, "after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_commit_that_is_refused_leaves_nothing() {
    let home = Home::empty();
    let Some(etcd) = Etcd::start(&home) else { return };
    let proxy = Proxy::to(&etcd).await;
    let session = lead_through(&etcd, &[&proxy.address]).await;
    let kept = store(&session).await;
    create(&kept, "before", "x").await.expect("it leads");
    proxy.next(RECORDS, Fate::Passed);
    proxy.next(RECORDS, Fate::Refused);
    kept.commit(large()).await.expect_err("there is no room");
    proxy.assert_through();
    assert_eq!(records(&etcd).await, 0, "what fills etcd in vain is gone");
    create(&kept, "after", "x").await.expect("it goes on");
    assert!(session.holds(), "{}", session.why());
    assert!(!has(&kept, "map-0") && has(&kept, "before"));
}

/// What else is in etcd, until it has no room for more.
async fn fill(etcd: &Etcd) {
    let value = BASE64.encode("x".repeat(1_000_000));
    let mut is_full = false;
    for number in 0..100 {
        let key = BASE64.encode(format!("/other/{number}"));
        let answer = etcd.ask("/v3/kv/put", json!({"key": key, "value": value})).await;
        is_full = answer["code"] == 8;
        if is_full {
            break;
        }
    }
    assert!(is_full, "it has no end");
}

/// What an operator does about it.
async fn make_room(etcd: &Etcd) {
    let all = json!({"key": BASE64.encode("/other/"), "range_end": BASE64.encode("/other0")});
    let deleted = etcd.ask("/v3/kv/deleterange", all).await;
    let revision = deleted["header"]["revision"].clone();
    etcd.ask("/v3/kv/compaction", json!({"revision": revision, "physical": true})).await;
    etcd.ask("/v3/maintenance/defragment", json!({})).await;
    let (alarm, get) = ("/v3/maintenance/alarm", json!({"action": "GET"}));
    let raised = etcd.ask(alarm, get).await["alarms"][0].clone();
    let (member, which) = (&raised["memberID"], &raised["alarm"]);
    let disarm = json!({"action": "DEACTIVATE", "memberID": member, "alarm": which});
    etcd.ask(alarm, disarm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_without_room_keeps_its_leader() {
    let home = Home::empty();
    let quota = ["--quota-backend-bytes", "16777216"];
    let Some(etcd) = Etcd::start_with(&home, "http", &quota) else { return };
    let lease = 6;
    let session = lead(&etcd, lease).await;
    let kept = store(&session).await;
    create(&kept, "before", "x").await.expect("it leads");
    fill(&etcd).await;
    let error = create(&kept, "late", "x").await.expect_err("there is no room");
    assert!(format!("{error:?}").contains("space exceeded"), "{error:?}");
    kept.commit(large()).await.expect_err("nor for that");
    assert_eq!(records(&etcd).await, 0);
    // It is renewed as ever, or it would be over by then.
    let two_leases = Duration::from_secs(2 * lease);
    let lost = timeout(two_leases, session.lost()).await;
    assert!(lost.is_err(), "{}", session.why());
    assert!(session.holds() && has(&kept, "before") && !has(&kept, "late"));
    make_room(&etcd).await;
    create(&kept, "after", "x").await.expect("there is room again");
    assert!(session.holds(), "{}", session.why());
}
