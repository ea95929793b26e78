//! Replays a story: its Job, its steps, and the script of its pods.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::api::{Event, Job, Key, Kind, Object, Pod, Resource, SignedDuration, Timestamp};
use crate::clock::Clock;
use crate::gc::Collector;
use crate::job::conditions::say_finished;
use crate::job::{BackoffSettings, JobController};
use crate::store::{ChangeKind, DeleteOptions, Names, Store, Transaction, Watch};
use crate::ttl::TtlController;

use super::node::{ScriptedNode, condition};

/// How exactly the story is told, in simulated time.
const TICK: Duration = Duration::from_millis(20);

/// What came of a story.
pub(super) struct Replayed {
    /// The Job as it was last; none if it is gone.
    pub(super) job: Option<Job>,
    /// Every status that it has had.
    pub(super) statuses: Vec<Value>,
    /// Every pod as it was made, with the second of it.
    pub(super) pods: Vec<(Pod, f64)>,
    /// The events.
    pub(super) events: Vec<Event>,
}

struct Replay {
    store: Store,
    node: ScriptedNode,
    watch: Watch,
    start: Timestamp,
    key: Key,
    replayed: Replayed,
}

/// Replays `trace`.
pub(super) async fn replay(trace: &Value) -> Replayed {
    let mut job: Job = serde_json::from_value(trace["created_object"].clone()).expect("a Job");
    let start = job.metadata.creation_timestamp.as_ref().expect("was created").0;
    let store = Store::in_memory(Clock::simulated(start), Names::seeded(7));
    let cancel = CancellationToken::new();
    // The recorded control plane has the cap that is in Kubernetes' code.
    let settings = BackoffSettings { cap: SignedDuration::from_mins(10), ..Default::default() };
    tokio::spawn(JobController::new(store.clone(), settings).run(cancel.clone()));
    tokio::spawn(Collector::new(store.clone()).run(cancel.clone()));
    tokio::spawn(TtlController::new(store.clone()).run(cancel.clone()));
    let watch = store.watch(&[Kind::Job, Kind::Pod], store.resource_version()).expect("the start");
    let key = job.key();
    (job.metadata.resource_version, job.status) = (None, None);
    store.commit(Transaction::new().create(job)).await.expect("a new Job");

    let node = ScriptedNode::new(store.clone(), trace["script"].clone());
    let replayed =
        Replayed { job: None, statuses: Vec::new(), pods: Vec::new(), events: Vec::new() };
    let mut replay = Replay { store, node, watch, start, key, replayed };
    for step in trace["steps"].as_array().into_iter().flatten() {
        replay.step(step).await;
    }
    let last = trace["snapshots"].as_array().and_then(|all| all.last()).expect("a snapshot");
    replay.go_on_until(last["t"].as_f64().expect("a second") + 2.0).await;
    cancel.cancel();
    let Replay { store, key, mut replayed, .. } = replay;
    replayed.job = store.get::<Job>(&key).map(|job| Job::clone(&job));
    replayed.events = store.list(None).items.iter().map(|event| Event::clone(event)).collect();
    replayed
}

impl Replay {
    fn second(&self) -> f64 {
        self.store.clock().now().duration_since(self.start).as_secs_f64()
    }

    async fn go_on_until(&mut self, second: f64) {
        while self.second() < second {
            self.tick().await;
        }
    }

    /// Lets a little time go by, notes what has changed in it, and has the node act.
    async fn tick(&mut self) {
        tokio::time::sleep(TICK).await;
        let now = self.second();
        while let Some(change) = self.watch.try_next() {
            match (change.object, change.what) {
                (Object::Pod(pod), ChangeKind::Added) => {
                    self.node.add(&pod, now);
                    self.replayed.pods.push((Pod::clone(&pod), now));
                }
                (Object::Job(job), ChangeKind::Added | ChangeKind::Modified) => {
                    self.replayed.statuses.push(json!(job.status));
                }
                _ => {}
            }
        }
        self.node.act(now).await;
    }

    async fn commit(&mut self, transaction: Transaction) {
        self.store.commit(transaction).await.expect("a step must be possible");
    }

