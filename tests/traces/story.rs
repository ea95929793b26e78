//! What can be compared of a trace, and of our replay of it: both in one shape, without the names
//! and uids by which they must differ.

use std::collections::BTreeMap;

use mayfly_controller::api::{CronJobStatus, JobStatus, Timestamp};
use serde_json::{Value, json};

use super::names::Names;
use super::trace::{self, Trace};

/// What came of a trace. Times are in seconds since its object was made.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// The states of each Job and CronJob, by kind and name, each with its time.
    pub(super) states: BTreeMap<String, Vec<(f64, State)>>,
    /// In the order in which they were made.
    pub(super) pods: Vec<PodStory>,
    /// In the order in which they came: what the controllers told.
    pub(super) events: Vec<EventStory>,
    /// The Jobs that are left, but for their status and what is given when they are written.
    pub(super) jobs: BTreeMap<String, Value>,
    /// When a pod ended or was deleted, or something was done to the cluster.
    pub(super) causes: Vec<f64>,
}

/// A state of a Job, or of a CronJob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    There { counts: Counts, conditions: Vec<[String; 4]> },
    CronJob(CronJobState),
    Gone,
}

/// A state of a CronJob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CronJobState {
    pub(super) generation: Option<i64>,
    pub(super) is_suspended: bool,
    /// The names of the Jobs that are active.
    pub(super) active: Vec<String>,
    pub(super) last_scheduled: Option<Timestamp>,
    /// The Job whose end the time of the last success is.
    pub(super) last_successful: Option<String>,
}

/// When Jobs completed, in seconds, each with its name.
pub(super) type Completions = BTreeMap<i64, String>;

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

/// An event of a controller.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventStory {
    pub(super) event_type: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) about: String,
    pub(super) component: String,
    pub(super) count: Option<i32>,
}

/// The components whose events are compared; those of the scheduler and the kubelet are our own.
pub(super) const COMPONENTS: &[&str] = &["job-controller", CRON_JOBS];

/// The one that tells some things whenever it looks, which is more or less often.
const CRON_JOBS: &str = "cronjob-controller";

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

    /// Whether it is of a Job some of whose pods are ready.
    pub(super) fn has_ready_pods(&self) -> bool {
        matches!(self, Self::There { counts, .. } if counts.ready.is_some_and(|ready| ready > 0))
    }
}

impl CronJobState {
    pub(super) fn of(
        (generation, is_suspended): (Option<i64>, bool),
        status: &CronJobStatus,
        completions: &Completions,
    ) -> Self {
        let successful = status.last_successful_time.as_ref().map(|time| time.0.as_second());
        let name = |second| completions.get(&second).cloned().unwrap_or_else(|| "?".to_owned());
        let active = status.active.iter().flatten();
        Self {
            generation,
            is_suspended,
            active: active.map(|it| it.name.clone().unwrap_or_default()).collect(),
            last_scheduled: status.last_schedule_time.as_ref().map(|time| time.0),
            last_successful: successful.map(name),
        }
    }
}

impl EventStory {
    /// The same of what is about this object, without what depends on how often somebody looked.
    pub(super) fn about(mut self, kind: &str, name: &str) -> Self {
        self.about = format!("{kind}/{name}");
        if self.component == CRON_JOBS {
            self.count = None;
        }
        self
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
    /// What was recorded; `names` are what everything is called there.
    pub(super) fn recorded(trace: &Trace, names: &Names) -> Self {
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
            let of = format!("Job {}", snapshot.job);
            story.states.entry(of).or_default().push((snapshot.t, state));
        }
        story.cron_job(trace);
        for pod in &trace.pods {
            let made_as = Value::Object(pod.made.clone());
            let last = pod.history.last().expect("a pod must have been seen");
            let (finalizers, owners) = (&last["finalizers"], last.get("ownerRefs"));
            story.pods.push(PodStory {
                name: pod.name.clone(),
                created: pod.created_t,
                made: made(&made_as, &made_as, &made_as["env"]),
                left: left(pod.deleted, finalizers, owners.unwrap_or(&Value::Null)),
            });
            story.causes.extend(causes_of(pod));
        }
        let jobs = trace.final_jobs.iter();
        story.jobs = jobs.map(|(name, job)| (name.clone(), comparable(job.clone()))).collect();
        story.causes.extend(trace.actions().iter().map(|action| action.t));
        let compared = |event: &&trace::Event| COMPONENTS.contains(&event.component.as_str());
        let events = trace.events.iter().filter(compared).map(|event| {
            let text = |field: &str| event.about[field].as_str().unwrap_or_default();
            let told = EventStory {
                event_type: event.event_type.clone(),
                reason: event.reason.clone(),
                message: event.message.clone(),
                about: String::new(),
                component: event.component.clone(),
                count: event.count,
            };
            told.about(text("kind"), text("name"))
        });
        story.events = events.collect();
        story.called(names)
    }

    fn cron_job(&mut self, trace: &Trace) {
        let mut completions = Completions::new();
        for snapshot in &trace.snapshots {
            let time = snapshot.status["completionTime"].as_str();
            if let Some(time) = time.and_then(|time| time.parse::<Timestamp>().ok()) {
                completions.insert(time.as_second(), snapshot.job.clone());
            }
        }
        for snapshot in &trace.cronjob_snapshots {
            let state = match snapshot.deleted {
                true => State::Gone,
                false => {
                    let status: CronJobStatus = serde_json::from_value(snapshot.status.clone())
                        .expect("a status must be one");
                    let spec = (snapshot.generation, snapshot.suspend == Some(true));
                    State::CronJob(CronJobState::of(spec, &status, &completions))
                }
            };
            self.states.entry("CronJob".to_owned()).or_default().push((snapshot.t, state));
        }
    }

    /// The same, with what they are called for every name and uid.
    pub(super) fn called(mut self, names: &Names) -> Self {
        let states = self.states.values_mut().flatten();
        let told = states.flat_map(|(_, state)| match state {
            State::There { conditions, .. } => {
                conditions.iter_mut().map(|[_, _, _, message]| message).collect()
            }
            State::CronJob(state) => {
                state.active.iter_mut().chain(&mut state.last_successful).collect()
            }
            State::Gone => Vec::new(),
        });
        let events = self.events.iter_mut().flat_map(|it| [&mut it.message, &mut it.about]);
        for text in told.chain(events) {
            *text = names.put_into_text(text);
        }
        for pod in &mut self.pods {
            pod.name = names.put_into_text(&pod.name);
            pod.made = names.put_into(&pod.made);
        }
        let by_name =
            |(name, job): (String, Value)| (names.put_into_text(&name), names.put_into(&job));
        self.jobs = self.jobs.into_iter().map(by_name).collect();
        let by_name = |(of, states): (String, _)| (names.put_into_text(&of), states);
        self.states = self.states.into_iter().map(by_name).collect();
        self
    }
}

/// An answer, or an object without its status, which has its own story, and what is given when it
/// is written.
pub(super) fn comparable(mut object: Value) -> Value {
    let is_status = object["kind"] == "Status";
    let fields = ["creationTimestamp", "deletionTimestamp", "managedFields", "resourceVersion"];
    if let Some(metadata) = object["metadata"].as_object_mut() {
        fields.iter().for_each(|field| drop(metadata.remove(*field)));
    }
    if let Some(object) = object.as_object_mut().filter(|_| !is_status) {
        object.remove("status");
    }
    object
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
