//! An etcd that has nothing where there was a state is led by nobody who has seen that.

use std::error::Error;
use std::fs;

use mayfly_controller::clock::Clock;
use mayfly_controller::store::Store;
use mayfly_etcd::Session;
use serde_json::{Value, json};

use super::fences::{create, has, lead, open, store};
use super::kit::{Etcd, Site};
use super::leaders::{make, names};
use crate::harness::Home;

/// Why the state can't be taken over.
async fn refusal(session: &Session) -> String {
    let refused: Result<Store, _> = open(session, Clock::system()).await;
    let error = refused.err().expect("there was another state");
    format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_etcd_is_led_when_the_operator_has_said_so() {
    let home = Home::empty();
    let Some(mut etcd) = Etcd::start(&home) else { return };
    let session = lead(&etcd, 2).await;
    create(&store(&session).await, "before", "one").await.expect("it leads");
    // What is remembered is which etcd that is.
    let file = fs::read(etcd.memory()).expect("there is a state");
    let remembered: Value = serde_json::from_slice(&file).expect("JSON");
    let answer = etcd.ask("/v3/kv/range", json!({"key": "YQ=="})).await;
    assert_eq!(remembered["clusterId"], answer["header"]["cluster_id"]);
    session.resign().await;
    etcd.stop();
    let old = home.path("old-etcd");
    etcd.save(&old);
    etcd.empty();
    etcd.start_again();
    let session = lead(&etcd, 2).await;
    let error = refusal(&session).await;
    let file = etcd.memory().display().to_string();
    assert!(error.contains("there is no state in etcd://") && error.contains(&file), "{error}");
    assert_eq!(etcd.get("/mayfly/state").await, None, "nothing was made of it");
    session.resign().await;
    // Restored, it is what it was.
    etcd.stop();
    etcd.load(&old);
    etcd.start_again();
    let session = lead(&etcd, 2).await;
    assert!(has(&store(&session).await, "before"));
    session.resign().await;
    // Or somebody says that nothing is what there is.
    etcd.stop();
    etcd.empty();
    etcd.start_again();
    fs::remove_file(etcd.memory()).expect("it is ours");
    let session = lead(&etcd, 2).await;
    let new = store(&session).await;
    assert!(!has(&new, "before"));
    create(&new, "after", "two").await.expect("it leads");
    assert!(etcd.memory().exists(), "from now on there is a state");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_leads_an_etcd_that_was_emptied_under_it() {
    let Some(mut site) = Site::new() else { return };
    let mut first = site.server("one");
    // It has never led, and has seen who does.
    let mut second = site.server("two");
    make(&first, "before").await;
    site.etcd.stop();
    let old = site.home.path("old-etcd");
    site.etcd.save(&old);
    site.etcd.empty();
    site.etcd.start_again();
    for server in [&mut first, &mut second] {
        server.running().line(|_, line| line.contains("there is no state in etcd://"));
    }
    assert_eq!(site.etcd.get("/mayfly/state").await, None);
    site.etcd.stop();
    site.etcd.load(&old);
    site.etcd.start_again();
    make(&second, "after").await;
    assert_eq!(names(&first).await, ["after", "before"]);
    first.stop().exits(0);
    second.stop().exits(0);
}
