//! The only mutable state: every live object, its versions, and what has changed.
//!
//! ```text
//! Transaction ─▶ checked against the newest state ─▶ disk ─▶ readers and watchers
//! ```
//!
//! It gives uids, name suffixes, timestamps and resource versions, and carries out what deletion
//! means. It decides nothing else: what a Job needs is not known here.

mod apply;
mod committer;
mod common;
mod deletion;
pub mod disk;
mod error;
mod folder;
mod former;
mod journal;
mod load;
mod names;
mod rest;
mod restore;
pub(crate) mod schema;
mod slot;
mod state;
mod transaction;
mod watch;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::{Key, Kind, Object, Resource};
use crate::clock::Clock;
use crate::meter::StoreMeter;

pub use common::Sharing;
pub use error::{CommitError, Gone, OpenError};
pub use names::Names;
pub use restore::Snapshot;
pub(crate) use slot::Slot;
#[cfg(test)]
pub(crate) use slot::tests::unpacked_by;
pub(crate) use state::in_order;
pub use transaction::{Committed, DeleteOptions, Transaction};
pub use watch::{Change, ChangeKind, Watch};

use apply::Batch;
use committer::Committer;
use common::PodSpecs;
use disk::Disk;
use folder::Folder;
use restore::Replacement;
use schema::Schema;
use state::{Shared, State};

/// The schema of what is kept elsewhere than in a folder of this host: another one for every change after
/// which an older mayfly would misread it.
pub const SCHEMA: u32 = 2;

/// Objects of a list after which its watch takes what has happened meanwhile: some milliseconds, in
/// which nobody can have filled the history.
const UNPACKED_AT_ONCE: usize = 256;

/// Every live object, one commit at a time. A clone is the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    clock: Clock,
    names: Names,
    writer: Writer,
}

/// Who makes transactions durable.
enum Writer {
    /// Nobody. The lock is held from the check of a transaction until its publication, so that
    /// nothing comes between.
    Memory(Mutex<()>),
    Disk(Committer),
}

/// Some objects of one kind, as they were together.
#[derive(Clone, Debug)]
pub struct List<T> {
    /// By namespace, then name.
    pub items: Vec<Arc<T>>,
    /// The state that they are of; a watch from here on misses nothing.
    pub resource_version: u64,
}

impl Store {
    /// An empty store that lives as long as the process.
    ///
    /// It commits in the caller and starts no thread, so it works while tokio's time is paused.
    pub fn in_memory(clock: Clock, names: Names) -> Self {
        let shared = Arc::new(Shared::of(State::default(), PodSpecs::default()));
        Self::with(shared, clock, names, Writer::Memory(Mutex::new(())))
    }

    /// The store in `folder`, which is made if there is none.
    ///
    /// One process at a time has it, until all clones of the store are dropped or the process ends,
    /// in whatever way. Everything that was acknowledged is there again. It reads all of it before
    /// it returns. What an older mayfly has left is brought to the shape that it has now.
    pub fn open(folder: &Path, clock: Clock, names: Names) -> Result<Self, OpenError> {
        Self::open_as(schema::CURRENT, folder, clock, names)
    }

    /// The same, but what an older mayfly has left stays as it is, and is refused
    /// ([`OpenError::Older`]).
    pub fn open_as_it_is(folder: &Path, clock: Clock, names: Names) -> Result<Self, OpenError> {
        let claimed = Folder::claim(folder, schema::CURRENT)?;
        claimed.needs_no_upgrade(schema::CURRENT)?;
        Self::in_folder(schema::CURRENT, claimed, clock, names)
    }

    fn open_as(
        schema: Schema,
        folder: &Path,
        clock: Clock,
        names: Names,
    ) -> Result<Self, OpenError> {
        Self::in_folder(schema, Folder::claim(folder, schema)?, clock, names)
    }

    fn in_folder(
        schema: Schema,
        claimed: Folder,
        clock: Clock,
        names: Names,
    ) -> Result<Self, OpenError> {
        let disk = claimed.journal(schema)?;
        Self::on(disk, Some(claimed), clock, names)
    }

    /// The store that `disk` has kept.
    fn on(
        mut disk: impl Disk + 'static,
        claimed: Option<Folder>,
        clock: Clock,
        names: Names,
    ) -> Result<Self, OpenError> {
        let shared = loaded(&mut disk)?;
        let folder = disk.folder().to_path_buf();
        let committer = Committer::start(Arc::clone(&shared), names.clone(), disk, claimed)
            .map_err(|source| OpenError::NotUsable { folder, source })?;
        Ok(Self::with(shared, clock, names, Writer::Disk(committer)))
    }

    /// The store that `disk` has kept, which may be anywhere. It reads all of it before it returns, and
    /// blocks meanwhile.
    pub fn kept_by(
        disk: impl Disk + 'static,
        clock: Clock,
        names: Names,
    ) -> Result<Self, OpenError> {
        Self::on(disk, None, clock, names)
    }

