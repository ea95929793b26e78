//! Any bytes as a module or component: loaded, and run if it can be.
//!
//! Bytes that are none are taken for the choices of a generator of modules, so that more than the
//! first check is reached. An error is fine, and so is every end; a panic, a crash, a slot that is
//! lost and a deadline that does not hold are not.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mayfly_runtime::{
    Engine, EngineSettings, Guest, Limits, Metering, Module, ModuleError, Sandbox,
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Small enough that many are tried, and that none is worth a fuzzer's while for its size.
fn limits(metering: Metering) -> Limits {
    Limits {
        memory_bytes: 16 << 20,
        fuel: (metering == Metering::Fuel).then_some(FUEL),
        deadline: Some(Duration::from_millis(100)),
        output_bytes: 64 << 10,
        descriptors: 8,
        ..Limits::default()
    }
}

/// What a run may use that counts: some ten milliseconds.
const FUEL: u64 = 1_000_000;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("the runtime must start")
});

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let settings = EngineSettings {
        // A slot that is lost is the last: the next run would wait for ever.
        instances_max: 1,
        module_bytes_max: 1 << 20,
        compile_deadline: Duration::from_secs(20),
        ..EngineSettings::default()
    };
    Engine::new(settings).expect("the engine must start")
});

fuzz_target!(|data: &[u8]| {
    let Some(wasm) = wasm_of(data) else { return };
    RUNTIME.block_on(async {
        for metering in [Metering::Epochs, Metering::Fuel] {
            match ENGINE.load(wasm.clone().into(), metering).await {
                Ok(module) => run(&module).await,
                Err(error @ ModuleError::Host(_)) => panic!("not the module's fault: {error:?}"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    });
});

/// The module that `data` is, or says how to make.
fn wasm_of(data: &[u8]) -> Option<Vec<u8>> {
    if data.starts_with(b"\0asm") {
        return Some(data.to_vec());
    }
    if data.starts_with(b"(") {
        return wat::parse_bytes(data).ok().map(|wasm| wasm.into_owned());
    }
    generated(data).ok()
}

/// A valid module that exports `_start`, which runs the first function that takes and gives
/// nothing.
fn generated(data: &[u8]) -> arbitrary::Result<Vec<u8>> {
    let mut choices = Unstructured::new(data);
    let mut config = wasm_smith::Config::arbitrary(&mut choices)?;
    config.max_memory32_bytes = 64 << 20;
    config.max_table_elements = 1 << 20;
    config.min_funcs = 1;
    config.max_funcs = config.max_funcs.max(1);
    config.exports = Some(wat::parse_str(r#"(module (func (export "_start")))"#).expect("valid"));
    Ok(wasm_smith::Module::new(config, &mut choices)?.to_bytes())
}

async fn run(module: &Module) {
    let limits = limits(module.metering());
    let sandbox = Sandbox::new(ENGINE.clone());
    // An instance that can't be had is told, and is an error since it is of no fault of a run.
    if let Ok(outcome) = sandbox.run(module, Guest::new(), limits, CancellationToken::new()).await {
        assert!(outcome.usage.memory_bytes_peak <= limits.memory_bytes, "{outcome:?}");
        assert!(outcome.usage.fuel <= limits.fuel, "{outcome:?}");
    }
}
