//! What the store does when it has little else to do: it packs objects that nobody writes any more,
//! and lets go of changes that nobody asks for any more.
//!
//! What could be packed is found by what has changed, and by a look through all objects only after a
//! start, and when more has changed meanwhile than the history holds. Some at a time, with requests
//! between them, so that a request waits for no more than a slice of it.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::error::Gone;
use super::slot::Packer;
use super::state::Shared;
use crate::api::{Key, Kind};
use crate::limits::WATCH_HISTORY_SECONDS;

/// Between two looks at how much has changed.
const LOOK: Duration = Duration::from_secs(5);

/// Changes between two looks beyond which the store has other things to do than to pack.
const CHANGES_QUIET: u64 = 1_000;

/// Changes since objects were packed that are worth another look: what nodes say of themselves are
/// not.
const CHANGES_WORTH: u64 = 256;

/// Objects that are packed before the next request: some hundred microseconds.
const SLICE: usize = 32;

/// Changes or objects that are looked at, and changes that are forgotten, before the next request:
/// about as long.
const LOOKED_AT_ONCE: usize = 512;

pub(super) struct Rest {
    packer: Packer,
    /// What is to be packed, unless it has changed since the version [`upto`](Self::upto).
    waiting: Vec<(Kind, Key)>,
    /// Where to look for more of that.
    search: Option<Search>,
    /// Up to where changes have been looked through for what can be packed, or are to be.
    upto: u64,
    /// Up to where changes are to be forgotten.
    forgotten: Option<u64>,
    /// The version at the last look.
    seen: u64,
    /// The same at the looks before, for as long as the history has their changes.
    versions: VecDeque<(Instant, u64)>,
    /// `None` until something changes.
    next: Option<Instant>,
}

/// Where what can be packed is looked for.
enum Search {
    /// In the changes after this version.
    Changes { after: u64 },
    /// Among all objects, from this place on.
    All { from: usize },
}

impl Rest {
    pub(super) fn new() -> Self {
        Self {
            packer: Packer::default(),
            waiting: Vec::new(),
            search: None,
            upto: 0,
            forgotten: None,
            seen: 0,
            versions: VecDeque::new(),
            next: None,
        }
    }

    /// Something has changed, or been read from the disk.
    pub(super) fn changed(&mut self) {
        self.next.get_or_insert_with(|| Instant::now() + LOOK);
    }

    /// Completes when there is something to do. Dropping the future loses nothing.
    pub(super) async fn due(&self) {
        match self.next {
            Some(next) => sleep_until(next).await,
            None => pending().await,
        }
    }

    /// Does a slice of it.
    pub(super) fn work(&mut self, shared: &Shared) {
        let now = Instant::now();
        if !self.waiting.is_empty() {
            let slice = self.waiting.split_off(self.waiting.len().saturating_sub(SLICE));
            shared.pack(&slice, self.upto, &mut self.packer);
        } else if let Some(search) = self.search.take() {
            (self.waiting, self.search) = search.go_on(shared, self.upto);
        } else if let Some(version) = self.forgotten.take() {
            let are_more = shared.forget_until(version, LOOKED_AT_ONCE).len() == LOOKED_AT_ONCE;
            self.forgotten = are_more.then_some(version);
        } else {
            self.look(shared, now);
        }
        let is_more = !self.waiting.is_empty() || self.search.is_some() || self.forgotten.is_some();
        self.next = if is_more {
            Some(now)
        } else if !self.versions.is_empty() {
            Some(now + LOOK)
        } else {
            None
        };
    }

    /// Finds out whether there is something to do, since little else is.
    fn look(&mut self, shared: &Shared, now: Instant) {
        // Another state may have lower versions.
        let version = shared.read().version();
        let changes = version.saturating_sub(self.seen);
        let worth = self.seen.saturating_sub(self.upto) >= CHANGES_WORTH;
        if changes <= CHANGES_QUIET && worth {
            self.search = Some(Search::Changes { after: self.upto });
            self.upto = self.seen;
        }
        if version != self.seen {
            self.versions.push_back((now, version));
            self.seen = version;
        }
        let kept = Duration::from_secs(WATCH_HISTORY_SECONDS);
        while let Some((_, version)) =
            self.versions.pop_front_if(|(at, _)| now.duration_since(*at) >= kept)
        {
            self.forgotten = Some(version);
        }
    }
}