    /// Does one step of the story.
    async fn step(&mut self, step: &Value) {
        if let Some(condition) = step["wait"].as_str() {
            let limit = self.second() + step["timeout"].as_f64().unwrap_or(30.0);
            while !self.is_met(condition) && self.second() < limit {
                self.tick().await;
            }
        } else if let Some(seconds) = step["sleep"].as_f64() {
            self.go_on_until(self.second() + seconds).await;
        } else if step["patch"].is_object() {
            let patch = step["patch"].clone();
            let edit = move |job: &mut Job| *job = patched(job, &patch);
            self.commit(Transaction::new().modify(self.key.clone(), None, edit)).await;
        } else if let Some(pod) = self.pod(&step["patch_pod"]) {
            let patch = step["body"].clone();
            let edit = move |pod: &mut Pod| *pod = patched(pod, &patch);
            self.commit(Transaction::new().modify(pod.key(), None, edit)).await;
        } else if let Some(pod) = self.pod(&step["delete_pod"]) {
            let delete = Transaction::new().delete(Kind::Pod, pod.key(), DeleteOptions::default());
            self.commit(delete).await;
        } else if let Some(pod) = self.pod(&step["evict_pod"]) {
            let disruption = condition("DisruptionTarget", "True", self.store.clock().now());
            let evict = Transaction::new().modify(pod.key(), None, |pod: &mut Pod| {
                let status = pod.status.get_or_insert_default();
                status.conditions.get_or_insert_default().push(disruption);
            });
            self.commit(evict.delete(Kind::Pod, pod.key(), DeleteOptions::default())).await;
        } else if let Some(pod) = self.pod(&step["finish"]) {
            self.node.finish(&pod, &step["outcome"]);
        } else if step["delete_job"].is_object() {
            let key = self.key.clone();
            self.commit(Transaction::new().delete(Kind::Job, key, DeleteOptions::default())).await;
        }
        self.tick().await;
    }

    /// Whether all of `condition` holds, such as `succeeded==1 and ready==2`.
    fn is_met(&self, condition: &str) -> bool {
        let Some(job) = self.store.get::<Job>(&self.key) else { return true };
        let status = json!(job.status);
        condition.split(" and ").all(|part| {
            if let Some((name, count)) = part.split_once("==") {
                let found = match name {
                    "npods" => Some(self.replayed.pods.len() as u64),
                    name => status[name].as_u64(),
                };
                return found.unwrap_or(0).to_string() == count;
            }
            if let Some(count) = part.strip_prefix("npods>") {
                return self.replayed.pods.len() > count.parse().expect("a count");
            }
            assert_eq!(part, "done", "a condition must be known");
            let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref());
            conditions.is_some_and(say_finished)
        })
    }

    /// The pod that a step means: by its place among all, by index, or by its place among those
    /// that run.
    fn pod(&self, which: &Value) -> Option<Pod> {
        let mut pods: Vec<_> = self.store.list::<Pod>(None).items;
        pods.sort_by_key(|pod| self.node.ordinal(pod));
        let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
        let mut running = pods.iter().filter(|pod| {
            pod.metadata.deletion_timestamp.is_none() && phase(pod).as_deref() == Some("Running")
        });
        let as_usize =
            |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
        let found = if let Some(ordinal) = as_usize(which) {
            pods.iter().find(|pod| self.node.ordinal(pod) == Some(ordinal))
        } else if let Some(index) = which["index"].as_u64() {
            let index = u32::try_from(index).ok();
            running.find(|pod| super::super::model::index_of(pod) == index)
        } else {
            running.nth(as_usize(&which["running"])?)
        };
        found.map(|pod| Pod::clone(pod))
    }
}

/// `object` with a JSON merge patch.
fn patched<T: Resource>(object: &T, patch: &Value) -> T {
    let mut value = serde_json::to_value(object).expect("an object is JSON");
    merge(&mut value, patch);
    serde_json::from_value(value).expect("a patched object must be one")
}

fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    for (name, value) in fields {
        match value {
            Value::Null => drop(target.as_object_mut().and_then(|target| target.remove(name))),
            value => merge(&mut target[name], value),
        }
    }
}
