//! The visible state: the newest durable version of every object, and the latest changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::Notify;

use super::error::Gone;
use super::watch::{Change, ChangeKind, History};
use crate::api::{Key, Kind, Object};

/// Every object as readers see it.
#[derive(Default)]
pub(super) struct State {
    kinds: BTreeMap<Kind, BTreeMap<Key, Object>>,
    pub(super) history: History,
}

impl State {
    /// These objects, with no history before `version`.
    pub(super) fn of(objects: Vec<Object>, version: u64) -> Self {
        let mut kinds: BTreeMap<Kind, BTreeMap<Key, Object>> = BTreeMap::new();
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

    pub(super) fn objects(
        &self,
        kind: Kind,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &Object> {
        self.entries(kind, namespace).map(|(_, object)| object)
    }

    /// The objects as they were at `version`, if the history reaches back to it.
    pub(super) fn objects_at(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Vec<Object>, Gone> {
        // What the first change since then found is what was there.
        let mut then: HashMap<&Key, Option<&Object>> = HashMap::new();
        for change in self.history.after(version)? {
            let is_there = namespace.is_none_or(|it| *change.key.namespace == *it);
            if change.kind == kind && is_there {
                then.entry(&change.key).or_insert(change.before.as_ref());
            }
        }
        let now = self.entries(kind, namespace).filter(|(key, _)| !then.contains_key(key));
        let changed = then.iter().filter_map(|(key, object)| Some((*key, (*object)?)));
        let mut entries: Vec<(&Key, &Object)> = now.chain(changed).collect();
        entries.sort_by_key(|(key, _)| *key);
        Ok(entries.into_iter().map(|(_, object)| object.clone()).collect())
    }

    fn entries(
        &self,
        kind: Kind,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = (&Key, &Object)> {
        let namespace = namespace.map(String::from);
        let first = Key::new(namespace.as_deref().unwrap_or_default(), "");
        let objects =
            self.kinds.get(&kind).into_iter().flat_map(move |all| all.range(first.clone()..));
        objects
            .take_while(move |(key, _)| namespace.as_deref().is_none_or(|n| *key.namespace == *n))
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

/// The state behind its lock, and the bell that rings when it has changed.
pub(super) struct Shared {
    state: RwLock<State>,
    /// Wakes those who wait in the order in which they came, so that the same events make the same
    /// history.
    bell: Notify,
}

impl Shared {
    pub(super) fn of(state: State) -> Self {
        Self { state: RwLock::new(state), bell: Notify::new() }
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
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            for change in changes {
                state.publish(change);
            }
        }
        self.bell.notify_waiters();
    }

    /// Completes at the first change that is published after this was called.
    pub(super) fn changed(&self) -> impl Future<Output = ()> + '_ {
        self.bell.notified()
    }
}
