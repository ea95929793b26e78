//! The controller on a store in memory, in simulated time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{Job, JobStatus, Key, Kind, Namespace, ObjectMeta, Pod, Time, Timestamp};
use crate::clock::Clock;
use crate::store::{DeleteOptions, Names, Store, Transaction};

use super::super::conditions::say_finished;
use super::super::pod_view::is_tracked;
use super::super::{BackoffSettings, JobController};
use super::{job, start};

/// A store, a controller, and a hand that ends pods.
struct Running {
    store: Store,
    controller: JoinHandle<()>,
    cancel: CancellationToken,
}

fn has_not_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    !matches!(phase, Some("Succeeded" | "Failed"))
}

fn key() -> Key {
    Key::new("ns", "job")
}

impl Running {
    async fn start(spec: Value) -> Self {
        let store = Store::in_memory(Clock::simulated(start()), Names::seeded(1));
        let mut job = job(&spec, &json!({}));
        job.metadata.resource_version = None;
        store.commit(Transaction::new().create(job)).await.expect("a Job");
        let (controller, cancel) = Self::controller(&store);
        Self { store, controller, cancel }
    }

    fn controller(store: &Store) -> (JoinHandle<()>, CancellationToken) {
        let cancel = CancellationToken::new();
        let controller = JobController::new(store.clone(), BackoffSettings::default());
        (tokio::spawn(controller.run(cancel.clone())), cancel)
    }

    async fn restart(&mut self) {
        self.cancel.cancel();
        (&mut self.controller).await.expect("a controller");
        (self.controller, self.cancel) = Self::controller(&self.store);
    }

    fn status(&self) -> JobStatus {
        self.store.get::<Job>(&key()).expect("the Job").status.clone().unwrap_or_default()
    }

    fn pods(&self) -> BTreeMap<Key, Pod> {
        let pods = self.store.list::<Pod>(Some("ns")).items;
        pods.iter().map(|pod| (Key::of(&pod.metadata), Pod::clone(pod))).collect()
    }

    /// Lets everything happen that does not wait for time.
    async fn settle(&self) {
        // Paused time moves on only when nothing else can.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    async fn end(&self, pod: &Key, phase: &'static str) {
        let now = self.store.clock().now();
        let change = move |pod: &mut Pod| {
            let status = pod.status.get_or_insert_default();
            status.phase = Some(phase.to_owned());
            let container = json!({
                "name": "main", "restartCount": 0, "ready": false, "image": "i", "imageID": "",
                "state": { "terminated": { "exitCode": 1, "finishedAt": now.to_string() } },
            });
            status.container_statuses =
                Some(vec![serde_json::from_value(container).expect("a container's status")]);
        };
        self.store
            .commit(Transaction::new().modify(pod.clone(), None, change))
            .await
            .expect("ends");
        self.settle().await;
    }

    /// Ends the pods that have not ended, the oldest first.
    async fn end_all(&self, phase: &'static str) {
        for (key, pod) in self.pods() {
            if has_not_ended(&pod) {
                self.end(&key, phase).await;
            }
        }
    }

    fn is_finished(&self) -> bool {
        say_finished(self.status().conditions.as_deref().unwrap_or_default())
    }

