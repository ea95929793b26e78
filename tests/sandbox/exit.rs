//! How guests end by themselves.

use super::*;

pub(super) async fn exit_code() {
    for code in [0, 1, 42, 125, 126, 137, 255] {
        run("exit_code", [&code.to_string()]).await.exited(code);
    }
}

pub(super) async fn exit_panic() {
    let ran = run("exit_panic", []).await.trapped("unreachable");
    assert!(ran.stderr.contains("this guest panics on purpose"), "{}", ran.stderr);
}

pub(super) async fn exit_message() {
    let ran = run("exit_message", ["that was it", "7"]).await.exited(7);
    assert_eq!(ran.outcome.termination_message.trim_ascii_end(), b"that was it");
    assert_eq!(ran.stdout, "");
}

#[tokio::test]
async fn fail_until() {
    let folder = tempfile::tempdir().expect("a folder must be made");
    for code in [1, 1, 0] {
        let data = with_data(folder.path(), Access::ReadWrite);
        let args = ["2", "/data/attempts"];
        run_with("fail_until", args, data, Limits::default()).await.exited(code);
    }
}

pub(super) async fn exit_bad_name() {
    match load("exit_bad_name").await {
        Ok(_) => drop(run("exit_bad_name", []).await.trapped("unreachable")),
        Err(error) => assert!(matches!(error, ModuleError::Invalid { .. }), "{error}"),
    }
}

pub(super) async fn exit_garbage() {
    let capture = Arc::new(Capture::default());
    let module = load("exit_garbage").await.expect("it must load");
    let guest = Guest::new().output(capture.clone());
    let sandbox = Sandbox::new(ENGINE.clone());
    let outcome = sandbox.run(&module, guest, Limits::default(), CancellationToken::new()).await;
    assert_eq!(outcome.expect("it must start").end, End::Exited(0));
    assert_eq!(capture.taken(Stream::Stdout), (0..=255).collect::<Vec<u8>>());
}

pub(super) async fn exit_negative() {
    run("exit_negative", []).await.exited(u32::MAX);
}

pub(super) async fn exit_signal() {
    let end = run("exit_signal", []).await.outcome.end;
    assert!(matches!(end, End::Trapped { .. } | End::Exited(0)), "{end:?}");
}

pub(super) async fn exit_start() {
    run("exit_start", []).await.exited(7);
}

pub(super) async fn exit_trap() {
    let table = [
        "`unreachable` instruction executed",
        "integer divide by zero",
        "integer overflow",
        "invalid conversion to integer",
        "integer overflow",
        "out of bounds memory access",
        "out of bounds memory access",
        "uninitialized element",
        "indirect call type mismatch",
        "undefined element",
        "out of bounds table access",
        "out of bounds memory access",
        "out of bounds memory access",
        "call stack exhausted",
    ];
    for (index, reason) in table.iter().enumerate() {
        let guest = Guest::new().args(vec!["x"; index + 1]);
        run_wasm(wasm("exit_trap"), guest, Limits::default()).await.trapped(reason);
    }
    run_wasm(wasm("exit_trap"), Guest::new(), Limits::default()).await.exited(0);
}

pub(super) async fn exit_wide() {
    run("exit_wide", []).await.exited(0x1234_5678);
}
