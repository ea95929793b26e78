//! What is in the namespaces that have quotas, as tallies that follow each change.
//!
//! Holds a sum for each quota, and no object but the quotas themselves. Synchronous and without IO.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::usage::given_up_at;
use super::{Ledger, Observed, Usage};
use crate::api::{Key, Object, Pod, Resource, ResourceQuota, Timestamp};
use crate::resources::{self, Amounts};

/// All quotas, with what is used of each.
#[derive(Debug, Default)]
pub(super) struct Index {
    namespaces: HashMap<Arc<str>, Namespace>,
    /// The pods that are being deleted, by when they are given up.
    leaving: BTreeMap<(Timestamp, Key), Arc<Pod>>,
    /// The quotas to look at.
    changed: BTreeSet<Key>,
}

#[derive(Debug, Default)]
struct Namespace {
    quotas: BTreeMap<Arc<str>, Tallied>,
    /// The pods that are given up, by name.
    given_up: BTreeSet<Arc<str>>,
}

#[derive(Debug)]
struct Tallied {
    quota: Arc<ResourceQuota>,
    ledger: Ledger,
    tally: Amounts,
}

impl Tallied {
    fn of(quota: Arc<ResourceQuota>) -> Self {
        Self { ledger: Ledger::of(&quota), quota, tally: Amounts::new() }
    }

    fn add(&mut self, usage: &Usage) {
        resources::add(&mut self.tally, &self.ledger.bounded(usage));
    }

    fn take(&mut self, usage: &Usage) {
        for (name, amount) in self.ledger.bounded(usage) {
            let sum = self.tally.entry(name).or_default();
            *sum = *sum - amount;
        }
    }
}

impl Index {
    /// Whether no namespace has a quota.
    pub(super) fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }

    /// Whether `key`'s namespace has a quota of its name that bounds the same as `quota`.
    pub(super) fn knows(&self, quota: &ResourceQuota) -> bool {
        let key = quota.key();
        let found = self.namespaces.get(&key.namespace).and_then(|it| it.quotas.get(&key.name));
        found.is_some_and(|it| it.quota.spec == quota.spec && it.quota.uid() == quota.uid())
    }

    /// Begins anew with the namespace `name`, in which all these `objects` are at `now`.
    pub(super) fn recount(&mut self, name: &Arc<str>, objects: &[Object], now: Timestamp) {
        self.namespaces.remove(name);
        self.leaving.retain(|(_, key), _| key.namespace != *name);
        let quotas = objects.iter().filter_map(ResourceQuota::from_object);
        let quotas: BTreeMap<_, _> =
            quotas.map(|quota| (quota.key().name, Tallied::of(Arc::clone(quota)))).collect();
        if quotas.is_empty() {
            return;
        }
        let keys = quotas.keys().map(|quota| Key { namespace: name.clone(), name: quota.clone() });
        self.changed.extend(keys);
        self.namespaces.insert(name.clone(), Namespace { quotas, given_up: BTreeSet::new() });
        for object in objects {
            self.fold(None, Some(object), now);
        }
    }

    /// `before` has become `after`, which are the same object.
    pub(super) fn fold(&mut self, before: Option<&Object>, after: Option<&Object>, now: Timestamp) {
        let Some(any) = after.or(before) else { return };
        let key = any.key();
        let Some(namespace) = self.namespaces.get_mut(&key.namespace) else { return };
        let taken = before.map(|object| match object {
            Object::Pod(pod) => Usage::of_pod(pod, namespace.given_up.remove(&key.name)),
            other => Usage::of(other, now),
        });
        if let Some(at) = pod(before).and_then(|pod| given_up_at(pod)) {
            self.leaving.remove(&(at, key.clone()));
        }
        let given = after.map(|object| Usage::of(object, now));
        if let Some((pod, at)) = pod(after).and_then(|pod| Some((pod, given_up_at(pod)?))) {
            if at < now {
                namespace.given_up.insert(key.name.clone());
            } else {
                self.leaving.insert((at, key.clone()), Arc::clone(pod));
            }
        }
        for (name, tallied) in &mut namespace.quotas {
            taken.iter().for_each(|usage| tallied.take(usage));
            given.iter().for_each(|usage| tallied.add(usage));
            let is_meant = *name == key.name && matches!(any, Object::ResourceQuota(_));
            if let Some(Object::ResourceQuota(quota)) = after.filter(|_| is_meant) {
                tallied.quota = Arc::clone(quota);
            }
            self.changed.insert(Key { namespace: key.namespace.clone(), name: name.clone() });
        }
    }

    /// When the next pod is given up.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        // It is given up after that time, not at it.
        let (at, _) = self.leaving.first_key_value()?.0;
        at.checked_add(crate::api::SignedDuration::from_nanos(1)).ok()
    }

    /// Gives up the pods whose time is over.
    pub(super) fn give_up(&mut self, now: Timestamp) {
        while let Some(entry) = self.leaving.first_entry().filter(|entry| entry.key().0 < now) {
            let ((_, key), pod) = entry.remove_entry();
            let Some(namespace) = self.namespaces.get_mut(&key.namespace) else { continue };
            let (taken, given) = (Usage::of_pod(&pod, false), Usage::of_pod(&pod, true));
            namespace.given_up.insert(key.name.clone());
            for (name, tallied) in &mut namespace.quotas {
                tallied.take(&taken);
                tallied.add(&given);
                self.changed.insert(Key { namespace: key.namespace.clone(), name: name.clone() });
            }
        }
    }

    /// The quotas of which something has changed since this was last asked.
    pub(super) fn take_changed(&mut self) -> Vec<Observed> {
        let changed = std::mem::take(&mut self.changed);
        let found = changed.iter().filter_map(|key| {
            let tallied = self.namespaces.get(&key.namespace)?.quotas.get(&key.name)?;
            Some(Observed { quota: tallied.quota.clone(), tally: tallied.tally.clone() })
        });
        found.collect()
    }

    /// Looks at the quota again the next time, since what it needs could not be written.
    pub(super) fn recheck(&mut self, key: Key) {
        self.changed.insert(key);
    }
}

fn pod(object: Option<&Object>) -> Option<&Arc<Pod>> {
    object.and_then(Pod::from_object)
}
