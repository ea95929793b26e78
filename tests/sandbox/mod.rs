//! What the sandbox promises, shown by real programs: one guest, one test of the same name.
//!
//! Uses the library `mayfly-runtime` as anybody could, and the guests of `guests/`: the prebuilt
//! modules of those in Rust, and those in WebAssembly's text format as they are.

mod component;
mod corpus;
mod deadline;
mod escape;
mod exit;
mod field;
mod held;
mod hog;
mod job;
mod network;
mod residue;
mod store;

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mayfly_runtime::{
    Access, Capture, End, Engine, EngineSettings, Guest, Limits, MemoryUse, Metering, Module,
    ModuleError, Mount, Outcome, Sandbox, Stream,
};
use tokio_util::sync::CancellationToken;

/// Long enough for any guest here on a busy machine, so that a broken promise fails and does not
/// hang.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much later than its deadline a run may end, besides what its thread waits for a core: tens of
/// milliseconds on a machine of its own, and more where other tests run beside it, but no more than
/// `SECURITY.md` says.
const LATE_MAX: Duration = Duration::from_secs(1);

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let settings = EngineSettings { instances_max: 32, ..EngineSettings::default() };
    Engine::new(settings).expect("the engine must start")
});

/// A run that is over.
struct Ran {
    outcome: Outcome,
    stdout: String,
    stderr: String,
    /// How long its thread has waited meanwhile for a core that others had.
    waited: Duration,
}

impl Ran {
    /// Checks that the guest exited with `code`, and shows what it printed if not.
    #[track_caller]
    fn exited(self, code: u32) -> Self {
        let Self { outcome, stdout, stderr, .. } = &self;
        assert_eq!(outcome.end, End::Exited(code), "stdout: {stdout}\nstderr: {stderr}");
        self
    }

    /// Checks that it trapped for a reason that contains `expect`.
    #[track_caller]
    fn trapped(self, expect: &str) -> Self {
        let End::Trapped { reason, .. } = &self.outcome.end else {
            panic!("{:?}, {}", self.outcome.end, self.stderr)
        };
        assert!(reason.contains(expect), "{expect:?} in {reason:?}");
        self
    }
}

/// The folder of all guests.
fn guests() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests")
}

/// The bytes of the guest `name`.
fn wasm(name: &str) -> Vec<u8> {
    let text = guests().join(format!("{name}.wat"));
    if text.exists() {
        return wat::parse_file(text).expect("the guest must be well-formed");
    }
    let prebuilt = guests().join(format!("prebuilt/{name}.wasm"));
    fs::read(prebuilt).expect("the prebuilt guest must be there")
}

async fn load(name: &str) -> Result<Module, ModuleError> {
    ENGINE.load(wasm(name).into(), Metering::Epochs).await
}

/// Runs the guest `name` with `args`, given nothing else.
async fn run<const N: usize>(name: &str, args: [&str; N]) -> Ran {
    run_with(name, args, Guest::new(), Limits::default()).await
}

/// Runs the guest `name` with `args` and what `guest` is given.
async fn run_with<const N: usize>(
    name: &str,
    args: [&str; N],
    guest: Guest,
    limits: Limits,
) -> Ran {
    run_wasm(wasm(name), guest.args([name]).args(args), limits).await
}

/// Runs a module or component as `guest`.
async fn run_wasm(wasm: Vec<u8>, guest: Guest, limits: Limits) -> Ran {
    let metering = if limits.fuel.is_some() { Metering::Fuel } else { Metering::Epochs };
    run_metered(wasm, guest, limits, metering).await
}

/// Runs a module or component, compiled in that way, as `guest`.
async fn run_metered(wasm: Vec<u8>, guest: Guest, limits: Limits, metering: Metering) -> Ran {
    let module = ENGINE.load(wasm.into(), metering).await.expect("the guest must load");
    let capture = Arc::new(Capture::default());
    let limits = Limits { deadline: limits.deadline.or(Some(PATIENCE)), ..limits };
    let sandbox = Sandbox::new(ENGINE.clone());
    let guest = guest.output(capture.clone());
    let run = Box::pin(sandbox.run(&module, guest, limits, CancellationToken::new()));
    let before = waited();
    let outcome = run.await;
    let waited = waited() - before;
    let text = |stream| String::from_utf8_lossy(&capture.taken(stream)).into_owned();
    Ran {
        outcome: outcome.expect("the guest must start"),
        stdout: text(Stream::Stdout),
        stderr: text(Stream::Stderr),
        waited,
    }
}

/// How long this thread has computed.
fn computed() -> Duration {
    schedule()[0]
}

/// How long this thread has waited for a core while it had something to compute: how busy the machine
/// is with others.
fn waited() -> Duration {
    schedule()[1]
}

/// What Linux tells of this thread's time: computing, and waiting for a core.
fn schedule() -> [Duration; 2] {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("the thread sees itself");
    let mut numbers = stat.split_whitespace().map(|number| number.parse().expect("a number"));
    [(); 2].map(|()| Duration::from_nanos(numbers.next().expect("Linux tells it")))
}

/// A guest that sees the folder `host` as `/data`.
fn with_data(host: &Path, access: Access) -> Guest {
    let (host, below) = (host.to_owned(), <_>::default());
    Guest::new().mount(Mount { host, below, guest: "/data".to_owned(), access })
}

fn deadline(milliseconds: u64) -> Limits {
    Limits { deadline: Some(Duration::from_millis(milliseconds)), ..Limits::default() }
}

/// Runs a guest that never ends, and checks that it is ended at its deadline.
async fn endless(name: &str) {
    let limits = deadline(200);
    ended_in_time(&run_with(name, [], Guest::new(), limits).await, limits);
}

/// Checks that a guest was ended at the deadline of `limits`, and not much later.
#[track_caller]
fn ended_in_time(ran: &Ran, limits: Limits) {
    assert_eq!(ran.outcome.end, End::DeadlineExceeded, "{}", ran.stderr);
    let deadline = limits.deadline.expect("the guest must have a deadline");
    let late = ran.outcome.usage.wall.checked_sub(deadline).expect("it must not end before");
    let waited = ran.waited;
    assert!(late < LATE_MAX + waited, "{late:?} late, {waited:?} of it for others");
}
