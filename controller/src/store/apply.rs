//! Applies transactions to the newest state, published or not. No I/O, no locks.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use foldhash::fast::RandomState;

use super::common::{self, PodSpecs};
use super::deletion;
use super::error::CommitError;
use super::names::Names;
use super::state::{ByKey, State};
use super::transaction::{Committed, DeleteOptions, EachEdit, Operation, Transaction};
use super::watch::{Change, ChangeKind};
use crate::api::{Key, Kind, Object, ObjectMeta, Time, Timestamp};
use crate::limits::{GENERATED_NAME_ATTEMPTS_MAX, TRANSACTION_OPERATIONS_MAX};

/// Transactions that have been applied to a state and not been published yet.
pub(super) struct Batch<'a> {
    state: &'a State,
    names: &'a Names,
    specs: &'a PodSpecs,
    /// The time of the transaction that is being applied.
    now: Timestamp,
    /// What differs from `state`; `None` for what is gone.
    staged: HashMap<Kind, ByKey<Option<Object>>, RandomState>,
    changes: Vec<Change>,
    /// For each change, what was staged in its place before.
    before: Vec<Option<Option<Object>>>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(state: &'a State, names: &'a Names, specs: &'a PodSpecs) -> Self {
        let now = Timestamp::UNIX_EPOCH;
        Self {
            state,
            names,
            specs,
            now,
            staged: HashMap::default(),
            changes: Vec::new(),
            before: Vec::new(),
        }
    }

    /// Adds all that `transaction` does at `now`, or nothing.
    pub(super) fn apply(
        &mut self,
        transaction: Transaction,
        now: Timestamp,
    ) -> Result<Committed, CommitError> {
        self.now = now;
        let operations = transaction.operations.len();
        if operations > TRANSACTION_OPERATIONS_MAX {
            return Err(CommitError::TooLarge { operations });
        }
        let before = self.changes.len();
        let mut objects = Vec::with_capacity(operations);
        for operation in transaction.operations {
            match self.apply_operation(operation) {
                Ok(object) => objects.extend(object),
                Err(error) => {
                    self.roll_back(before);
                    return Err(error);
                }
            }
        }
        Ok(Committed { objects, resource_version: self.version() })
    }

    /// Every step so far, in order.
    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Every step, in order.
    pub(super) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    fn version(&self) -> u64 {
        self.state.version() + self.changes.len() as u64
    }

    fn get(&self, kind: Kind, key: &Key) -> Option<Object> {
        match self.staged.get(&kind).and_then(|staged| staged.get(key)) {
            Some(staged) => staged.clone(),
            None => self.state.get_to_hold(kind, key, self.specs),
        }
    }

    fn is_there(&self, kind: Kind, key: &Key) -> bool {
        match self.staged.get(&kind).and_then(|staged| staged.get(key)) {
            Some(staged) => staged.is_some(),
            None => self.state.slot(kind, key).is_some(),
        }
    }

    fn apply_operation(&mut self, operation: Operation) -> Result<Option<Object>, CommitError> {
        match operation {
            Operation::Create(object) => self.create(object).map(Some),
            Operation::Replace(object) => self.replace(object).map(Some),
            Operation::Modify { kind, key, uid, edit } => Ok(self
                .find(kind, &key, uid.as_deref())
                .and_then(|old| edit(&old).map(|new| self.update(key, &old, new)))),
            Operation::CreateOrModify { object, edit } => {
                let key = object.key();
                match self.get(object.kind(), &key) {
                    Some(old) => Ok(edit(&old).map(|new| self.update(key, &old, new))),
                    None => self.create(object).map(Some),
                }
            }
            Operation::Delete { kind, key, options } => {
                let before = self.changes.len();
                let found = self.delete(kind, &key, &options);
                let change = self.changes.get(before);
                Ok(found.map(|old| change.map_or(old, Change::last)))
            }
            Operation::Collect { kind, key, options } => {
                self.delete(kind, &key, &options);
                Ok(None)
            }
            Operation::Each { kind, namespace, edit } => {
                self.each(kind, &namespace, edit).map(|()| None)
            }
            Operation::Within { namespace } => self.within(namespace).map(|()| None),
            Operation::Require { kind, key, uid, holds } => {
                match self.find(kind, &key, uid.as_deref()) {
                    Some(object) if !holds(&object) => Err(CommitError::Conflict { kind, key }),
                    _ => Ok(None),
                }
            }
            Operation::Guard { kind, key, resource_version } => match self.get(kind, &key) {
                Some(object) if version_of(&object) == Some(&resource_version) => Ok(None),
                _ => Err(CommitError::Conflict { kind, key }),
            },
        }
    }

    fn within(&self, namespace: String) -> Result<(), CommitError> {
        let (kind, key) = (Kind::Namespace, Key::new("", &namespace));
        match self.get(kind, &key) {
            None => Err(CommitError::NotFound { kind, key }),
            Some(found) if found.metadata().deletion_timestamp.is_some() => {
                Err(CommitError::Terminating { namespace })
            }
            Some(_) => Ok(()),
        }
    }

    /// Changes each object of `kind` in `namespace`, unless one of them may not be.
    fn each(&mut self, kind: Kind, namespace: &str, mut edit: EachEdit) -> Result<(), CommitError> {
        for key in self.keys(kind, namespace) {
            let Some(old) = self.get(kind, &key) else { continue };
            match edit(&old) {
                Ok(Some(new)) => drop(self.update(key, &old, new)),
                Ok(None) => {}
                Err(why) => return Err(CommitError::Vetoed { kind, key, why }),
            }
        }
        Ok(())
    }

    /// The keys of all objects of `kind` in `namespace`, and of some that have been there.
    fn keys(&self, kind: Kind, namespace: &str) -> BTreeSet<Key> {
        let is_there = |key: &&Key| *key.namespace == *namespace;
        let staged = self.staged.get(&kind).into_iter().flat_map(HashMap::keys).filter(is_there);
        let visible = self.state.entries(kind, Some(namespace)).map(|(key, _)| key);
        staged.chain(visible).cloned().collect()
    }

    fn create(&mut self, mut object: Object) -> Result<Object, CommitError> {
        let kind = object.kind();
        let key = self.state.key_to_hold(kind, self.free_key(&object)?);
        let uid = object.metadata().uid.clone().filter(|uid| !uid.is_empty());
        let uid = uid.unwrap_or_else(|| self.names.uid());
        let metadata = object.metadata_mut();
        metadata.name = Some(key.name.to_string());
        metadata.uid = Some(uid);
        metadata.creation_timestamp = Some(Time(self.now));
        metadata.generation = has_generation(kind).then_some(1);
        metadata.deletion_timestamp = None;
        metadata.deletion_grace_period_seconds = None;
        Ok(self.stage(key, ChangeKind::Added, object, None))
    }

    /// The key that a new object gets: its own, or one from `generateName`.
    fn free_key(&self, object: &Object) -> Result<Key, CommitError> {
        let kind = object.kind();
        let mut key = object.key();
        let prefix = object.metadata().generate_name.as_deref().unwrap_or_default();
        let is_generated = key.name.is_empty();
        for _ in 0..GENERATED_NAME_ATTEMPTS_MAX {
            if is_generated {
                key.name = self.names.generate(prefix).into();
            }
            if !self.is_there(kind, &key) {
                return Ok(key);
            }
        }
        Err(CommitError::AlreadyExists { kind, key })
    }

    fn replace(&mut self, new: Object) -> Result<Object, CommitError> {
        let (kind, key) = (new.kind(), new.key());
        let Some(old) = self.get(kind, &key) else {
            return Err(CommitError::NotFound { kind, key });
        };
        let differs = |wanted: &Option<String>, found: &Option<String>| {
            wanted
                .as_ref()
                .is_some_and(|wanted| !wanted.is_empty() && Some(wanted) != found.as_ref())
        };
        let (wanted, found) = (new.metadata(), old.metadata());
        if differs(&wanted.resource_version, &found.resource_version)
            || differs(&wanted.uid, &found.uid)
        {
            return Err(CommitError::Conflict { kind, key });
        }
        Ok(self.update(key, &old, new))
    }

    /// Returns the object as it was.
    fn delete(&mut self, kind: Kind, key: &Key, options: &DeleteOptions) -> Option<Object> {
        let old = self.find(kind, key, options.uid.as_deref())?;
        match deletion::mark(&old, options.grace_period_seconds, self.now) {
            None => {}
            // Not copied: as good as nobody looks at it any more.
            Some(mark) if mark.lets_go(&old) => self.push(Change {
                kind,
                key: key.clone(),
                what: ChangeKind::Deleted,
                object: old.clone(),
                before: Some(old.clone()),
                resource_version: self.version() + 1,
                end: Some(mark),
                json: OnceLock::new(),
            }),
            Some(mark) => drop(self.settle(key.clone(), &old, mark.on(&old))),
        }
        Some(old)
    }

    /// The object at `key`, unless it is not the one that has `uid`.
    fn find(&self, kind: Kind, key: &Key, uid: Option<&str>) -> Option<Object> {
        self.get(kind, key)
            .filter(|found| uid.is_none_or(|uid| found.metadata().uid.as_deref() == Some(uid)))
    }

    /// Stages `new` in the place of `old`, with the metadata that is the store's to write.
    fn update(&mut self, key: Key, old: &Object, mut new: Object) -> Object {
        new.pack_managed_fields();
        let generation = old.metadata().generation;
        let is_same = old.same_spec(&mut new);
        let generation = if is_same { generation } else { generation.map(|g| g + 1) };
        keep_system_metadata(old.metadata(), new.metadata_mut(), generation);
        if new == *old {
            return new;
        }
        self.settle(key, old, new)
    }

    /// Stages `object` as it is now in the place of `old`, or its end if nothing holds it back any
    /// more.
    fn settle(&mut self, key: Key, old: &Object, object: Object) -> Object {
        let what =
            if deletion::may_go(&object) { ChangeKind::Deleted } else { ChangeKind::Modified };
        self.stage(key, what, object, Some(old.clone()))
    }

    fn stage(
        &mut self,
        key: Key,
        what: ChangeKind,
        mut object: Object,
        old: Option<Object>,
    ) -> Object {
        let resource_version = self.version() + 1;
        object.metadata_mut().resource_version = Some(resource_version.to_string());
        common::share(&mut object, self.specs);
        self.push(Change {
            kind: object.kind(),
            key,
            what,
            object: object.clone(),
            before: old,
            resource_version,
            end: None,
            json: OnceLock::new(),
        });
        object
    }

    fn push(&mut self, change: Change) {
        let left = (change.what != ChangeKind::Deleted).then(|| change.object.clone());
        let of_kind = self.staged.entry(change.kind).or_default();
        self.before.push(of_kind.insert(change.key.clone(), left));
        self.changes.push(change);
    }

    /// Forgets all but the first `kept` changes, the last one first.
    fn roll_back(&mut self, kept: usize) {
        while self.changes.len() > kept {
            let undone = self.changes.pop().zip(self.before.pop());
            let Some((Change { kind, key, .. }, before)) = undone else { return };
            let staged = self.staged.entry(kind).or_default();
            match before {
                Some(before) => staged.insert(key, before),
                None => staged.remove(&key),
            };
        }
    }
}

/// Kubernetes counts generations for these.
fn has_generation(kind: Kind) -> bool {
    matches!(kind, Kind::Job | Kind::CronJob | Kind::Pod)
}

fn version_of(object: &Object) -> Option<&String> {
    object.metadata().resource_version.as_ref()
}

fn keep_system_metadata(old: &ObjectMeta, new: &mut ObjectMeta, generation: Option<i64>) {
    new.name.clone_from(&old.name);
    new.namespace.clone_from(&old.namespace);
    new.uid.clone_from(&old.uid);
    new.resource_version.clone_from(&old.resource_version);
    new.creation_timestamp.clone_from(&old.creation_timestamp);
    new.deletion_timestamp.clone_from(&old.deletion_timestamp);
    new.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
    new.generation = generation;
}
