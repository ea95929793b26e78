//! What has changed, each change once and in order, for as long as the history reaches back.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::Notify;

use super::deletion::Mark;
use super::error::Gone;
use super::state::{Shared, State};
use crate::api::{Key, Kind, Object};
use crate::limits::{
    WATCH_CHUNK_MAX, WATCH_HISTORY_BYTES_MAX, WATCH_HISTORY_IDLE, WATCH_HISTORY_MAX,
};

/// One change of one object, shared by all who follow it.
#[derive(Debug)]
pub struct Change {
    /// The object's kind.
    pub kind: Kind,
    /// The object's key.
    pub key: Key,
    /// What happened to it.
    pub what: ChangeKind,
    /// The object after it; a deleted one as it was before, or as the change that let it go has made
    /// it ([`last`](Self::last)).
    pub object: Object,
    /// The object before it, if there was one.
    pub before: Option<Object>,
    /// The version of the state that this change made. No two changes share one.
    pub resource_version: u64,
    /// What `object` is yet to have if it is deleted as it was.
    pub(super) end: Option<Mark>,
    /// The object after it as JSON, once somebody has asked for it.
    pub(super) json: OnceLock<Bytes>,
}

impl Change {
    /// The object after it; a deleted one as it was last, with the resource version of its end. Made
    /// for who asks: most deletions interest nobody so closely.
    pub fn last(&self) -> Object {
        let Some(mark) = &self.end else { return self.object.clone() };
        let mut last = mark.on(&self.object);
        last.metadata_mut().resource_version = Some(self.resource_version.to_string());
        last
    }

    /// That as JSON, made once for all: for the disk and for every watcher.
    pub fn json(&self) -> &Bytes {
        // Exactly as large as it is, since it is kept for a while.
        self.json.get_or_init(|| Bytes::copy_from_slice(&self.last().to_json()))
    }
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

/// Some kinds, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(u32);

impl Kinds {
    pub(super) fn of(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self(kinds.into_iter().fold(0, |set, kind| set | 1 << kind as u32))
    }

    fn has(self, kind: Kind) -> bool {
        self.shares(Self::of([kind]))
    }

