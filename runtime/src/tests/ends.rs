//! How a guest ends.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn an_exit_code_is_kept_whatever_it_is() {
    for code in [0, 1, 42, 125, 126, 127, 137, 255, 256, u32::MAX] {
        let body = format!(
            r#"(memory (export "memory") 1)
               (func (export "_start") (call $exit (i32.const {})))"#,
            code as i32
        );
        assert_eq!(end_of(&body, Limits::default()).await, End::Exited(code));
    }
}

#[tokio::test]
async fn returning_from_start_is_exit_code_0() {
    let body = r#"(memory (export "memory") 1) (func (export "_start"))"#;
    assert_eq!(end_of(body, Limits::default()).await, End::Exited(0));
}

#[tokio::test]
async fn a_trap_has_a_reason_and_a_backtrace() {
    let table = [
        ("unreachable", "wasm `unreachable` instruction executed"),
        ("(drop (i32.load (i32.const -8)))", "out of bounds memory access"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "integer divide by zero"),
        ("(call $inner)", "call stack exhausted"),
    ];
    for (code, expect) in table {
        let body = format!(
            r#"(memory (export "memory") 1)
               (func $inner {code})
               (func $outer (export "_start") (call $inner))"#
        );
        let end = end_of(&body, Limits::default()).await;
        let End::Trapped { reason, backtrace } = end else { panic!("{code}: {end:?}") };
        assert_eq!(reason, expect);
        assert!(backtrace.starts_with("inner\n"), "{code}: {backtrace}");
    }
}

#[tokio::test]
async fn a_pointer_out_of_the_guests_memory_is_its_own_fault() {
    let body = r#"(memory (export "memory") 1)
        (func (export "_start") (drop (call $args_get (i32.const -4) (i32.const -4))))"#;
    let module = load(body, Metering::Epochs).await;
    let end = run(&module, Guest::new().args(["a"]), Limits::default()).await.end;
    assert!(matches!(end, End::Trapped { .. }), "{end:?}");
}

#[tokio::test]
async fn what_fails_in_a_start_function_is_the_guests_own_fault() {
    let check = async |body: &str, expect: &str| {
        let end = end_of(body, Limits::default()).await;
        let End::Trapped { reason, .. } = &end else { panic!("{body}: {end:?}") };
        assert!(reason.contains(expect), "{body}: {end:?}");
    };
    let start = r#"(func (export "_start")) (start $start)"#;
    let traps = format!("(func $start unreachable) {start}");
    check(&traps, "unreachable").await;
    // It has no memory for the call to look into.
    let calls = "(func $start (drop (call $args_get (i32.const 0) (i32.const 0))))";
    check(&format!("{calls} {start}"), "memory").await;
}

/// Guests that never end by themselves, and hold on to different things.
pub(super) const ENDLESS: [(&str, &str); 4] = [
    ("busy loop", r#"(memory (export "memory") 1) (func (export "_start") (loop (br 0)))"#),
    (
        "start function",
        r#"(memory (export "memory") 1) (func (export "_start"))
           (func $init (loop (br 0))) (start $init)"#,
    ),
    (
        "sleep for a day",
        // One subscription at 0: userdata, tag 0 (clock), id 1 (monotonic), timeout, precision.
        r#"(memory (export "memory") 1)
           (func (export "_start")
             (i32.store (i32.const 16) (i32.const 1))
             (i64.store (i32.const 24) (i64.const 86400000000000))
             (drop (call $poll_oneoff
               (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))"#,
    ),
    (
        "read of an input that never comes",
        r#"(memory (export "memory") 1)
           (func (export "_start")
             (i32.store (i32.const 0) (i32.const 64))
             (i32.store (i32.const 4) (i32.const 64))
             (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))"#,
    ),
];

#[tokio::test]
async fn whatever_never_ends_is_ended_at_its_deadline() {
    for metering in [Metering::Epochs, Metering::Fuel] {
        for (name, body) in ENDLESS {
            let module = load(body, metering).await;
            let deadline = Duration::from_millis(100);
            let limits = Limits { deadline: Some(deadline), ..Limits::default() };
            let guest = Guest::new().stdin(crate::Stdin::Silent);
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
async fn whatever_never_ends_is_ended_when_it_is_cancelled() {
    for (name, body) in ENDLESS {
        let module = load(body, Metering::Epochs).await;
        let sandbox = Sandbox::new(ENGINE.clone());
        let cancel = CancellationToken::new();
        let guest = Guest::new().stdin(crate::Stdin::Silent);
        let run = sandbox.run(&module, guest, Limits::default(), cancel.clone());
        let (started, before) = (Instant::now(), waited());
        let (outcome, ()) = tokio::join!(run, async { cancel.cancel() });
        let most = Duration::from_secs(1) + (waited() - before);
        assert_eq!(outcome.unwrap().end, End::Cancelled, "{name}");
        assert!(started.elapsed() < most, "{name}");
    }
}

#[tokio::test]
async fn a_cancelled_run_never_starts() {
    let module = load(ENDLESS[0].1, Metering::Epochs).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let sandbox = Sandbox::new(ENGINE.clone());
    let outcome = sandbox.run(&module, Guest::new(), Limits::default(), cancel).await.unwrap();
    assert_eq!(outcome.end, End::Cancelled);
}

#[tokio::test]
async fn a_busy_guest_leaves_room_for_others_on_its_thread() {
    let busy = load(ENDLESS[0].1, Metering::Epochs).await;
    let quick = load(
        r#"(memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 7)))"#,
        Metering::Epochs,
    )
    .await;
    let sandbox = Sandbox::new(ENGINE.clone());
    let cancel = CancellationToken::new();
    let (busy, quick) =
        tokio::join!(sandbox.run(&busy, Guest::new(), Limits::default(), cancel.clone()), async {
            let outcome = run(&quick, Guest::new(), Limits::default()).await;
            cancel.cancel();
            outcome
        });
    assert_eq!(quick.end, End::Exited(7));
    assert_eq!(busy.unwrap().end, End::Cancelled);
}
