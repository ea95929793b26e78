//! Components: what holds for modules holds for them.
//!
//! Most are made of the modules of the other tests, by way of the adapter that compilers use too;
//! those that say what no module can are written as they are.

use super::ends::ENDLESS;
use super::files::{folder, folder_with_a_pipe, mount, opens};
use super::loading::engine_with_cache;
use super::streams::{reads, strings};
use super::*;
use crate::{Access, Stdin};

/// The component that the module of `body` is made into.
fn adapted(body: &str) -> Vec<u8> {
    encoded(&wat(body))
}

/// The component that the module `wasm` is made into.
pub(super) fn encoded(wasm: &[u8]) -> Vec<u8> {
    let adapter = wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
    wit_component::ComponentEncoder::default()
        .module(wasm)
        .and_then(|encoder| encoder.adapter("wasi_snapshot_preview1", adapter))
        .and_then(|mut encoder| encoder.encode())
        .unwrap()
}

pub(super) async fn load_adapted(body: &str, metering: Metering) -> Module {
    ENGINE.load(adapted(body).into(), metering).await.unwrap()
}

/// How the component of `body` ends when it is given `guest`, and what it printed.
async fn printed(body: &str, guest: Guest) -> (End, String) {
    let capture = Arc::new(Capture::default());
    let module = load_adapted(body, Metering::Epochs).await;
    let outcome = run(&module, guest.output(capture.clone()), Limits::default()).await;
    (outcome.end, String::from_utf8_lossy(&capture.taken(Stream::Stdout)).into_owned())
}

/// A component that exports `wasi:cli/run`, of a core module's `body` with a function `run`, which
/// may call `exit` and `exit-with-code`.
pub(super) fn command(body: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
          (import "wasi:cli/exit@0.2.12" (instance $exit
            (export "exit" (func (param "status" (result))))
            (export "exit-with-code" (func (param "status-code" u8)))))
          (core module $m
            (import "exit" "exit" (func $exit (param i32)))
            (import "exit" "exit-with-code" (func $exit_with_code (param i32)))
            {body})
          (core func $exit_core (canon lower (func $exit "exit")))
          (core func $code_core (canon lower (func $exit "exit-with-code")))
          (core instance $i (instantiate $m (with "exit" (instance
            (export "exit" (func $exit_core)) (export "exit-with-code" (func $code_core))))))
          (func $run (result (result)) (canon lift (core func $i "run")))
          (instance $command (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $command)))"#
    ))
    .unwrap()
}

async fn end_of_command(body: &str, limits: Limits) -> End {
    let module = ENGINE.load(command(body).into(), Metering::Epochs).await.unwrap();
    run(&module, Guest::new(), limits).await.end
}

