//! What tests of the real binary stand on: a home of its own for each, and its process.
//!
//! It knows the command line from outside only, as a user does.

pub(crate) mod kubectl;
pub(crate) mod module;
mod pi;
mod process;
mod server;
pub(crate) mod terminal;
pub(crate) mod tree;
pub(crate) mod wasmtime;

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub(crate) use pi::pi;
pub(crate) use process::{Ended, Running, Stream};
pub(crate) use server::Server;

/// How long anything may take that a test waits for; only a fault takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The same, for `mayfly wait` and `kubectl wait`.
pub(crate) const PATIENTLY: &str = "--timeout=120s";

/// A home folder for one test, where the manifests that it writes are, too.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// One with nothing in it but the prebuilt guests, in the folder `guests`.
    pub(crate) fn new() -> Self {
        let home = Self::empty();
        let guests = repository().join("guests/prebuilt");
        std::os::unix::fs::symlink(guests, home.path("guests")).expect("the link must be made");
        home
    }

    /// One with nothing in it.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder must be had") }
    }

    /// Where `name` is in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders that it is in.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it must be in the home")).expect("folders");
        fs::write(&path, content).expect("the file must be written");
        path
    }

    /// Writes the file `name` of users, who are nodes: the token of each is its name.
    pub(crate) fn write_nodes(&self, name: &str, nodes: &[&str]) {
        let user = |node: &&str| {
            let hash = Sha256::digest(node.as_bytes());
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!(
                "- name: system:node:{node}\n  roles: [{{role: node}}]\n  \
                 tokens: [{{sha256: {hash}}}]\n"
            )
        };
        let users: String = nodes.iter().map(user).collect();
        let path = self.write(name, format!("users:\n{users}"));
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("it is ours");
    }

    /// `mayfly`, at home here. Compiled code is shared by all tests.
    pub(crate) fn mayfly(&self) -> Command {
        self.mayfly_from(Path::new(env!("CARGO_BIN_EXE_mayfly")))
    }

    /// The same, from another file.
    pub(crate) fn mayfly_from(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        self.settle(&mut command);
        command
    }

    /// Has `command` live here, whoever runs the tests and however they have set up their own home.
    pub(crate) fn settle(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.folder.path())
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            // No test asks a registry of the Internet.
            .env("MAYFLY_OFFLINE", "1")
            .env_remove("DOCKER_CONFIG")
            .env_remove("REGISTRY_AUTH_FILE")
            .env_remove("XDG_STATE_HOME")
            .env_remove("MAYFLY_STATE_DIR")
            .env_remove("KUBECONFIG")
            .env_remove("RUST_LOG");
        // Whoever runs the tests may send traces somewhere, or ask through a proxy.
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("OTEL_") || name.to_lowercase().ends_with("_proxy") {
                command.env_remove(&*name);
            }
        }
    }

    /// Starts `mayfly` with `arguments`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.mayfly().args(arguments))
    }

    /// Runs `mayfly` with `arguments` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).wait()
    }
}

/// The prebuilt guest `name`, from a [`Home`].
pub(crate) fn guest(name: &str) -> String {
    format!("guests/{name}.wasm")
}

/// The top folder of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where the pictures of the documents are to be written, if `MAYFLY_PICTURES` says so.
pub(crate) fn pictures() -> Option<PathBuf> {
    env::var_os("MAYFLY_PICTURES").map(|folder| repository().join(folder))
}

/// A Job named after its guest, with `spec` below `spec:` and `container` below its container.
pub(crate) fn job(name: &str, spec: &str, container: &str) -> String {
    let indent = |text: &str, by: usize| -> String {
        text.lines().map(|line| format!("{:by$}{line}\n", "")).collect()
    };
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\nspec:\n{}  template:\n    \
         spec:\n      restartPolicy: Never\n      containers:\n      - name: main\n{}",
        indent(spec, 2),
        indent(container, 8),
    )
}

/// Prints a line of a test's result, which `println!` would show only of a test that fails.
macro_rules! say {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout(), $($argument)*).expect("stdout must be open");
    }};
}
pub(crate) use say;
