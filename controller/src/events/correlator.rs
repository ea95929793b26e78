//! Which events are new, which only count, and which are too many. Pure but for its memory.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use lru::LruCache;

use crate::api::{ObjectReference, Timestamp};
use crate::limits::{
    EVENT_BURST_MAX, EVENT_CORRELATIONS_MAX, EVENT_REFILL_SECONDS, SIMILAR_EVENTS_MAX,
};

use super::EventType;

/// After so long without a similar event they are counted from the start again.
const SIMILAR_WINDOW_SECONDS: f64 = 600.0;

/// What has happened.
pub(super) struct Happening<'a> {
    pub(super) about: About,
    pub(super) event_type: EventType,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

/// The object that it has happened to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct About {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    field_path: String,
}

impl About {
    pub(super) fn of(reference: &ObjectReference) -> Self {
        let owned = |field: &Option<String>| field.clone().unwrap_or_default();
        Self {
            api_version: owned(&reference.api_version),
            kind: owned(&reference.kind),
            namespace: owned(&reference.namespace),
            name: owned(&reference.name),
            uid: owned(&reference.uid),
            field_path: owned(&reference.field_path),
        }
    }

    fn whole(&self) -> Self {
        Self { field_path: String::new(), ..self.clone() }
    }
}

/// The event as it is to be written: a new one, or a later state of one that was written before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Correlated {
    pub(super) name: String,
    pub(super) first: Timestamp,
    pub(super) count: i32,
    pub(super) message: String,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Topic {
    about: About,
    event_type: EventType,
    reason: String,
}

/// One event that is counted: of one message, or of many combined.
#[derive(PartialEq, Eq, Hash)]
struct Thread {
    topic: Topic,
    message: Option<String>,
}

struct Similar {
    messages: HashSet<String>,
    last: Timestamp,
}

struct Written {
    name: String,
    first: Timestamp,
    count: i32,
}

/// What an object may still write.
struct Budget {
    events: f64,
    at: Timestamp,
}

/// What is remembered of earlier events.
pub(super) struct Correlator {
    similar: LruCache<Topic, Similar>,
    written: LruCache<Thread, Written>,
    budgets: LruCache<About, Budget>,
}

impl Default for Correlator {
    fn default() -> Self {
        let size = NonZeroUsize::new(EVENT_CORRELATIONS_MAX).expect("the limit must not be zero");
        Self {
            similar: LruCache::new(size),
            written: LruCache::new(size),
            budgets: LruCache::new(size),
        }
    }
}

impl Correlator {
    /// What to write of `happening`, under `name` if it is new; `None` if there are too many.
    pub(super) fn correlate(
        &mut self,
        happening: &Happening<'_>,
        now: Timestamp,
        name: String,
    ) -> Option<Correlated> {
        let thread = self.thread(happening, now);
        let message = match thread.message {
            Some(_) => happening.message.to_owned(),
            None => format!("(combined from similar events): {}", happening.message),
        };
        // Also what is then found too much is counted, and shown by the next that is not.
        let written =
            self.written.get_or_insert_mut(thread, || Written { name, first: now, count: 0 });
        written.count = written.count.saturating_add(1);
        let correlated = Correlated {
            name: written.name.clone(),
            first: written.first,
            count: written.count,
            message,
        };
        self.spend(happening.about.whole(), now).then_some(correlated)
    }

    /// The event that `happening` is counted in.
    fn thread(&mut self, happening: &Happening<'_>, now: Timestamp) -> Thread {
        let topic = |about| Topic {
            about,
            event_type: happening.event_type,
            reason: happening.reason.to_owned(),
        };
        let combined = topic(happening.about.whole());
        let none = || Similar { messages: HashSet::new(), last: now };
        let similar = self.similar.get_or_insert_mut(combined.clone(), none);
        if seconds_between(similar.last, now) > SIMILAR_WINDOW_SECONDS {
            similar.messages.clear();
        }
        similar.last = now;
        let is_known = similar.messages.contains(happening.message);
        if is_known || similar.messages.len() + 1 < SIMILAR_EVENTS_MAX {
            if !is_known {
                similar.messages.insert(happening.message.to_owned());
            }
            let message = Some(happening.message.to_owned());
            return Thread { topic: topic(happening.about.clone()), message };
        }
        Thread { topic: combined, message: None }
    }

    /// Whether `about` may write one more event now.
    fn spend(&mut self, about: About, now: Timestamp) -> bool {
        let full = || Budget { events: EVENT_BURST_MAX, at: now };
        let budget = self.budgets.get_or_insert_mut(about, full);
        let refilled = seconds_between(budget.at, now) / EVENT_REFILL_SECONDS;
        budget.events = EVENT_BURST_MAX.min(budget.events + refilled);
        budget.at = now;
        let may = budget.events >= 1.0;
        if may {
            budget.events -= 1.0;
        }
        may
    }
}

/// Zero where the clock was set back.
fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    later.duration_since(earlier).as_secs_f64().max(0.0)
}