#[tokio::test]
async fn a_component_ends_as_it_says() {
    let table = [
        ("(i32.const 0)", 0),
        ("(i32.const 1)", 1),
        ("(call $exit (i32.const 0)) (i32.const 1)", 0),
        ("(call $exit (i32.const 1)) (i32.const 0)", 1),
        ("(call $exit_with_code (i32.const 0)) (i32.const 1)", 0),
        ("(call $exit_with_code (i32.const 42)) (i32.const 0)", 42),
        ("(call $exit_with_code (i32.const 255)) (i32.const 0)", 255),
    ];
    for (code, expect) in table {
        let body = format!(r#"(func (export "run") (result i32) {code})"#);
        assert_eq!(end_of_command(&body, Limits::default()).await, End::Exited(expect), "{code}");
    }
}

#[tokio::test]
async fn a_component_that_traps_has_a_reason_and_a_backtrace() {
    let table = [
        ("unreachable", "wasm `unreachable` instruction executed"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "integer divide by zero"),
        ("(call $inner)", "call stack exhausted"),
    ];
    for (code, expect) in table {
        let body = format!(
            r#"(func $inner {code}) (func (export "run") (result i32) (call $inner) (i32.const 0))"#
        );
        let end = end_of_command(&body, Limits::default()).await;
        let End::Trapped { reason, backtrace } = end else { panic!("{code}: {end:?}") };
        assert_eq!(reason, expect);
        assert!(backtrace.starts_with("inner\n"), "{code}: {backtrace}");
    }
}

#[tokio::test]
async fn a_component_gets_arguments_environment_and_input() {
    let strange = ["", "a b", "$HOME", "π — 你好 🦀", "="];
    let (_, args) = printed(&strings("args"), Guest::new().args(strange)).await;
    assert_eq!(args, strange.map(|arg| format!("{arg}\0")).concat());
    let guest = Guest::new().env("A", "1=2").env("leer", "");
    assert_eq!(printed(&strings("environ"), guest).await.1, "A=1=2\0leer=\0");
    assert_eq!(printed(&strings("environ"), Guest::new()).await.1, "");

    let table = [
        (Stdin::Closed, ""),
        (Stdin::Bytes("some input".into()), "some input"),
        (Stdin::Stream(Box::new(&b"a stream"[..])), "a stream"),
    ];
    for (stdin, expect) in table {
        assert_eq!(printed(&reads("(i32.const 0)"), Guest::new().stdin(stdin)).await.1, expect);
    }
}

#[tokio::test]
async fn a_component_has_the_same_devices() {
    let zeros = "\0".repeat(4096);
    let table = [
        ("null", "(call $open (i32.const 512) (i32.const 4) (i32.const 0))", ""),
        ("zero", "(call $open (i32.const 520) (i32.const 4) (i32.const 0))", &zeros),
        ("stdin", "(call $open (i32.const 536) (i32.const 5) (i32.const 0))", "input"),
        ("nothing", "(call $open (i32.const 544) (i32.const 7) (i32.const 0))", ""),
        ("left", "(call $open (i32.const 552) (i32.const 11) (i32.const 0))", ""),
    ];
    for (name, open, expect) in table {
        let guest = Guest::new().stdin(Stdin::Bytes("input".into()));
        let (end, read) = printed(&reads(open), guest).await;
        assert!(matches!(end, End::Exited(_)), "{name}: {end:?}");
        assert!(read == expect, "{name}: {} bytes", read.len());
    }
}

#[tokio::test]
async fn nothing_leads_a_component_out_of_a_mount() {
    let folder = folder();
    let mounts = [Access::ReadOnly, Access::ReadWrite]
        .map(|access| mount(&folder.path().join("in"), "/data", access));
    for mount in mounts {
        for path in
            ["../secret", "link", "absolute", "up/secret", "sub/../../secret", "/etc/passwd"]
        {
            for write in [false, true] {
                let guest = Guest::new().mount(mount.clone());
                let (end, read) = printed(&opens(4, path, write), guest).await;
                assert_eq!((end, read.as_str()), (End::Exited(1), ""), "{path}, write {write}");
            }
        }
        for path in ["file", "./sub/../file", "sub/file", "inside"] {
            let (end, read) =
                printed(&opens(4, path, false), Guest::new().mount(mount.clone())).await;
            assert_eq!((end, read.len()), (End::Exited(0), 3), "{path}");
        }
    }
    assert_eq!(std::fs::read(folder.path().join("secret")).unwrap(), b"secret");
}

#[tokio::test]
async fn a_named_pipe_keeps_no_component_waiting() {
    let folder = folder_with_a_pipe();
    for write in [false, true] {
        let mount = mount(&folder.path().join("in"), "/data", Access::ReadWrite);
        let (end, _) = printed(&opens(4, "pipe", write), Guest::new().mount(mount)).await;
        assert_eq!(end, End::Exited(1), "write {write}");
    }
}

#[tokio::test]
async fn a_component_writes_only_where_it_may() {
    let folder = folder();
    let file = folder.path().join("in/file");
    for (access, expect) in [(Access::ReadOnly, "old"), (Access::ReadWrite, "new")] {
        let guest = Guest::new().mount(mount(&folder.path().join("in"), "/data", access));
        let (end, _) = printed(&opens(4, "file", true), guest).await;
        assert_eq!(end == End::Exited(0), access == Access::ReadWrite, "{end:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expect);
    }
    let guest = Guest::new().mount(mount(&file, "/etc/app/config", Access::ReadOnly));
    assert_eq!(printed(&opens(4, "config", false), guest).await, (End::Exited(0), "new".into()));
    let guest = Guest::new().mount(mount(&file, "/etc/app/config", Access::ReadOnly));
    assert_eq!(printed(&opens(4, "sub/file", false), guest).await.0, End::Exited(1));
}

#[tokio::test]
async fn a_component_starts_in_its_working_directory() {
    let folder = folder();
    // `.` comes after /dev and the mount.
    let guest = Guest::new()
        .mount(mount(&folder.path().join("in"), "/data", Access::ReadOnly))
        .working_dir("/data/sub");
    assert_eq!(printed(&opens(5, "file", false), guest).await, (End::Exited(0), "sub".into()));
}

#[tokio::test]
async fn a_termination_message_of_a_component_is_kept() {
    let body = r#"(memory (export "memory") 1)
        (data (i32.const 0) "\20\00\00\00\04\00\00\00") (data (i32.const 32) "why\ntermination-log")
        (func (export "_start")
          (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 36) (i32.const 15)
            (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16)))
          (drop (call $fd_write (i32.load (i32.const 16)) (i32.const 0) (i32.const 1)
            (i32.const 20)))
          unreachable)"#;
    let module = load_adapted(body, Metering::Epochs).await;
    let outcome = run(&module, Guest::new(), Limits::default()).await;
    assert!(matches!(outcome.end, End::Trapped { .. }), "{:?}", outcome.end);
    assert_eq!(outcome.termination_message, b"why\n");
}

