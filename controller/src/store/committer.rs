//! Makes transactions durable, as many at a time as have come in meanwhile: in a thread of its own,
//! since a disk blocks, or, where the disk is a simulated one, in a task.
//!
//! ```text
//! callers ─▶ queue ─▶ batch, checked against visible + staged ─▶ disk ─▶ publish ─▶ answers
//! ```
//!
//! When all are answered, some of what the disk has held for longest is written once more, if it is still
//! so. No lock is held while the disk works, and readers see the state before the batch until then.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use foldhash::fast::RandomState;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::apply::Batch;
use super::disk::{Disk, DiskError, Old, Row};
use super::error::CommitError;
use super::folder::Folder;
use super::names::Names;
use super::rest::Rest;
use super::restore::{Replacement, Snapshot};
use super::slot::{Slot, version_of};
use super::state::Shared;
use super::transaction::{Committed, Transaction};
use super::watch::{Change, ChangeKind};
use crate::api::{Key, Kind, Timestamp};
use crate::limits::{BATCH_CHANGES_MAX, BATCH_TRANSACTIONS_MAX, COMMIT_QUEUE_MAX};

type Answer = Result<Committed, CommitError>;

const PANICKED: &str = "the committer must not have panicked";

enum Request {
    Commit(Asked),
    /// Everything is to be another.
    Restore(Snapshot, oneshot::Sender<Result<u64, CommitError>>),
}

struct Asked {
    transaction: Transaction,
    /// When it was asked for, by the caller's clock: a simulated one is only known there.
    now: Timestamp,
    answer: oneshot::Sender<Answer>,
}

/// The callers' end. When it is dropped, what is in the queue is committed and the committer ends.
pub(super) struct Committer {
    queue: Option<mpsc::Sender<Request>>,
    /// `None` where it is a task.
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub(super) fn start(
        shared: Arc<Shared>,
        names: Names,
        disk: impl Disk + 'static,
        folder: Option<Folder>,
    ) -> std::io::Result<Self> {
        let (queue, requests) = mpsc::channel(COMMIT_QUEUE_MAX);
        // Nothing else runs in it, so the disk may block it.
        let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = thread::Builder::new().name("committer".into()).spawn(move || {
            runtime.block_on(Writer::new(shared, names, disk).run(requests));
            // The claim on the folder ends after the disk is closed.
            drop(folder);
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// The same in a task of the tokio runtime that this is called in, for a `disk` that does not
    /// block.
    pub(super) fn spawn(shared: Arc<Shared>, names: Names, disk: impl Disk + 'static) -> Self {
        let (queue, requests) = mpsc::channel(COMMIT_QUEUE_MAX);
        tokio::spawn(Writer::new(shared, names, disk).run(requests));
        Self { queue: Some(queue), thread: None }
    }

    pub(super) async fn commit(&self, transaction: Transaction, now: Timestamp) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Commit(Asked { transaction, now, answer })).await;
        answered.await.expect(PANICKED)
    }

    pub(super) async fn restore(&self, snapshot: Snapshot) -> Result<u64, CommitError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Restore(snapshot, answer)).await;
        answered.await.expect(PANICKED)
    }

    async fn ask(&self, request: Request) {
        let queue = self.queue.as_ref().expect("the queue must be there until the drop");
        // Only a panic in a transaction ends the committer early; it goes on in whoever commits.
        assert!(queue.send(request).await.is_ok(), "{PANICKED}");
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue = None;
        let Some(thread) = self.thread.take() else { return };
        // A transaction that holds the last store is dropped in the committer's own thread.
        if thread.thread().id() != thread::current().id() {
            // It has panicked, and said so; whoever waited for it has been told.
            let _ = thread.join();
        }
    }
}

struct Writer<D> {
    shared: Arc<Shared>,
    names: Names,
    disk: D,
    /// What the disk may have kept of a batch that it refused.
    in_doubt: Vec<(Kind, Key)>,
    rest: Rest,
}

