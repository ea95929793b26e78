//! What can be compared of a trace, and of our replay of it: both in one shape, without the names
//! and uids by which they must differ.

use std::collections::{BTreeMap, HashMap};

use mayfly_controller::api::JobStatus;
use mayfly_controller::api::names::JOB_COMPLETION_INDEX;
use serde_json::{Value, json};

use super::trace::{self, Trace};

/// What came of a trace. Times are in seconds since the Job was made.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// The states of each Job, each with its time.
    pub(super) states: BTreeMap<String, Vec<(f64, State)>>,
    /// In the order in which they were made.
    pub(super) pods: Vec<PodStory>,
    /// In the order in which they came: what the job controller told.
    pub(super) events: Vec<EventStory>,
    /// The Jobs that are left, but for their status and what is given when they are written.
    pub(super) jobs: BTreeMap<String, Value>,
    /// When a pod ended or was deleted, or something was done to the cluster.
    pub(super) causes: Vec<f64>,
}

/// A state of a Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    There { counts: Counts, conditions: Vec<[String; 4]> },
    Gone,
}

/// What a status counts, and which of its other fields are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    active: Option<i32>,
    ready: Option<i32>,
    terminating: Option<i32>,
    succeeded: Option<i32>,
    failed: Option<i32>,
    completed_indexes: Option<String>,
    failed_indexes: Option<String>,
    has_started: bool,
    is_complete: bool,
    is_deleting: bool,
}

/// A pod.
#[derive(Debug)]
pub(super) struct PodStory {
    /// What it is called here: its Job, its index, and the how-many-eth it is of that.
    pub(super) name: String,
    pub(super) created: f64,
    /// As it was made.
    pub(super) made: Value,
    /// What was left of it.
    pub(super) left: Value,
}

/// An event of the job controller.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventStory {
    pub(super) event_type: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) about: String,
    pub(super) count: Option<i32>,
}

/// The component whose events are compared; those of the scheduler and the kubelet are our own.
pub(super) const COMPONENT: &str = "job-controller";

impl State {
    pub(super) fn of(status: &JobStatus, is_deleting: bool) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let conditions =
            status.conditions.iter().flatten().map(|it| {
                [it.type_.clone(), it.status.clone(), text(&it.reason), text(&it.message)]
            });
        Self::There {
            counts: Counts {
                active: status.active,
                ready: status.ready,
                terminating: status.terminating,
                succeeded: status.succeeded,
                failed: status.failed,
                completed_indexes: status.completed_indexes.clone(),
                failed_indexes: status.failed_indexes.clone(),
                has_started: status.start_time.is_some(),
                is_complete: status.completion_time.is_some(),
                is_deleting,
            },
            conditions: conditions.collect(),
        }
    }
}

/// The names that pods have, and what they are called here.
#[derive(Default)]
pub(super) struct Names {
    counts: HashMap<String, usize>,
    called: Vec<(String, String)>,
}

impl Names {
    pub(super) fn call(&mut self, name: &str, owners: &Value, annotations: &Value) -> String {
        let job = owners[0]["name"].as_str().unwrap_or_default();
        let index = annotations[JOB_COMPLETION_INDEX].as_str().unwrap_or_default();
        let place = format!("{job}:{index}");
        let count = self.counts.entry(place.clone()).or_default();
        *count += 1;
        let called = format!("<{place}#{count}>");
        self.called.push((name.to_owned(), called.clone()));
        called
    }

    /// Puts what they are called here into every text of `story`.
    pub(super) fn put_into(&self, story: &mut Story) {
        let states = story.states.values_mut().flatten().filter_map(|(_, state)| match state {
            State::There { conditions, .. } => Some(conditions),
            State::Gone => None,
        });
        let told = states.flatten().map(|[_, _, _, message]| message);
        for text in told.chain(story.events.iter_mut().map(|event| &mut event.message)) {
            for (name, called) in &self.called {
                *text = text.replace(name, called);
            }
        }
    }
}

