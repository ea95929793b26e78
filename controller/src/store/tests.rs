//! What the store promises, wherever it keeps things.

mod durable;
mod journal;
mod model;
mod rest;
mod restore;
mod upgrade;

use super::*;
use crate::api::{ConfigMap, Job, ObjectMeta, Pod, PodSpec, PodStatus, Shared, Timestamp};
use crate::limits::{TRANSACTION_OPERATIONS_MAX, WATCH_HISTORY_MAX};

fn store() -> Store {
    Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1))
}

fn key(name: &str) -> Key {
    Key::new("default", name)
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        namespace: Some("default".into()),
        name: Some(name.into()),
        ..ObjectMeta::default()
    }
}

fn job(name: &str) -> Job {
    Job { metadata: named(name), spec: Some(Shared::default()), ..Job::default() }
}

fn config_map(name: &str) -> ConfigMap {
    ConfigMap { metadata: named(name), ..ConfigMap::default() }
}

fn bound_pod(name: &str) -> Pod {
    let spec = PodSpec { node_name: Some("here".into()), ..PodSpec::default() };
    Pod { metadata: named(name), spec: Some(spec.into()), ..Pod::default() }
}

fn drain(watch: &mut Watch) -> Vec<(ChangeKind, String, u64)> {
    let next = || watch.try_next().map(|c| (c.what, c.key.name.to_string(), c.resource_version));
    std::iter::from_fn(next).collect()
}

fn delete(name: &str, grace_period_seconds: Option<i64>) -> Transaction {
    let options = DeleteOptions { uid: None, grace_period_seconds };
    Transaction::new().delete(Kind::Pod, key(name), options)
}