impl<D: Disk> Writer<D> {
    fn new(shared: Arc<Shared>, names: Names, disk: D) -> Self {
        Self { shared, names, disk, in_doubt: Vec::new(), rest: Rest::new() }
    }

    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut left = None;
        self.rest.changed();
        loop {
            let request = match left.take() {
                Some(request) => Some(request),
                None => tokio::select! {
                    biased;
                    request = requests.recv() => request,
                    () = self.rest.due() => {
                        self.rest.work(&self.shared);
                        continue;
                    }
                },
            };
            self.rest.changed();
            match request {
                Some(Request::Commit(first)) => left = self.commit(first, &mut requests).await,
                Some(Request::Restore(snapshot, answer)) => {
                    // Whoever asked may be gone.
                    let _ = answer.send(self.restore(snapshot).await);
                }
                None => return,
            }
        }
    }

    /// Commits `first` and what else is waiting, and answers. Returns a request of another sort that
    /// came next.
    async fn commit(
        &mut self,
        first: Asked,
        requests: &mut mpsc::Receiver<Request>,
    ) -> Option<Request> {
        let mut left = None;
        let (answers, changes) = {
            let state = self.shared.read();
            let mut batch = Batch::new(&state, &self.names, &self.shared.specs);
            let mut answers = Vec::new();
            let mut next = Some(first);
            while let Some(Asked { transaction, now, answer }) = next {
                answers.push((answer, batch.apply(transaction, now)));
                let is_full = answers.len() >= BATCH_TRANSACTIONS_MAX
                    || batch.changes().len() >= BATCH_CHANGES_MAX;
                next = match if is_full { None } else { requests.try_recv().ok() } {
                    Some(Request::Commit(asked)) => Some(asked),
                    other => {
                        left = other;
                        None
                    }
                };
            }
            (answers, batch.into_changes())
        };
        self.shared.meter.commits.add(answers.len() as u64);
        let written = self.write(&changes).await;
        // Freed when whoever waits has been answered.
        let _forgotten = written.is_ok().then(|| self.shared.publish(changes));
        for (answer, result) in answers {
            // Also what was refused may have been so because of something that is not kept.
            let result = written.clone().map_err(|source| self.refused(source)).and(result);
            // Whoever asked may be gone.
            let _ = answer.send(result);
        }
        if written.is_ok() {
            self.rewrite_oldest();
        }
        left
    }

    /// Has the disk let go of some of what is not so any more.
    fn rewrite_oldest(&mut self) {
        let oldest = self.disk.oldest();
        if oldest.is_empty() {
            return;
        }
        let unchanged: Vec<(Kind, Key, Slot)> = {
            let state = self.shared.read();
            let slot = |old: &Old| state.unchanged_since(old.resource_version, old.kind, &old.key);
            let found = oldest.into_iter().filter_map(|old| Some((slot(&old)?, old)));
            found.map(|(slot, old)| (old.kind, old.key, slot)).collect()
        };
        // Not what was read: an upgrade may have made something else of it.
        let row = |(kind, key, slot): (Kind, Key, Slot)| Row {
            kind,
            key,
            json: Some(slot.into_object().to_json().into()),
        };
        let rows: Vec<Row> = unchanged.into_iter().map(row).collect();
        if let Err(error) = self.disk.rewrite(&rows) {
            tracing::debug!(%error, "what is not so any more stays on the disk for now");
            self.in_doubt = places(&rows);
        }
    }

    /// Puts `snapshot` in the place of what is visible.
    async fn restore(&mut self, snapshot: Snapshot) -> Result<u64, CommitError> {
        let shared = &self.shared;
        let Replacement { state, rows } = Replacement::of(&shared.read(), snapshot, &shared.specs);
        let version = state.version();
        self.append(&rows, version).await.map_err(|source| self.refused(source))?;
        drop(self.shared.replace(state));
        Ok(version)
    }

    fn refused(&self, source: DiskError) -> CommitError {
        CommitError::Disk { folder: self.disk.folder().into(), source }
    }

    async fn write(&mut self, changes: &[Change]) -> Result<(), DiskError> {
        match changes.last() {
            Some(last) => self.append(&rows(changes), last.resource_version).await?,
            None => return Ok(()),
        }
        self.disk.superseded(&superseded(changes));
        Ok(())
    }

    async fn append(&mut self, rows: &[Row], resource_version: u64) -> Result<(), DiskError> {
        if !self.in_doubt.is_empty() {
            self.settle_doubt().await?;
        }
        let begun = Instant::now();
        let written = self.disk.append(rows, resource_version).await;
        self.shared.meter.syncs.observe(begun.elapsed());
        written.inspect_err(|error| {
            tracing::error!(%error, folder = %self.disk.folder().display(), "can't write the state");
            self.in_doubt = places(rows);
        })
    }

    /// Makes the disk agree again with what is visible, after a batch that was refused.
    async fn settle_doubt(&mut self) -> Result<(), DiskError> {
        let kept = self.disk.reopen()?;
        let (rows, version) = self.visible_of_doubtful();
        // Each batch has a version of its own, so the refused one left nothing behind.
        if kept != version {
            self.disk.append(&rows, version).await?;
        }
        self.in_doubt.clear();
        Ok(())
    }

    /// What is visible of the objects in doubt, and the version of the state that is visible.
    fn visible_of_doubtful(&self) -> (Vec<Row>, u64) {
        let state = self.shared.read();
        let visible = |(kind, key): &(Kind, Key)| Row {
            kind: *kind,
            key: key.clone(),
            json: state.get(*kind, key).map(|object| object.to_json().into()),
        };
        (self.in_doubt.iter().map(visible).collect(), state.version())
    }
}

/// The versions of objects that were visible before `changes` and are not any more.
fn superseded(changes: &[Change]) -> Vec<u64> {
    let visible = changes.first().map_or(0, |first| first.resource_version - 1);
    let before = changes.iter().filter_map(|change| version_of(change.before.as_ref()?));
    before.filter(|version| *version <= visible).collect()
}

fn places(rows: &[Row]) -> Vec<(Kind, Key)> {
    rows.iter().map(|row| (row.kind, row.key.clone())).collect()
}

/// The last version of each object in `changes`, in their order.
fn rows(changes: &[Change]) -> Vec<Row> {
    let mut met = HashSet::with_capacity_and_hasher(changes.len(), RandomState::default());
    let last = changes.iter().rev().filter(|change| met.insert((change.kind, &change.key)));
    let mut rows: Vec<Row> = last.map(row).collect();
    rows.reverse();
    rows
}

fn row(change: &Change) -> Row {
    let json = match (change.what, change.kind) {
        // The history is to know how large it is: of these, an object may have a megabyte.
        (ChangeKind::Deleted, Kind::ConfigMap | Kind::Secret) => {
            change.json();
            None
        }
        (ChangeKind::Deleted, _) => None,
        (ChangeKind::Added | ChangeKind::Modified, _) => Some(change.json().clone()),
    };
    Row { kind: change.kind, key: change.key.clone(), json }
}
