//! The story of our replay of a trace, from what changed in the store.

use std::collections::HashMap;
use std::sync::Arc;

use mayfly_controller::api::{CronJob, Event, Job, Pod, Resource};
use mayfly_controller::store::{Change, ChangeKind};
use serde_json::Value;

use super::names::Names;
use super::story::{
    COMPONENTS, Completions, CronJobState, EventStory, PodStory, State, Story, comparable, left,
    made,
};
use super::trace::Trace;

impl Story {
    /// What we have made of it: all changes of CronJobs, Jobs, pods and events, each with its time.
    /// `names` are what everything is called.
    pub(super) fn replayed(trace: &Trace, changes: &[(f64, Arc<Change>)], names: &Names) -> Self {
        let mut replay = Replay::default();
        for (t, change) in changes {
            let (object, what) = (&change.object, change.what);
            if let Some(job) = Job::from_object(object) {
                replay.job(*t, job, what);
            } else if let Some(cron_job) = CronJob::from_object(object) {
                replay.cron_job(*t, cron_job, what);
            } else if let Some(pod) = Pod::from_object(object) {
                replay.pod(*t, pod, what);
            } else if let Some(event) = Event::from_object(object) {
                replay.event(event, what);
            }
        }
        replay.story.causes.extend(trace.actions().iter().map(|action| action.t));
        replay.story.called(names)
    }
}

/// A replay as it is told.
#[derive(Default)]
struct Replay {
    story: Story,
    completions: Completions,
    /// Where the pod of each uid is, and where each event is.
    pods: HashMap<String, usize>,
    events: HashMap<String, usize>,
}

impl Replay {
    fn job(&mut self, t: f64, job: &Job, what: ChangeKind) {
        let name = job.metadata.name.clone().unwrap_or_default();
        let status = job.status.clone().unwrap_or_default();
        if let Some(time) = &status.completion_time {
            self.completions.insert(time.0.as_second(), name.clone());
        }
        let state = match what {
            ChangeKind::Deleted => {
                self.story.jobs.remove(&name);
                State::Gone
            }
            _ => {
                let wire = serde_json::to_value(job).expect("a Job must have a wire form");
                self.story.jobs.insert(name.clone(), comparable(wire));
                State::of(&status, job.metadata.deletion_timestamp.is_some())
            }
        };
        self.story.states.entry(format!("Job {name}")).or_default().push((t, state));
    }

    fn cron_job(&mut self, t: f64, cron_job: &CronJob, what: ChangeKind) {
        let state = match what {
            ChangeKind::Deleted => State::Gone,
            _ => {
                let spec = (cron_job.metadata.generation, cron_job.spec.suspend == Some(true));
                let status = cron_job.status.clone().unwrap_or_default();
                State::CronJob(CronJobState::of(spec, &status, &self.completions))
            }
        };
        self.story.states.entry("CronJob".to_owned()).or_default().push((t, state));
    }

    fn pod(&mut self, t: f64, pod: &Pod, what: ChangeKind) {
        let wire = serde_json::to_value(pod).expect("a pod must have a wire form");
        let (metadata, spec) = (&wire["metadata"], &wire["spec"]);
        if what == ChangeKind::Added {
            let name = metadata["name"].as_str().unwrap_or_default().to_owned();
            let containers = ["initContainers", "containers"].map(|list| spec[list].as_array());
            let env = containers.into_iter().flatten().flatten().map(|container| {
                let name = container["name"].as_str().unwrap_or_default();
                (name.to_owned(), container["env"].clone())
            });
            self.pods.insert(pod.uid().to_owned(), self.story.pods.len());
            let made = made(metadata, spec, &Value::Object(env.collect()));
            self.story.pods.push(PodStory { name, created: t, made, left: Value::Null });
        }
        let phase = wire["status"]["phase"].as_str();
        let is_deleting = pod.metadata.deletion_timestamp.is_some();
        if matches!(phase, Some("Succeeded" | "Failed")) || is_deleting {
            self.story.causes.push(t);
        }
        let place = self.pods[pod.uid()];
        let is_gone = what == ChangeKind::Deleted;
        self.story.pods[place].left =
            left(is_gone, &metadata["finalizers"], &metadata["ownerReferences"]);
    }

    fn event(&mut self, event: &Event, what: ChangeKind) {
        let component = event.source.as_ref().and_then(|source| source.component.clone());
        let component = component.unwrap_or_default();
        if !COMPONENTS.contains(&component.as_str()) || what == ChangeKind::Deleted {
            return;
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let told = EventStory {
            event_type: text(&event.type_),
            reason: text(&event.reason),
            message: text(&event.message),
            about: String::new(),
            component,
            count: event.count,
        };
        let about = &event.involved_object;
        let told = told.about(&text(&about.kind), &text(&about.name));
        let events = &mut self.story.events;
        let place = *self.events.entry(text(&event.metadata.name)).or_insert(events.len());
        match events.get_mut(place) {
            Some(known) => *known = told,
            None => events.push(told),
        }
    }
}
