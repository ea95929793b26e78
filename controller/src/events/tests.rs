//! What the events of a busy Job come to.

use std::time::Duration;

use super::*;
use crate::api::{Job, Key, Kind};
use crate::clock::Clock;
use crate::limits::{
    EVENT_CORRELATIONS_MAX, EVENT_TTL_SECONDS, EVENTS_EXPIRED_AT_ONCE_MAX, EVENTS_MAX,
};
use crate::store::Store;

use tokio_util::sync::CancellationToken;

fn store() -> Store {
    Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1))
}

fn job() -> ObjectReference {
    reference(&Job {
        metadata: ObjectMeta {
            namespace: Some("default".into()),
            name: Some("job".into()),
            uid: Some("1".into()),
            ..ObjectMeta::default()
        },
        ..Job::default()
    })
}

/// The events after `messages`, `seconds_apart`, as `count × message`.
async fn check(messages: &[String], seconds_apart: u64, expect: &[(i32, &str)]) {
    let store = store();
    let recorder = Recorder::new("job-controller", store.names().clone());
    for message in messages {
        let now = store.clock().now();
        let event = recorder.record(&job(), EventType::Normal, "SuccessfulCreate", message, now);
        store.commit(event).await.unwrap();
        tokio::time::advance(Duration::from_secs(seconds_apart)).await;
    }
    let mut events = store.list::<Event>(None).items;
    events.sort_by_key(|event| {
        let stamp = event.metadata.name.as_deref().unwrap().rsplit('.').next();
        u64::from_str_radix(stamp.unwrap(), 16).unwrap()
    });
    let seen: Vec<_> =
        events.iter().map(|it| (it.count.unwrap(), it.message.as_deref().unwrap())).collect();
    assert_eq!(seen, expect);
}

fn created(count: usize) -> Vec<String> {
    (1..=count).map(|pod| format!("Created pod: {pod}")).collect()
}

#[tokio::test(start_paused = true)]
async fn the_same_event_is_counted() {
    let again = vec!["Job suspended".to_owned(); 3];
    check(&again, 1, &[(3, "Job suspended")]).await;
}

#[tokio::test(start_paused = true)]
async fn similar_events_are_combined_and_then_too_many() {
    let individual: Vec<_> = (1..=9).map(|pod| (1, format!("Created pod: {pod}"))).collect();
    let mut expect: Vec<_> = individual.iter().map(|(count, text)| (*count, &**text)).collect();
    check(&created(9), 0, &expect).await;
    // 9 of their own and 16 combined: 25 at once. The other five are counted and not written.
    expect.push((16, "(combined from similar events): Created pod: 25"));
    check(&created(30), 0, &expect).await;
    // With time they are.
    expect[9] = (21, "(combined from similar events): Created pod: 30");
    check(&created(30), 60, &expect).await;
}

#[tokio::test(start_paused = true)]
async fn after_ten_minutes_nothing_is_similar() {
    let individual: Vec<_> = (1..=12).map(|pod| (1, format!("Created pod: {pod}"))).collect();
    let expect: Vec<_> = individual.iter().map(|(count, text)| (*count, &**text)).collect();
    check(&created(12), 601, &expect).await;
}

#[test]
fn what_was_not_heard_of_for_longest_is_forgotten_when_there_is_too_much() {
    let now = Timestamp::UNIX_EPOCH;
    let mut correlator = Correlator::default();
    let mut count_of = |name: &str| {
        let about = ObjectReference { name: Some(name.to_owned()), ..job() };
        let event_type = EventType::Normal;
        let happening = Happening { about: &about, event_type, reason: "Created", message: "m" };
        correlator.correlate(&happening, now, "name".to_owned()).unwrap().count
    };
    assert_eq!((count_of("first"), count_of("second")), (1, 1));
    for other in 2..EVENT_CORRELATIONS_MAX {
        count_of(&other.to_string());
    }
    assert_eq!(count_of("first"), 2, "there is room for it");
    count_of("one too many");
    assert_eq!((count_of("first"), count_of("second")), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn an_event_says_who_and_whom() {
    let store = store();
    let recorder = Recorder::new("kubelet", store.names().clone()).on_host("node-1");
    let now = store.clock().now();
    let record = || recorder.record(&job(), EventType::Warning, "Failed", "why", now);
    store.commit(record().and(record())).await.unwrap();
    let event = store.list::<Event>(Some("default")).items.pop().unwrap();
    assert_eq!(event.metadata.name.as_deref(), Some("job.1"));
    assert_eq!(
        (event.type_.as_deref(), event.reason.as_deref()),
        (Some("Warning"), Some("Failed"))
    );
    assert_eq!(event.source.as_ref().unwrap().component.as_deref(), Some("kubelet"));
    assert_eq!(event.source.as_ref().unwrap().host.as_deref(), Some("node-1"));
    assert_eq!(event.involved_object, job());
    // Somebody has deleted it: it is written anew, and goes on counting.
    let key = event.key();
    let delete = Transaction::new().delete(Kind::Event, key.clone(), Default::default());
    store.commit(delete).await.unwrap();
    store.commit(record()).await.unwrap();
    assert_eq!(store.get::<Event>(&key).unwrap().count, Some(3));
}

#[tokio::test(start_paused = true)]
async fn events_go_after_an_hour_and_when_there_are_too_many() {
    let store = store();
    let cancel = CancellationToken::new();
    let expiry = tokio::spawn(expire(store.clone(), cancel.clone()));
    let write = |number: usize| {
        let metadata = ObjectMeta { name: Some(number.to_string()), ..ObjectMeta::default() };
        Transaction::new().create(Event { metadata, ..Event::default() })
    };
    let is_there = |name| store.get::<Event>(&Key::new("", name)).is_some();
    store.commit(write(0).and(write(1_000_000))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(EVENT_TTL_SECONDS - 1)).await;
    let again = Some(Time(store.clock().now()));
    let count = |event: &mut Event| event.last_timestamp = again;
    let counted = Transaction::new().modify(Key::new("", "1000000"), None, count);
    store.commit(write(1).and(counted)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!is_there("0") && is_there("1") && is_there("1000000"));
    tokio::time::sleep(Duration::from_secs(EVENT_TTL_SECONDS)).await;
    assert!(!is_there("1") && !is_there("1000000"));
    store.commit(write(1)).await.unwrap();

    for chunk in 0..EVENTS_MAX / 1000 + 1 {
        let many =
            (0..1000).fold(Transaction::new(), |all, i| all.and(write(2 + chunk * 1000 + i)));
        store.commit(many).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let left = store.list::<Event>(None).items.len();
    assert!((EVENTS_MAX..EVENTS_MAX + EVENTS_EXPIRED_AT_ONCE_MAX).contains(&left), "{left} left");
    cancel.cancel();
    expiry.await.unwrap();
}
