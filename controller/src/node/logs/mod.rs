//! What containers print, kept per container and per restart, readable while they run and after.
//!
//! ```text
//! runtime ──▶ LogWriter ──▶ a record in a segment ───┬─▶ Follower ──▶ whoever reads
//!                 ││  └───▶ <restart>.log, .1, .2 … ──┘     ▲
//!                 │└──────── memory, while it is small ─────┤
//!                 └───────── it has grown ──────────────────┘
//! ```
//!
//! Most logs are small, and are kept together in the files of `segments`; one that becomes larger
//! has files of its own. Either way a line is written at once, so that whoever kills this process
//! loses none.
//!
//! A large log is rotated as the kubelet's are: a file of it is full some time, and then the next one
//! grows; beyond a number of files, the oldest goes. A run that was lost and begins once more has a
//! log of its own, and what it had printed before is kept beside.
//!
//! It knows files and lines, not what a pod is doing.

mod attached;
mod files;
mod line;
mod meter;
mod reader;
mod segments;
mod small;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use foldhash::fast::RandomState;

use super::directory::{self, PodDirectory};
use super::runtime::PodIdentity;
use crate::clock::Clock;
use crate::limits::{LOG_FILE_BYTES_MAX, LOG_FILES_MAX, LOG_RUNS_MAX};
use files::Files;
use reader::Reader;
use segments::Segments;
use small::Small;

pub use attached::Attached;
pub use line::LogLine;
pub(crate) use meter::LogMeter;
pub use reader::{Follower, ReadOptions};
pub use writer::LogWriter;

/// The logs of one node. A clone is the same.
#[derive(Clone)]
pub struct Logs {
    inner: Arc<Inner>,
}

/// How much is kept of what one run of a container prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// Bytes of one file; at least [`FILE_BYTES_MIN`](Self::FILE_BYTES_MIN).
    pub file_bytes: u64,
    /// Files, the one that grows among them; at least two, so that something is left when the next
    /// one begins.
    pub files: u32,
}

impl LogLimits {
    /// What the longest line takes, several times.
    pub const FILE_BYTES_MIN: u64 = 64 << 10;
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { file_bytes: LOG_FILE_BYTES_MAX as u64, files: LOG_FILES_MAX }
    }
}

type Live = HashMap<Arc<Run>, Weak<LogWriter>, RandomState>;

struct Inner {
    root: PathBuf,
    clock: Clock,
    limits: LogLimits,
    /// The logs that are small.
    segments: Segments,
    /// The uids of pods that may have logs in files.
    with_files: Mutex<HashSet<String>>,
    /// The runs that are going on.
    live: Mutex<Live>,
}

/// One run of a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The pod.
    pub pod: PodIdentity,
    /// The container's name in it.
    pub container: String,
    /// `restartCount` during the run.
    pub restart: u32,
}

impl Logs {
    /// The logs under `root`, the node's own directory, of which `limits` says how much is kept.
    /// Reads what an earlier process has left there, through to its end.
    pub fn new(root: impl Into<PathBuf>, clock: Clock, limits: LogLimits) -> Self {
        let (root, live) = (root.into(), Mutex::default());
        let segments = Segments::open(directory::logs(&root));
        let pods = fs::read_dir(directory::pods(&root)).into_iter().flatten().flatten();
        let uids =
            pods.filter_map(|it| Some(directory::uid_of(it.file_name().to_str()?)?.to_owned()));
        let with_files = Mutex::new(uids.collect());
        Self { inner: Arc::new(Inner { root, clock, limits, segments, with_files, live }) }
    }

    /// Begins the log of `run`, and forgets that of a run long before it.
    ///
    /// If there is one already, it is of a run that was lost and begins once more. What it takes is
    /// counted by `meter`.
    pub(super) fn create(
        &self,
        run: impl Into<Arc<Run>>,
        meter: Option<Arc<LogMeter>>,
    ) -> io::Result<Arc<LogWriter>> {
        let run = run.into();
        let attempt = self.inner.segments.begin(&run)?;
        if self.has_files(&run.pod.uid) {
            let lost = self.lost_files(&run)?;
            if !self.files(&run)?.move_to(&lost)? && attempt > 0 {
                // What was lost last was small.
                lost.remove_all();
            }
        }
        if let Some(old) = run.restart.checked_sub(LOG_RUNS_MAX) {
            let removed = self.remove(&Run { restart: old, ..Run::clone(&run) })?;
            if let Some(meter) = &meter {
                meter.shrunk(removed);
            }
        }
        let writer = Arc::new(LogWriter::new(self.clone(), Arc::clone(&run), attempt, meter));
        self.live().insert(run, Arc::downgrade(&writer));
        Ok(writer)
    }