impl Search {
    /// What the next portion has that can be packed, and was last changed at version `upto` or before;
    /// and where it goes on.
    fn go_on(self, shared: &Shared, upto: u64) -> (Vec<(Kind, Key)>, Option<Self>) {
        let state = shared.read();
        match self {
            Self::Changes { after } => match state.resting_since(after, upto, LOOKED_AT_ONCE) {
                Ok((found, after)) => (found, (after < upto).then_some(Self::Changes { after })),
                Err(Gone { .. }) => (Vec::new(), Some(Self::All { from: 0 })),
            },
            Self::All { from } => {
                let (found, next) = state.resting_from(from, upto, LOOKED_AT_ONCE);
                (found, next.map(|from| Self::All { from }))
            }
        }
    }
}

#[cfg(test)]
impl super::Store {
    /// Packs what there is, as if nobody had written it for a while.
    pub(crate) fn pack_all(&self) {
        let shared = &*self.inner.shared;
        let version = shared.read().version();
        let (all, _) = shared.read().resting_from(0, version, usize::MAX);
        shared.pack(&all, version, &mut Packer::default());
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::api::{Event, ObjectMeta, Timestamp};
    use crate::clock::Clock;
    use crate::store::{Names, Store, Transaction};

    async fn write(store: &Store, count: usize, message: &str) {
        for number in 0..count {
            let metadata = ObjectMeta {
                namespace: Some("default".to_owned()),
                name: Some(number.to_string()),
                ..ObjectMeta::default()
            };
            let event = Event { metadata, ..Event::default() };
            let message = Some(message.to_owned());
            let change = |event: &mut Event| event.message = message;
            let written = Transaction::new().create_or_modify(event, change);
            store.commit(written).await.expect("it is written");
        }
    }

    /// What each step of a search finds, until there is nothing to do for a while.
    async fn found_by(rest: &mut Rest, shared: &Shared) -> Vec<usize> {
        let mut found = Vec::new();
        advance(LOOK).await;
        loop {
            let is_search = rest.waiting.is_empty() && rest.search.is_some();
            rest.work(shared);
            if is_search {
                found.push(rest.waiting.len());
            }
            if rest.next.is_none_or(|next| next > Instant::now()) {
                return found;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_be_packed_is_found_by_what_has_changed() {
        let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
        let shared = &*store.inner.shared;
        let mut rest = Rest::new();
        write(&store, 2_000, "a").await;
        assert!(found_by(&mut rest, shared).await.is_empty(), "there is something else to do");
        assert_eq!(found_by(&mut rest, shared).await, [512, 512, 512, 464]);
        write(&store, 300, "b").await;
        write(&store, 300, "c").await;
        assert!(found_by(&mut rest, shared).await.is_empty());
        assert_eq!(found_by(&mut rest, shared).await, [212, 88], "once each, and no others");
        write(&store, 300, "d").await;
        assert!(found_by(&mut rest, shared).await.is_empty());
        write(&store, 100, "e").await;
        assert_eq!(found_by(&mut rest, shared).await, [200], "what changes is left");

        // What the history does not tell is looked for among all, by as many at once.
        assert_eq!(shared.forget_until(store.resource_version(), 100).len(), 100);
        let mut rest = Rest::new();
        assert!(found_by(&mut rest, shared).await.is_empty());
        let found = found_by(&mut rest, shared).await;
        assert_eq!((found[0], found.len(), found.iter().sum::<usize>()), (0, 5, 100));
        assert!(found_by(&mut rest, shared).await.is_empty());
    }
}