/// What is the same in every state of a pod, out of its own fields.
pub(super) fn made(metadata: &Value, spec: &Value, env: &Value) -> Value {
    let field = |object: &Value, name: &str| match &object[name] {
        Value::Object(map) if map.is_empty() => Value::Null,
        value => value.clone(),
    };
    json!({
        "generateName": field(metadata, "generateName"),
        "labels": field(metadata, "labels"),
        "annotations": field(metadata, "annotations"),
        "finalizers": field(metadata, "finalizers"),
        "ownerReferences": field(metadata, "ownerReferences"),
        "hostname": field(spec, "hostname"),
        "subdomain": field(spec, "subdomain"),
        "restartPolicy": field(spec, "restartPolicy"),
        "env": env,
    })
}

pub(super) fn left(is_gone: bool, finalizers: &Value, owners: &Value) -> Value {
    let or_none = |list: &Value| list.as_array().map_or(0, Vec::len);
    match is_gone {
        true => json!("gone"),
        false => json!({ "finalizers": or_none(finalizers), "owners": or_none(owners) }),
    }
}

impl Story {
    /// What was recorded.
    pub(super) fn recorded(trace: &Trace) -> Self {
        let mut story = Self::default();
        for snapshot in &trace.snapshots {
            let state = match snapshot.deleted {
                true => State::Gone,
                // Between the two writes of one sync.
                false if !snapshot.is_uncounted_empty => continue,
                false => {
                    let status: JobStatus = serde_json::from_value(snapshot.status.clone())
                        .expect("a status must be one");
                    State::of(&status, snapshot.deletion_timestamp.is_some())
                }
            };
            story.states.entry(snapshot.job.clone()).or_default().push((snapshot.t, state));
        }
        let mut names = Names::default();
        for pod in &trace.pods {
            let made_as = Value::Object(pod.made.clone());
            let name = names.call(&pod.name, &made_as["ownerReferences"], &made_as["annotations"]);
            let last = pod.history.last().expect("a pod must have been seen");
            let (finalizers, owners) = (&last["finalizers"], last.get("ownerRefs"));
            story.pods.push(PodStory {
                name,
                created: pod.created_t,
                made: made(&made_as, &made_as, &made_as["env"]),
                left: left(pod.deleted, finalizers, owners.unwrap_or(&Value::Null)),
            });
            story.causes.extend(causes_of(pod));
        }
        let jobs = trace.final_jobs.iter().map(|(name, job)| (name.clone(), stored(job.clone())));
        story.jobs = jobs.collect();
        story.causes.extend(trace.actions().iter().map(|action| action.t));
        let ours = trace.events.iter().filter(|event| event.component == COMPONENT);
        story.events = ours
            .map(|event| EventStory {
                event_type: event.event_type.clone(),
                reason: event.reason.clone(),
                message: event.message.clone(),
                about: event.about["name"].as_str().unwrap_or_default().to_owned(),
                count: event.count,
            })
            .collect();
        names.put_into(&mut story);
        story
    }
}

/// A Job without its status, which has its own story, and what is given when it is written.
pub(super) fn stored(mut job: Value) -> Value {
    for (of, fields) in [
        ("", &["status"][..]),
        ("/metadata", &["creationTimestamp", "deletionTimestamp", "resourceVersion"]),
        // Where the replay has a pod played elsewhere, it says so here.
        ("/spec/template/spec", &["nodeName"]),
    ] {
        let object = job.pointer_mut(of).and_then(Value::as_object_mut);
        let object = object.expect("a Job must have all of it");
        fields.iter().for_each(|field| drop(object.remove(*field)));
    }
    job
}

/// When something happened to a recorded pod that its Job may have to react to.
fn causes_of(pod: &trace::Pod) -> Vec<f64> {
    let first = |is_so: &dyn Fn(&serde_json::Map<String, Value>) -> bool| {
        let moment = pod.history.iter().find(|moment| is_so(moment))?;
        moment["t"].as_f64()
    };
    let ended = first(&|moment| {
        let phase = moment.get("phase").and_then(Value::as_str);
        matches!(phase, Some("Succeeded" | "Failed"))
    });
    let deleted = first(&|moment| moment.get("deleting") == Some(&json!(true)));
    ended.into_iter().chain(deleted).collect()
}
