//! What the operator lets pods and this process have: `--limits FILE`, or what holds without one.
//!
//! ```text
//! FILE ─▶ file (what it says) ─▶ meaning ─▶ Limits ─▶ admission, scheduler, node · sandbox · engine
//! ```

mod file;
mod meaning;
mod reader;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use reader::{Asked, Unit};

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use mayfly_controller::node::logs::LogLimits;
use mayfly_controller::node::{DiskReserve, NodeCapacity, VolumeSettings};
use mayfly_controller::quota::OperatorLimits;
use mayfly_images::PullLimits;
use mayfly_runtime::EngineSettings;

/// The largest file of limits. Stops a file that is none from filling memory; one that says
/// everything has some kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What pods and this process may have.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// What each pod may have.
    pub(crate) pods: OperatorLimits,
    /// Files, directories and links in a volume.
    pub(crate) volume_entries: u64,
    /// How much is kept of what a run prints.
    pub(crate) logs: LogLimits,
    /// What may be pulled.
    pub(crate) images: PullLimits,
    /// What is the same for every run; what pods say of theirs comes over it.
    pub(crate) runs: mayfly_runtime::Limits,
    /// How modules are compiled, and how many run at a time.
    pub(crate) engine: EngineSettings,
    /// What must be left of the disk that state is on.
    pub(crate) disk: DiskReserve,
    /// What the node takes on.
    pub(crate) capacity: NodeCapacity,
}

impl Default for Limits {
    fn default() -> Self {
        let capacity = NodeCapacity::of_host();
        let memory_bytes_max = Some(capacity.memory_for_pods_bytes());
        Self {
            pods: OperatorLimits::default(),
            volume_entries: VolumeSettings::default().entries,
            logs: LogLimits::default(),
            images: PullLimits::default(),
            runs: mayfly_runtime::Limits::default(),
            engine: EngineSettings { memory_bytes_max, ..EngineSettings::default() },
            disk: DiskReserve::default(),
            capacity,
        }
    }
}

impl Limits {
    /// What the file at `path` says, and the defaults for what it does not.
    pub(crate) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let read = || -> anyhow::Result<Self> {
            let bytes = fs::metadata(path)?.len();
            ensure!(bytes <= FILE_BYTES_MAX, "it has more than {FILE_BYTES_MAX} bytes");
            meaning::read(&fs::read_to_string(path)?)
        };
        read().with_context(|| format!("can't use the limits in {}", path.display()))
    }
}

/// What a file of limits may say, as a schema with what is told of each key.
#[cfg(test)]
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(file::File).to_value()
}

/// The keys whose default is a number, as they are read.
#[cfg(test)]
pub(crate) fn keys() -> Vec<Asked> {
    meaning::keys()
}