    fn events(&self) -> Vec<String> {
        let events = self.store.list::<crate::api::Event>(None).items;
        events.iter().filter_map(|event| event.reason.clone()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn takes_a_job_to_its_end() {
    let running = Running::start(json!({ "completions": 5, "parallelism": 2 })).await;
    let mut most = 0;
    while !running.is_finished() {
        running.settle().await;
        most = most.max(running.status().active.unwrap_or(0));
        running.end_all("Succeeded").await;
    }
    assert_eq!((running.status().succeeded, most, running.pods().len()), (Some(5), 2, 5));
    assert!(running.pods().values().all(|pod| !is_tracked(&pod.metadata)), "all are counted");
    assert!(running.events().contains(&"Completed".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn makes_more_pods_than_one_plan_may() {
    let spec = json!({ "completionMode": "Indexed", "completions": 1200, "parallelism": 1200 });
    let running = Running::start(spec).await;
    running.settle().await;
    assert_eq!((running.pods().len(), running.status().active), (1200, Some(1200)));
    running.end_all("Succeeded").await;
    assert_eq!(running.status().completed_indexes.as_deref(), Some("0-1199"));
    assert!(running.is_finished());
}

#[tokio::test(start_paused = true)]
async fn retries_after_ten_and_twenty_seconds_even_when_restarted() {
    let mut running = Running::start(json!({})).await;
    let mut made: Vec<i64> = Vec::new();
    for round in 1..=3 {
        while running.pods().len() < round {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        running.restart().await;
        let newest = running.pods().into_values().filter_map(|pod| pod.metadata.creation_timestamp);
        let newest: Time = newest.max().expect("a pod");
        made.push(newest.0.duration_since(start()).as_secs());
        running.end_all("Failed").await;
    }
    assert_eq!(made, [0, 11, 31], "the first one has failed at second 1, the next at 11");
    assert_eq!(running.status().failed, Some(3));
}

#[tokio::test(start_paused = true)]
async fn goes_on_where_it_was() {
    let mut running = Running::start(json!({ "completions": 6, "parallelism": 2 })).await;
    running.settle().await;
    while !running.is_finished() {
        running.restart().await;
        running.settle().await;
        let pod = running.pods().into_iter().find(|(_, pod)| has_not_ended(pod));
        if let Some((key, _)) = pod {
            running.end(&key, "Succeeded").await;
        }
    }
    assert_eq!((running.status().succeeded, running.pods().len()), (Some(6), 6));
}

#[tokio::test(start_paused = true)]
async fn ends_at_the_deadline() {
    let running = Running::start(json!({ "activeDeadlineSeconds": 30 })).await;
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(running.status().active, Some(1));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(running.is_finished() && running.pods().is_empty(), "an unbound pod goes at once");
    assert_eq!(running.status().failed, Some(1));
    assert!(running.events().contains(&"DeadlineExceeded".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn lets_go_of_the_pods_of_a_job_that_is_gone() {
    let running = Running::start(json!({ "parallelism": 2, "completions": 2 })).await;
    running.settle().await;
    assert!(running.pods().values().all(|pod| is_tracked(&pod.metadata)));
    let delete = Transaction::new().delete(Kind::Job, key(), DeleteOptions::default());
    running.store.commit(delete).await.expect("deletes");
    running.settle().await;
    assert_eq!(running.pods().len(), 2);
    assert!(running.pods().values().all(|pod| !is_tracked(&pod.metadata)));
}

#[tokio::test(start_paused = true)]
async fn takes_in_what_matches_and_lets_go_of_what_does_not() {
    let running = Running::start(json!({ "parallelism": 2, "completions": 2 })).await;
    running.settle().await;
    let (stray, _) = running.pods().pop_first().expect("a pod");
    let relabel = |pod: &mut Pod| pod.metadata.labels = None;
    running
        .store
        .commit(Transaction::new().modify(stray.clone(), None, relabel))
        .await
        .expect("is");
    running.settle().await;
    let let_go = &running.pods()[&stray];
    assert!(!is_tracked(&let_go.metadata) && let_go.metadata.owner_references.is_none());
    assert_eq!(running.pods().len(), 3, "another one in its place");

    let relabel = |pod: &mut Pod| {
        pod.metadata.labels = Some([("app".to_owned(), "x".to_owned())].into());
    };
    running
        .store
        .commit(Transaction::new().modify(stray.clone(), None, relabel))
        .await
        .expect("is");
    running.settle().await;
    assert_eq!(running.pods().len(), 2, "three are one too many");
    assert!(running.pods().values().all(|pod| is_tracked(&pod.metadata)));
}

#[tokio::test(start_paused = true)]
async fn counts_but_makes_nothing_in_a_namespace_that_is_being_deleted() {
    let running = Running::start(json!({ "completions": 4, "parallelism": 2 })).await;
    running.settle().await;
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some("ns".to_owned()),
            // What keeps it there, like its own finalizer does.
            finalizers: Some(vec!["example.com/wait".to_owned()]),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let delete = Transaction::new().create(namespace).delete(
        Kind::Namespace,
        Key::new("", "ns"),
        DeleteOptions::default(),
    );
    running.store.commit(delete).await.expect("is being deleted");
    running.end_all("Succeeded").await;
    let status = running.status();
    assert_eq!((status.succeeded, status.active, running.pods().len()), (Some(2), None, 2));
}

#[tokio::test(start_paused = true)]
async fn a_suspended_job_waits_without_a_deadline() {
    let running = Running::start(json!({ "suspend": true, "activeDeadlineSeconds": 5 })).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(running.pods().is_empty() && running.status().start_time.is_none());
    let resume = |job: &mut Job| job.spec.get_or_insert_default().suspend = Some(false);
    running.store.commit(Transaction::new().modify(key(), None, resume)).await.expect("resumes");
    running.settle().await;
    let started: Option<Timestamp> = running.status().start_time.map(|time| time.0);
    assert_eq!(started.map(|at| at.duration_since(start()).as_secs()), Some(60));
    assert_eq!((running.pods().len(), running.events().len()), (1, 3));
}
