//! What a watch tells: the state it begins with, then each change once and in order, and in between
//! how far it has come.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::mpsc;
use tokio::task::coop;
use tokio::time::{Instant, sleep_until};

use crate::api::{Key, Kind, Object};
use crate::http::answer::{self, Form};
use crate::http::selector::Selector;
use crate::http::status::Status;
use crate::limits::{WATCH_CHUNK_MAX, WATCH_FRAME_BYTES_MAX, WATCH_STALL_SECONDS};
use crate::store::{Change, ChangeKind, Gone, Slot, Store, Watch, in_order};

/// How often a watch tells how far it has come; Kubernetes' own, as the next.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
/// How long before its end it does so once more.
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// Marks the bookmark after which only changes follow.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// What is to be told.
pub(super) struct Wish {
    pub(super) kind: Kind,
    /// `None` for all.
    pub(super) namespace: Option<String>,
    pub(super) selector: Selector,
    pub(super) start: Start,
    pub(super) form: Form,
    pub(super) has_bookmarks: bool,
    pub(super) deadline: Instant,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// With all that is there, as additions; they end once `at_least` is reached.
    State { at_least: u64 },
    /// With the first change from now on.
    Now,
    /// With the first change after this version.
    After(u64),
}

/// What a watch begins with.
pub(super) struct Beginning {
    /// What is there, in no order, of which some is meant.
    objects: Vec<(Key, Slot)>,
    watch: Result<Watch, Gone>,
    /// Up to which version nothing is to be told but that.
    after: u64,
    /// The version with which it has been told.
    ends_at: Option<u64>,
}

impl Wish {
    /// Takes down the state of now, or from where on the changes are to be told.
    pub(super) fn begin(&self, store: &Store) -> Beginning {
        let (mut objects, mut newest) = (Vec::new(), store.resource_version());
        let mut ends_at = None;
        let after = match self.start {
            Start::Now => newest,
            Start::After(after) => after,
            Start::State { at_least } => {
                (objects, newest) = self.find(store);
                ends_at = Some(at_least.max(newest));
                newest
            }
        };
        let watch = store.watch(&[self.kind], after.min(newest));
        Beginning { objects, watch, after, ends_at }
    }

    /// What there is that may be meant, in no order, and the version that it is of.
    fn find(&self, store: &Store) -> (Vec<(Key, Slot)>, u64) {
        let namespace = self.namespace.as_deref();
        let is_one_place = namespace.is_some() || !self.kind.is_namespaced();
        match self.selector.name().filter(|_| is_one_place) {
            Some(name) => {
                let key = Key::new(namespace.unwrap_or_default(), name);
                let (found, version) = store.find_one(self.kind, &key);
                (found.map(|slot| (key, slot)).into_iter().collect(), version)
            }
            None => store.find(self.kind, namespace),
        }
    }
}

/// A watch at work.
pub(super) struct Feed {
    store: Store,
    wish: Wish,
    after: u64,
    needs_columns: bool,
    frame: Vec<u8>,
    frames: mpsc::Sender<Bytes>,
}

/// There is nothing more to tell, or nobody to tell it to.
struct Over;

impl Feed {
    pub(super) fn new(store: Store, wish: Wish, frames: mpsc::Sender<Bytes>) -> Self {
        Self { store, wish, after: 0, needs_columns: true, frame: Vec::new(), frames }
    }

    /// Tells until the time is up, the client is gone or has stopped reading, or the history has
    /// moved on without us.
    pub(super) async fn run(mut self, beginning: Beginning) {
        let (frames, deadline) = (self.frames.clone(), self.wish.deadline);
        tokio::select! {
            () = frames.closed() => {}
            () = sleep_until(deadline) => {}
            Err(Over) = self.tell(beginning) => {}
        }
    }

    async fn tell(&mut self, beginning: Beginning) -> Result<Infallible, Over> {
        let Beginning { objects, watch, after, mut ends_at } = beginning;
        let mut watch = match watch {
            Ok(watch) => watch,
            Err(gone) => return self.fail(gone).await,
        };
        self.after = after;
        for slot in in_order(objects) {
            let object = slot.into_object();
            if self.wish.selector.matches(&object) {
                self.put("ADDED", (&object, None)).await?;
            }
            coop::consume_budget().await;
        }
        let (mut next_bookmark, mut is_due) = (self.next_bookmark(), false);
        loop {
            for _ in 0..WATCH_CHUNK_MAX {
                let Some(change) = watch.try_next() else { break };
                self.note(&change).await?;
            }
            if std::mem::take(&mut is_due) {
                self.bookmark(&watch, None).await?;
                next_bookmark = self.next_bookmark();
            }
            if ends_at.take_if(|at| watch.resource_version() >= *at).is_some() {
                self.bookmark(&watch, Some(INITIAL_EVENTS_END)).await?;
            }
            self.flush().await?;
            // Somebody else's turn, if there was much to do.
            coop::consume_budget().await;
            tokio::select! {
                change = watch.next() => match change {
                    Ok(change) => self.note(&change).await?,
                    Err(gone) => return self.fail(gone).await,
                },
                () = reached(&self.store, ends_at) => {}
                () = sleep_until(next_bookmark), if self.wish.has_bookmarks => is_due = true,
            }
        }
    }

