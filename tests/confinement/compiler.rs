//! A module is compiled in a process that has limits, and is gone when nobody waits for it.
//!
//! The engine is the library's, as anybody could use it; the compiler is the real binary.

use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use mayfly_runtime::{
    Compiler, End, Engine, EngineSettings, Guest, Limits, Metering, ModuleError, Sandbox,
};
use tokio_util::sync::CancellationToken;

use super::{processes_with, until};
use crate::harness::module::{printing, slow};
use crate::harness::{Home, job, repository};

/// An engine whose compilers have `word` among their arguments, by which they are found.
fn engine(word: &str, change: impl FnOnce(&mut EngineSettings)) -> Engine {
    let args = vec!["compile-module".into(), word.into()];
    with_compiler(env!("CARGO_BIN_EXE_mayfly").as_ref(), args, change)
}

/// An engine whose compiler is a script.
fn scripted(script: &str) -> Engine {
    with_compiler("/bin/sh".as_ref(), vec!["-c".into(), script.into()], |_| ())
}

fn with_compiler(
    program: &Path,
    args: Vec<std::ffi::OsString>,
    change: impl FnOnce(&mut EngineSettings),
) -> Engine {
    let compiler = Compiler::Child { program: program.to_owned(), args };
    let mut settings = EngineSettings { compiler, instances_max: 8, ..EngineSettings::default() };
    change(&mut settings);
    Engine::new(settings).expect("the engine must start")
}

fn prebuilt(name: &str) -> Vec<u8> {
    let path = repository().join(format!("guests/prebuilt/{name}.wasm"));
    std::fs::read(path).expect("the guest must be there")
}

async fn refused(engine: &Engine, wasm: impl Into<Vec<u8>>) -> ModuleError {
    let wasm: Vec<u8> = wasm.into();
    engine.load(wasm.into(), Metering::Epochs).await.expect_err("it must be refused")
}

#[tokio::test]
async fn what_a_child_compiles_runs() {
    let engine = engine("compiles-and-runs", |_| ());
    let wasm = prebuilt("exit_code");
    for metering in [Metering::Epochs, Metering::Fuel] {
        let module = engine.load(wasm.clone().into(), metering).await.expect("it must load");
        let guest = Guest::new().args(["exit_code", "7"]);
        let run = Sandbox::new(engine.clone());
        let outcome = run.run(&module, guest, Limits::default(), CancellationToken::new()).await;
        assert_eq!(outcome.expect("it must start").end, End::Exited(7), "{metering:?}");
    }
    until("compilers end with their work", || processes_with("compiles-and-runs").is_empty()).await;
}

