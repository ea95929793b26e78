//! What containers print, kept per container and per restart, readable while they run and after.
//!
//! ```text
//! runtime ──▶ LogWriter ──▶ <restart>.log, .1, .2 … ──▶ Follower ──▶ whoever reads
//!                  └────────── it has grown ───────────────▲
//! ```
//!
//! A log is rotated as the kubelet's are: a file of it is full some time, and then the next one
//! grows; beyond a number of files, the oldest goes. A run that was lost and begins once more has a
//! log of its own, and what it had printed before is kept beside.
//!
//! It knows files and lines, not what a pod is doing.

mod attached;
mod files;
mod line;
mod meter;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::directory::PodDirectory;
use super::runtime::PodIdentity;
use crate::clock::Clock;
use crate::limits::{LOG_FILE_BYTES_MAX, LOG_FILES_MAX, LOG_RUNS_MAX};
use files::Files;
use reader::Reader;

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

struct Inner {
    root: PathBuf,
    clock: Clock,
    limits: LogLimits,
    /// The runs that are going on.
    live: Mutex<HashMap<Run, Weak<LogWriter>>>,
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
    pub fn new(root: impl Into<PathBuf>, clock: Clock, limits: LogLimits) -> Self {
        let (root, live) = (root.into(), Mutex::default());
        Self { inner: Arc::new(Inner { root, clock, limits, live }) }
    }

    /// Begins the log of `run`, and forgets that of a run long before it.
    ///
    /// If there is one already, it is of a run that was lost and begins once more. What it takes is
    /// counted by `meter`.
    pub(super) fn create(
        &self,
        run: Run,
        meter: Option<Arc<LogMeter>>,
    ) -> io::Result<Arc<LogWriter>> {
        let directory = PodDirectory::new(&self.inner.root, &run.pod)?;
        let files = Files::new(directory.log(&run.container, run.restart)?);
        files.move_to(&Files::new(directory.lost_log(&run.container, run.restart)?))?;
        if let Some(old) = run.restart.checked_sub(LOG_RUNS_MAX) {
            let mut removed = Files::new(directory.log(&run.container, old)?).remove_all();
            removed += Files::new(directory.lost_log(&run.container, old)?).remove_all();
            if let Some(meter) = &meter {
                meter.shrunk(removed);
            }
            // It may be gone already, and costs only space if it is not.
            let _ = fs::remove_file(directory.termination_log(&run.container, old)?);
        }
        let writer = Arc::new(LogWriter::create(self.clone(), run.clone(), files, meter)?);
        self.live().insert(run, Arc::downgrade(&writer));
        Ok(writer)
    }

    /// The lines of `run` that are there now.
    ///
    /// An error of kind `NotFound` if it has not begun, or is forgotten.
    pub fn read(&self, run: &Run, options: &ReadOptions) -> io::Result<Follower> {
        let reader = Reader::open(self.files(run)?, options)?.until_now()?;
        Ok(Follower::new(reader, None))
    }

    /// The lines that `run` had printed when it was lost, before it began once more.
    ///
    /// An error of kind `NotFound` if it was not lost.
    pub fn read_lost(&self, run: &Run, options: &ReadOptions) -> io::Result<Follower> {
        let directory = PodDirectory::new(&self.inner.root, &run.pod)?;
        let files = Files::new(directory.lost_log(&run.container, run.restart)?);
        Ok(Follower::new(Reader::open(files, options)?, None))
    }

    /// The lines of `run`, those to come as well, until it is over.
    ///
    /// An error of kind `NotFound` if it has not begun, or is forgotten.
    pub fn follow(&self, run: &Run, options: &ReadOptions) -> io::Result<Follower> {
        // Asked before the files are opened, so that a run that ends in between is read to its end.
        let growth = self.writer(run).and_then(|writer| writer.growth());
        Ok(Follower::new(Reader::open(self.files(run)?, options)?, growth))
    }

    /// What `run` prints from now on; `None` if it is not going on.
    pub fn attach(&self, run: &Run) -> io::Result<Option<Attached>> {
        let Some(writer) = self.writer(run) else { return Ok(None) };
        let Some(growth) = writer.growth() else { return Ok(None) };
        let from_now_on = ReadOptions { tail_lines: Some(0), since: None };
        let reader = Reader::open(self.files(run)?, &from_now_on)?;
        Ok(Some(Attached::new(reader, &writer, growth)))
    }

    /// Waits until nobody follows `run`, or is attached to it.
    #[cfg(test)]
    pub(crate) async fn unfollowed(&self, run: &Run) {
        if let Some(writer) = self.writer(run) {
            writer.unfollowed().await;
        }
    }

    fn files(&self, run: &Run) -> io::Result<Files> {
        let directory = PodDirectory::new(&self.inner.root, &run.pod)?;
        Ok(Files::new(directory.log(&run.container, run.restart)?))
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

    fn live(&self) -> MutexGuard<'_, HashMap<Run, Weak<LogWriter>>> {
        self.inner.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
