//! Which events are new, which only count, and which are too many. Pure but for its memory.
//!
//! What belongs together is known by a hash of what it has in common. Its key is this process's own,
//! and nobody is shown a hash, so that nobody can make two that are the same; by chance none are among
//! so few.

use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;
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
    /// The object that it has happened to.
    pub(super) about: &'a ObjectReference,
    pub(super) event_type: EventType,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

/// The event as it is to be written: a new one, or a later state of one that was written before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Correlated {
    pub(super) name: String,
    pub(super) first: Timestamp,
    pub(super) count: i32,
    pub(super) message: String,
}

/// The hash of an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct About(u64);

/// That of an object and what is said of it, but for the message.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Topic(u64);

/// That of one event that is counted: of one message, or of many combined.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Thread(u64);

struct Similar {
    /// The hash of each, of which there are few.
    messages: Vec<u64>,
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
    hasher: RandomState,
    similar: LruCache<Topic, Similar>,
    written: LruCache<Thread, Written>,
    budgets: LruCache<About, Budget>,
}

impl Default for Correlator {
    fn default() -> Self {
        // Room is made as it is needed: many a run has few events.
        Self {
            hasher: RandomState::default(),
            similar: LruCache::unbounded(),
            written: LruCache::unbounded(),
            budgets: LruCache::unbounded(),
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
        let about = self.about(happening.about);
        let (thread, is_combined) = self.thread(about, happening, now);
        let message = match is_combined {
            false => happening.message.to_owned(),
            true => format!("(combined from similar events): {}", happening.message),
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
        let may = self.spend(about, now);
        self.forget();
        may.then_some(correlated)
    }

    /// Lets go of what nothing similar was heard of for longest, of each at most what one event has
    /// added.
    fn forget(&mut self) {
        fn trim<K: Hash + Eq, V>(map: &mut LruCache<K, V>) {
            if map.len() > EVENT_CORRELATIONS_MAX {
                map.pop_lru();
            }
        }
        trim(&mut self.similar);
        trim(&mut self.written);
        trim(&mut self.budgets);
    }

    /// The object as a whole, whichever field of it is meant.
    fn about(&self, object: &ObjectReference) -> About {
        let ObjectReference { api_version, kind, namespace, name, uid, .. } = object;
        About(self.hasher.hash_one([api_version, kind, namespace, name, uid]))
    }

    /// The event that `happening` is counted in, and whether it is one of many messages.
    fn thread(
        &mut self,
        about: About,
        happening: &Happening<'_>,
        now: Timestamp,
    ) -> (Thread, bool) {
        let Happening { about: object, event_type, reason, message } = happening;
        let combined = Topic(self.hasher.hash_one((about, event_type, reason)));
        let message = self.hasher.hash_one(message);
        let none = || Similar { messages: Vec::new(), last: now };
        let similar = self.similar.get_or_insert_mut(combined, none);
        if seconds_between(similar.last, now) > SIMILAR_WINDOW_SECONDS {
            similar.messages.clear();
        }
        similar.last = now;
        if !similar.messages.contains(&message) {
            if similar.messages.len() + 1 >= SIMILAR_EVENTS_MAX {
                return (Thread(self.hasher.hash_one(combined)), true);
            }
            similar.messages.push(message);
        }
        (Thread(self.hasher.hash_one((combined, &object.field_path, message))), false)
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
