//! The disk of a store whose state is in etcd.
//!
//! ```text
//! few rows    one transaction: while we lead, and the state is N: the rows, state = N+1
//! many rows   pending/N+1/… ─▶ pending/head, state = N+1 ─▶ rows, some at a time ─▶ pending forgotten
//!                                └ valid from here on: whoever loads it next writes the rest
//! ```
//!
//! Each write names the state that it goes on from, so it can be asked again when no answer came: it
//! happens once, or it is seen to have happened, since nobody else writes under our key. A write whose
//! outcome stays unknown ends the session.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use mayfly_controller::api::Kind;
use mayfly_controller::clock::Clock;
use mayfly_controller::store::disk::{Disk, DiskError, Loaded, Row};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::client::Client;
use crate::error::{Error, Result, chain};
use crate::format;
use crate::layout::{Layout, part_at, parts_of};
use crate::limits::{
    OPERATIONS_MAX, REFUSED_PAUSE, RETRY_PAUSE, TRANSACTION_BYTES_MAX, VALUE_BYTES_MAX,
};
use crate::pages::Pages;
use crate::record;
use crate::session::{Session, State, version_in};
use crate::wire::{Compare, Operation, transaction};

/// The state, for as long as a session lasts.
pub struct EtcdDisk {
    session: Session,
    clock: Clock,
    /// Where requests are made: whoever appends has no reactor.
    threads: Handle,
    place: PathBuf,
    /// The version that etcd has; `None` before it was read.
    kept: Option<u64>,
    is_in_doubt: bool,
}

impl EtcdDisk {
    /// What the leader of `session` has. It must be made in a tokio runtime, whose threads do what is
    /// asked; [`Disk::load`] must be called on one of its threads for what blocks.
    pub fn new(session: Session, clock: Clock) -> Self {
        let place = PathBuf::from(session.state().client.place());
        Self { session, clock, threads: Handle::current(), place, kept: None, is_in_doubt: false }
    }
}

impl Disk for EtcdDisk {
    fn folder(&self) -> &Path {
        &self.place
    }

    fn load(&mut self) -> std::result::Result<Loaded<'_>, DiskError> {
        let state = self.session.state();
        let keeper = Keeper { state: Arc::clone(&state) };
        // Whatever a state has given that etcd has forgotten again, such as by being restored from a
        // snapshot, is below: nobody takes one object for another. Versions go on with time, in
        // microseconds, of which there have been fewer commits than that.
        let now = u64::try_from(self.clock.now().as_microsecond()).unwrap_or_default();
        let loaded = self.threads.block_on(async {
            tokio::select! {
                loaded = keeper.load(now) => loaded,
                () = state.over() => Err(state.lost()),
            }
        });
        let loaded = loaded.map_err(shared)?;
        self.kept = Some(loaded.resource_version);
        Ok(loaded)
    }

    async fn append(
        &mut self,
        rows: &[Row],
        resource_version: u64,
    ) -> std::result::Result<(), DiskError> {
        let keeper = Keeper { state: self.session.state() };
        let (rows, before) = (rows.to_vec(), self.kept);
        let kept = async move { keeper.keep(&rows, before, resource_version).await };
        // Who waits for this may hold the last thread that would do it.
        let state = self.session.state();
        let kept = tokio::select! {
            kept = self.threads.spawn(kept) => kept.map_err(shared)?,
            () = state.over() => Err(state.lost()),
        };
        match kept {
            Ok(()) => {
                self.kept = Some(resource_version);
                Ok(())
            }
            Err(error) => {
                self.is_in_doubt |= !error.is_refusal();
                Err(shared(error))
            }
        }
    }

    /// Goes on after a refusal alone: what is in doubt, the next session finds out.
    fn reopen(&mut self) -> std::result::Result<u64, DiskError> {
        if self.is_in_doubt {
            return Err(shared(self.session.state().lost()));
        }
        Ok(self.kept.unwrap_or_default())
    }
}

