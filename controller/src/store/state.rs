//! The visible state: the newest durable version of every object, and the latest changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use foldhash::fast::RandomState;
use tokio::sync::Notify;

use super::common::PodSpecs;
use super::error::Gone;
use super::slot::{Packed, Packer, Slot, version_of};
use super::watch::{Change, ChangeKind, History, Kinds};
use crate::api::{Key, Kind, Object};
use crate::meter::StoreMeter;

/// Objects by key, found by their hash: names that begin alike are slow to compare. In no order;
/// who wants one sorts them.
pub(super) type ByKey<T> = HashMap<Key, T, RandomState>;

/// Those of one kind, by their namespace: what is asked of one costs nothing for the others.
type OfKind = HashMap<Arc<str>, ByKey<Slot>, RandomState>;

/// Every object as readers see it.
#[derive(Default)]
pub(super) struct State {
    kinds: HashMap<Kind, OfKind, RandomState>,
    pub(super) history: History,
}

impl State {
    /// These objects, with no history before `version`.
    pub(super) fn of(objects: Vec<Object>, version: u64) -> Self {
        let mut kinds: HashMap<Kind, OfKind, RandomState> = HashMap::default();
        for object in objects {
            let (of_kind, mut key) = (kinds.entry(object.kind()).or_default(), object.key());
            let there = of_kind.entry(Arc::clone(&key.namespace));
            // Held once for all who are there.
            key.namespace = Arc::clone(there.key());
            there.or_default().insert(key, Slot::Whole(object));
        }
        Self { kinds, history: History::from(version) }
    }

    pub(super) fn version(&self) -> u64 {
        self.history.newest()
    }

    pub(super) fn get(&self, kind: Kind, key: &Key) -> Option<Object> {
        self.slot(kind, key).map(Slot::object)
    }

    /// The same for who will have it held, in a state or in the history: with what others of `specs`
    /// hold, also where it was packed.
    pub(super) fn get_to_hold(&self, kind: Kind, key: &Key, specs: &PodSpecs) -> Option<Object> {
        Some(self.slot(kind, key)?.clone().into_held(specs))
    }

    /// `key` with the namespace that others of `kind` have in memory already, so that it is held once.
    pub(super) fn key_to_hold(&self, kind: Kind, mut key: Key) -> Key {
        let of_kind = self.kinds.get(&kind);
        if let Some((namespace, _)) = of_kind.and_then(|it| it.get_key_value(&key.namespace)) {
            key.namespace = Arc::clone(namespace);
        }
        key
    }

    pub(super) fn slot(&self, kind: Kind, key: &Key) -> Option<&Slot> {
        self.kinds.get(&kind)?.get(&key.namespace)?.get(key)
    }

    /// The object of `kind` at `key`, unless it is known to have changed since `version`.
    pub(super) fn unchanged_since(&self, version: u64, kind: Kind, key: &Key) -> Option<Slot> {
        let slot = self.slot(kind, key)?;
        slot.version().is_none_or(|last| last <= version).then(|| slot.clone())
    }

