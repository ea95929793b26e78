//! Members of etcd that lose an answer, or have no room: what counts is what is in etcd. By the library,
//! without a server.

use mayfly_etcd::Session;

use super::fences::{create, has, lead, lead_by, store};
use super::kit::Etcd;
use super::proxy::{Fate, Proxy};
use crate::harness::Home;

/// Below which keys objects are.
const OBJECTS: &str = "/mayfly/objects";

/// A leader that asks `members`, and says seldom that it leads.
async fn lead_through(etcd: &Etcd, members: &[&str]) -> Session {
    lead_by(members, &etcd.memory(), 600).await
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
    session.lost().await;
    assert!(session.why().contains("is not known"), "{}", session.why());
}