    /// Forgets what `run` has printed; gives how many bytes that were.
    fn remove(&self, run: &Run) -> io::Result<u64> {
        let mut removed = self.inner.segments.forget(run);
        if self.has_files(&run.pod.uid) {
            removed += self.files(run)?.remove_all() + self.lost_files(run)?.remove_all();
        }
        Ok(removed)
    }

    /// Forgets what a pod has printed that is no more, but for its files, which go with its directory.
    pub(super) fn remove_pod(&self, uid: &str) {
        self.inner.segments.forget_pod(uid);
        self.with_files().remove(uid);
    }

    /// The same for all pods but these.
    pub(super) fn remove_others(&self, uids: &HashSet<String>) {
        self.inner.segments.forget_others(uids);
        self.with_files().retain(|uid| uids.contains(uid));
    }

    /// The lines of `run` that are there now.
    ///
    /// An error of kind `NotFound` if it has not begun, or is forgotten.
    pub fn read(&self, run: &Run, options: &ReadOptions) -> io::Result<Follower> {
        let reader = self.reader(run, options)?.until_now()?;
        Ok(Follower::new(reader, None))
    }

    /// The lines that `run` had printed when it was lost, before it began once more.
    ///
    /// An error of kind `NotFound` if it was not lost.
    pub fn read_lost(&self, run: &Run, options: &ReadOptions) -> io::Result<Follower> {
        let files = self.lost_files(run)?;
        let is_large = self.has_files(&run.pod.uid) && files.are_there();
        let small = if is_large { None } else { self.inner.segments.read_lost(run)? };
        if !is_large && small.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let small = small.map(|bytes| Arc::new(Small::of(bytes)));
        Ok(Follower::new(Reader::open(files, small, options)?, None))
    }

    /// The lines of `run`, those to come as well, until it is over.
    ///
    /// An error of kind `NotFound` if it has not begun, or is forgotten.
    pub fn follow(&self, run: &Run, options: &ReadOptions) -> io::Result<Follower> {
        // Asked before anything is opened, so that a run that ends in between is read to its end.
        let growth = self.writer(run).and_then(|writer| writer.growth());
        Ok(Follower::new(self.reader(run, options)?, growth))
    }

    /// What `run` prints from now on; `None` if it is not going on.
    pub fn attach(&self, run: &Run) -> io::Result<Option<Attached>> {
        let Some(writer) = self.writer(run) else { return Ok(None) };
        let Some(growth) = writer.growth() else { return Ok(None) };
        let from_now_on = ReadOptions { tail_lines: Some(0), since: None };
        let reader = self.reader(run, &from_now_on)?;
        Ok(Some(Attached::new(reader, &writer, growth)))
    }

    /// Waits until nobody follows `run`, or is attached to it.
    #[cfg(test)]
    pub(crate) async fn unfollowed(&self, run: &Run) {
        if let Some(writer) = self.writer(run) {
            writer.unfollowed().await;
        }
    }

    /// One of what `run` has printed, wherever that is.
    fn reader(&self, run: &Run, options: &ReadOptions) -> io::Result<Reader> {
        let files = self.files(run)?;
        if let Some(small) = self.writer(run).and_then(|writer| writer.small()) {
            return Reader::open(files, Some(small), options);
        }
        // One that has outgrown its segment may still be there as well, if somebody died meanwhile.
        if self.has_files(&run.pod.uid) && files.are_there() {
            return Reader::open(files, None, options);
        }
        let bytes = self.inner.segments.read(run)?.ok_or(io::ErrorKind::NotFound)?;
        Reader::open(files, Some(Arc::new(Small::of(bytes))), options)
    }

    fn files(&self, run: &Run) -> io::Result<Files> {
        let directory = PodDirectory::new(&self.inner.root, &run.pod)?;
        Ok(Files::new(directory.log(&run.container, run.restart)?))
    }

    fn lost_files(&self, run: &Run) -> io::Result<Files> {
        let directory = PodDirectory::new(&self.inner.root, &run.pod)?;
        Ok(Files::new(directory.lost_log(&run.container, run.restart)?))
    }

    /// Whether a pod may have logs in files.
    pub(super) fn has_files(&self, uid: &str) -> bool {
        self.with_files().contains(uid)
    }

    /// Takes note that the pod of `run` has.
    fn takes_files(&self, run: &Run) {
        let mut with_files = self.with_files();
        if !with_files.contains(&run.pod.uid) {
            with_files.insert(run.pod.uid.clone());
        }
    }

    fn with_files(&self) -> MutexGuard<'_, HashSet<String>> {
        self.inner.with_files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self, run: &Run) -> Option<Arc<LogWriter>> {
        self.live().get(run)?.upgrade()
    }

    /// Takes note that `writer` writes no more.
    fn forget(&self, run: &Run, writer: &LogWriter) {
        let mut live = self.live();
        // The same run may have begun once more meanwhile.
        if live.get(run).is_some_and(|it| std::ptr::eq(it.as_ptr(), writer)) {
            live.remove(run);
        }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.inner.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
