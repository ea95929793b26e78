//! What the keys of a file of limits mean.

use std::time::Duration;

use mayfly_controller::node::logs::LogLimits;
use mayfly_runtime::ModuleLimits;

use super::Limits;
use super::file::{Containers, File, Images, Logs, Modules, Node, Runs, Volumes, decode};
use super::reader::{Reader, Unit};

/// Guests at a time that the address space has room for: 4 GiB each, of 128 TiB.
const AT_ONCE_MAX: u64 = 20_000;

/// The largest module that the validator takes.
const MODULE_BYTES_MAX: u64 = 1 << 30;

/// The most of anything that is not bounded by something else.
const ANY: u64 = u64::MAX;

/// What `text` says, and the defaults for what it does not.
pub(super) fn read(text: &str) -> anyhow::Result<Limits> {
    let (file, mistakes): (File, _) = decode(text);
    let mut reader = Reader::after(mistakes);
    let limits = understand(&mut reader, &file);
    reader.finish()?;
    Ok(limits)
}

/// Every key whose default is a number.
#[cfg(test)]
pub(super) fn keys() -> Vec<super::reader::Asked> {
    let mut reader = Reader::default();
    understand(&mut reader, &File::default());
    reader.asked
}

/// What `file` says, as far as `reader` finds no mistake.
fn understand(reader: &mut Reader, file: &File) -> Limits {
    let mut limits = Limits::default();
    containers(reader, &file.containers, &mut limits);
    let deadline = &mut limits.pods.active_deadline_seconds;
    let asked = &file.pods.active_deadline_seconds;
    reader.bound("pods.activeDeadlineSeconds", asked, Unit::Seconds, deadline);
    volumes(reader, &file.volumes, &mut limits);
    logs(reader, &file.logs, &mut limits.logs);
    runs(reader, &file.runs, &mut limits);
    images(reader, &file.images, &mut limits);
    modules(reader, &file.modules, &mut limits);
    node(reader, &file.node, &mut limits);
    limits
}

fn containers(reader: &mut Reader, said: &Containers, limits: &mut Limits) {
    let pods = &mut limits.pods;
    let memory =
        super::file::Entry { default: said.memory.default.clone(), max: said.memory.max.clone() };
    for (key, entry, unit, bound) in [
        ("memory", &memory, Unit::Bytes, &mut pods.memory_bytes),
        ("cpu", &said.cpu, Unit::Cores, &mut pods.cpu_millis),
        (
            "ephemeral-storage",
            &said.ephemeral_storage,
            Unit::Bytes,
            &mut pods.ephemeral_storage_bytes,
        ),
        ("fuel", &said.fuel, Unit::Count, &mut pods.fuel),
        ("outputBytes", &said.output_bytes, Unit::Bytes, &mut pods.output_bytes),
        ("openFiles", &said.open_files, Unit::Count, &mut pods.open_files),
        ("networkBytes", &said.network_bytes, Unit::Bytes, &mut pods.network_bytes),
    ] {
        reader.bound(&format!("containers.{key}"), entry, unit, bound);
    }
    let key = "containers.memory.defaultRequest";
    let request = said.memory.default_request.as_ref();
    if let Some(request) = reader.number(key, request, Unit::Bytes) {
        pods.memory_request_bytes = Some(request);
        let limit = pods.memory_bytes.grant(None).unwrap_or(u64::MAX);
        if request > limit {
            reader.wrong(key, format!("is more than the default of {limit}; lower it"));
        }
    }
}

fn volumes(reader: &mut Reader, said: &Volumes, limits: &mut Limits) {
    let pods = &mut limits.pods;
    reader.bound("volumes.diskBytes", &said.disk_bytes, Unit::Bytes, &mut pods.volume_bytes);
    let in_memory = &mut pods.memory_volume_bytes;
    reader.bound("volumes.memoryBytes", &said.memory_bytes, Unit::Bytes, in_memory);
    let entries = said.entries.as_ref();
    reader.set("volumes.entries", entries, (Unit::Count, 1..=ANY), &mut limits.volume_entries);
}

fn logs(reader: &mut Reader, said: &Logs, logs: &mut LogLimits) {
    let bytes = (Unit::Bytes, LogLimits::FILE_BYTES_MIN..=ANY);
    reader.set("logs.fileBytes", said.file_bytes.as_ref(), bytes, &mut logs.file_bytes);
    // With one, nothing would be left of it whenever the next one begins.
    reader.set("logs.files", said.files.as_ref(), (Unit::Count, 2..=1000), &mut logs.files);
}

fn runs(reader: &mut Reader, said: &Runs, limits: &mut Limits) {
    let (at_once, every) = (said.at_once.as_ref(), &mut limits.runs);
    let instances = &mut limits.engine.instances_max;
    reader.set("runs.atOnce", at_once, (Unit::Count, 1..=AT_ONCE_MAX), instances);
    for (key, given, limit) in [
        ("outputBytesPerSecond", &said.output_bytes_per_second, &mut every.output_bytes_per_second),
        ("outputBurstBytes", &said.output_burst_bytes, &mut every.output_burst_bytes),
        ("directoryBytes", &said.directory_bytes, &mut every.directory_bytes),
        ("oneMemoryBytes", &said.one_memory_bytes, &mut every.one_memory_bytes),
    ] {
        reader.set(&format!("runs.{key}"), given.as_ref(), (Unit::Bytes, 1..=ANY), limit);
    }
    for (key, given, unit, limit) in [
        ("randomBytes", &said.random_bytes, Unit::Bytes, &mut every.random_bytes),
        ("subscriptions", &said.subscriptions, Unit::Count, &mut every.subscriptions),
        ("sockets", &said.sockets, Unit::Count, &mut every.sockets),
    ] {
        let range = 1..=u64::from(u32::MAX);
        reader.set(&format!("runs.{key}"), given.as_ref(), (unit, range), limit);
    }
}

