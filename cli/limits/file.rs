//! What a file of limits may say. Its fields have the names that it has.
//!
//! It is read as strictly as a manifest, and with the same complaints.

use anyhow::anyhow;
use mayfly_controller::admission::decode::decode_file;
use mayfly_controller::api::Quantity;
use serde::Deserialize;

/// What `text` says; every field that there is not, and every value of another type, is told.
pub(super) fn decode(text: &str) -> anyhow::Result<File> {
    decode_file(text).map_err(|problems| {
        let lines = problems.into_iter().map(|(line, problem)| match line {
            0 => problem.to_string(),
            line => format!("line {line}: {problem}"),
        });
        anyhow!(lines.collect::<Vec<_>>().join("\n"))
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct File {
    pub(super) containers: Containers,
    pub(super) pods: Pods,
    pub(super) volumes: Volumes,
    pub(super) logs: Logs,
    pub(super) runs: Runs,
    pub(super) images: Images,
    pub(super) modules: Modules,
    pub(super) node: Node,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Containers {
    pub(super) memory: Memory,
    pub(super) cpu: Entry,
    #[serde(rename = "ephemeral-storage")]
    pub(super) ephemeral_storage: Entry,
    pub(super) fuel: Entry,
    pub(super) output_bytes: Entry,
    pub(super) open_files: Entry,
    pub(super) network_bytes: Entry,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Memory {
    pub(super) default: Option<Quantity>,
    pub(super) default_request: Option<Quantity>,
    pub(super) max: Option<Quantity>,
}

/// What somebody has who says nothing, and the most that they can ask for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    pub(super) default: Option<Quantity>,
    pub(super) max: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Pods {
    pub(super) active_deadline_seconds: Entry,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Volumes {
    pub(super) disk_bytes: Entry,
    pub(super) memory_bytes: Entry,
    pub(super) entries: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Logs {
    pub(super) file_bytes: Option<Quantity>,
    pub(super) files: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Runs {
    pub(super) at_once: Option<Quantity>,
    pub(super) output_bytes_per_second: Option<Quantity>,
    pub(super) output_burst_bytes: Option<Quantity>,
    pub(super) directory_bytes: Option<Quantity>,
    pub(super) one_memory_bytes: Option<Quantity>,
    pub(super) random_bytes: Option<Quantity>,
    pub(super) subscriptions: Option<Quantity>,
    pub(super) sockets: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Images {
    pub(super) bytes: Option<Quantity>,
    pub(super) pulls_at_once: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Modules {
    pub(super) at_once: Option<Quantity>,
    pub(super) compile_seconds: Option<Quantity>,
    pub(super) compile_cpu_seconds: Option<Quantity>,
    pub(super) compile_memory_bytes: Option<Quantity>,
    pub(super) bytes: Option<Quantity>,
    pub(super) functions: Option<Quantity>,
    pub(super) imports: Option<Quantity>,
    pub(super) exports: Option<Quantity>,
    pub(super) types: Option<Quantity>,
    pub(super) globals: Option<Quantity>,
    pub(super) tables: Option<Quantity>,
    pub(super) memories: Option<Quantity>,
    pub(super) data_segments: Option<Quantity>,
    pub(super) element_segments: Option<Quantity>,
    pub(super) function_bytes: Option<Quantity>,
    pub(super) function_locals: Option<Quantity>,
    pub(super) locals: Option<Quantity>,
    pub(super) parts: Option<Quantity>,
    pub(super) definitions: Option<Quantity>,
    pub(super) nesting: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Node {
    pub(super) cpu: Option<Quantity>,
    pub(super) ephemeral_storage: Option<Quantity>,
    pub(super) memory: Option<Quantity>,
    pub(super) pods: Option<Quantity>,
    #[serde(rename = "diskReserveBytes")]
    pub(super) disk_reserve_bytes: Option<Quantity>,
    #[serde(rename = "diskReserveFiles")]
    pub(super) disk_reserve_files: Option<Quantity>,
}