#[tokio::test]
async fn a_component_that_never_ends_is_ended() {
    for metering in [Metering::Epochs, Metering::Fuel] {
        for (name, body) in ENDLESS {
            let module = load_adapted(body, metering).await;
            let deadline = Duration::from_millis(100);
            let limits = Limits { deadline: Some(deadline), ..Limits::default() };
            let guest = Guest::new().stdin(Stdin::Silent);
            let before = waited();
            let outcome = run(&module, guest, limits).await;
            let most = deadline * 10 + (waited() - before);
            assert_eq!(outcome.end, End::DeadlineExceeded, "{name} by {metering:?}");
            let wall = outcome.usage.wall;
            assert!(wall >= deadline && wall < most, "{name}: {wall:?}, not {most:?}");
        }
    }
}

#[tokio::test]
async fn a_component_has_the_same_limits() {
    let grows = r#"(memory (export "memory") 1)
        (func (export "_start") (loop (drop (memory.grow (i32.const 16))) (br 0)))"#;
    let limits = Limits { memory_bytes: 8 << 20, ..Limits::default() };
    let outcome = run(&load_adapted(grows, Metering::Epochs).await, Guest::new(), limits).await;
    assert_eq!(outcome.end, End::OutOfMemory(MemoryUse::Memories));
    assert!(outcome.usage.memory_bytes_peak <= 8 << 20);

    let prints = r#"(memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\04\00\00\00") (data (i32.const 16) "yes\n")
        (func (export "_start") (loop
          (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br 0)))"#;
    let capture = Arc::new(Capture::default());
    let limits = Limits { output_bytes: 1001, ..Limits::default() };
    let guest = Guest::new().output(capture.clone());
    let outcome = run(&load_adapted(prints, Metering::Epochs).await, guest, limits).await;
    assert_eq!(outcome.end, End::OutputExceeded);
    assert_eq!(capture.taken(Stream::Stdout).len(), 1001);

    let module = load_adapted(ENDLESS[0].1, Metering::Fuel).await;
    let limits = Limits { fuel: Some(50_000_000), ..Limits::default() };
    let (first, second) =
        (run(&module, Guest::new(), limits).await, run(&module, Guest::new(), limits).await);
    assert_eq!((first.end, first.usage.fuel), (End::FuelExhausted, second.usage.fuel));
}

#[tokio::test]
async fn descriptors_of_a_component_run_out() {
    // Prints a byte for each time that /dev/null could be opened.
    let body = r#"(memory (export "memory") 1) (data (i32.const 0) "null")
        (data (i32.const 32) "\00\00\00\00\01\00\00\00")
        (func (export "_start")
          (block $full (loop $again
            (br_if $full (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4)
              (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
            (drop (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))
            (br $again))))"#;
    let module = load_adapted(body, Metering::Epochs).await;
    let capture = Arc::new(Capture::default());
    let limits = Limits { descriptors: 20, ..Limits::default() };
    let outcome = run(&module, Guest::new().output(capture.clone()), limits).await;
    assert_eq!(outcome.end, End::Exited(0));
    assert_eq!(capture.taken(Stream::Stdout).len(), 20);
}

#[tokio::test]
async fn what_is_no_command_of_preview_2_is_refused_with_a_reason() {
    let exports = |name: &str| {
        wat::parse_str(format!(r#"(component (instance $i) (export "{name}" (instance $i)))"#))
    };
    let imports = r#"(component (import "wasi:http/types@0.2.0" (instance))
        (import "acme:thing/api" (instance (export "f" (func))))
        (instance $i) (export "wasi:cli/run@0.2.0" (instance $i)))"#;
    let table = [
        (exports("wasi:http/incoming-handler@0.2.0"), ", but serves HTTP; build"),
        (exports("wasi:cli/run@0.3.0"), "another version of WASI"),
        (exports("wasi:cli/run@0.2.0"), "not a valid WebAssembly component: "),
        (exports("acme:thing/api"), "does not export wasi:cli/run; build it as a command"),
        (wat::parse_str(imports), "imports what the sandbox does not have: acme:thing/api; only"),
    ];
    for (wasm, expect) in table {
        let error = ENGINE.load(wasm.unwrap().into(), Metering::Epochs).await.unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expect), "{expect:?} in {error:?}");
    }
    let cut = adapted(ENDLESS[0].1)[..500].to_vec();
    let error = ENGINE.load(cut.into(), Metering::Epochs).await.unwrap_err().to_string();
    assert!(error.contains("component that is cut short, at 500 bytes"), "{error}");
}

#[tokio::test]
async fn compiled_components_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = bytes::Bytes::from(command(r#"(func (export "run") (result i32) (i32.const 1))"#));
    let mut kept = Vec::new();
    for _ in 0..2 {
        let engine = engine_with_cache(folder.path());
        let module = engine.load(wasm.clone(), Metering::Epochs).await.unwrap();
        let limits = Limits { deadline: Some(PATIENCE), ..Limits::default() };
        let sandbox = Sandbox::new(engine);
        let outcome = sandbox.run(&module, Guest::new(), limits, CancellationToken::new());
        assert_eq!(outcome.await.unwrap().end, End::Exited(1));
        let mut files = std::fs::read_dir(folder.path()).unwrap();
        kept.push(written(&files.next().unwrap().unwrap().path()));
        assert!(files.next().is_none());
    }
    assert_eq!(kept[0], kept[1], "it was used again");
}
