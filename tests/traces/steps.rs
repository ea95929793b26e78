//! What is done to the cluster while a trace plays, as an API server would do it.

use std::sync::Arc;

use mayfly_controller::admission::{self, Invalid};
use mayfly_controller::api::names::FOREGROUND_DELETION;
use mayfly_controller::api::{Job, Kind, Pod, PodCondition, PodStatus, Resource, Time};
use mayfly_controller::store::{DeleteOptions, Store, Transaction};
use serde_json::{Map, Value};

use super::stage::{self, Stage};
use super::trace::Action;

/// Where things are done.
pub(super) struct Cluster {
    pub(super) store: Store,
    pub(super) stage: Arc<Stage>,
    pub(super) namespace: String,
}

impl Cluster {
    /// Does it, and says how the answer differs from the recorded one.
    pub(super) async fn act(&self, action: &Action) -> Result<(), String> {
        let mut verbs = action.what.iter().filter(|(key, _)| VERBS.contains(&key.as_str()));
        let (verb, what) = verbs.next().expect("an action must be a known one");
        let response = action.what.get("response").unwrap_or(&Value::Null);
        let answer = match verb.as_str() {
            "create" => Some(self.create(what.clone(), response).await),
            "patch" => Some(self.patch_job(what).await),
            "delete_job" => {
                self.delete_job(what["propagationPolicy"].as_str()).await;
                None
            }
            "delete_pod" => {
                self.delete_pod(&self.pod(what)).await;
                None
            }
            "evict_pod" => {
                self.evict(&self.pod(what)).await;
                None
            }
            "patch_pod" => {
                self.patch_pod(&self.pod(what), action.what["body"].clone()).await;
                None
            }
            "finish" => {
                self.stage.finish(self.pod(what).uid()).cancel();
                None
            }
            // What is printed is not compared yet.
            _ => None,
        };
        let expect = match action.http {
            Some(422) => Err(response["message"].as_str().unwrap_or_default().to_owned()),
            _ => {
                let generation = response["generation"].as_i64();
                Ok(generation.or(response["metadata"]["generation"].as_i64()))
            }
        };
        match answer.map(|answer| answer.map_err(|invalid| invalid.to_string())) {
            Some(got) if got != expect => {
                Err(format!("{verb} {what}: expected {expect:?}\n  got {got:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Creates a Job; gives its generation, or why not.
    async fn create(&self, job: Value, response: &Value) -> Result<Option<i64>, Invalid> {
        let uid = response["metadata"]["uid"].as_str().expect("an object must have its uid");
        let mut job: Job = serde_json::from_value(job).expect("a manifest must be a Job");
        job.metadata.namespace = Some(self.namespace.clone());
        let job = admission::admit_job(job, uid)?.object;
        let generation = job.metadata.generation;
        self.commit(Transaction::new().create(job)).await;
        Ok(generation)
    }

    /// The Job of the trace, of which there is one.
    fn job(&self) -> Arc<Job> {
        let jobs = self.store.list::<Job>(Some(&self.namespace)).items;
        jobs.into_iter().next().expect("the Job must be there")
    }

    /// Changes the Job of the trace; gives its generation, or why not.
    async fn patch_job(&self, patch: &Value) -> Result<Option<i64>, Invalid> {
        let old = self.job();
        let new = admission::admit_job_update(patched(&*old, patch), &old)?.object;
        self.commit(Transaction::new().replace(new)).await;
        Ok(self.job().metadata.generation)
    }

    async fn delete_job(&self, policy: Option<&str>) {
        let job = self.job();
        let finalizer = match policy {
            // What Kubernetes does with a Job when it is not told.
            None | Some("Orphan") => Some("orphan"),
            Some("Foreground") => Some(FOREGROUND_DELETION),
            Some(_) => None,
        };
        let mark = Transaction::new().modify(job.key(), None, move |job: &mut Job| {
            let finalizers = job.metadata.finalizers.get_or_insert_default();
            finalizers.extend(finalizer.map(str::to_owned));
        });
        let delete = mark.delete(Kind::Job, job.key(), DeleteOptions::default());
        self.commit(delete).await;
    }

    async fn patch_pod(&self, pod: &Pod, patch: Value) {
        let patch = Transaction::new().modify(pod.key(), None, move |pod: &mut Pod| {
            *pod = patched(pod, &patch);
        });
        self.commit(patch).await;
    }

    async fn delete_pod(&self, pod: &Pod) {
        let delete = Transaction::new().delete(Kind::Pod, pod.key(), DeleteOptions::default());
        self.commit(delete).await;
    }

    async fn evict(&self, pod: &Pod) {
        let now = self.store.clock().now();
        let disrupted = PodCondition {
            type_: "DisruptionTarget".to_owned(),
            status: "True".to_owned(),
            reason: Some("EvictionByEvictionAPI".to_owned()),
            message: Some("Eviction API: evicting".to_owned()),
            last_transition_time: Some(Time(now)),
            ..PodCondition::default()
        };
        let mark = Transaction::new().modify(pod.key(), None, move |pod: &mut Pod| {
            let status: &mut PodStatus = pod.status.get_or_insert_default();
            status.conditions.get_or_insert_default().push(disrupted);
        });
        self.commit(mark).await;
        self.delete_pod(pod).await;
    }

    async fn commit(&self, transaction: Transaction) {
        self.store.commit(transaction).await.expect("what an API server does must succeed");
    }

    /// The pod that `which` means: by its number, as the last of its index, or among those that
    /// run.
    fn pod(&self, which: &Value) -> Arc<Pod> {
        let number = |value: &Value| value.as_u64().map(|number| number as usize);
        let stays = |pod: &Arc<Pod>| pod.metadata.deletion_timestamp.is_none();
        let pods = (0..).map_while(|ordinal| self.stage.uid(ordinal)).filter_map(|uid| {
            let pods = self.store.list::<Pod>(Some(&self.namespace)).items;
            pods.into_iter().find(|pod| pod.uid() == uid)
        });
        let found = match which {
            Value::Number(_) => {
                let uid = self.stage.uid(number(which).expect("a number")).expect("it was made");
                pods.into_iter().find(|pod| pod.uid() == uid)
            }
            Value::Object(by) => {
                let index = by.get("index").map(Value::to_string);
                let is_running = |pod: &Arc<Pod>| {
                    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
                    phase == Some("Running")
                };
                let stay = pods.filter(stays);
                match &index {
                    Some(_) => stay.filter(|pod| stage::index(pod) == index).last(),
                    None => stay.filter(is_running).nth(number(&by["running"]).expect("a number")),
                }
            }
            _ => None,
        };
        found.unwrap_or_else(|| panic!("no pod {which} is there"))
    }
}

const VERBS: [&str; 8] =
    ["create", "patch", "delete_job", "delete_pod", "evict_pod", "patch_pod", "finish", "kubectl"];

/// `object` after a JSON merge patch (RFC 7386).
fn patched<T: serde::Serialize + serde::de::DeserializeOwned>(object: &T, patch: &Value) -> T {
    let mut value = serde_json::to_value(object).expect("an object must have a wire form");
    merge(&mut value, patch);
    serde_json::from_value(value).expect("a patched object must still be one")
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let target = target.as_object_mut().expect("it must be an object by now");
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
