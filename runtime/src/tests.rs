//! One small guest for each way to end, and for each thing that a guest must not be able to do.

mod components;
mod confine;
mod deterministic;
mod ends;
mod files;
mod hostile;
mod limits;
mod loading;
mod streams;
mod usage;

use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::{
    Capture, End, Engine, EngineSettings, Guest, Limits, MemoryUse, Metering, Module, Outcome,
    Sandbox, Stream,
};

/// Long enough for any guest here on a busy machine, so that a broken promise fails and does not
/// hang.
const PATIENCE: Duration = Duration::from_secs(60);

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    Engine::new(EngineSettings { instances_max: 64, ..Default::default() }).unwrap()
});

/// What every guest here may import, and a scratch memory of one page.
const PRELUDE: &str = r#"
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "fd_write"
      (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read"
      (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_renumber"
      (func $fd_renumber (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get"
      (func $fd_prestat_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_dir_name"
      (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_readdir"
      (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
      (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get"
      (func $args_sizes_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get"
      (func $environ_sizes_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get"
      (func $environ_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get"
      (func $random_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get"
      (func $clock_time_get (param i32 i64 i32) (result i32)))
"#;

/// How long this thread has waited for a core while it had something to compute: how busy the machine
/// is with others.
fn waited() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').nth(1).unwrap().parse().unwrap())
}

/// A guest of those imports and `body`, which defines `_start` and the memory's size.
fn wat(body: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {PRELUDE} {body})")).unwrap()
}

async fn load(body: &str, metering: Metering) -> Module {
    ENGINE.load(wat(body).into(), metering).await.unwrap()
}

async fn run(module: &Module, guest: Guest, limits: Limits) -> Outcome {
    let limits = Limits { deadline: limits.deadline.or(Some(PATIENCE)), ..limits };
    let sandbox = Sandbox::new(ENGINE.clone());
    sandbox.run(module, guest, limits, CancellationToken::new()).await.unwrap()
}

/// What is another when a file has been written anew, or another put into its place: twice within one
/// moment of the file system's clock, too.
fn written(path: &std::path::Path) -> (SystemTime, u64) {
    let metadata = std::fs::metadata(path).unwrap();
    (metadata.modified().unwrap(), metadata.ino())
}

/// How the guest of `body` ends when it is given nothing.
async fn end_of(body: &str, limits: Limits) -> End {
    run(&load(body, Metering::Epochs).await, Guest::new(), limits).await.end
}

/// How the guest of `body` ends when it is given `guest`, and what it printed.
async fn printed(body: &str, guest: Guest) -> (End, String) {
    let capture = Arc::new(Capture::default());
    let module = load(body, Metering::Epochs).await;
    let outcome = run(&module, guest.output(capture.clone()), Limits::default()).await;
    (outcome.end, String::from_utf8_lossy(&capture.taken(Stream::Stdout)).into_owned())
}