#[tokio::test(start_paused = true)]
async fn a_new_object_gets_its_system_metadata() {
    let store = store();
    let generated = Job {
        metadata: ObjectMeta {
            name: None,
            generate_name: Some("pi-".into()),
            uid: Some("kept".into()),
            ..named("")
        },
        ..job("")
    };
    let committed =
        store.commit(Transaction::new().create(job("a")).create(generated)).await.unwrap();
    let [first, second] = &committed.objects[..] else { panic!("two objects") };
    assert_eq!(first.metadata().generation, Some(1));
    assert_eq!(first.metadata().resource_version.as_deref(), Some("1"));
    assert_eq!(first.metadata().creation_timestamp.as_ref().unwrap().0, Timestamp::UNIX_EPOCH);
    assert_eq!(first.metadata().uid.as_ref().unwrap().len(), 36);
    assert_eq!(second.metadata().uid.as_deref(), Some("kept"));
    assert_eq!(second.metadata().name.as_ref().unwrap().len(), 8);
    assert_eq!(committed.resource_version, 2);
    assert_eq!(store.list::<Job>(Some("default")).items.len(), 2);
    assert!(store.list::<Job>(Some("defaul")).items.is_empty());
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_nothing() {
    let store = store();
    store.commit(Transaction::new().create(job("a"))).await.unwrap();
    let mut watch = store.watch(Kind::ALL, 1).unwrap();
    let twice = Transaction::new()
        .create(job("b"))
        .modify::<Job>(key("a"), None, |job| job.metadata.labels = Some([].into()))
        .delete(Kind::Job, key("a"), DeleteOptions::default())
        .create(job("b"));
    let error = store.commit(twice).await.unwrap_err();
    assert_eq!(error.to_string(), "jobs \"b\" already exists");
    assert_eq!(drain(&mut watch), []);
    assert!(store.get::<Job>(&key("b")).is_none());
    assert!(store.get::<Job>(&key("a")).unwrap().metadata.labels.is_none());

    let large = (0..=TRANSACTION_OPERATIONS_MAX)
        .fold(Transaction::new(), |all, i| all.create(config_map(&i.to_string())));
    assert!(matches!(store.commit(large).await, Err(CommitError::TooLarge { .. })));
}

#[tokio::test]
async fn versions_guard_against_lost_updates() {
    let store = store();
    store.commit(Transaction::new().create(job("a"))).await.unwrap();
    let seen = store.get::<Job>(&key("a")).unwrap();
    let suspend = |job: &mut Job| job.spec.as_mut().unwrap().suspend = Some(true);
    store.commit(Transaction::new().modify(key("a"), None, suspend)).await.unwrap();

    let old = Transaction::new().replace((*seen).clone());
    assert!(matches!(store.commit(old).await, Err(CommitError::Conflict { .. })));
    let guard = Transaction::new().guard(Kind::Job, key("a"), "1");
    assert!(matches!(store.commit(guard).await, Err(CommitError::Conflict { .. })));
    let nobody = Transaction::new().guard(Kind::Job, key("b"), "1");
    assert!(matches!(store.commit(nobody).await, Err(CommitError::Conflict { .. })));
    let nobody = Transaction::new().replace(job("b"));
    assert!(matches!(store.commit(nobody).await, Err(CommitError::NotFound { .. })));

    let now = store.get::<Job>(&key("a")).unwrap();
    assert_eq!(
        (now.metadata.generation, now.metadata.resource_version.as_deref()),
        (Some(2), Some("2"))
    );
    let same = Transaction::new().guard(Kind::Job, key("a"), "2").replace((*now).clone());
    assert_eq!(store.commit(same).await.unwrap().resource_version, 2, "nothing changed");
}

#[tokio::test]
async fn a_modification_touches_only_the_object_it_is_meant_for() {
    let store = store();
    let committed = store.commit(Transaction::new().create(job("a"))).await.unwrap();
    let uid = committed.objects[0].metadata().uid.clone();
    let rename = |job: &mut Job| {
        job.metadata.name = Some("other".into());
        job.metadata.uid = None;
        job.metadata.annotations = Some([("seen".into(), "yes".into())].into());
    };
    let transaction = Transaction::new()
        .modify(key("a"), Some("another".into()), rename)
        .modify(key("gone"), None, rename)
        .modify(key("a"), uid.clone(), rename);
    let committed = store.commit(transaction).await.unwrap();
    assert_eq!(committed.objects.len(), 1);
    let after = store.get::<Job>(&key("a")).unwrap();
    assert_eq!((&after.metadata.uid, after.metadata.generation), (&uid, Some(1)));
    assert!(after.metadata.annotations.is_some());
}

#[tokio::test]
async fn binding_a_pod_is_not_another_wish() {
    let store = store();
    let unbound = Pod { spec: Some(Shared::default()), ..bound_pod("a") };
    store.commit(Transaction::new().create(unbound)).await.unwrap();
    for (node, active_deadline_seconds, generation) in [("here", None, 1), ("there", Some(5), 2)] {
        let bind = move |pod: &mut Pod| {
            let spec = pod.spec.as_mut().unwrap();
            spec.node_name = Some(node.into());
            spec.active_deadline_seconds = active_deadline_seconds;
        };
        store.commit(Transaction::new().modify(key("a"), None, bind)).await.unwrap();
        let pod = store.get::<Pod>(&key("a")).unwrap();
        assert_eq!(pod.metadata.generation, Some(generation), "{node}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bound_pod_is_given_its_grace_period() {
    let store = store();
    store.commit(Transaction::new().create(bound_pod("a"))).await.unwrap();
    store.commit(delete("a", None)).await.unwrap();
    let deletion = |store: &Store| {
        let metadata = &store.get::<Pod>(&key("a")).unwrap().metadata;
        let at = metadata.deletion_timestamp.as_ref().unwrap().0.as_second();
        (at, metadata.deletion_grace_period_seconds, metadata.generation)
    };
    assert_eq!(deletion(&store), (30, Some(30), Some(2)));
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    store.commit(delete("a", None).and(delete("a", Some(40)))).await.unwrap();
    assert_eq!(deletion(&store), (30, Some(30), Some(2)), "a second request changes nothing");
    store.commit(delete("a", Some(10))).await.unwrap();
    assert_eq!(deletion(&store), (10, Some(10), Some(2)), "it can be shortened");
    store.commit(delete("a", Some(0))).await.unwrap();
    assert!(store.get::<Pod>(&key("a")).is_none());
}

#[tokio::test]
async fn what_nobody_waits_for_goes_at_once() {
    let store = store();
    let ended = Pod {
        status: Some(PodStatus { phase: Some("Failed".into()), ..PodStatus::default() }),
        ..bound_pod("ended")
    };
    let unbound = Pod { spec: None, ..bound_pod("unbound") };
    store.commit(Transaction::new().create(ended).create(unbound)).await.unwrap();
    let mut watch = store.watch(&[Kind::Pod], 2).unwrap();
    let deleted = delete("ended", None).and(delete("unbound", Some(60)));
    let deleted = store.commit(deleted).await.unwrap().objects;
    assert!(store.list::<Pod>(None).items.is_empty());
    for (object, version) in deleted.iter().zip(["3", "4"]) {
        let metadata = object.metadata();
        assert_eq!(metadata.resource_version.as_deref(), Some(version));
        assert_eq!(metadata.deletion_grace_period_seconds, Some(0));
        assert!(metadata.deletion_timestamp.is_some());
        let change = watch.next().await.unwrap();
        assert_eq!((change.what, change.last()), (ChangeKind::Deleted, object.clone()));
        assert_eq!(change.json(), &object.to_json());
    }
    let collected = Transaction::new().collect(Kind::Pod, key("ended"), DeleteOptions::default());
    store.commit(Transaction::new().create(bound_pod("ended"))).await.unwrap();
    assert_eq!(store.commit(collected).await.unwrap().objects, []);
    let change = watch.next().await.unwrap();
    assert_eq!((change.what, &*change.key.name), (ChangeKind::Added, "ended"));
    assert!(store.list::<Pod>(None).items[0].metadata.deletion_timestamp.is_some());
    store.commit(delete("ended", None)).await.unwrap();
}

#[tokio::test]
async fn the_last_finalizer_lets_go() {
    let store = store();
    let mut held = bound_pod("a");
    held.metadata.finalizers = Some(vec!["one".into()]);
    store.commit(Transaction::new().create(held)).await.unwrap();
    let mut watch = store.watch(&[Kind::Pod], 1).unwrap();
    let release =
        || Transaction::new().modify::<Pod>(key("a"), None, |pod| pod.metadata.finalizers = None);
    store.commit(delete("a", Some(0))).await.unwrap();
    assert_eq!(
        store.get::<Pod>(&key("a")).unwrap().metadata.deletion_grace_period_seconds,
        Some(0)
    );
    store.commit(release()).await.unwrap();
    assert!(store.get::<Pod>(&key("a")).is_none());
    assert_eq!(
        drain(&mut watch),
        [(ChangeKind::Modified, "a".into(), 2), (ChangeKind::Deleted, "a".into(), 3),]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_wakes_for_its_kinds_and_tells_when_it_is_behind() {
    let store = store();
    let mut watch = store.watch(&[Kind::Job], 0).unwrap();
    let waiting = tokio::spawn(async move { (watch.next().await.unwrap().key.clone(), watch) });
    tokio::task::yield_now().await;
    store.commit(Transaction::new().create(config_map("no"))).await.unwrap();
    store.commit(Transaction::new().create(job("yes"))).await.unwrap();
    let (woken_for, mut watch) = waiting.await.unwrap();
    assert_eq!(woken_for, key("yes"));
    assert_eq!(watch.resource_version(), 2);

    let many = |prefix: &str| {
        let store = store.clone();
        let names: Vec<_> = (0..=WATCH_HISTORY_MAX).map(|i| format!("{prefix}{i}")).collect();
        async move {
            for name in names {
                store.commit(Transaction::new().create(config_map(&name))).await.unwrap();
            }
        }
    };
    // What it does not follow can't leave it behind.
    many("a").await;
    assert_eq!(drain(&mut watch), []);
    assert!(watch.keeps_up().is_ok());
    assert_eq!(watch.resource_version(), store.resource_version());
    let seen = store.resource_version();
    store.commit(Transaction::new().create(job("missed"))).await.unwrap();
    many("b").await;
    let newest = store.resource_version();
    assert_eq!(watch.try_next().map(|change| change.resource_version), None);
    assert!(watch.keeps_up().is_err(), "it must be told before it acts");
    let gone = watch.next().await.unwrap_err();
    assert_eq!(gone, Gone { after: seen, oldest: newest - WATCH_HISTORY_MAX as u64, newest });
    assert!(store.watch(&[Kind::Job], newest + 1).is_err(), "the future is unknown");
    assert!(store.watch(&[Kind::Job], newest).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_sees_each_change_once_and_in_order() {
    let store = store();
    let mut watch = store.watch(&[Kind::ConfigMap], 0).unwrap();
    let writers = (0..4).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for i in 0..100 {
                let name = format!("{writer}-{i}");
                store.commit(Transaction::new().create(config_map(&name))).await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    for expected in 1..=400 {
        assert_eq!(watch.next().await.unwrap().resource_version, expected);
    }
    assert_eq!(drain(&mut watch), []);
    for writer in writers {
        writer.await.unwrap();
    }
}
