//! What is left when an owner goes.

use super::*;
use crate::api::names::JOB_TRACKING_FINALIZER;
use crate::api::{ConfigMap, ObjectMeta, OwnerReference, PodSpec, Resource, Shared, Timestamp};
use crate::clock::Clock;
use crate::store::Names;

/// An object as `name ← owner, owner`, with its finalizers.
#[derive(Clone, Copy, Default)]
struct Made {
    name: &'static str,
    owners: &'static [&'static str],
    finalizers: &'static [&'static str],
}

fn made(name: &'static str, owners: &'static [&'static str]) -> Made {
    Made { name, owners, ..Made::default() }
}

fn metadata(made: &Made) -> ObjectMeta {
    let owner = |name: &&str| OwnerReference {
        // One whose name begins with "crd" is of a kind that is not ours.
        api_version: if name.starts_with("crd") { "example/v1" } else { "batch/v1" }.into(),
        kind: "Job".into(),
        name: (*name).into(),
        uid: format!("uid-{name}"),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    ObjectMeta {
        namespace: Some("default".into()),
        name: Some(made.name.into()),
        uid: Some(format!("uid-{}", made.name)),
        owner_references: Some(made.owners.iter().map(owner).collect()),
        finalizers: Some(made.finalizers.iter().map(|it| (*it).to_owned()).collect()),
        ..ObjectMeta::default()
    }
}

fn job(made: Made) -> Transaction {
    let spec = Some(Shared::default());
    Transaction::new().create(Job { metadata: metadata(&made), spec, ..Job::default() })
}

fn pod(made: Made) -> Transaction {
    let spec = PodSpec { node_name: Some("here".into()), ..PodSpec::default() };
    let spec = Some(spec.into());
    Transaction::new().create(Pod { metadata: metadata(&made), spec, ..Pod::default() })
}

fn config_map(made: Made) -> Transaction {
    Transaction::new().create(ConfigMap { metadata: metadata(&made), ..ConfigMap::default() })
}

fn delete_job(name: &str) -> Transaction {
    Transaction::new().delete(Kind::Job, key(name), DeleteOptions::default())
}

fn key(name: &str) -> Key {
    Key::new("default", name)
}

/// What there is after `steps`, as `Kind name ← owners (finalizers) !` with `!` for being deleted.
async fn check(steps: impl IntoIterator<Item = Transaction>, expect: &[&str]) {
    let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
    let cancel = CancellationToken::new();
    let run = tokio::spawn(Collector::new(store.clone()).run(cancel.clone()));
    for step in steps {
        store.commit(step).await.unwrap();
        // With paused time, sleeping means that everybody else has done what there is to do.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (left, _) = store.list_kinds(KINDS);
    assert_eq!(left.iter().map(show).collect::<Vec<_>>(), expect);
    cancel.cancel();
    run.await.unwrap();
    // Whoever begins with what is there comes to the same.
    let before = store.resource_version();
    let cancel = CancellationToken::new();
    let run = tokio::spawn(Collector::new(store.clone()).run(cancel.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(store.resource_version(), before);
    cancel.cancel();
    run.await.unwrap();
}

fn show(object: &Object) -> String {
    let metadata = object.metadata();
    let mut text = format!("{} {}", object.kind().name(), object.key().name);
    for owner in metadata.owner_references.iter().flatten() {
        text += &format!(" ← {}", owner.name);
    }
    for finalizer in metadata.finalizers.iter().flatten() {
        text += &format!(" ({finalizer})");
    }
    if metadata.deletion_timestamp.is_some() {
        text += " !";
    }
    text
}

#[tokio::test(start_paused = true)]
async fn dependents_go_with_their_last_owner() {
    let both = || [job(made("a", &[])), job(made("b", &[])), config_map(made("x", &["a", "b"]))];
    check(both(), &["Job a", "Job b", "ConfigMap x ← a ← b"]).await;
    check(both().into_iter().chain([delete_job("a")]), &["Job b", "ConfigMap x ← b"]).await;
    check(both().into_iter().chain([delete_job("a"), delete_job("b")]), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_never_had_its_owner_goes_and_what_can_not_be_known_stays() {
    check([config_map(made("x", &["nobody"]))], &[]).await;
    check([config_map(made("x", &["crd"]))], &["ConfigMap x ← crd"]).await;
    // The same name is not the same owner.
    let other = Transaction::new().create(Job {
        metadata: ObjectMeta { uid: Some("another".into()), ..metadata(&made("a", &[])) },
        ..Job::default()
    });
    let again = [job(made("a", &[])), config_map(made("x", &["a"])), delete_job("a").and(other)];
    check(again, &["Job a"]).await;
}

#[tokio::test(start_paused = true)]
async fn grandchildren_go_too() {
    let family = [
        job(made("a", &[])),
        job(made("b", &["a"])),
        config_map(made("x", &["b"])),
        delete_job("a"),
    ];
    check(family, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn pods_that_nobody_will_count_are_let_go() {
    let tracked =
        |name, owners| Made { finalizers: &[JOB_TRACKING_FINALIZER], ..made(name, owners) };
    let with = |owners| [job(made("a", &[])), pod(tracked("x", owners))];
    check(with(&["a"]), &["Job a", "Pod x ← a (batch.kubernetes.io/job-tracking)"]).await;
    // Its node still has to end it.
    check(with(&["a"]).into_iter().chain([delete_job("a")]), &["Pod x ← a !"]).await;
    check(with(&[]), &["Job a", "Pod x"]).await;
    check(with(&["crd"]), &["Job a", "Pod x ← crd (batch.kubernetes.io/job-tracking)"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_its_job_controls_no_more_is_let_go() {
    let tracked = Made { finalizers: &[JOB_TRACKING_FINALIZER], ..made("x", &["a"]) };
    let disown = Transaction::new().modify(key("x"), None, |pod: &mut Pod| {
        pod.metadata.owner_references.iter_mut().flatten().for_each(|it| it.controller = None);
    });
    let steps = [job(made("a", &[])), pod(tracked), disown];
    check(steps, &["Job a", "Pod x ← a"]).await;
}

#[tokio::test(start_paused = true)]
async fn foreground_deletion_waits_for_the_dependents() {
    let waiting = Made { finalizers: &["foregroundDeletion"], ..made("a", &[]) };
    let steps =
        || [job(waiting), pod(made("x", &["a"])), config_map(made("y", &["a"])), delete_job("a")];
    check(steps(), &["Job a (foregroundDeletion) !", "Pod x ← a !"]).await;
    let ended = DeleteOptions { uid: None, grace_period_seconds: Some(0) };
    let ended = Transaction::new().delete(Kind::Pod, key("x"), ended);
    check(steps().into_iter().chain([ended]), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn orphans_stay() {
    let leaving = Made { finalizers: &["orphan"], ..made("a", &[]) };
    let steps = [job(leaving), pod(made("x", &["a"])), delete_job("a")];
    check(steps, &["Pod x"]).await;
}

#[tokio::test(start_paused = true)]
async fn many_go_in_several_transactions() {
    let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
    let many = (0..3 * GC_OBJECTS_MAX).fold(job(made("a", &[])), |all, i| {
        let mut object =
            ConfigMap { metadata: metadata(&made("", &["a"])), ..ConfigMap::default() };
        object.metadata_mut().name = Some(i.to_string());
        object.metadata_mut().uid = None;
        all.create(object)
    });
    store.commit(many).await.unwrap();
    let cancel = CancellationToken::new();
    let run = tokio::spawn(Collector::new(store.clone()).run(cancel.clone()));
    store.commit(delete_job("a")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(store.list_kinds(KINDS).0.is_empty());
    cancel.cancel();
    run.await.unwrap();
}
