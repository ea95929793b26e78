//! What the store does when it has little else to do: it packs objects that nobody writes any more,
//! and lets go of changes that nobody asks for any more.
//!
//! Some objects at a time, with requests between them, so that a request waits for no more than
//! a slice of it.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::slot::Packer;
use super::state::Shared;
use crate::api::{Key, Kind};
use crate::limits::WATCH_HISTORY_SECONDS;

/// Between two looks at how much has changed.
const LOOK: Duration = Duration::from_secs(5);

/// Changes between two looks beyond which the store has other things to do than to pack.
const CHANGES_QUIET: u64 = 1_000;

/// Changes since objects were packed that are worth another look through all of them: what nodes
/// say of themselves are not.
const CHANGES_WORTH: u64 = 256;

/// Objects that are packed before the next request: some hundred microseconds.
const SLICE: usize = 32;

pub(super) struct Rest {
    packer: Packer,
    /// What is to be packed, unless it has changed since the version [`upto`](Self::upto).
    waiting: Vec<(Kind, Key)>,
    /// Up to where changes have been looked through for what can be packed.
    upto: u64,
    /// The version at the last look.
    seen: u64,
    /// The same at the looks before, for as long as the history has their changes.
    versions: VecDeque<(Instant, u64)>,
    /// `None` until something changes.
    next: Option<Instant>,
}

impl Rest {
    pub(super) fn new() -> Self {
        Self {
            packer: Packer::default(),
            waiting: Vec::new(),
            upto: 0,
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
        if self.waiting.is_empty() {
            self.look(shared, now);
        } else {
            let slice = self.waiting.split_off(self.waiting.len().saturating_sub(SLICE));
            shared.pack(&slice, self.upto, &mut self.packer);
        }
        self.next = if !self.waiting.is_empty() {
            Some(now)
        } else if !self.versions.is_empty() {
            Some(now + LOOK)
        } else {
            None
        };
    }

    fn look(&mut self, shared: &Shared, now: Instant) {
        // Another state may have lower versions.
        let version = shared.read().version();
        let changes = version.saturating_sub(self.seen);
        if changes <= CHANGES_QUIET && self.seen.saturating_sub(self.upto) >= CHANGES_WORTH {
            self.upto = self.seen;
            self.waiting = shared.read().resting(self.upto);
        }
        if version != self.seen {
            self.versions.push_back((now, version));
            self.seen = version;
        }
        let kept = Duration::from_secs(WATCH_HISTORY_SECONDS);
        while let Some((_, version)) =
            self.versions.pop_front_if(|(at, _)| now.duration_since(*at) >= kept)
        {
            drop(shared.forget_until(version));
        }
    }
}
