//! What is taken for a module, and what is kept of it.

use std::fs;

use super::*;
use crate::{Compiler, ModuleError};

const EMPTY: &str = r#"(memory (export "memory") 1) (func (export "_start"))"#;

pub(super) fn engine_with_cache(folder: &std::path::Path) -> Engine {
    let cache_dir = Some(folder.to_owned());
    let settings = EngineSettings { cache_dir, instances_max: 8, ..EngineSettings::default() };
    Engine::new(settings).unwrap()
}

#[tokio::test]
async fn what_is_no_command_is_refused_with_a_reason() {
    let table: [(Vec<u8>, &str); 9] = [
        (b"#!/bin/sh\n".to_vec(), "it looks like a script"),
        (b"(module)".to_vec(), "in its text format"),
        (wat::parse_str("(component)").unwrap(), "a WebAssembly component that does not export"),
        (wat(EMPTY)[..60].to_vec(), "cut short, at 60 bytes"),
        (wat::parse_str("(module)").unwrap(), "without a function `_start`; build it"),
        (
            wat::parse_str(r#"(module (func (export "_initialize")))"#).unwrap(),
            "but a library (it exports `_initialize`)",
        ),
        (
            wat::parse_str(r#"(module (func (export "_start") (param i32)))"#).unwrap(),
            "only something else of that name",
        ),
        (
            wat::parse_str(
                r#"(module (import "env" "a" (func)) (import "go" "b" (func (param i32)))
                     (func (export "_start")))"#,
            )
            .unwrap(),
            "imports what the sandbox does not have: env.a, go.b;",
        ),
        (
            wat::parse_str(
                r#"(module (func (export "_start") (drop (i32.add (i32.const 1) (i64.const 1)))))"#,
            )
            .unwrap(),
            "not a valid WebAssembly module: ",
        ),
    ];
    for (wasm, expect) in table {
        let error = ENGINE.load(wasm.into(), Metering::Epochs).await.unwrap_err().to_string();
        assert!(error.contains(expect), "{expect:?} in {error:?}");
    }
}

#[tokio::test]
async fn what_a_module_says_of_itself_fills_no_message() {
    let long = "x".repeat(90_000);
    let module = |fields: &str| format!(r#"(module {fields} (func (export "_start")))"#);
    let import = |name: &str| format!(r#"(import "{name}" "{long}" (func))"#);
    let imports: String = (0..20).map(|at| import(&format!("{at}"))).collect();
    let exports = format!(r#"(func (export "{long}")) (func (export "{long}"))"#);
    let instances = (0..5000).map(|at| format!(r#"(import "acme:thing{at}/api" (instance))"#));
    let component = format!(
        r#"(component {} (instance $i) (export "wasi:cli/run@0.2.0" (instance $i)))"#,
        instances.collect::<String>()
    );
    for text in [module(&imports), module(&exports), component] {
        let wasm = wat::parse_str(text).unwrap();
        let error = ENGINE.load(wasm.into(), Metering::Epochs).await.unwrap_err().to_string();
        assert!(error.len() < 10_000, "{} bytes: {}", error.len(), &error[..100]);
    }
}

#[tokio::test]
async fn a_module_that_is_too_large_is_refused() {
    let settings = EngineSettings { module_bytes_max: 100, ..EngineSettings::default() };
    let engine = Engine::new(settings).unwrap();
    let error = engine.load(wat(EMPTY).into(), Metering::Epochs).await.unwrap_err();
    assert!(matches!(error, ModuleError::TooLarge { bytes_max: 100, .. }), "{error}");
}

#[tokio::test]
async fn what_was_compiled_when_more_was_allowed_is_not_taken_when_less_is() {
    let folder = tempfile::tempdir().unwrap();
    let load = async |functions: u64| {
        let settings = EngineSettings {
            cache_dir: Some(folder.path().to_owned()),
            module_limits: crate::ModuleLimits { functions, ..Default::default() },
            instances_max: 1,
            ..EngineSettings::default()
        };
        let wasm = wat(r#"(func (export "_start")) (func)"#);
        Engine::new(settings).unwrap().load(wasm.into(), Metering::Epochs).await
    };
    load(1000).await.unwrap();
    let error = load(1).await.unwrap_err().to_string();
    assert!(error.contains("functions"), "{error}");
    load(2).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn those_before_a_module_take_nothing_of_its_time() {
    let settings = EngineSettings { compiles_max: 1, ..EngineSettings::default() };
    let deadline = settings.compile_deadline;
    let engine = Engine::new(settings).unwrap();
    let turn = engine.compiles().acquire_owned().await.unwrap();
    let load = engine.load(wat(EMPTY).into(), Metering::Epochs);
    tokio::pin!(load);
    assert!(tokio::time::timeout(2 * deadline, &mut load).await.is_err(), "it is not its turn");
    drop(turn);
    load.await.unwrap();
}

#[tokio::test]
async fn waiting_for_the_compiler_has_an_end() {
    let settings = EngineSettings {
        compiler: Compiler::Child { program: "sleep".into(), args: vec!["infinity".into()] },
        compile_deadline: Duration::from_millis(1),
        ..EngineSettings::default()
    };
    let engine = Engine::new(settings).unwrap();
    let error = engine.load(wat(EMPTY).into(), Metering::Epochs).await.unwrap_err();
    assert!(matches!(error, ModuleError::CompileDeadline(_)), "{error}");
}

#[tokio::test]
async fn a_module_is_compiled_once_and_shared() {
    let wasm = bytes::Bytes::from(wat(EMPTY));
    let load = || ENGINE.load(wasm.clone(), Metering::Epochs);
    let (one, other) = tokio::join!(load(), load());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(Arc::ptr_eq(&one.0, &other.0));
    assert_eq!(one.digest(), crate::Digest::of(&wasm));
    assert_eq!(one.digest().to_string().len(), "sha256:".len() + 64);
}

#[tokio::test]
async fn what_does_not_fit_the_pool_runs_out_of_it() {
    let table = [
        ("a large table", r#"(memory (export "memory") 1) (table 200000 funcref)"#),
        ("two memories", r#"(memory (export "memory") 1) (memory 1)"#),
        ("a large memory", r#"(memory (export "memory") 2000)"#),
    ];
    for (name, body) in table {
        let body = format!(r#"{body} (func (export "_start") (call $exit (i32.const 9)))"#);
        assert_eq!(end_of(&body, Limits::default()).await, End::Exited(9), "{name}");
    }
}

#[tokio::test]
async fn compiled_code_is_kept_and_damaged_code_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = bytes::Bytes::from(wat(EMPTY));
    let kept = async || {
        engine_with_cache(folder.path()).load(wasm.clone(), Metering::Epochs).await.unwrap();
        let files: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.into_iter().next().unwrap()
    };
    let path = kept().await;
    let whole = fs::read(&path).unwrap();
    let first = written(&path);
    kept().await;
    assert_eq!(written(&path), first, "it was used again");

    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0xff;
    fs::write(&path, damaged).unwrap();
    kept().await;
    assert_eq!(fs::read(&path).unwrap(), whole, "it was written anew");
}

#[tokio::test]
async fn what_was_compiled_before_is_had_without_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let body = r#"(memory (export "memory") 1) (data (i32.const 4096) "\01")
        (func (export "_start") (call $exit (i32.load8_u (i32.const 4096))))"#;
    for wasm in [wat(body), components::encoded(&wat(body))] {
        let wasm = bytes::Bytes::from(wasm);
        let digest = crate::Digest::of(&wasm);
        let engine = engine_with_cache(folder.path());
        assert!(engine.load_compiled(digest, Metering::Epochs).await.unwrap().is_none());
        let compiled = engine.load(wasm.clone(), Metering::Epochs).await.unwrap();
        let found = engine.load_compiled(digest, Metering::Epochs).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&compiled.0, &found.0), "it is shared");
        assert!(engine.load_compiled(digest, Metering::Fuel).await.unwrap().is_none());

        let another = engine_with_cache(folder.path());
        let found = another.load_compiled(digest, Metering::Epochs).await.unwrap().unwrap();
        assert_eq!((found.digest(), found.0.run_bytes), (digest, compiled.0.run_bytes));
        let limits = Limits { deadline: Some(PATIENCE), ..Limits::default() };
        let sandbox = Sandbox::new(another);
        let outcome = sandbox.run(&found, Guest::new(), limits, CancellationToken::new());
        assert_eq!(outcome.await.unwrap().end, End::Exited(1));

        let less = EngineSettings {
            cache_dir: Some(folder.path().to_owned()),
            module_bytes_max: wasm.len() as u64 - 1,
            instances_max: 1,
            ..EngineSettings::default()
        };
        let error = Engine::new(less).unwrap().load_compiled(digest, Metering::Epochs).await;
        assert!(matches!(error, Err(ModuleError::TooLarge { .. })), "{error:?}");
    }
}

#[test]
fn a_digest_is_parsed_as_it_is_written() {
    let digest = crate::Digest::of(b"module");
    assert_eq!(crate::Digest::parse(&digest.to_string()), Some(digest));
    let hex = digest.hex();
    for wrong in [
        hex.clone(),
        format!("sha256:{}", &hex[2..]),
        format!("sha256:{hex}0"),
        format!("sha256:{}", hex.to_uppercase()),
        format!("sha512:{hex}"),
    ] {
        assert_eq!(crate::Digest::parse(&wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn code_for_each_metering_is_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine_with_cache(folder.path());
    let wasm = bytes::Bytes::from(wat(EMPTY));
    for metering in [Metering::Epochs, Metering::Fuel] {
        assert_eq!(engine.load(wasm.clone(), metering).await.unwrap().metering(), metering);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_cache_folder_that_is_a_file_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache_dir = Some(file.path().to_owned());
    let Err(error) = Engine::new(EngineSettings { cache_dir, ..EngineSettings::default() }) else {
        panic!("a file is no folder");
    };
    assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
}
