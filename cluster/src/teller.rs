//! Tells of what happened, in order: an event that is new is created, one that only counts is
//! patched. Events that can't be told are kept for a while, and lost when they are too many.

use mayfly_controller::api::Event;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::line::{Failure, Line};
use crate::pause::Pause;
use crate::requests;

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