    pub(super) fn shares(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A change, and how much it counts against the history's bound.
struct Held {
    change: Arc<Change>,
    bytes: usize,
}

/// The latest changes. Their versions follow each other without a gap.
#[derive(Default)]
pub(super) struct History {
    changes: VecDeque<Held>,
    /// Of all that are held, as JSON.
    bytes: usize,
    /// The version before the first change that is held.
    oldest: u64,
    /// For each kind, the last version that may have changed an object of it and is not held.
    forgotten: [u64; Kind::ALL.len()],
}

impl History {
    /// Nothing yet after `version`.
    pub(super) fn from(version: u64) -> Self {
        let forgotten = [version; Kind::ALL.len()];
        Self { oldest: version, forgotten, ..Self::default() }
    }

    pub(super) fn newest(&self) -> u64 {
        self.oldest + self.changes.len() as u64
    }

    pub(super) fn push(&mut self, change: Change) {
        debug_assert_eq!(change.resource_version, self.newest() + 1, "versions must have no gap");
        let bytes = change.json.get().map_or(0, Bytes::len);
        self.changes.push_back(Held { change: Arc::new(change), bytes });
        self.bytes += bytes;
    }

    /// Lets go of what is beyond the bounds, and gives it. What came after version `seen` nobody can
    /// have looked at yet, so that stays however large it is.
    pub(super) fn forget(&mut self, seen: u64) -> Vec<Arc<Change>> {
        let mut forgotten = Vec::new();
        while self.changes.len() > WATCH_HISTORY_MAX
            || self.bytes > WATCH_HISTORY_BYTES_MAX && self.oldest < seen
        {
            let Some(change) = self.forget_first() else { break };
            forgotten.push(change);
        }
        forgotten
    }

    /// Lets go of the first `most` changes that came until version `until`, but for the latest, and
    /// gives them.
    pub(super) fn forget_until(&mut self, until: u64, most: usize) -> Vec<Arc<Change>> {
        let mut forgotten = Vec::new();
        while self.changes.len() > WATCH_HISTORY_IDLE && self.oldest < until {
            if forgotten.len() == most {
                return forgotten;
            }
            forgotten.extend(self.forget_first());
        }
        if !forgotten.is_empty() {
            self.changes.shrink_to_fit();
        }
        forgotten
    }

    fn forget_first(&mut self) -> Option<Arc<Change>> {
        let Held { change, bytes } = self.changes.pop_front()?;
        self.oldest += 1;
        self.bytes -= bytes;
        self.forgotten[change.kind as usize] = change.resource_version;
        Some(change)
    }

    /// The changes after version `after`, or all that are held if none before them was of `kinds`.
    fn after_of(
        &self,
        after: u64,
        kinds: Kinds,
    ) -> Result<impl Iterator<Item = &Arc<Change>>, Gone> {
        let mut forgotten = Kind::ALL.iter().zip(self.forgotten);
        let has_missed = forgotten.any(|(kind, version)| kinds.has(*kind) && version > after);
        self.after(if has_missed { after } else { after.max(self.oldest) })
    }

    /// The changes after version `after`.
    pub(super) fn after(&self, after: u64) -> Result<impl Iterator<Item = &Arc<Change>>, Gone> {
        let gone = Gone { after, oldest: self.oldest, newest: self.newest() };
        let skipped = after.checked_sub(self.oldest).ok_or(gone)?;
        let skipped = usize::try_from(skipped).map_err(|_| gone)?;
        if skipped > self.changes.len() {
            return Err(gone);
        }
        Ok(self.changes.range(skipped..).map(|held| &held.change))
    }
}

/// Follows the changes of some kinds. One that is slow costs no memory: it falls behind, and is
/// told so.
pub struct Watch {
    shared: Arc<Shared>,
    kinds: Kinds,
    /// Rings when an object of these kinds has changed.
    bell: Arc<Notify>,
    /// Taken from the history, not yet given out.
    taken: VecDeque<Arc<Change>>,
    /// Up to where the history has been looked through.
    seen: u64,
}

impl Watch {
    pub(super) fn new(shared: Arc<Shared>, kinds: &[Kind], after: u64) -> Result<Self, Gone> {
        shared.read().history.after(after).map(drop)?;
        let kinds = Kinds::of(kinds.iter().copied());
        let bell = shared.bell(kinds);
        Ok(Self { shared, kinds, bell, taken: VecDeque::new(), seen: after })
    }

    /// A watch from now on, and what `look` finds now.
    pub(super) fn from_now<T>(
        shared: &Arc<Shared>,
        kinds: &[Kind],
        look: impl FnOnce(&State) -> T,
    ) -> (Self, T) {
        let (shared, kinds) = (Arc::clone(shared), Kinds::of(kinds.iter().copied()));
        let bell = shared.bell(kinds);
        let (seen, found) = {
            let state = shared.read();
            (state.version(), look(&state))
        };
        (Self { shared, kinds, bell, taken: VecDeque::new(), seen }, found)
    }

    /// Takes what has happened until now, so that whoever is at something else for a while does not
    /// fall behind: as much as the history would hold, and no more.
    pub(super) fn hold_on(&mut self) {
        // That it is behind, it says when it is asked.
        let _ = self.take_up_to(WATCH_HISTORY_MAX);
    }

    /// The next change, when there is one. Dropping the future loses nothing.
    ///
    /// [`Gone`] if the history no longer reaches back to it: list again, and watch from there.
    pub async fn next(&mut self) -> Result<Arc<Change>, Gone> {
        let bell = Arc::clone(&self.bell);
        loop {
            // Asked for before the look, so that what comes in between is not missed.
            let changed = bell.notified();
            if let Some(change) = self.take()? {
                return Ok(change);
            }
            changed.await;
        }
    }

    /// The next change, if it is there already. A watch that is behind says so in
    /// [`next`](Self::next).
    pub fn try_next(&mut self) -> Option<Arc<Change>> {
        self.take().ok().flatten()
    }

    /// [`Gone`] if it is behind. Whoever acts on what [`try_next`](Self::try_next) gave must know
    /// that before, or may do the same over and over.
    pub fn keeps_up(&self) -> Result<(), Gone> {
        let state = self.shared.read();
        state.history.after_of(self.seen, self.kinds).map(drop)
    }

    /// Up to where everything had been given out or passed over when it was last asked for more.
    pub fn resource_version(&self) -> u64 {
        self.taken.front().map_or(self.seen, |change| change.resource_version - 1)
    }

    fn take(&mut self) -> Result<Option<Arc<Change>>, Gone> {
        if self.taken.is_empty() {
            self.take_up_to(WATCH_CHUNK_MAX)?;
        }
        Ok(self.taken.pop_front())
    }

    /// Takes more from the history, until it has `most`.
    fn take_up_to(&mut self, most: usize) -> Result<(), Gone> {
        let state = self.shared.read();
        for change in state.history.after_of(self.seen, self.kinds)? {
            if self.taken.len() >= most {
                break;
            }
            self.seen = change.resource_version;
            if self.kinds.has(change.kind) {
                self.taken.push_back(Arc::clone(change));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_seen_stays_however_large_it_is() {
        let json = Bytes::from(vec![b' '; 1 << 20]);
        let change = |resource_version| Change {
            kind: Kind::ConfigMap,
            key: Key::new("default", "large"),
            what: ChangeKind::Modified,
            object: Object::ConfigMap(Arc::default()),
            before: None,
            resource_version,
            end: None,
            json: OnceLock::from(json.clone()),
        };
        let most = WATCH_HISTORY_BYTES_MAX / json.len();
        let mut history = History::default();
        (1..=2 * most as u64).for_each(|version| history.push(change(version)));
        assert_eq!(history.forget(0).len(), 0);
        assert_eq!(history.after(0).unwrap().count(), 2 * most);
        let newest = history.newest();
        assert_eq!(history.forget(newest).len(), most);
        assert_eq!(history.after(most as u64).unwrap().count(), most);
        assert!(history.after(most as u64 - 1).is_err());
    }
}
