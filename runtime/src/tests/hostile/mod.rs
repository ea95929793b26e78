//! Modules that nobody has written: generated ones, real ones that were damaged, and giants.
//!
//! Each is refused with a message, or it ends. Nothing else may come of it: no panic, nothing on
//! standard error, no slot that is lost, and the next module is none the worse for it.

mod binary;
mod generated;
mod giants;
mod mutated;

use sha2::{Digest as _, Sha256};

use super::*;
use crate::ModuleError;

/// What came of a module.
#[derive(Debug)]
enum Fate {
    Refused(ModuleError),
    Ended(End),
}

/// What a hostile module may use: enough to do harm if there were any to do.
const LIMITS: Limits = Limits {
    memory_bytes: 64 << 20,
    fuel: None,
    deadline: Some(Duration::from_millis(500)),
    output_bytes: 1 << 20,
    descriptors: 16,
    ..Limits::DEFAULT
};

/// Fuel of a run that counts it: what takes some ten milliseconds.
const FUEL: u64 = 1_000_000;

/// Loads `wasm` and runs it if that can be done; `name` is for whoever reads of a failure.
async fn fate(engine: &Engine, name: &str, wasm: &[u8], metering: Metering) -> Fate {
    fate_within(LIMITS, engine, name, wasm, metering).await
}

/// The same for what must come to an end of its own, however slow the machine is.
async fn fate_of_its_own(engine: &Engine, name: &str, wasm: &[u8]) -> Fate {
    let limits = Limits { deadline: Some(PATIENCE), ..LIMITS };
    fate_within(limits, engine, name, wasm, Metering::Epochs).await
}

async fn fate_within(
    limits: Limits,
    engine: &Engine,
    name: &str,
    wasm: &[u8],
    metering: Metering,
) -> Fate {
    let module = match engine.load(wasm.to_vec().into(), metering).await {
        Ok(module) => module,
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("WebAssembly"), "{name}: {message}");
            assert!(!matches!(error, ModuleError::Host(_)), "{name}: {error:?}");
            return Fate::Refused(error);
        }
    };
    let fuel = (metering == Metering::Fuel).then_some(FUEL);
    let limits = Limits { fuel, ..limits };
    let sandbox = Sandbox::new(engine.clone());
    let outcome = sandbox.run(&module, Guest::new(), limits, CancellationToken::new()).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{name} can't be started: {error:?}"));
    assert!(outcome.usage.memory_bytes_peak <= limits.memory_bytes, "{name}: {outcome:?}");
    assert!(outcome.usage.fuel <= fuel, "{name}: {outcome:?}");
    Fate::Ended(outcome.end)
}

/// An engine for hostile modules, with one slot: were it lost, the next run would wait for ever.
fn engine() -> Engine {
    Engine::new(EngineSettings { instances_max: 1, ..EngineSettings::default() }).unwrap()
}

/// A guest that is well must end as ever, whatever `engine` has been given before.
async fn is_well(engine: &Engine) {
    assert_eq!(engine.instances().available_permits(), 1, "a slot is lost");
    let body =
        r#"(memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 7)))"#;
    match fate_of_its_own(engine, "a good guest", &wat(body)).await {
        Fate::Ended(End::Exited(7)) => {}
        fate => panic!("a good guest, after hostile ones: {fate:?}"),
    }
}

/// Numbers that look random, and are the same each time for the same `seed`.
struct Noise {
    seed: u64,
    drawn: u64,
}

impl Noise {
    fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 32);
        while bytes.len() < count {
            self.drawn += 1;
            let numbers = [self.seed.to_le_bytes(), self.drawn.to_le_bytes()].concat();
            bytes.extend(Sha256::digest(numbers));
        }
        bytes.truncate(count);
        bytes
    }

    /// A number below `bound`, which is not zero.
    fn below(&mut self, bound: usize) -> usize {
        let bytes = self.bytes(8).try_into().expect("there must be eight");
        usize::try_from(u64::from_le_bytes(bytes) % bound as u64).expect("it must be below")
    }
}

/// How many modules of each kind are tried: `default`, or as many as `MAYFLY_HOSTILE_MODULES` says.
fn count(default: u64) -> u64 {
    let wanted = std::env::var("MAYFLY_HOSTILE_MODULES").ok();
    wanted.map_or(default, |count| count.parse().expect("MAYFLY_HOSTILE_MODULES is a number"))
}

/// Runs the test of that `name` in a process of its own, which must pass and say nothing: what
/// would print a message there would print it among the operator's.
fn in_silence(name: &str, run: impl FnOnce()) {
    const CHILD: &str = "MAYFLY_TEST_HOSTILE_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return run();
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1", name])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}: {said}", child.status);
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"), "{name} was not run");
    assert_eq!(said, "", "on standard error");
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}