    /// The store that the simulated `disk` has kept. It must be called in a tokio runtime.
    ///
    /// All is as with a store in a folder, but that the committer is a task of the runtime and no
    /// thread: so what happens follows from what the runtime does, and a slow disk takes simulated
    /// time.
    pub fn simulated(
        mut disk: impl Disk + 'static,
        clock: Clock,
        names: Names,
    ) -> Result<Self, OpenError> {
        let shared = loaded(&mut disk)?;
        let committer = Committer::spawn(Arc::clone(&shared), names.clone(), disk);
        Ok(Self::with(shared, clock, names, Writer::Disk(committer)))
    }

    fn with(shared: Arc<Shared>, clock: Clock, names: Names, writer: Writer) -> Self {
        Self { inner: Arc::new(Inner { shared, clock, names, writer }) }
    }

    /// The clock that its timestamps are of.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Where its uids and name suffixes come from.
    pub fn names(&self) -> &Names {
        &self.inner.names
    }

    /// The object of kind `T` at `key`.
    pub fn get<T: Resource>(&self, key: &Key) -> Option<Arc<T>> {
        self.get_object(T::KIND, key).as_ref().and_then(T::from_object).cloned()
    }

    /// The object of `kind` at `key`.
    pub fn get_object(&self, kind: Kind, key: &Key) -> Option<Object> {
        self.inner.shared.read().slot(kind, key).cloned().map(Slot::into_object)
    }

    /// All objects of kind `T`, as they were together, in no order: for who looks at one after the
    /// other, and holds no more of them than that.
    ///
    /// It may take some microseconds to go on to the next one.
    pub fn each<T: Resource>(&self) -> impl Iterator<Item = Arc<T>> + Send + use<T> {
        let (found, _) = self.find(T::KIND, None);
        let objects = found.into_iter().map(|(_, slot)| slot.into_object());
        objects.filter_map(|object| T::from_object(&object).cloned())
    }

    /// The object in `slot`, for who holds it for a while: what it has in common with others is theirs.
    pub(crate) fn held(&self, slot: Slot) -> Object {
        slot.into_held(&self.inner.shared.specs)
    }