    /// Tells of `change` what it means for what is selected.
    async fn note(&mut self, change: &Change) -> Result<(), Over> {
        let Wish { namespace, selector, .. } = &self.wish;
        let is_elsewhere = namespace.as_deref().is_some_and(|it| *change.key.namespace != *it);
        if is_elsewhere || change.resource_version <= self.after {
            return Ok(());
        }
        let was_meant = change.before.as_ref().is_some_and(|before| selector.matches(before));
        let is_left = change.what != ChangeKind::Deleted;
        let is_meant = is_left && selector.matches(&change.object);
        let what = match (was_meant, is_meant) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) if is_left => {
                return self.put("DELETED", (&last_seen(change), None)).await;
            }
            (true, false) => "DELETED",
            (false, false) => return Ok(()),
        };
        // One JSON for all who watch it, where that is what they want.
        let last = if self.wish.form.is_kept() { change.object.clone() } else { change.last() };
        self.put(what, (&last, Some(change))).await
    }

    /// Tells how far the watch has come, if that is wanted.
    async fn bookmark(&mut self, watch: &Watch, mark: Option<&str>) -> Result<(), Over> {
        let version = watch.resource_version();
        if !self.wish.has_bookmarks || version < self.after {
            return Ok(());
        }
        self.put("BOOKMARK", (&bookmark(self.wish.kind, version, mark), None)).await
    }

    fn next_bookmark(&self) -> Instant {
        let now = Instant::now();
        let left = self.wish.deadline.saturating_duration_since(now);
        match left.checked_sub(BOOKMARK_BEFORE_END) {
            Some(last) if !last.is_zero() => now + last.min(BOOKMARK_EVERY),
            _ => now + BOOKMARK_EVERY,
        }
    }

    /// Tells that the history does not reach back to what comes next.
    async fn fail(&mut self, gone: Gone) -> Result<Infallible, Over> {
        let status = Status::version_too_old(gone.after, gone.oldest);
        answer::error_event(&status, &mut self.frame);
        self.flush().await?;
        Err(Over)
    }

    /// Tells `what` has become of an object, which may be what a change has made of it.
    async fn put(
        &mut self,
        what: &str,
        (object, change): (&Object, Option<&Change>),
    ) -> Result<(), Over> {
        let (form, now) = (self.wish.form, self.store.clock().now());
        let json = change.filter(|_| form.is_kept()).map(|change| &change.json()[..]);
        answer::event(form, what, (object, json), self.needs_columns, now, &mut self.frame);
        self.needs_columns = false;
        if self.frame.len() < WATCH_FRAME_BYTES_MAX {
            return Ok(());
        }
        self.flush().await
    }

    /// Gives out what there is, when there is room for it.
    async fn flush(&mut self) -> Result<(), Over> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let frame = Bytes::from(std::mem::take(&mut self.frame));
        let stall = Duration::from_secs(WATCH_STALL_SECONDS);
        self.frames.send_timeout(frame, stall).await.map_err(|_| Over)
    }
}

/// Completes when the state of `version` is visible; never if there is none to wait for.
async fn reached(store: &Store, version: Option<u64>) {
    match version {
        Some(version) => store.reached(version).await,
        None => std::future::pending().await,
    }
}

/// What has ceased to be selected, as it was last, with the version at which it ceased.
fn last_seen(change: &Change) -> Object {
    let mut seen = change.before.as_ref().unwrap_or(&change.object).clone();
    seen.metadata_mut().resource_version = Some(change.resource_version.to_string());
    seen
}

/// An object of `kind` that says nothing but how far a watch has come.
fn bookmark(kind: Kind, version: u64, mark: Option<&str>) -> Object {
    let mut object = Object::from_json(kind, b"{}").expect("every kind must have an empty object");
    let metadata = object.metadata_mut();
    metadata.resource_version = Some(version.to_string());
    metadata.annotations = mark.map(|mark| BTreeMap::from([(mark.to_owned(), "true".to_owned())]));
    object
}
