use std::sync::Arc;

use super::*;
use crate::api::{Event, Key, Node};
use crate::clock::Clock;
use crate::store::Names;

fn pod(name: &str) -> Pod {
    let json = format!(
        r#"{{"metadata": {{"name": "{name}", "namespace": "ns"}}, "spec": {{"containers": []}}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn node() -> Node {
    serde_json::from_str(
        r#"{"metadata": {"name": "here"}, "status": {"allocatable": {"pods": "2"}}}"#,
    )
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn pods_are_bound_when_a_node_comes_and_told_if_it_is_full() {
    let clock = Clock::simulated("2026-01-02T03:04:05Z".parse().unwrap());
    let store = Store::in_memory(clock.clone(), Names::seeded(1));
    let cancel = CancellationToken::new();
    let running = tokio::spawn(Scheduler::new(store.clone()).run(cancel.clone()));
    let create = |object: Object| store.commit(Transaction::new().create_object(object));
    for name in ["a", "b", "c"] {
        create(Pod::into_object(Arc::new(pod(name)))).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.list::<Event>(None).items.len(), 0, "the node is still awaited");
    create(Node::into_object(Arc::new(node()))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let pods = store.list::<Pod>(None).items;
    let nodes: Vec<_> =
        pods.iter().map(|pod| pod.spec.as_ref().unwrap().node_name.as_deref()).collect();
    assert_eq!(nodes, [Some("here"), Some("here"), None]);
    let condition = |pod: &Pod| pod.status.clone().unwrap().conditions.unwrap()[0].clone();
    assert_eq!(condition(&pods[0]).status, "True");
    let waits = condition(&pods[2]);
    assert_eq!((waits.status.as_str(), waits.reason.as_deref()), ("False", Some("Unschedulable")));
    let events = store.list::<Event>(None).items;
    let mut told: Vec<_> = events
        .iter()
        .map(|it| format!("{}: {}", it.reason.clone().unwrap(), it.message.clone().unwrap()))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "FailedScheduling: 0/1 nodes are available: 1 Too many pods. no new claims to \
             deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for \
             incoming pod.",
            "Scheduled: Successfully assigned ns/a to here",
            "Scheduled: Successfully assigned ns/b to here",
        ]
    );
    cancel.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_disk_is_short_takes_no_pods_until_it_is_not() {
    let clock = Clock::simulated("2026-01-02T03:04:05Z".parse().unwrap());
    let store = Store::in_memory(clock.clone(), Names::seeded(1));
    let cancel = CancellationToken::new();
    let running = tokio::spawn(Scheduler::new(store.clone()).run(cancel.clone()));
    let pressed = |status: &str| {
        let mut node = node();
        node.status.as_mut().unwrap().conditions = serde_json::from_value(serde_json::json!([
            {"type": "DiskPressure", "status": status}
        ]))
        .unwrap();
        node
    };
    let commit = async |transaction| drop(store.commit(transaction).await.unwrap());
    commit(Transaction::new().create(pressed("True"))).await;
    commit(Transaction::new().create(pod("a"))).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let bound_to = || {
        let pods = store.list::<Pod>(None).items;
        pods[0].spec.as_ref().and_then(|spec| spec.node_name.clone())
    };
    assert_eq!(bound_to(), None);
    let told = store.list::<Event>(None).items[0].message.clone().unwrap();
    let why = "1 node(s) had untolerated taint(s)";
    assert!(told.contains(why), "{told}");
    let status = pressed("False").status;
    commit(Transaction::new().modify(Key::new("", "here"), None, move |node: &mut Node| {
        node.status = status;
    }))
    .await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(bound_to().as_deref(), Some("here"));
    cancel.cancel();
    running.await.unwrap();
}

fn conditions(pod: &Pod) -> Vec<PodCondition> {
    pod.status.clone().and_then(|status| status.conditions).unwrap_or_default()
}

fn condition(pod: &Pod, type_: &str) -> Option<PodCondition> {
    conditions(pod).into_iter().find(|condition| condition.type_ == type_)
}

/// A pod of that priority, which is taken to have started at that second.
fn of(name: &str, priority: i32, second: u32) -> Pod {
    let mut pod = pod(name);
    pod.spec.as_mut().unwrap().priority = Some(priority);
    let status = format!(r#"{{"startTime": "2026-01-02T03:04:{second:02}Z"}}"#);
    pod.status = serde_json::from_str(&status).unwrap();
    pod
}

/// A store and a scheduler on it, a node for two pods, and nobody who runs what is bound to it.
async fn scheduling() -> (Store, CancellationToken) {
    let clock = Clock::simulated("2026-01-02T03:04:05Z".parse().unwrap());
    let store = Store::in_memory(clock, Names::seeded(1));
    let cancel = CancellationToken::new();
    tokio::spawn(Scheduler::new(store.clone()).run(cancel.clone()));
    store.commit(Transaction::new().create(node())).await.unwrap();
    (store, cancel)
}

async fn create(store: &Store, pod: Pod) {
    store.commit(Transaction::new().create(pod)).await.unwrap();
    // All that follows from it is done when time goes on.
    tokio::time::sleep(Duration::from_secs(1)).await;
}

fn get(store: &Store, name: &str) -> Arc<Pod> {
    store.get::<Pod>(&Key::new("ns", name)).unwrap()
}

fn told(store: &Store, reason: &str) -> Vec<String> {
    let events = store.list::<Event>(None).items;
    let of = events.iter().filter(|event| event.reason.as_deref() == Some(reason));
    of.filter_map(|event| event.message.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn those_that_go_for_another_are_marked_and_deleted_and_room_is_kept() {
    let (store, cancel) = scheduling().await;
    for (name, second) in [("early", 1), ("late", 2)] {
        create(&store, of(name, 0, second)).await;
    }
    let mut own = of("high", 10, 3);
    own.spec.as_mut().unwrap().scheduler_name = Some("own-scheduler".to_owned());
    create(&store, own).await;
    let high = get(&store, "high");
    assert_eq!(high.status.as_ref().unwrap().nominated_node_name.as_deref(), Some("here"));
    let waits = condition(&high, "PodScheduled").unwrap();
    assert_eq!((waits.status.as_str(), waits.reason.as_deref()), ("False", Some("Unschedulable")));
    let why = "0/1 nodes are available: 1 Too many pods.";
    assert_eq!(waits.message.as_deref(), Some(why));
    let (going, staying) = (get(&store, "late"), get(&store, "early"));
    assert!(going.metadata.deletion_timestamp.is_some());
    let disrupted = condition(&going, "DisruptionTarget").unwrap();
    assert_eq!(disrupted.status, "True");
    assert_eq!(disrupted.reason.as_deref(), Some("PreemptionByScheduler"));
    let message = "own-scheduler: preempting to accommodate a higher priority pod";
    assert_eq!(disrupted.message.as_deref(), Some(message));
    assert_eq!(staying.metadata.deletion_timestamp, None);
    assert_eq!(condition(&staying, "DisruptionTarget"), None);
    let preempted = format!("Preempted by pod {} on node here", high.uid());
    assert_eq!(told(&store, "Preempted"), [preempted]);
    cancel.cancel();
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_already_is_not_marked_and_room_that_is_of_no_use_is_given_up() {
    let (store, cancel) = scheduling().await;
    for (name, second) in [("first", 2), ("second", 1)] {
        create(&store, of(name, 0, second)).await;
    }
    let options = DeleteOptions { uid: None, grace_period_seconds: Some(600) };
    let delete = Transaction::new().delete(Kind::Pod, Key::new("ns", "first"), options);
    store.commit(delete).await.unwrap();
    create(&store, of("high", 10, 3)).await;
    let nominated = |name: &str| get(&store, name).status.clone().unwrap().nominated_node_name;
    assert_eq!(nominated("high").as_deref(), Some("here"));
    assert_eq!(condition(&get(&store, "first"), "DisruptionTarget"), None);
    assert_eq!(told(&store, "Preempted"), [""; 0]);
    let since = condition(&get(&store, "high"), "PodScheduled").unwrap().last_transition_time;
    // It is overtaken: both places are had by others that are more important.
    create(&store, of("higher", 100, 4)).await;
    create(&store, of("highest", 100, 5)).await;
    assert_eq!(nominated("high"), None, "lower ones keep no room where others go for a higher one");
    for name in ["first", "second"] {
        let now = DeleteOptions { uid: None, grace_period_seconds: Some(0) };
        let gone = Transaction::new().delete(Kind::Pod, Key::new("ns", name), now);
        store.commit(gone).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    let place = |name: &str| get(&store, name).spec.as_ref().unwrap().node_name.clone();
    assert_eq!(
        ["higher", "highest"].map(place),
        [Some("here".to_owned()), Some("here".to_owned())]
    );
    let waits = condition(&get(&store, "high"), "PodScheduled").unwrap();
    assert_eq!(waits.last_transition_time, since, "it has waited all the time");
    cancel.cancel();
}
