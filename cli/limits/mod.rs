//! What the operator lets pods and this process have: `--limits FILE`, or what holds without one.
//!
//! ```text
//! FILE ─▶ file (what it says) ─▶ Limits ─▶ admission, scheduler, node · sandbox · engine
//! ```

mod file;

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use mayfly_controller::node::NodeCapacity;
use mayfly_controller::quota::OperatorLimits;
use mayfly_runtime::EngineSettings;

/// The largest file of limits. Stops a file that is none from filling memory; one that says
/// everything has a kilobyte.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What pods and this process may have.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// What each pod may have.
    pub(crate) pods: OperatorLimits,
    /// What is the same for every run; what pods say of theirs comes over it.
    pub(crate) runs: mayfly_runtime::Limits,
    /// How modules are compiled, and how many run at a time.
    pub(crate) engine: EngineSettings,
    /// What the node takes on.
    pub(crate) capacity: NodeCapacity,
}

impl Default for Limits {
    fn default() -> Self {
        let capacity = NodeCapacity::of_host();
        let memory_bytes_max = Some(capacity.memory_for_pods_bytes());
        Self {
            pods: OperatorLimits::default(),
            runs: mayfly_runtime::Limits::default(),
            engine: EngineSettings { memory_bytes_max, ..EngineSettings::default() },
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
            file::read(&fs::read_to_string(path)?)
        };
        read().with_context(|| format!("can't use the limits in {}", path.display()))
    }
}
