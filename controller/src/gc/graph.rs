//! Who owns whom, and what follows from it. Pure.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::api::names::{FOREGROUND_DELETION, JOB_TRACKING_FINALIZER, ORPHAN};
use crate::api::{Key, Kind, Object, ObjectMeta, OwnerReference};
use crate::job::conditions;
use crate::store::{Change, ChangeKind};

type Uid = Arc<str>;

/// What is known of one object.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) uid: Uid,
    pub(super) kind: Kind,
    pub(super) key: Key,
    pub(super) is_tracked: bool,
    owners: Box<[Owner]>,
    deletion: Deletion,
}

#[derive(Clone, Debug)]
struct Owner {
    uid: Uid,
    name: Arc<str>,
    /// `None` if it is of a kind that we don't have, and so can't tell to be gone.
    kind: Option<Kind>,
    /// Whether the owner waits for this dependent when it is deleted in the foreground.
    blocks: bool,
    /// Whether it is the controller, who alone takes finalizers off.
    controls: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deletion {
    No,
    Underway,
    Foreground,
    Orphaning,
}

/// What to do about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    Keep,
    /// Its owners are gone, or wait for it to go.
    Delete,
    /// It still has an owner, but not these.
    DropOwners(Vec<Uid>),
    /// It was deleted, and what it waited for has happened.
    RemoveFinalizer(&'static str),
}

type Entries = HashMap<Uid, Entry, RandomState>;

/// Every object and its owners, as the watch told of them.
#[derive(Default)]
pub(super) struct Graph {
    entries: Entries,
    dependents: HashMap<Uid, BTreeSet<Uid>, RandomState>,
    /// Of whom something may follow.
    unchecked: BTreeSet<Uid>,
}

impl Graph {
    pub(super) fn of(objects: &[Object]) -> Self {
        let mut graph = Self::default();
        objects.iter().for_each(|object| graph.set(&object.key(), object));
        // Also what happened while nobody watched has its consequences.
        graph.unchecked = graph.entries.keys().cloned().collect();
        graph
    }

    pub(super) fn fold(&mut self, change: &Change) {
        match change.what {
            ChangeKind::Added | ChangeKind::Modified => self.set(&change.key, &change.object),
            ChangeKind::Deleted => {
                self.forget(change.object.metadata().uid.as_deref().unwrap_or_default());
            }
        }
    }

    /// Some objects that have not been looked at since something changed around them.
    pub(super) fn take_unchecked(&mut self, count_max: usize) -> Vec<Entry> {
        let some: Vec<Uid> = self.unchecked.iter().take(count_max).cloned().collect();
        some.iter()
            .filter_map(|uid| {
                self.unchecked.remove(uid);
                self.entries.get(uid).cloned()
            })
            .collect()
    }

    pub(super) fn has_unchecked(&self) -> bool {
        !self.unchecked.is_empty()
    }

    /// To be looked at again.
    pub(super) fn recheck(&mut self, uid: Uid) {
        self.unchecked.insert(uid);
    }

    /// What to do about `entry`.
    pub(super) fn action(&self, entry: &Entry) -> Action {
        match entry.deletion {
            Deletion::Underway => return Action::Keep,
            Deletion::Orphaning => {
                let is_free = self.dependents_of(&entry.uid).next().is_none();
                return if is_free { Action::RemoveFinalizer(ORPHAN) } else { Action::Keep };
            }
            Deletion::Foreground => {
                let waits = self.dependents_of(&entry.uid).any(|it| it.blocks(&entry.uid));
                return if waits {
                    Action::Keep
                } else {
                    Action::RemoveFinalizer(FOREGROUND_DELETION)
                };
            }
            Deletion::No => {}
        }
        let lost: Vec<&Owner> = entry.owners.iter().filter(|owner| self.is_lost(owner)).collect();
        // Whoever is orphaned keeps living, even when no owner is left.
        let is_let_go = lost.iter().any(|owner| self.deletion(owner) == Some(Deletion::Orphaning));
        if lost.is_empty() {
            Action::Keep
        } else if lost.len() == entry.owners.len() && !is_let_go {
            Action::Delete
        } else {
            Action::DropOwners(lost.iter().map(|owner| owner.uid.clone()).collect())
        }
    }

    /// Whether `owner` does not hold its dependents any more.
    fn is_lost(&self, owner: &Owner) -> bool {
        let Some(kind) = owner.kind else { return false };
        let Some(found) = self.entries.get(&owner.uid) else { return true };
        let is_same = found.kind == kind && *found.key.name == *owner.name;
        !is_same || found.deletion.waits_for_dependents()
    }

    fn deletion(&self, owner: &Owner) -> Option<Deletion> {
        self.entries.get(&owner.uid).map(|found| found.deletion)
    }

    fn dependents_of(&self, uid: &str) -> impl Iterator<Item = &Entry> {
        self.dependents.get(uid).into_iter().flatten().filter_map(|it| self.entries.get(it))
    }

