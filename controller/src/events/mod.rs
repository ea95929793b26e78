//! Events: what happened to an object, in words for people, bounded however often it happens.
//!
//! ```text
//! happening ─▶ correlator (pure): new, seen before, one of many, or too much ─▶ transaction
//! ```
//!
//! As Kubernetes' client library does it (`tools/record`). They are ordinary objects, and go after
//! an hour.

mod correlator;
mod expiry;

use std::sync::{Mutex, PoisonError};

use crate::api::{Event, EventSource, ObjectMeta, ObjectReference, Resource, Time, Timestamp};
use crate::store::{Names, Transaction};

use correlator::{Correlated, Correlator, Happening};

pub use expiry::expire;

/// `type` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// As it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

impl EventType {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Records events for one component. Shared by everything that acts under its name.
pub struct Recorder {
    source: EventSource,
    names: Names,
    correlator: Mutex<Correlator>,
}

impl Recorder {
    /// Of `component`, such as `job-controller`, with `names` of the store that it records in.
    pub fn new(component: &str, names: Names) -> Self {
        let source = EventSource { component: Some(component.into()), host: None };
        Self { source, names, correlator: Mutex::default() }
    }

    /// The same on one node of several.
    pub fn on_host(mut self, host: &str) -> Self {
        self.source.host = Some(host.into());
        self
    }

    /// What writes this event: nothing if there were too many about its object. If the transaction is
    /// not committed, the event is lost, as with Kubernetes.
    pub fn record(
        &self,
        about: &ObjectReference,
        event_type: EventType,
        reason: &str,
        message: &str,
        now: Timestamp,
    ) -> Transaction {
        let Some(event) = self.event(about, event_type, reason, message, now) else {
            return Transaction::new();
        };
        let (count, message) = (event.count, event.message.clone());
        Transaction::new().create_or_modify(event, move |event: &mut Event| {
            event.count = count;
            event.last_timestamp = Some(Time(now));
            event.message = message;
        })
    }

    /// The event as it is to be written: with a count above one it was written before under its name,
    /// and only counts on. `None` if there were too many about its object.
    ///
    /// An event seen before is counted, and from the tenth similar one within ten minutes on (the
    /// same but for the message) they are combined into one.
    pub fn event(
        &self,
        about: &ObjectReference,
        event_type: EventType,
        reason: &str,
        message: &str,
        now: Timestamp,
    ) -> Option<Event> {
        let happening = Happening { about, event_type, reason, message };
        let name =
            format!("{}.{:x}", about.name.as_deref().unwrap_or_default(), self.names.stamp(now));
        let correlated = {
            let mut correlator = self.correlator.lock().unwrap_or_else(PoisonError::into_inner);
            correlator.correlate(&happening, now, name)
        };
        let Correlated { name, first, count, message } = correlated?;
        Some(Event {
            metadata: ObjectMeta {
                name: Some(name),
                // An object that has no namespace has its events in this one.
                namespace: about.namespace.clone().or_else(|| Some("default".into())),
                ..ObjectMeta::default()
            },
            involved_object: about.clone(),
            type_: Some(event_type.as_str().into()),
            reason: Some(reason.into()),
            message: Some(message),
            source: Some(self.source.clone()),
            reporting_component: self.source.component.clone(),
            reporting_instance: self.source.host.clone(),
            first_timestamp: Some(Time(first)),
            last_timestamp: Some(Time(now)),
            count: Some(count),
            ..Event::default()
        })
    }
}

/// What an event about `object` refers to.
pub fn reference<T: Resource>(object: &T) -> ObjectReference {
    let metadata = object.metadata();
    ObjectReference {
        api_version: Some(T::KIND.api_version().into()),
        kind: Some(T::KIND.name().into()),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        field_path: None,
    }
}

#[cfg(test)]
mod tests;
