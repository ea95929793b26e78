//! Runs one test of the suite in our sandbox, or under `wasmtime run`, on a fresh copy of its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mayfly_runtime::{
    Access, Capture, End, Engine, EngineSettings, Guest, Limits, Metering, Mount, Sandbox, Stream,
};
use tokio_util::sync::CancellationToken;

use super::case::Case;
use crate::harness::tree::{self, Tree, tree};
use crate::harness::wasmtime;

/// Far longer than any takes.
const PATIENCE: Duration = Duration::from_secs(120);

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let settings = EngineSettings { instances_max: 8, ..EngineSettings::default() };
    Engine::new(settings).expect("the engine must start")
});

/// What could be seen of a run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// `exit code N`, or how else it ended.
    pub(super) end: String,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// What it left in its root.
    left: Tree,
}

/// A copy of the test's root that it may change.
struct Root(tempfile::TempDir);

impl Root {
    fn of(case: &Case) -> Option<Self> {
        let root = case.root.as_ref()?;
        let copy = tempfile::tempdir().expect("a folder must be made");
        tree::copy(root, copy.path());
        Some(Self(copy))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Runs it in our sandbox.
pub(super) async fn ours(case: &Case) -> Seen {
    let root = Root::of(case);
    let wasm = fs::read(&case.wasm).expect("it was just there");
    let module = ENGINE.load(wasm.into(), Metering::Epochs).await.expect("it must load");
    let capture = Arc::new(Capture::default());
    let mut guest = Guest::new().output(capture.clone());
    guest = guest.args([file_name(case)]).args(case.args.iter().cloned());
    for (name, value) in &case.env {
        guest = guest.env(name, value);
    }
    if let Some(root) = &root {
        let (host, below) = (root.path().to_owned(), PathBuf::new());
        guest = guest.mount(Mount { host, below, guest: "/".into(), access: Access::ReadWrite });
    }
    let limits = Limits { deadline: Some(PATIENCE), ..Limits::default() };
    let sandbox = Sandbox::new(ENGINE.clone());
    let outcome = sandbox.run(&module, guest, limits, CancellationToken::new()).await;
    let text = |stream| String::from_utf8_lossy(&capture.taken(stream)).into_owned();
    Seen {
        end: match outcome.expect("it must start").end {
            End::Exited(code) => format!("exit code {code}"),
            other => format!("{other:?}"),
        },
        stdout: text(Stream::Stdout),
        stderr: text(Stream::Stderr),
        left: root.map_or_else(Tree::new, |root| tree(root.path())),
    }
}

/// Runs it under wasmtime.
pub(super) fn theirs(case: &Case, program: &Path) -> Seen {
    let root = Root::of(case);
    let output = wasmtime::run(program)
        .args(root.as_ref().map(|root| wasmtime::dir(root.path(), "/")))
        .args(case.env.iter().map(|(name, value)| format!("--env={name}={value}")))
        .arg(&case.wasm)
        .args(&case.args)
        .output()
        .expect("wasmtime must start");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Seen {
        end: match output.status.code() {
            Some(code) => format!("exit code {code}"),
            None => output.status.to_string(),
        },
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        left: root.map_or_else(Tree::new, |root| tree(root.path())),
    }
}

/// Checks that a test of preview 3 is refused: wasmtime calls what it has of that experimental,
/// unstable and incomplete, and gives no security fixes for it, so we do not run it.
pub(super) async fn is_refused(case: &Case) -> Result<(), String> {
    let wasm = fs::read(&case.wasm).expect("it was just there");
    match ENGINE.load(wasm.into(), Metering::Epochs).await {
        Ok(_) => Err(format!("{}: it is of preview 3, and was loaded", case.name)),
        Err(_) => Ok(()),
    }
}

fn file_name(case: &Case) -> String {
    case.wasm.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
