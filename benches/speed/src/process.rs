//! What processes use, as the kernel counts it.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The kernel's unit for times in /proc, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one run of a command took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) wall: Duration,
    /// In user and system mode, of the command and its own children. In units of ten milliseconds.
    pub(crate) cpu_seconds: f64,
}

impl Took {
    /// Runs `work`, of which `child_cpu` tells what it has used.
    pub(crate) fn of<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Self)> {
        let before = children_cpu_seconds()?;
        let started = Instant::now();
        let result = work()?;
        let wall = started.elapsed();
        Ok((result, Self { wall, cpu_seconds: children_cpu_seconds()? - before }))
    }
}

/// Runs a command to its end, with nothing to read and nobody to read it.
pub(crate) fn run(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> io::Result<()> {
    let mut command = Command::new(&program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status()?;
    match status.success() {
        true => Ok(()),
        false => {
            let program = program.as_ref().to_string_lossy().into_owned();
            Err(io::Error::other(format!("{program} ended with {status}")))
        }
    }
}

/// Processor time of this process's children that have ended, and of theirs.
fn children_cpu_seconds() -> io::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    Ok(ticks(&stat, 15)? + ticks(&stat, 16)?)
}

/// Processor time of a process that runs.
pub(crate) fn cpu_seconds(child: &Child) -> io::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
    Ok(ticks(&stat, 13)? + ticks(&stat, 14)?)
}

/// One field of `stat`, counted from 0, as seconds.
fn ticks(stat: &str, field: usize) -> io::Result<f64> {
    // The second one is a name, which may have blanks in it.
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = after_name.split(' ').nth(field - 2).and_then(|it| it.parse::<f64>().ok());
    let ticks = ticks.ok_or_else(|| io::Error::other("/proc has no times"))?;
    Ok(ticks / TICKS_PER_SECOND)
}

/// Memory of a process that is its own, in bytes.
pub(crate) fn memory_bytes(child: &Child) -> io::Result<f64> {
    kilobytes(child, "status", "RssAnon:")
}

/// The most memory that a process ever had, in bytes, with the kernel's tables of its pages: without
/// what is read of files, and what its mappings share counted once.
pub(crate) fn most_memory_bytes(child: &Child) -> io::Result<f64> {
    let status = |name| kilobytes(child, "status", name);
    let counted_often = status("RssShmem:")? - kilobytes(child, "smaps_rollup", "Pss_Shmem:")?;
    Ok(status("VmHWM:")? - status("RssFile:")? - counted_often + status("VmPTE:")?)
}

/// What /proc says of a process in kilobytes, in bytes.
fn kilobytes(child: &Child, file: &str, name: &str) -> io::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{}/{file}", child.id()))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    number.map(|number| number * 1024.0).ok_or_else(|| io::Error::other("/proc has no memory"))
}
