//! What has changed, each change once and in order, for as long as the history reaches back.

use std::collections::VecDeque;
use std::sync::Arc;

use super::error::Gone;
use super::state::Shared;
use crate::api::{Key, Kind, Object};
use crate::limits::{WATCH_CHUNK_MAX, WATCH_HISTORY_MAX};

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object's kind.
    pub kind: Kind,
    /// The object's key.
    pub key: Key,
    /// What happened to it.
    pub what: ChangeKind,
    /// The object after it; a deleted one as it was last, with the resource version of its end.
    pub object: Object,
    /// The object before it, if there was one.
    pub before: Option<Object>,
    /// The version of the state that this change made. No two changes share one.
    pub resource_version: u64,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is another than before.
    Modified,
    /// It is gone.
    Deleted,
}

/// The latest changes. Their versions follow each other without a gap.
#[derive(Default)]
pub(super) struct History {
    changes: VecDeque<Change>,
    /// The version before the first change that is held.
    oldest: u64,
}

impl History {
    /// Nothing yet after `version`.
    pub(super) fn from(version: u64) -> Self {
        Self { changes: VecDeque::new(), oldest: version }
    }

    pub(super) fn newest(&self) -> u64 {
        self.oldest + self.changes.len() as u64
    }

    pub(super) fn push(&mut self, change: Change) {
        debug_assert_eq!(change.resource_version, self.newest() + 1, "versions must have no gap");
        self.changes.push_back(change);
        if self.changes.len() > WATCH_HISTORY_MAX {
            self.changes.pop_front();
            self.oldest += 1;
        }
    }

    /// The changes after version `after`.
    pub(super) fn after(&self, after: u64) -> Result<impl Iterator<Item = &Change>, Gone> {
        let gone = Gone { after, oldest: self.oldest, newest: self.newest() };
        let skipped = after.checked_sub(self.oldest).ok_or(gone)?;
        let skipped = usize::try_from(skipped).map_err(|_| gone)?;
        if skipped > self.changes.len() {
            return Err(gone);
        }
        Ok(self.changes.range(skipped..))
    }
}

/// Follows the changes of some kinds. One that is slow costs no memory: it falls behind, and is
/// told so.
pub struct Watch {
    shared: Arc<Shared>,
    kinds: Vec<Kind>,
    /// Taken from the history, not yet given out.
    taken: VecDeque<Change>,
    /// Up to where the history has been looked through.
    seen: u64,
}

impl Watch {
    pub(super) fn new(shared: Arc<Shared>, kinds: &[Kind], after: u64) -> Result<Self, Gone> {
        shared.read().history.after(after).map(drop)?;
        Ok(Self { shared, kinds: kinds.to_vec(), taken: VecDeque::new(), seen: after })
    }

    /// The next change, when there is one. Dropping the future loses nothing.
    ///
    /// [`Gone`] if the history no longer reaches back to it: list again, and watch from there.
    pub async fn next(&mut self) -> Result<Change, Gone> {
        let shared = Arc::clone(&self.shared);
        loop {
            // Asked for before the look, so that what comes in between is not missed.
            let changed = shared.changed();
            if let Some(change) = self.take()? {
                return Ok(change);
            }
            changed.await;
        }
    }

    /// The next change, if it is there already. A watch that is behind says so in
    /// [`next`](Self::next).
    pub fn try_next(&mut self) -> Option<Change> {
        self.take().ok().flatten()
    }

    /// Up to where everything has been given out or passed over.
    pub fn resource_version(&self) -> u64 {
        self.taken.front().map_or(self.seen, |change| change.resource_version - 1)
    }

    fn take(&mut self) -> Result<Option<Change>, Gone> {
        if self.taken.is_empty() {
            let state = self.shared.read();
            for change in state.history.after(self.seen)? {
                self.seen = change.resource_version;
                if self.kinds.contains(&change.kind) {
                    self.taken.push_back(change.clone());
                }
                if self.taken.len() == WATCH_CHUNK_MAX {
                    break;
                }
            }
        }
        Ok(self.taken.pop_front())
    }
}