fn images(reader: &mut Reader, said: &Images, limits: &mut Limits) {
    let (bytes, pulls) = (said.bytes.as_ref(), said.pulls_at_once.as_ref());
    let images = &mut limits.images;
    reader.set("images.bytes", bytes, (Unit::Bytes, 1..=ANY), &mut images.store_bytes_max);
    reader.set("images.pullsAtOnce", pulls, (Unit::Count, 1..=1000), &mut images.pulls_max);
}

fn modules(reader: &mut Reader, said: &Modules, limits: &mut Limits) {
    let engine = &mut limits.engine;
    let at_once = said.at_once.as_ref();
    reader.set("modules.atOnce", at_once, (Unit::Count, 1..=1000), &mut engine.compiles_max);
    let memory = said.compile_memory_bytes.as_ref();
    let compile_memory = &mut engine.compile_memory_bytes_max;
    reader.set("modules.compileMemoryBytes", memory, (Unit::Bytes, 1..=ANY), compile_memory);
    for (key, given, limit) in [
        ("modules.compileSeconds", &said.compile_seconds, &mut engine.compile_deadline),
        ("modules.compileCpuSeconds", &said.compile_cpu_seconds, &mut engine.compile_cpu_max),
    ] {
        let mut seconds = limit.as_secs();
        reader.set(key, given.as_ref(), (Unit::Seconds, 1..=ANY), &mut seconds);
        *limit = Duration::from_secs(seconds);
    }
    let bytes = (Unit::Bytes, 1..=MODULE_BYTES_MAX);
    reader.set("modules.bytes", said.bytes.as_ref(), bytes, &mut engine.module_bytes_max);
    parts(reader, said, &mut engine.module_limits);
}

/// What a module may consist of; no more than the validator takes, which what is above it would
/// only hide.
fn parts(reader: &mut Reader, said: &Modules, module: &mut ModuleLimits) {
    for (key, given, most, limit) in [
        ("functions", &said.functions, 1_000_000, &mut module.functions),
        ("imports", &said.imports, 1_000_000, &mut module.imports),
        ("exports", &said.exports, 1_000_000, &mut module.exports),
        ("types", &said.types, 1_000_000, &mut module.types),
        ("globals", &said.globals, 1_000_000, &mut module.globals),
        ("tables", &said.tables, 100, &mut module.tables),
        ("memories", &said.memories, 16, &mut module.memories),
        ("dataSegments", &said.data_segments, 100_000, &mut module.data_segments),
        ("elementSegments", &said.element_segments, 100_000, &mut module.element_segments),
        ("functionBytes", &said.function_bytes, 7_654_321, &mut module.function_bytes),
        ("functionLocals", &said.function_locals, 50_000, &mut module.function_locals),
        ("locals", &said.locals, ANY, &mut module.locals),
        ("parts", &said.parts, 1000, &mut module.parts),
        ("definitions", &said.definitions, 1_000_000, &mut module.definitions),
        ("nesting", &said.nesting, 100, &mut module.nesting),
    ] {
        let unit = if key == "functionBytes" { Unit::Bytes } else { Unit::Count };
        reader.set(&format!("modules.{key}"), given.as_ref(), (unit, 1..=most), limit);
    }
}

fn node(reader: &mut Reader, said: &Node, limits: &mut Limits) {
    let capacity = &mut limits.capacity;
    let cores = (Unit::Cores, 1..=ANY);
    reader.set("node.cpu", said.cpu.as_ref(), cores, &mut capacity.cpu_millis);
    if let Some(bytes) = reader.number("node.memory", said.memory.as_ref(), Unit::Bytes) {
        // All of it is for pods: the operator has thought of the rest.
        (capacity.memory_bytes, capacity.memory_reserved_bytes) = (bytes, 0);
        limits.engine.memory_bytes_max = Some(bytes);
    }
    let disk = &mut limits.disk;
    let (bytes, files) = (said.disk_reserve_bytes.as_ref(), said.disk_reserve_files.as_ref());
    let bytes = reader.number("node.diskReserveBytes", bytes, Unit::Bytes);
    let files = reader.number("node.diskReserveFiles", files, Unit::Count);
    (disk.bytes, disk.entries) = (bytes, files);
    let pods = (Unit::Count, 1..=1_000_000);
    reader.set("node.pods", said.pods.as_ref(), pods, &mut capacity.pods);
    let storage = said.ephemeral_storage.as_ref();
    let storage = reader.number("node.ephemeral-storage", storage, Unit::Bytes);
    capacity.ephemeral_storage_bytes = storage.or(capacity.ephemeral_storage_bytes);
}
