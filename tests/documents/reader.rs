//! Somebody who reads a page and does what it says: in a clone of the repository, with a home of
//! their own, and `mayfly` on their PATH.
//!
//! A command is a shell of its own, which finds the folder and the variables that the one before has
//! left. A server goes on beside them, as in another shell; another one, or the end of the page,
//! stops it in order.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::alike::difference;
use super::page::Step;
use crate::harness::{Home, PATIENCE, Running, Server, repository};

/// How long one command may take on a busy machine.
const COMMAND_MAX: Duration = Duration::from_mins(5);

/// How long a node of a page may take to end in order.
const NODE_END_MAX: Duration = Duration::from_secs(30);

/// The folder of the clone, where readers begin.
const CLONE: &str = "mayfly";

/// What begins each shell: the variables and the folder that there are. Whatever is set is there for
/// the next one.
const SHELL: &str = r#"set -a -o pipefail; . "$LEFT_BY_THE_LAST"; cd "$PWD""#;

/// How the shell of a command ends.
const LEAVES: &str = r#"exec 2>&1; trap 'export -p >"$LEFT_BY_THE_LAST"' EXIT"#;

/// Who reads.
pub(super) struct Reader {
    home: Home,
    server: Option<Server>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // A page that fails in the middle leaves nothing running.
        self.end_node();
    }
}

/// What came of a command.
struct Came {
    code: Option<i32>,
    printed: String,
}

impl Reader {
    /// One who has just cloned the repository.
    pub(super) fn new() -> Self {
        let home = Home::empty();
        let reader = Self { home, server: None };
        let clone = reader.home.path(CLONE);
        for (folder, to) in [("examples", "examples"), ("guests/prebuilt", "guests/prebuilt")] {
            let (from, to) = (repository().join(folder), clone.join(to));
            fs::create_dir_all(&to).expect("a folder");
            for entry in fs::read_dir(from).expect("it must be there").flatten() {
                let (path, to) = (entry.path(), to.join(entry.file_name()));
                // Of folders nobody changes anything, and one has a large file.
                let made =
                    if path.is_dir() { symlink(path, to) } else { fs::copy(path, to).map(drop) };
                made.expect("it must be copied");
            }
        }
        symlink(repository().join("target"), clone.join("target")).expect("a link");
        // What readers fetch themselves, as the pages say.
        let fetched = repository().join("target/documents/node/node_modules");
        for (from, to) in [(Some(fetched), "node_modules"), (wit(), "wit/deps")] {
            let Some(from) = from.filter(|it| it.is_dir()) else { continue };
            let to = clone.join(to);
            fs::create_dir_all(to.parent().expect("it must be in the clone")).expect("a folder");
            symlink(from, to).expect("a link");
        }
        let begin = format!("declare -x PWD={:?}\n", clone.display().to_string());
        fs::write(reader.left(), begin).expect("it must be written");
        reader
    }

    /// Writes the file `name` where the reader is.
    pub(super) fn write(&self, name: &str, text: &str) {
        let file = self.home.path("text");
        fs::write(&file, text).expect("it must be written");
        let command = format!("mkdir -p $(dirname {name}); cp {} {name}", file.display());
        let Came { code, printed } = self.came(&command);
        assert_eq!(code, Some(0), "{printed}");
    }

    /// Whether `command` succeeds.
    pub(super) fn can(&self, command: &str) -> bool {
        self.came(command).code == Some(0)
    }

    /// Does what the page says, and tells what comes out otherwise.
    pub(super) fn takes(&mut self, step: &Step, is_eventual: bool) -> Option<String> {
        let begun = Instant::now();
        loop {
            let came = match server(&step.command) {
                Some((command, is_beside)) => self.serve(command, is_beside),
                None => self.came(&step.command),
            };
            let wrong = came.against(step)?;
            if !is_eventual || begun.elapsed() > PATIENCE {
                return Some(wrong);
            }
        }
    }

    /// What `command` prints.
    pub(super) fn prints(&self, command: &str) -> String {
        self.came(command).printed
    }

    /// Stops what still runs.
    pub(super) fn leave(mut self) {
        self.end_node();
        self.stop_server();
    }

    /// What a node that a page has started says, if there is one.
    pub(super) fn node_log(&self) -> Option<String> {
        fs::read_to_string(self.in_clone("node.log")).ok()
    }