    /// How many objects of `kind` there are.
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).map_or(0, |of_kind| of_kind.values().map(HashMap::len).sum())
    }

    /// The objects of `kind`, of one namespace or of all, in no order.
    pub(super) fn taken(&self, kind: Kind, namespace: Option<&str>) -> Vec<(Key, Slot)> {
        self.entries(kind, namespace).map(|(key, slot)| (key.clone(), slot.clone())).collect()
    }

    /// The same as they were at `version`, if the history reaches back to it.
    pub(super) fn taken_at(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Vec<(Key, Slot)>, Gone> {
        // What the first change since then found is what was there.
        let mut then: HashMap<&Key, Option<&Object>, RandomState> = HashMap::default();
        for change in self.history.after(version)? {
            let is_there = namespace.is_none_or(|it| *change.key.namespace == *it);
            if change.kind == kind && is_there {
                then.entry(&change.key).or_insert(change.before.as_ref());
            }
        }
        let now = self.entries(kind, namespace).filter(|(key, _)| !then.contains_key(key));
        let now = now.map(|(key, slot)| (key.clone(), slot.clone()));
        let changed = then
            .iter()
            .filter_map(|(key, object)| Some(((*key).clone(), Slot::Whole((*object)?.clone()))));
        Ok(now.chain(changed).collect())
    }

    /// In no order.
    pub(super) fn entries(
        &self,
        kind: Kind,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = (&Key, &Slot)> {
        let of_kind = self.kinds.get(&kind);
        let one = namespace.and_then(|namespace| of_kind?.get(namespace));
        let all = of_kind.filter(|_| namespace.is_none()).into_iter().flat_map(HashMap::values);
        one.into_iter().chain(all).flatten()
    }

    fn publish(&mut self, change: Change) {
        let of_kind = self.kinds.entry(change.kind).or_default();
        let key = &change.key;
        match (change.what, of_kind.get_mut(&key.namespace)) {
            (ChangeKind::Deleted, Some(objects)) => {
                objects.remove(key);
                if objects.is_empty() {
                    of_kind.remove(&key.namespace);
                }
            }
            (ChangeKind::Deleted, None) => {}
            (_, Some(objects)) => {
                objects.insert(key.clone(), Slot::Whole(change.object.clone()));
            }
            (_, None) => {
                let objects = of_kind.entry(Arc::clone(&key.namespace)).or_default();
                objects.insert(key.clone(), Slot::Whole(change.object.clone()));
            }
        }
        self.history.push(change);
    }

    /// What was changed after version `after`, and not again, and could be packed: of the first `most`
    /// changes, none of which is after `until`. Also up to where that was.
    ///
    /// [`Gone`] if the history does not reach back to it.
    pub(super) fn resting_since(
        &self,
        after: u64,
        until: u64,
        most: usize,
    ) -> Result<(Vec<(Kind, Key)>, u64), Gone> {
        let (mut found, mut upto) = (Vec::new(), until);
        for (count, change) in self.history.after(after)?.enumerate() {
            let version = change.resource_version;
            if count == most || version > until {
                upto = version - 1;
                break;
            }
            let is_last = |slot: &Slot| match slot {
                Slot::Whole(object) => version_of(object) == Some(version),
                Slot::Packed(_) => false,
            };
            let (kind, key) = (change.kind, &change.key);
            if Packer::packs(kind) && self.slot(kind, key).is_some_and(is_last) {
                found.push((kind, key.clone()));
            }
        }
        Ok((found, upto))
    }

    /// What is held whole, was last changed at version `until` or before, and could be packed: among
    /// `most` objects from the place `from` on. Also the next place, or `None` at the end.
    ///
    /// Places are those of now: an object that has moved to another meanwhile may be passed over.
    pub(super) fn resting_from(
        &self,
        from: usize,
        until: u64,
        most: usize,
    ) -> (Vec<(Kind, Key)>, Option<usize>) {
        let kinds = Kind::ALL.iter().copied().filter(|kind| Packer::packs(*kind));
        let entries = kinds.flat_map(|kind| self.entries(kind, None).map(move |it| (kind, it)));
        let (mut found, mut count) = (Vec::new(), 0);
        for (kind, (key, slot)) in entries.skip(from).take(most) {
            count += 1;
            if let Slot::Whole(object) = slot
                && version_of(object).is_some_and(|it| it <= until)
            {
                found.push((kind, key.clone()));
            }
        }
        (found, (count == most).then_some(from + count))
    }
}

/// What was found, by namespace and name. It takes longer than finding it, so no lock is held for it.
pub(crate) fn in_order<T>(mut found: Vec<(Key, T)>) -> Vec<T> {
    found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    found.into_iter().map(|(_, found)| found).collect()
}

/// The state behind its lock, and the bells that ring when it has changed.
pub(super) struct Shared {
    state: RwLock<State>,
    /// One for each choice of kinds that somebody has followed, of which there are few. Each wakes
    /// those who wait in the order in which they came, so that the same events make the same
    /// history.
    bells: Mutex<Vec<(Kinds, Arc<Notify>)>>,
    pub(super) specs: Arc<PodSpecs>,
    pub(super) meter: StoreMeter,
}

impl Shared {
    pub(super) fn of(state: State, specs: PodSpecs) -> Self {
        let (bells, meter) = (Mutex::default(), StoreMeter::default());
        let specs = Arc::new(specs);
        Self { state: RwLock::new(state), bells, specs, meter }
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

    /// Holds each of these packed, unless it has changed since `version`: who reads it sees the same.
    pub(super) fn pack(&self, which: &[(Kind, Key)], version: u64, packer: &mut Packer) {
        let whole: Vec<(Kind, &Key, Object)> = {
            let state = self.read();
            let slots = which.iter().map(|(kind, key)| (*kind, key, state.slot(*kind, key)));
            let whole = |slot: Option<&Slot>| match slot? {
                Slot::Whole(object) => Some(object.clone()),
                Slot::Packed(_) => None,
            };
            slots.filter_map(|(kind, key, slot)| Some((kind, key, whole(slot)?))).collect()
        };
        let still =
            whole.iter().filter(|(_, _, it)| version_of(it).is_some_and(|it| it <= version));
        let packed: Vec<(Kind, &Key, Packed)> = still
            .filter_map(|(kind, key, object)| Some((*kind, *key, packer.pack(object)?)))
            .collect();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for (kind, key, packed) in packed {
            let of_kind = state.kinds.get_mut(&kind);
            let slot = of_kind.and_then(|it| it.get_mut(&key.namespace)?.get_mut(key));
            // Nobody but the caller changes what is visible; `whole` still holds what goes here, so
            // that it is freed without the lock.
            if let Some(slot) = slot {
                *slot = Slot::Packed(packed);
            }
        }
    }

    /// Lets go of the first `most` changes up to `version`, but for the latest; gives them, to be
    /// freed.
    pub(super) fn forget_until(&self, version: u64, most: usize) -> Vec<Arc<Change>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.history.forget_until(version, most)
    }

    /// Makes `state` visible in the place of the one that is, which is given back.
    pub(super) fn replace(&self, state: State) -> State {
        let before = {
            let mut visible = self.state.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *visible, state)
        };
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.iter().for_each(|(_, bell)| bell.notify_waiters());
        before
    }

    /// Makes `changes` visible together; gives what the history lets go of, so that nobody has to
    /// wait for it to be freed.
    pub(super) fn publish(&self, changes: Vec<Change>) -> Vec<Arc<Change>> {
        if changes.is_empty() {
            return Vec::new();
        }
        let forgotten;
        let kinds = Kinds::of(changes.iter().map(|change| change.kind));
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let seen = state.version();
            for change in changes {
                state.publish(change);
            }
            forgotten = state.history.forget(seen);
        }
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, bell) in bells.iter().filter(|(of, _)| of.shares(kinds)) {
            bell.notify_waiters();
        }
        forgotten
    }
}