#[tokio::test]
async fn a_child_refuses_what_this_process_would_in_the_same_words() {
    let child = engine("same-words", |_| ());
    let own = Engine::new(EngineSettings { instances_max: 8, ..EngineSettings::default() });
    let own = own.expect("the engine must start");
    let wat = |text: &str| wat::parse_str(text).expect("it must be well-formed");
    let wrong = r#"(module (func (export "_start") (drop (i32.add (i32.const 1) (i64.const 1)))))"#;
    let table = [
        wat(wrong),
        wat("(module (func (export \"_start\")))")[..30].to_vec(),
        wat("(module)"),
        wat("(component)"),
        wat(r#"(module (import "env" "a" (func)) (func (export "_start")))"#),
        wat(&format!("(module (func (local {})))", "i64 ".repeat(50_001))),
        b"#!/bin/sh".to_vec(),
    ];
    for wasm in table {
        let (child, own) = (refused(&child, wasm.clone()).await, refused(&own, wasm).await);
        assert_eq!(format!("{child:?}"), format!("{own:?}"));
    }
}

#[tokio::test]
async fn a_compiler_that_is_over_its_deadline_is_gone() {
    let deadline = Duration::from_millis(300);
    let engine = engine("over-its-deadline", |it| it.compile_deadline = deadline);
    let error = refused(&engine, slow()).await;
    assert!(matches!(error, ModuleError::CompileDeadline(_)), "{error}");
    until("it is killed", || processes_with("over-its-deadline").is_empty()).await;
}

#[tokio::test]
async fn a_compiler_that_nobody_waits_for_is_gone() {
    let engine = engine("nobody-waits", |_| ());
    {
        let mut load = pin!(engine.load(slow().into(), Metering::Epochs));
        tokio::select! {
            loaded = &mut load => panic!("it was too quick for this test: {loaded:?}"),
            () = until("it starts", || !processes_with("nobody-waits").is_empty()) => {}
        }
    }
    until("it is killed", || processes_with("nobody-waits").is_empty()).await;
    // Its place is free again, and so is the module for whoever wants it next.
    let wasm = prebuilt("exit_code");
    for _ in 0..3 {
        engine.load(wasm.clone().into(), Metering::Epochs).await.expect("it must load");
    }
}

#[tokio::test]
async fn a_compiler_that_takes_too_much_memory_is_ended() {
    let engine = engine("too-much-memory", |it| it.compile_memory_bytes_max = 128 << 20);
    let error = refused(&engine, slow()).await;
    let is_right = matches!(error, ModuleError::CompilerMemory { bytes_max: 0x800_0000 });
    assert!(is_right, "{error}");
}

#[tokio::test]
async fn a_compiler_that_takes_too_much_processor_time_is_ended() {
    let engine = engine("too-much-time", |it| it.compile_cpu_max = Duration::from_secs(1));
    let error = refused(&engine, slow()).await;
    assert!(matches!(error, ModuleError::CompilerCpu { seconds_max: 1 }), "{error}");
}

#[tokio::test]
async fn a_compiler_that_crashes_harms_nobody() {
    let wasm = prebuilt("exit_code");
    let check = async |script: &str, expect: &str| {
        let error = refused(&scripted(script), wasm.clone()).await;
        let text = format!("{error}: {error:?}");
        assert!(text.contains(expect), "{script}: {text}");
    };
    check("kill -SEGV $$", "was ended by signal 11").await;
    check("kill -KILL $$", "was killed").await;
    check("echo it broke >&2; exit 101", "exited with code 101: it broke").await;
    check("kill -SYS $$", "what a compiler may not").await;
    check("exit 0", "did not answer").await;
    check("echo nonsense", "did not answer").await;
    check("head -c 100000 /dev/zero >&2; exit 3", "exited with code 3").await;
    let missing = with_compiler("/no/such/compiler".as_ref(), vec![], |_| ());
    let error = refused(&missing, wasm.clone()).await;
    assert!(matches!(error, ModuleError::Compiler(_)), "{error}");
}

#[tokio::test]
async fn code_that_is_damaged_is_neither_run_nor_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder must be had");
    let cache = Some(folder.path().to_owned());
    let garbage = r"printf 'mayfly!\001\001\000garbage'".into();
    let args = vec!["-c".into(), garbage];
    let engine = with_compiler("/bin/sh".as_ref(), args, |it| it.cache_dir = cache);
    let error = refused(&engine, prebuilt("exit_code")).await;
    assert!(matches!(error, ModuleError::Host(_)), "{error}");
    let kept = std::fs::read_dir(folder.path()).expect("it must be readable").count();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn code_that_others_compiled_is_never_an_image() {
    let folder = tempfile::tempdir().expect("a temporary folder must be had");
    let cache = Some(folder.path().to_owned());
    let engine = engine("compiled-by-others", |it| it.cache_dir = cache);
    engine.load(prebuilt("exit_code").into(), Metering::Epochs).await.expect("it must load");
    let kept = std::fs::read_dir(folder.path()).expect("it must be readable").next();
    let kept = kept.expect("code must be kept").expect("it must be readable").path();
    let file = std::fs::read(&kept).expect("it must be readable");
    // As we keep it, as `wasmtime compile` writes it, and as we kept it once.
    let artifact = &file[..file.len() - 41];
    let former = [&b"mayfly\0\x02"[..], &[0; 16], artifact].concat();
    for code in [&file[..], artifact, &former] {
        let error = refused(&engine, code).await;
        assert!(matches!(error, ModuleError::Precompiled), "{error}");
    }

    let home = Home::new();
    home.write("stranger.cwasm", artifact);
    home.write("job.yaml", job("stranger", "", "image: stranger.cwasm\n"));
    home.run(&["run", "job.yaml"]).exits(2).says("never taken from outside");
}

#[tokio::test]
async fn a_compiler_goes_with_the_process_that_started_it() {
    let home = Home::new();
    home.write("slow.wasm", slow());
    home.write("job.yaml", job("slow", "", "image: slow.wasm\n"));
    let mut command = home.mayfly();
    command.args(["run", "job.yaml"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = command.spawn().expect("mayfly must start");
    let parent = format!("PPid:\t{}", run.id());
    let children = || {
        let status = |id: &u32| std::fs::read_to_string(format!("/proc/{id}/status"));
        let is_its = |id: &u32| status(id).is_ok_and(|it| it.lines().any(|line| line == parent));
        processes_with("compile-module").into_iter().filter(is_its).collect::<Vec<_>>()
    };
    until("a compiler starts", || !children().is_empty()).await;
    let compilers = children();
    run.kill().expect("it must be ours to kill");
    run.wait().expect("it must be ours to wait for");
    let are_gone = || {
        let running = processes_with("compile-module");
        compilers.iter().all(|id| !running.contains(id))
    };
    until("the compiler ends", are_gone).await;
}

#[tokio::test]
async fn a_module_is_compiled_by_the_program_that_runs_even_if_its_file_is_gone() {
    let home = Home::new();
    let wasm = printing("compiled", Duration::ZERO, "\n");
    home.write("new.wasm", wasm);
    let program = home.path("mayfly");
    std::fs::copy(env!("CARGO_BIN_EXE_mayfly"), &program).expect("it must be copied");
    let mut command = tokio::process::Command::from(home.mayfly_from(&program));
    command.args(["run", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    // It has its own cache: nothing was compiled before.
    command.env("XDG_CACHE_HOME", home.path("cache")).stderr(Stdio::piped());
    let mut run = loop {
        match command.spawn() {
            // Another test's process was started while it was written, and has it until it is itself.
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                tokio::task::yield_now().await;
            }
            spawned => break spawned.expect("mayfly must start"),
        }
    };
    std::fs::remove_file(&program).expect("it must be removed");
    home.write("mayfly", "another program");
    let mut manifest = run.stdin.take().expect("it must be piped");
    let text = job("new", "", "image: new.wasm\n");
    tokio::io::AsyncWriteExt::write_all(&mut manifest, text.as_bytes())
        .await
        .expect("it must read");
    drop(manifest);
    let ended = run.wait_with_output().await.expect("it must end");
    assert!(ended.status.success(), "{ended:?}");
    assert!(String::from_utf8_lossy(&ended.stdout).contains("compiled"), "{ended:?}");
}

#[test]
fn whoever_starts_a_compiler_by_hand_is_told() {
    let home = Home::new();
    home.run(&["compile-module"]).exits(2).says("is started by mayfly itself");
}