    /// Ends the node that a page has started, whose number it keeps as its readers do, and waits for it.
    fn end_node(&self) {
        let number = fs::read_to_string(self.in_clone("node.pid")).ok();
        let Some(number) = number.and_then(|it| it.trim().parse().ok()) else { return };
        // The number may be somebody else's by now, and what has ended stays until its parent looks.
        let is_ours = || {
            let folder = fs::read_link(format!("/proc/{number}/cwd"));
            let home = fs::canonicalize(self.home.path(""));
            folder.ok().zip(home.ok()).is_some_and(|(folder, home)| folder.starts_with(home))
        };
        let Some(process) = Pid::from_raw(number).filter(|_| is_ours()) else { return };
        let _ = kill_process(process, Signal::TERM);
        let begun = Instant::now();
        while is_ours() {
            if begun.elapsed() > NODE_END_MAX {
                let _ = kill_process(process, Signal::KILL);
            }
            // It is no child of ours, so nobody tells of its end.
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn in_clone(&self, name: &str) -> PathBuf {
        self.home.path(CLONE).join(name)
    }

    fn stop_server(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().exits(0);
        }
    }

    fn came(&self, command: &str) -> Came {
        let mut shell = self.shell(&format!("{SHELL}; {LEAVES}\n{command}"));
        let ended = Running::patiently(&mut shell, COMMAND_MAX).wait();
        Came { code: ended.status.code(), printed: ended.stdout }
    }

    /// Starts a server, in the place of one that there is. It is the reader's own shell that waits
    /// for it unless it `is_beside`; the next one is then told by it where it is.
    fn serve(&mut self, command: &str, is_beside: bool) -> Came {
        self.stop_server();
        let mut shell = self.shell(&format!("{SHELL}\nexec {command}"));
        match Server::started_or_ended(Running::patiently(&mut shell, Duration::from_hours(1))) {
            Err(ended) => Came { code: ended.status.code(), printed: ended.stdout + &ended.stderr },
            Ok(server) => {
                let kubeconfig = server.kubeconfig().display().to_string();
                if !is_beside {
                    let mut left = fs::read_to_string(self.left()).expect("it must be there");
                    writeln!(left, "declare -x KUBECONFIG={kubeconfig:?}").expect("a String");
                    fs::write(self.left(), left).expect("it must be written");
                }
                let printed =
                    format!("mayfly: serving on {}; export KUBECONFIG={kubeconfig}", server.url());
                self.server = Some(server);
                Came { code: Some(0), printed }
            }
        }
    }

    fn shell(&self, script: &str) -> Command {
        let mut shell = Command::new("bash");
        self.home.settle(&mut shell);
        let path = std::env::var("PATH").unwrap_or_default();
        let before =
            [repository().join("tests/documents/bin"), repository().join("target/documents/bin")];
        let before = before.map(|folder| folder.display().to_string()).join(":");
        // Programs of rustup look for their toolchains in the home.
        let rustup = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
        let rustup = rustup.or_else(|| Some(std::env::home_dir()?.join(".rustup")));
        shell
            .envs(rustup.map(|folder| ("RUSTUP_HOME", folder)))
            .env("PATH", format!("{before}:{path}"))
            .env("npm_config_update_notifier", "false")
            .env("MAYFLY_UNDER_TEST", env!("CARGO_BIN_EXE_mayfly"))
            .env("LEFT_BY_THE_LAST", self.left())
            .args(["-c", script]);
        shell
    }

    fn left(&self) -> PathBuf {
        self.home.path("left")
    }
}

impl Came {
    /// What is otherwise than the page says.
    fn against(&self, step: &Step) -> Option<String> {
        let Self { code, printed } = self;
        if *code != Some(step.code) {
            return Some(format!("exit code {code:?}, not {}; it printed:\n{printed}", step.code));
        }
        step.shown.as_ref().and_then(|shown| difference(shown, printed))
    }
}

/// The description of `wasi:cli` and of what it uses, which a crate that we have brings along.
fn wit() -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(std::env::home_dir()?.join(".cargo")))?;
    let registries = fs::read_dir(cargo.join("registry/src")).ok()?.flatten();
    let crates = registries.flat_map(|it| fs::read_dir(it.path()).into_iter().flatten().flatten());
    let of_wasi =
        crates.filter(|it| it.file_name().to_string_lossy().starts_with("wasmtime-wasi-48."));
    of_wasi.map(|it| it.path().join("src/p2/wit/deps")).max()
}

/// The command that starts a server, if it is one, and whether it is started beside the shell (`&`).
fn server(command: &str) -> Option<(&str, bool)> {
    let is_server = command.starts_with("mayfly serve") && !command.contains("--help");
    let line = command.split(" #").next().unwrap_or(command).trim_end();
    is_server.then(|| match line.strip_suffix('&') {
        Some(line) => (line.trim_end(), true),
        None => (line, false),
    })
}
