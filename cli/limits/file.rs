//! What a file of limits may say. Its fields have the names that it has, and what is said of them
//! here stands in the reference.
//!
//! It is read as strictly as a manifest, and with the same complaints.

use mayfly_controller::admission::decode::salvage_file;
use mayfly_controller::api::Quantity;
use serde::Deserialize;

/// What `text` says, and what is wrong with it: every field that there is not, and every value of
/// another type, which is then as if it had not been said.
pub(super) fn decode(text: &str) -> (File, Vec<String>) {
    let (file, problems) = salvage_file(text);
    let lines = problems.into_iter().map(|(line, problem)| match line {
        0 => problem.to_string(),
        line => format!("line {line}: {problem}"),
    });
    (file.unwrap_or_default(), lines.collect())
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub(super) struct File {
    /// Each container: what it has if its pod does not say, and the most that it can ask for.
    pub(super) containers: Containers,
    /// Each pod, likewise.
    pub(super) pods: Pods,
    /// Each emptyDir, likewise.
    pub(super) volumes: Volumes,
    /// What is kept of what one run of a container prints.
    pub(super) logs: Logs,
    /// Every run alike; no pod can ask for anything else.
    pub(super) runs: Runs,
    /// What comes from registries.
    pub(super) images: Images,
    /// What is compiled, and what a module may consist of.
    pub(super) modules: Modules,
    /// What the node takes on.
    pub(super) node: Node,
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Containers {
    /// `resources.limits.memory`; without it, its request if that is more than what is given.
    pub(super) memory: Memory,
    /// `resources.limits.cpu`, a share of a core.
    pub(super) cpu: Entry,
    /// `resources.limits.ephemeral-storage`: its logs, and summed over the containers of a pod also its
    /// emptyDirs on disk.
    #[serde(rename = "ephemeral-storage")]
    pub(super) ephemeral_storage: Entry,
    /// The annotation `mayfly.dev/fuel`: instructions.
    pub(super) fuel: Entry,
    /// The annotation `mayfly.dev/output-bytes`: what one run may print.
    pub(super) output_bytes: Entry,
    /// The annotation `mayfly.dev/open-files`: files open at a time.
    pub(super) open_files: Entry,
    /// The annotation `mayfly.dev/network-bytes`: what one run may send and receive.
    pub(super) network_bytes: Entry,
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Memory {
    /// What it has if its pod does not say.
    pub(super) default: Option<Quantity>,
    /// What it is counted with if it says nothing of memory; without it, its limit.
    pub(super) default_request: Option<Quantity>,
    /// The most that it can ask for.
    pub(super) max: Option<Quantity>,
}

/// What somebody has who says nothing, and the most that they can ask for.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub(super) struct Entry {
    /// What somebody has who says nothing.
    pub(super) default: Option<Quantity>,
    /// The most that they can ask for.
    pub(super) max: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Pods {
    /// `activeDeadlineSeconds`: how long it may run.
    pub(super) active_deadline_seconds: Entry,
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Volumes {
    /// `sizeLimit` on disk.
    pub(super) disk_bytes: Entry,
    /// `sizeLimit` where the medium is `Memory`; without it, no more than the memory limits of the
    /// pod's containers together.
    pub(super) memory_bytes: Entry,
    /// Files, directories and links.
    pub(super) entries: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Logs {
    /// Bytes of a file.
    pub(super) file_bytes: Option<Quantity>,
    /// Files; then the oldest is dropped.
    pub(super) files: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Runs {
    /// Guests that run at a time; the next waits.
    pub(super) at_once: Option<Quantity>,
    /// Bytes printed a second beyond the burst; then printing waits.
    pub(super) output_bytes_per_second: Option<Quantity>,
    /// Bytes printed as quickly as it goes.
    pub(super) output_burst_bytes: Option<Quantity>,
    /// Size of a directory that is listed.
    pub(super) directory_bytes: Option<Quantity>,
    /// One linear memory, or the elements of one table; what is copied at once takes as long as that.
    pub(super) one_memory_bytes: Option<Quantity>,
    /// Random bytes of one call.
    pub(super) random_bytes: Option<Quantity>,
    /// Subscriptions of one poll.
    pub(super) subscriptions: Option<Quantity>,
    /// Sockets open at a time, connections for requests among them.
    pub(super) sockets: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Images {
    /// All images of a state folder, as they are kept.
    pub(super) bytes: Option<Quantity>,
    /// Pulls at a time; the next waits.
    pub(super) pulls_at_once: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Modules {
    /// Modules compiled at a time; the next waits.
    pub(super) at_once: Option<Quantity>,
    /// Time for one, once it is its turn.
    pub(super) compile_seconds: Option<Quantity>,
    /// Processor time for one, of all cores together.
    pub(super) compile_cpu_seconds: Option<Quantity>,
    /// Memory of its compiler.
    pub(super) compile_memory_bytes: Option<Quantity>,
    /// Size of a module.
    pub(super) bytes: Option<Quantity>,
    /// Functions.
    pub(super) functions: Option<Quantity>,
    /// Imports.
    pub(super) imports: Option<Quantity>,
    /// Exports.
    pub(super) exports: Option<Quantity>,
    /// Types.
    pub(super) types: Option<Quantity>,
    /// Globals.
    pub(super) globals: Option<Quantity>,
    /// Tables.
    pub(super) tables: Option<Quantity>,
    /// Memories.
    pub(super) memories: Option<Quantity>,
    /// Segments of data.
    pub(super) data_segments: Option<Quantity>,
    /// Segments of elements.
    pub(super) element_segments: Option<Quantity>,
    /// Size of the longest function.
    pub(super) function_bytes: Option<Quantity>,
    /// Local variables of the function that has most.
    pub(super) function_locals: Option<Quantity>,
    /// Local variables of all functions together.
    pub(super) locals: Option<Quantity>,
    /// Modules and components in a component.
    pub(super) parts: Option<Quantity>,
    /// Definitions of components.
    pub(super) definitions: Option<Quantity>,
    /// Levels of components in components.
    pub(super) nesting: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Node {
    /// Cores for pods.
    pub(super) cpu: Option<Quantity>,
    /// Disk for what pods store.
    pub(super) ephemeral_storage: Option<Quantity>,
    /// Memory for pods; without it, an eighth of what the host or control group has is kept for mayfly
    /// itself, at least 128Mi and at most 1Gi.
    pub(super) memory: Option<Quantity>,
    /// Pods at a time.
    pub(super) pods: Option<Quantity>,
    /// What must be left of the disk that state is on; without it, 1Gi or a tenth of the disk, whichever
    /// is less. With less it takes no more pods, and evicts those that have stored most.
    #[serde(rename = "diskReserveBytes")]
    pub(super) disk_reserve_bytes: Option<Quantity>,
    /// The same in files that can be made; without it, 100000 or a twentieth of all.
    #[serde(rename = "diskReserveFiles")]
    pub(super) disk_reserve_files: Option<Quantity>,
}
