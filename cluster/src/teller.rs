//! Tells of what happened, in order: an event that is new is created, one that only counts is
//! patched. Events that can't be told are kept for a while, and lost when they are too many.

use std::sync::Arc;

use mayfly_controller::api::Event;
use mayfly_controller::clock::Clock;
use mayfly_controller::events::Recorder;
use mayfly_controller::node::{PodEvent, PodIdentity};
use mayfly_controller::store::Names;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::limits::EVENTS_MAX;
use crate::line::{Failure, Line};
use crate::pause::Pause;
use crate::requests;

/// Who has something to tell. A clone tells in the same name.
#[derive(Clone)]
pub(crate) struct Teller {
    recorder: Arc<Recorder>,
    clock: Clock,
    events: mpsc::Sender<Event>,
}

impl Teller {
    /// One for the kubelet of `node`, and what it has to tell.
    pub(crate) fn new(node: &str, clock: Clock) -> (Self, mpsc::Receiver<Event>) {
        let (events, waiting) = mpsc::channel(EVENTS_MAX);
        let recorder = Arc::new(Recorder::new("kubelet", Names::random()).on_host(node));
        (Self { recorder, clock, events }, waiting)
    }

    /// Has it told what happened to `pod`, in time.
    pub(crate) fn tell(&self, pod: &PodIdentity, event: PodEvent) {
        let about = pod.reference(event.field_path);
        let (event_type, reason, now) = (event.event_type, event.reason, self.clock.now());
        let event = self.recorder.event(&about, event_type, reason, &event.message, now);
        if let Some(event) = event
            && self.events.try_send(event).is_err()
        {
            tracing::debug!(pod = %pod.name, reason, "an event is lost: there are too many");
        }
    }
}

/// Tells what comes through `events`, until nobody has anything to tell any more.
pub(crate) async fn tell_all(line: Line, mut events: mpsc::Receiver<Event>) {
    let mut pause = Pause::default();
    while let Some(event) = events.recv().await {
        loop {
            match tell(&line, &event).await {
                Err(failure) if failure.is_outage() || failure.code() >= Some(500) => {
                    pause.wait().await;
                }
                Err(failure) => {
                    let error = &failure as &dyn std::error::Error;
                    tracing::warn!(error, "an event is lost");
                    break;
                }
                Ok(()) => break,
            }
        }
        pause.reset();
    }
}

async fn tell(line: &Line, event: &Event) -> Result<(), Failure> {
    if event.count > Some(1) {
        match line.ask::<Value>(requests::patch_event(event)).await {
            // It is an hour old, or never came about.
            Err(failure) if failure.is_not_found() => {}
            answer => return answer.map(drop),
        }
    }
    match line.ask::<Value>(requests::create_event(event)).await {
        // The answer to an earlier attempt was lost.
        Err(failure) if failure.code() == Some(409) => Ok(()),
        answer => answer.map(drop),
    }
}
