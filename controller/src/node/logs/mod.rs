//! What containers print, kept per container and per restart, readable while they run and after.
//!
//! ```text
//! runtime ──▶ LogWriter ──▶ <restart>.log ──▶ Follower ──▶ whoever reads
//!                  └──────── it has grown ───────▲
//! ```
//!
//! It knows files and lines, not what a pod is doing.

mod line;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::directory::PodDirectory;
use super::runtime::PodIdentity;
use crate::clock::Clock;
use crate::limits::LOG_RUNS_MAX;

pub use line::LogLine;
pub use reader::{Follower, ReadOptions};
pub use writer::LogWriter;

/// The logs of one node. A clone is the same.
#[derive(Clone)]
pub struct Logs {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    clock: Clock,
    /// The runs that are going on.
    live: Mutex<HashMap<Run, watch::Receiver<()>>>,
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
    /// The logs under `root`, the node's own directory.
    pub fn new(root: impl Into<PathBuf>, clock: Clock) -> Self {
        Self { inner: Arc::new(Inner { root: root.into(), clock, live: Mutex::default() }) }
    }

    /// Begins the log of `run`, and forgets that of a run long before it.
    pub(super) fn create(&self, run: Run) -> io::Result<LogWriter> {
        let directory = PodDirectory::new(&self.inner.root, &run.pod)?;
        let path = directory.log(&run.container, run.restart)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        if let Some(old) = run.restart.checked_sub(LOG_RUNS_MAX) {
            // It may be gone already, and costs only space if it is not.
            let _ = fs::remove_file(directory.log(&run.container, old)?);
            let _ = fs::remove_file(directory.termination_log(&run.container, old)?);
        }
        let (grow, growth) = watch::channel(());
        let writer = LogWriter::create(&path, self.inner.clock.clone(), grow)?;
        self.live().insert(run, growth);
        Ok(writer)
    }

    /// Says that `run` prints no more.
    pub(super) fn finish(&self, run: &Run, writer: &LogWriter) {
        writer.finish();
        self.live().remove(run);
    }

    /// The lines of `run` that are there.
    ///
    /// An error of kind `NotFound` if it has not begun, or is forgotten.
    pub fn read(&self, run: &Run, options: &ReadOptions) -> io::Result<Vec<LogLine>> {
        let mut follower = Follower::new(self.open(run)?, None, options)?;
        let mut lines = Vec::new();
        while let Some(line) = follower.try_next()? {
            lines.push(line);
        }
        Ok(lines)
    }

    /// The lines of `run`, those to come as well, until it is over.
    ///
    /// An error of kind `NotFound` if it has not begun, or is forgotten.
    pub fn follow(&self, run: &Run, options: &ReadOptions) -> io::Result<Follower> {
        // Asked before the file is opened, so that a run that ends in between is read to its end.
        let growth = self.live().get(run).cloned();
        Follower::new(self.open(run)?, growth, options)
    }

    fn open(&self, run: &Run) -> io::Result<File> {
        let directory = PodDirectory::new(&self.inner.root, &run.pod)?;
        File::open(directory.log(&run.container, run.restart)?)
    }

    fn live(&self) -> MutexGuard<'_, HashMap<Run, watch::Receiver<()>>> {
        self.inner.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