fn shared(error: impl std::error::Error + Send + Sync + 'static) -> DiskError {
    Arc::new(error)
}

/// Reads and writes while it leads.
struct Keeper {
    state: Arc<State>,
}

impl Keeper {
    fn client(&self) -> &Client {
        &self.state.client
    }

    fn layout(&self) -> &Layout {
        self.state.client.layout()
    }

    /// Everything that is kept, of a version that is new: `now`, or above what there was.
    async fn load(&self, now: u64) -> Result<Loaded<'static>> {
        self.client().check().await?;
        let kept = match self.client().key(&self.layout().state).await? {
            Some(found) => Some(number(&found.key, &found.value)?),
            None => None,
        };
        self.recall(kept)?;
        self.check_format().await?;
        self.state.kept.store(kept.unwrap_or_default(), Ordering::SeqCst);
        self.finish_pending(kept).await?;
        let objects = self.objects().await?;
        let resource_version = now.max(kept.unwrap_or_default() + 1);
        // Even if nothing is ever committed, clients are told this version: the next leader, whose clock
        // may be behind, must begin above it.
        self.write(Vec::new(), kept, Some(resource_version)).await?;
        self.client().memory().remember(self.client().cluster());
        Ok(Loaded::at_once(objects, resource_version))
    }

    /// Refuses to begin with nothing where there was something.
    fn recall(&self, kept: Option<u64>) -> Result<()> {
        let (client, memory) = (self.client(), self.client().memory());
        let Some(before) = memory.recall()? else { return Ok(()) };
        if kept.is_none() {
            let file = memory.path().display().to_string();
            return Err(Error::Emptied { place: client.place(), file });
        }
        if before != client.cluster() {
            let now = client.cluster();
            tracing::warn!(before, now, "etcd is another cluster than it was, with a state");
        }
        Ok(())
    }

    /// Says of which schema the state is, or looks whether it is ours.
    async fn check_format(&self) -> Result<()> {
        let ours = format::ours();
        let key = &self.layout().format;
        let say = transaction(
            &[Compare::MadeAt(key, 0)],
            vec![Operation::put(key, ours.as_bytes())],
            vec![Operation::get(key)],
        );
        let answer = self.client().transact(&say).await?;
        answer.found(0).filter(|_| !answer.succeeded).map_or(Ok(()), format::check)
    }

    async fn objects(&self) -> Result<Vec<(Kind, Vec<u8>)>> {
        let mut pages = Pages::of(self.client(), self.layout().objects());
        let mut objects: Vec<(Kind, Vec<u8>)> = Vec::new();
        // The object that the next keys may be parts of, and how many of them are missing.
        let mut parted: Option<(String, usize)> = None;
        loop {
            let page = pages.next().await?;
            if page.is_empty() {
                return Ok(objects);
            }
            for found in page {
                if let Some((object, _)) = part_at(&found.key) {
                    // Those that an earlier and larger version has left are passed over.
                    if let Some((key, missing)) = &mut parted
                        && key == object
                        && *missing > 0
                        && let Some((_, json)) = objects.last_mut()
                    {
                        json.extend(found.value);
                        *missing -= 1;
                    }
                    continue;
                }
                let kind = self.layout().kind_of(&found.key).ok_or_else(|| Error::Unusable {
                    key: found.key.clone(),
                    why: "it is of an unknown kind".to_owned(),
                })?;
                match parts_of(&found.value) {
                    Some(parts) => {
                        objects.push((kind, Vec::new()));
                        parted = Some((found.key, parts));
                    }
                    None => objects.push((kind, found.value)),
                }
            }
        }
    }

    /// Makes `rows` and the version `next` durable, after the state `before`.
    async fn keep(&self, rows: &[Row], before: Option<u64>, next: u64) -> Result<()> {
        // In the form of a request they are larger than what they say, so only as many are made as are
        // sent at a time.
        let mut operations = Vec::new();
        for operation in self.operations(rows) {
            operations.push(operation);
            if !fits(&operations) {
                drop(operations);
                return self.keep_large(rows, before, next).await;
            }
        }
        self.write(operations, before, Some(next)).await
    }

    fn operations(&self, rows: &[Row]) -> impl Iterator<Item = Operation> + Send {
        rows.iter().flat_map(|row| self.layout().operations(row))
    }

    /// The same for more than one transaction takes.
    async fn keep_large(&self, rows: &[Row], before: Option<u64>, next: u64) -> Result<()> {
        if let Err(error) = self.keep_pending(rows, before, next).await {
            if error.is_refusal() {
                self.forget_refused(before, next).await;
            }
            return Err(error);
        }
        self.write_all(self.operations(rows), next).await.map_err(|error| self.in_doubt(error))
    }

    /// Forgets what there is of the record of `next`, which did not become valid: there may be no room
    /// for it.
    async fn forget_refused(&self, before: Option<u64>, next: u64) {
        if let Err(error) = self.write(self.layout().forget_pending(next), before, None).await {
            tracing::warn!(error = chain(&error), "can't forget a commit that was refused");
        }
    }

    /// Makes `rows` durable as one record, in as many transactions as it takes; the last makes it
    /// valid.
    async fn keep_pending(&self, rows: &[Row], before: Option<u64>, next: u64) -> Result<()> {
        let bytes = record::write(rows);
        let chunks: Vec<_> = bytes.chunks(VALUE_BYTES_MAX).collect();
        for (number, chunk) in chunks.iter().enumerate() {
            let put = Operation::put(&self.layout().pending(next, number), chunk);
            self.write(vec![put], before, None).await?;
        }
        let head = Operation::put(&self.layout().pending_head, chunks.len().to_string().as_bytes());
        self.write(vec![head], before, Some(next)).await
    }

    /// Writes what a record of the valid state `now` says, and forgets the record. It has happened
    /// already, so a refusal, such as for want of room, is only waited for.
    async fn write_all(
        &self,
        operations: impl Iterator<Item = Operation> + Send,
        now: u64,
    ) -> Result<()> {
        let mut batch = Vec::new();
        for operation in operations {
            batch.push(operation);
            if !fits(&batch) {
                let last = batch.pop();
                self.write_at_last(&std::mem::take(&mut batch), now).await?;
                batch.extend(last);
            }
        }
        self.write_at_last(&batch, now).await?;
        self.write_at_last(&self.layout().forget_pending(now), now).await
    }

    /// Does `operations` in the state `now`, whenever etcd has room for them.
    async fn write_at_last(&self, operations: &[Operation], now: u64) -> Result<()> {
        loop {
            match self.write(operations.to_vec(), Some(now), None).await {
                Err(error) if error.is_refusal() => {
                    tracing::warn!(error = chain(&error), "can't write the state, trying again");
                    sleep(REFUSED_PAUSE).await;
                }
                other => return other,
            }
        }
    }

    /// Writes what an earlier session has made valid and not written; forgets what it has not made
    /// valid.
    async fn finish_pending(&self, kept: Option<u64>) -> Result<()> {
        let Some(now) = kept else { return Ok(()) };
        let Some(head) = self.client().key(&self.layout().pending_head).await? else {
            return self.write(self.layout().forget_all_pending(), kept, None).await;
        };
        let unusable = |why: &str| Error::Unusable { key: head.key.clone(), why: why.to_owned() };
        let mut bytes = Vec::new();
        for number in 0..number(&head.key, &head.value)? {
            let number = usize::try_from(number).map_err(|_| unusable("it is too large"))?;
            let chunk = self.client().key(&self.layout().pending(now, number)).await?;
            bytes.extend(chunk.ok_or_else(|| unusable("a part of it is missing"))?.value);
        }
        let rows = record::read(&Bytes::from(bytes)).ok_or_else(|| unusable("it is cut off"))?;
        tracing::info!(rows = rows.len(), "writing the rest of what another server had committed");
        self.write_all(self.operations(&rows), now).await
    }

    /// Does `operations` if we lead and the state is `before`, and makes it `next` if that is another.
    async fn write(
        &self,
        mut operations: Vec<Operation>,
        before: Option<u64>,
        next: Option<u64>,
    ) -> Result<()> {
        let layout = self.layout();
        if let Some(next) = next {
            operations.push(Operation::put(&layout.state, next.to_string().as_bytes()));
        }
        let text = before.map(|before| before.to_string());
        let state = match &text {
            Some(text) => Compare::Is(&layout.state, text),
            None => Compare::MadeAt(&layout.state, 0),
        };
        let look = vec![Operation::get(&layout.leader), Operation::get(&layout.state)];
        let body = transaction(&[self.state.leads(), state], operations, look);
        let mut may_have_happened = false;
        loop {
            let attempt = tokio::select! {
                biased;
                () = self.state.over() => return Err(self.state.lost()),
                attempt = self.client().try_transact(&body) => attempt,
            };
            may_have_happened |= attempt.may_have_happened;
            match attempt.result {
                Ok(answer) if answer.succeeded => break,
                Ok(answer) if !self.state.leads_in(&answer, 0) => {
                    self.state.lose("another server leads".to_owned());
                    return Err(self.state.lost());
                }
                // An attempt whose answer did not come, of this member or another.
                Ok(answer) if next == Some(version_in(&answer, 1)) => break,
                Ok(_) => {
                    self.state.lose("etcd has another state than it was told".to_owned());
                    return Err(self.state.lost());
                }
                Err(error) if error.is_passing() => {
                    tracing::warn!(error = chain(&error), "can't write the state, trying again");
                    sleep(RETRY_PAUSE).await;
                }
                Err(error) if error.is_refusal() => match next {
                    // What does not make another state may happen late, or twice.
                    None => return Err(error),
                    Some(next) if self.has_happened(next).await? => break,
                    Some(_) if may_have_happened => return Err(self.in_doubt(error)),
                    Some(_) => return Err(error),
                },
                Err(error) => return Err(self.in_doubt(error)),
            }
        }
        if let Some(next) = next {
            self.state.kept.fetch_max(next, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Whether etcd has the state `next` although it has said no: an earlier attempt has made it, or etcd
    /// has seen only afterwards that it has no room left.
    async fn has_happened(&self, next: u64) -> Result<bool> {
        loop {
            let looked = tokio::select! {
                biased;
                () = self.state.over() => return Err(self.state.lost()),
                looked = self.state.look() => looked,
            };
            match looked {
                Ok(answer) if !self.state.leads_in(&answer, 0) => {
                    self.state.lose("another server leads".to_owned());
                    return Err(self.state.lost());
                }
                Ok(answer) => return Ok(version_in(&answer, 1) == next),
                Err(error) if error.is_passing() => {
                    tracing::warn!(
                        error = chain(&error),
                        "can't see what was written, trying again"
                    );
                    sleep(RETRY_PAUSE).await;
                }
                Err(error) => return Err(self.in_doubt(error)),
            }
        }
    }

    /// Ends the session, since it is not known what has become of a write.
    fn in_doubt(&self, error: Error) -> Error {
        self.state.lose(format!("what has become of a write is not known: {error}"));
        match error {
            lost @ Error::Lost(_) => lost,
            _ => self.state.lost(),
        }
    }
}

/// Whether one transaction takes all of `operations`.
fn fits(operations: &[Operation]) -> bool {
    let bytes: usize = operations.iter().map(|it| it.bytes).sum();
    operations.len() <= OPERATIONS_MAX && bytes <= TRANSACTION_BYTES_MAX
}

fn number(key: &str, value: &[u8]) -> Result<u64> {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| Error::Unusable { key: key.to_owned(), why: "it is no number".to_owned() })
}