    /// How many objects of `kind` there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.inner.shared.read().count(kind)
    }

    /// What counts its transactions.
    pub fn meter(&self) -> &StoreMeter {
        &self.inner.shared.meter
    }

    /// The objects of kind `T`, of one namespace or of all.
    pub fn list<T: Resource>(&self, namespace: Option<&str>) -> List<T> {
        let (objects, resource_version) = self.list_objects(T::KIND, namespace);
        List {
            items: objects.iter().filter_map(T::from_object).cloned().collect(),
            resource_version,
        }
    }

    /// The objects of `kind`, of one namespace or of all, by namespace and name, and the resource
    /// version they are of.
    pub fn list_objects(&self, kind: Kind, namespace: Option<&str>) -> (Vec<Object>, u64) {
        let (found, version) = self.find(kind, namespace);
        (self.all_held(found), version)
    }

    /// The same in no order, and not unpacked, which costs less: for who wants some of them, or one
    /// after the other.
    pub(crate) fn find(&self, kind: Kind, namespace: Option<&str>) -> (Vec<(Key, Slot)>, u64) {
        let state = self.inner.shared.read();
        (state.taken(kind, namespace), state.version())
    }

    /// The same as they were at the resource version `version`.
    ///
    /// [`Gone`] if the history does not reach back to it, or it is not reached yet.
    pub(crate) fn find_at(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Vec<(Key, Slot)>, Gone> {
        self.inner.shared.read().taken_at(kind, namespace, version)
    }

    /// The object of `kind` at `key`, and the resource version of the state that it was found in.
    pub(crate) fn find_one(&self, kind: Kind, key: &Key) -> (Option<Slot>, u64) {
        let state = self.inner.shared.read();
        (state.slot(kind, key).cloned(), state.version())
    }

    /// All objects of `kinds`, as they were together, and the resource version they are of.
    pub fn list_kinds(&self, kinds: &[Kind]) -> (Vec<Object>, u64) {
        self.list_of(kinds, None)
    }

    /// All objects of `kinds` in `namespace`, as they were together, and the resource version they
    /// are of.
    pub fn list_namespace(&self, kinds: &[Kind], namespace: &str) -> (Vec<Object>, u64) {
        self.list_of(kinds, Some(namespace))
    }

    /// The same objects, and a watch of their kinds from there on, which misses nothing while they are
    /// unpacked: the history may not reach back as far by then.
    pub fn list_and_watch(&self, kinds: &[Kind]) -> (Vec<Object>, Watch) {
        self.list_and_watch_while(kinds, || {})
    }

    /// The same, where `meanwhile` happens between some objects and the next ones.
    fn list_and_watch_while(
        &self,
        kinds: &[Kind],
        mut meanwhile: impl FnMut(),
    ) -> (Vec<Object>, Watch) {
        let (mut watch, found) = Watch::from_now(&self.inner.shared, kinds, |state| {
            kinds.iter().map(|kind| state.taken(*kind, None)).collect::<Vec<_>>()
        });
        let mut objects = Vec::with_capacity(found.iter().map(Vec::len).sum());
        for slot in found.into_iter().flat_map(in_order) {
            objects.push(self.held(slot));
            if objects.len().is_multiple_of(UNPACKED_AT_ONCE) {
                meanwhile();
                watch.hold_on();
            }
        }
        (objects, watch)
    }

    fn list_of(&self, kinds: &[Kind], namespace: Option<&str>) -> (Vec<Object>, u64) {
        let (found, version) = {
            let state = self.inner.shared.read();
            let found: Vec<_> = kinds.iter().map(|kind| state.taken(*kind, namespace)).collect();
            (found, state.version())
        };
        (found.into_iter().flat_map(|found| self.all_held(found)).collect(), version)
    }

    /// Whole objects of what was found, in order, made when the lock is free again.
    fn all_held(&self, found: Vec<(Key, Slot)>) -> Vec<Object> {
        in_order(found).into_iter().map(|slot| self.held(slot)).collect()
    }

    /// The resource version of the newest visible state.
    pub fn resource_version(&self) -> u64 {
        self.inner.shared.read().version()
    }

    /// Completes when the state of `version`, or a newer one, is visible.
    pub async fn reached(&self, version: u64) {
        self.inner.shared.reached(version).await;
    }

    /// Makes `transaction` so, whole or not at all.
    ///
    /// Its operations are checked against the newest state. When this returns, they are durable and
    /// visible. If the future is dropped before, the transaction may happen or not. A panic in a
    /// change that is part of it ends a store on disk: this commit and all later ones panic.
    pub async fn commit(&self, transaction: Transaction) -> Result<Committed, CommitError> {
        match &self.inner.writer {
            Writer::Memory(alone) => {
                let _alone = alone.lock().unwrap_or_else(PoisonError::into_inner);
                self.commit_here(transaction)
            }
            Writer::Disk(committer) => committer.commit(transaction, self.clock().now()).await,
        }
    }

    fn commit_here(&self, transaction: Transaction) -> Result<Committed, CommitError> {
        let inner = &*self.inner;
        inner.shared.meter.commits.add(1);
        let (committed, changes) = {
            let state = inner.shared.read();
            let mut batch = Batch::new(&state, &inner.names, &inner.shared.specs);
            let committed = batch.apply(transaction, inner.clock.now())?;
            (committed, batch.into_changes())
        };
        inner.shared.publish(changes);
        Ok(committed)
    }

    /// What its objects have in common, to be held by others that it is going to hold.
    pub fn sharing(&self) -> Sharing {
        Sharing(Arc::clone(&self.inner.shared.specs))
    }

    /// Every object, as they were together, and the resource version that they are of.
    pub fn snapshot(&self) -> Snapshot {
        let (objects, resource_version) = self.list_kinds(Kind::ALL);
        Snapshot { objects, resource_version }
    }

    /// Puts `snapshot` in the place of everything there is, whole or not at all. Returns the resource
    /// version that this made.
    ///
    /// An object that is the same stays; any other gets a resource version above all that there have
    /// been, here or in the snapshot. Who watches is told to list again ([`Gone`]): the history
    /// begins anew.
    pub async fn restore(&self, snapshot: Snapshot) -> Result<u64, CommitError> {
        match &self.inner.writer {
            Writer::Memory(alone) => {
                let _alone = alone.lock().unwrap_or_else(PoisonError::into_inner);
                let shared = &self.inner.shared;
                let replacement = Replacement::of(&shared.read(), snapshot, &shared.specs);
                let version = replacement.state.version();
                drop(shared.replace(replacement.state));
                Ok(version)
            }
            Writer::Disk(committer) => committer.restore(snapshot).await,
        }
    }

    /// The changes to objects of `kinds` after the resource version `after`.
    ///
    /// [`Gone`] if they are no longer, or not yet, known: list again, and watch from there.
    pub fn watch(&self, kinds: &[Kind], after: u64) -> Result<Watch, Gone> {
        Watch::new(Arc::clone(&self.inner.shared), kinds, after)
    }
}

fn loaded(disk: &mut impl Disk) -> Result<Arc<Shared>, OpenError> {
    let specs = PodSpecs::default();
    let state = load::load(disk, &specs)
        .map_err(|source| OpenError::Unreadable { folder: disk.folder().into(), source })?;
    Ok(Arc::new(Shared::of(state, specs)))
}

#[cfg(test)]
mod tests;
