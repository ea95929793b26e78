//! The visible state: the newest durable version of every object, and the latest changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use foldhash::fast::RandomState;
use tokio::sync::Notify;

use super::error::Gone;
use super::watch::{Change, ChangeKind, History, Kinds};
use crate::api::{Key, Kind, Object};

/// Objects by key, found by their hash: names that begin alike are slow to compare. In no order;
/// who wants one sorts them.
pub(super) type ByKey<T> = HashMap<Key, T, RandomState>;

/// Every object as readers see it.
#[derive(Default)]
pub(super) struct State {
    kinds: HashMap<Kind, ByKey<Object>, RandomState>,
    pub(super) history: History,
}

impl State {
    /// These objects, with no history before `version`.
    pub(super) fn of(objects: Vec<Object>, version: u64) -> Self {
        let mut kinds: HashMap<Kind, ByKey<Object>, RandomState> = HashMap::default();
        for object in objects {
            kinds.entry(object.kind()).or_default().insert(object.key(), object);
        }
        Self { kinds, history: History::from(version) }
    }

    pub(super) fn version(&self) -> u64 {
        self.history.newest()
    }

    pub(super) fn get(&self, kind: Kind, key: &Key) -> Option<&Object> {
        self.kinds.get(&kind)?.get(key)
    }

    /// The objects of `kind`, of one namespace or of all, by namespace and name.
    pub(super) fn objects(
        &self,
        kind: Kind,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &Object> {
        sorted(self.entries(kind, namespace).collect())
    }

    /// The objects as they were at `version`, if the history reaches back to it.
    pub(super) fn objects_at(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Vec<Object>, Gone> {
        // What the first change since then found is what was there.
        let mut then: HashMap<&Key, Option<&Object>, RandomState> = HashMap::default();
        for change in self.history.after(version)? {
            let is_there = namespace.is_none_or(|it| *change.key.namespace == *it);
            if change.kind == kind && is_there {
                then.entry(&change.key).or_insert(change.before.as_ref());
            }
        }
        let now = self.entries(kind, namespace).filter(|(key, _)| !then.contains_key(key));
        let changed = then.iter().filter_map(|(key, object)| Some((*key, (*object)?)));
        Ok(sorted(now.chain(changed).collect()).cloned().collect())
    }

    /// In no order.
    pub(super) fn entries(
        &self,
        kind: Kind,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = (&Key, &Object)> {
        let is_there = move |key: &Key| namespace.is_none_or(|it| *key.namespace == *it);
        let all = self.kinds.get(&kind).into_iter().flatten();
        all.filter(move |(key, _)| is_there(key))
    }

    fn publish(&mut self, mut change: Change) {
        let objects = self.kinds.entry(change.kind).or_default();
        change.before = match change.what {
            ChangeKind::Deleted => objects.remove(&change.key),
            ChangeKind::Added | ChangeKind::Modified => {
                objects.insert(change.key.clone(), change.object.clone())
            }
        };
        self.history.push(change);
    }
}

/// Each of `entries`, by namespace and name.
fn sorted<'a>(mut entries: Vec<(&'a Key, &'a Object)>) -> impl Iterator<Item = &'a Object> {
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries.into_iter().map(|(_, object)| object)
}

/// The state behind its lock, and the bells that ring when it has changed.
pub(super) struct Shared {
    state: RwLock<State>,
    /// One for each choice of kinds that somebody has followed, of which there are few. Each wakes
    /// those who wait in the order in which they came, so that the same events make the same
    /// history.
    bells: Mutex<Vec<(Kinds, Arc<Notify>)>>,
}

impl Shared {
    pub(super) fn of(state: State) -> Self {
        Self { state: RwLock::new(state), bells: Mutex::default() }
    }

    /// What rings when an object of one of `kinds` has changed.
    pub(super) fn bell(&self, kinds: Kinds) -> Arc<Notify> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bell)) = bells.iter().find(|(of, _)| *of == kinds) {
            return Arc::clone(bell);
        }
        let bell = Arc::new(Notify::new());
        bells.push((kinds, Arc::clone(&bell)));
        bell
    }

    /// Completes when `version` is visible.
    pub(super) async fn reached(&self, version: u64) {
        let bell = self.bell(Kinds::of(Kind::ALL.iter().copied()));
        loop {
            let changed = bell.notified();
            if self.read().version() >= version {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        // Whoever panics while writing does so between two changes, each of which is whole.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes `changes` visible together.
    pub(super) fn publish(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let kinds = Kinds::of(changes.iter().map(|change| change.kind));
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            for change in changes {
                state.publish(change);
            }
        }
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, bell) in bells.iter().filter(|(of, _)| of.shares(kinds)) {
            bell.notify_waiters();
        }
    }
}