    fn set(&mut self, key: &Key, object: &Object) {
        let metadata = object.metadata();
        let uid = metadata.uid.as_deref().unwrap_or_default();
        match self.entries.get_mut(uid) {
            // Most changes leave all of this as it was; one of a pod that is let go, or taken up.
            Some(known) if known.is_owned_as(metadata) => {
                let was_tracked = known.is_tracked;
                known.is_tracked = has_finalizer(metadata, JOB_TRACKING_FINALIZER);
                if known.is_tracked && !was_tracked {
                    self.unchecked.insert(known.uid.clone());
                }
            }
            _ => self.insert(Entry::of(key, object, &self.entries)),
        }
        // A Job that ends leaves pods that nobody will count; one that is deleted in another than
        // the plain way has to tell its dependents.
        if releases_dependents(object) {
            self.unchecked.extend(self.dependents.get(uid).into_iter().flatten().cloned());
        }
    }

    fn insert(&mut self, entry: Entry) {
        let uid = entry.uid.clone();
        self.unlink(&uid);
        for owner in &entry.owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(uid.clone());
        }
        let matters =
            entry.is_tracked || !entry.owners.is_empty() || entry.deletion.waits_for_dependents();
        if matters {
            self.unchecked.insert(uid.clone());
        }
        self.entries.insert(uid, entry);
    }

    fn forget(&mut self, uid: &str) {
        self.unlink(uid);
        self.entries.remove(uid);
        self.unchecked.remove(uid);
        self.unchecked.extend(self.dependents.get(uid).into_iter().flatten().cloned());
    }

    /// Ends that the object is known as a dependent; its owners may have waited for that.
    fn unlink(&mut self, uid: &str) {
        let Some(entry) = self.entries.get(uid) else { return };
        for owner in &entry.owners {
            if let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(uid);
                if dependents.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
            let owner = self.entries.get(&owner.uid);
            if let Some(owner) = owner.filter(|owner| owner.deletion.waits_for_dependents()) {
                self.unchecked.insert(owner.uid.clone());
            }
        }
    }
}

impl Entry {
    fn of(key: &Key, object: &Object, known: &Entries) -> Self {
        let metadata = object.metadata();
        let owners = metadata.owner_references.iter().flatten();
        Self {
            uid: metadata.uid.as_deref().unwrap_or_default().into(),
            kind: object.kind(),
            key: key.clone(),
            is_tracked: has_finalizer(metadata, JOB_TRACKING_FINALIZER),
            owners: owners.map(|owner| Owner::of(owner, known)).collect(),
            deletion: Deletion::of(metadata),
        }
    }

    /// Whether the owner with `uid` waits for this one.
    fn blocks(&self, uid: &str) -> bool {
        self.owners.iter().any(|owner| owner.blocks && *owner.uid == *uid)
    }

    /// Whether `metadata` says the same of owners and deletion.
    fn is_owned_as(&self, metadata: &ObjectMeta) -> bool {
        let references = metadata.owner_references.as_deref().unwrap_or_default();
        let pairs = self.owners.iter().zip(references);
        self.deletion == Deletion::of(metadata)
            && self.owners.len() == references.len()
            && pairs.into_iter().all(|(owner, reference)| owner.is(reference))
    }
}

/// Whether what depends on `object` has to be looked at again.
fn releases_dependents(object: &Object) -> bool {
    let conditions = match object {
        Object::Job(job) => job.status.as_ref().and_then(|it| it.conditions.as_deref()),
        _ => None,
    };
    Deletion::of(object.metadata()).waits_for_dependents()
        || conditions.is_some_and(conditions::say_finished)
}

impl Owner {
    fn of(reference: &OwnerReference, known: &Entries) -> Self {
        let owner = known.get(reference.uid.as_str());
        let owner = owner.filter(|owner| *owner.key.name == *reference.name);
        let (uid, name) = match owner {
            // Not another copy of either, since there may be very many of the same owner.
            Some(owner) => (owner.uid.clone(), owner.key.name.clone()),
            None => (reference.uid.as_str().into(), reference.name.as_str().into()),
        };
        Self {
            uid,
            name,
            kind: kind_of(reference),
            blocks: blocks(reference),
            controls: reference.controller == Some(true),
        }
    }

    fn is(&self, reference: &OwnerReference) -> bool {
        *self.uid == *reference.uid
            && *self.name == *reference.name
            && self.kind == kind_of(reference)
            && self.blocks == blocks(reference)
            && self.controls == (reference.controller == Some(true))
    }
}

fn kind_of(reference: &OwnerReference) -> Option<Kind> {
    let OwnerReference { kind, api_version, .. } = reference;
    let is_it = |it: &Kind| it.name() == kind && it.api_version() == api_version;
    Kind::ALL.iter().copied().find(is_it)
}

fn blocks(reference: &OwnerReference) -> bool {
    reference.block_owner_deletion == Some(true)
}

impl Deletion {
    /// Whether it is held up by what depends on it, or lets that go first.
    fn waits_for_dependents(self) -> bool {
        matches!(self, Self::Foreground | Self::Orphaning)
    }

    fn of(metadata: &ObjectMeta) -> Self {
        if metadata.deletion_timestamp.is_none() {
            Self::No
        } else if has_finalizer(metadata, ORPHAN) {
            Self::Orphaning
        } else if has_finalizer(metadata, FOREGROUND_DELETION) {
            Self::Foreground
        } else {
            Self::Underway
        }
    }
}

fn has_finalizer(metadata: &ObjectMeta, name: &str) -> bool {
    metadata.finalizers.iter().flatten().any(|finalizer| finalizer == name)
}
