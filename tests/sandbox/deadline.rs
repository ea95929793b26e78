//! Deadlines always hold: whatever a guest is in the middle of, it is gone soon after its deadline,
//! after it is cancelled, and after its future is dropped.
//!
//! What is not listed has a limit that ends it sooner: a folder of a million files is not listed at
//! all (`hog_directory`), and compiling has a deadline of its own (the tests of `mayfly-runtime`).

use std::time::Instant;

use mayfly_runtime::{Meter, Stdin};

use super::*;

/// What a guest is in the middle of, the guest, and its arguments.
const ENDLESS: &[(&str, &str, &[&str])] = &[
    ("a busy loop", "hog_cpu", &[]),
    ("a start function", "hog_start", &[]),
    ("filling much memory at once", "hog_fill", &[]),
    ("copying much memory at once", "hog_copy", &[]),
    ("filling a large table at once", "hog_table_fill", &[]),
    ("a read that blocks", "job_stdin", &[]),
    ("a sleep", "job_sleep", &["86400"]),
    ("a poll with the longest of times", "hog_poll_forever", &[]),
    ("polls with no time at all", "hog_poll_none", &[]),
    ("polls of all that can be polled", "hog_poll_all", &[]),
    ("large requests for random bytes", "hog_random", &[]),
    ("calls that yield", "hog_yield", &[]),
    ("looks at the clock", "hog_clock", &[]),
    ("printing", "hog_output", &[]),
    ("reading and writing files", "escape_residue", &["name", "f"]),
];

/// How long each is left alone once it has begun.
const WHILE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn every_deadline_holds() {
    for (what, name, args) in ENDLESS {
        let limits = Limits { deadline: Some(WHILE), ..unlimited() };
        let module = load(name).await.expect("the guest must load");
        let before = waited();
        let outcome = start(&module, guest(name, args), limits, CancellationToken::new()).await;
        let waited = waited() - before;
        let late = outcome.usage.wall.checked_sub(WHILE);
        assert_eq!(outcome.end, End::DeadlineExceeded, "{what}");
        let is_soon = late.is_some_and(|late| late < LATE_MAX + waited);
        assert!(is_soon, "{what}: {late:?} late, {waited:?} of it for others");
    }
}

#[tokio::test]
async fn whatever_is_cancelled_ends() {
    for (what, name, args) in ENDLESS {
        let module = load(name).await.expect("the guest must load");
        let (cancel, meter) = (CancellationToken::new(), Meter::new());
        let cancelled = async {
            is_in_the_middle(&meter).await;
            cancel.cancel();
            (Instant::now(), waited())
        };
        let guest = guest(name, args).meter(meter.clone());
        let run = start(&module, guest, unlimited(), cancel.clone());
        let (outcome, (at, before)) = tokio::join!(run, cancelled);
        let (late, waited) = (at.elapsed(), waited() - before);
        assert_eq!(outcome.end, End::Cancelled, "{what}");
        assert!(late < LATE_MAX + waited, "{what}: {late:?} late, {waited:?} of it for others");
    }
}

#[tokio::test]
async fn whatever_is_dropped_is_gone() {
    // Room for one: the next could not start while the last is there.
    let settings = EngineSettings { instances_max: 1, ..EngineSettings::default() };
    let engine = Engine::new(settings).expect("the engine must start");
    for (what, name, args) in ENDLESS {
        let module = engine.load(wasm(name).into(), Metering::Epochs).await.expect("it must load");
        let (sandbox, meter) = (Sandbox::new(engine.clone()), Meter::new());
        let guest = guest(name, args).meter(meter.clone());
        tokio::select! {
            ended = sandbox.run(&module, guest, unlimited(), CancellationToken::new()) => {
                panic!("{what} ended: {ended:?}")
            }
            () = is_in_the_middle(&meter) => {}
        }
    }
    let module = engine.load(wasm("exit_code").into(), Metering::Epochs).await.expect("it loads");
    let sandbox = Sandbox::new(engine);
    let last = sandbox.run(&module, Guest::new(), unlimited(), CancellationToken::new());
    let outcome = tokio::time::timeout(PATIENCE, last).await.expect("there must be room again");
    assert_eq!(outcome.expect("it must start").end, End::Exited(0));
}

async fn start(
    module: &Module,
    guest: Guest,
    limits: Limits,
    cancel: CancellationToken,
) -> Outcome {
    let run = Sandbox::new(ENGINE.clone());
    run.run(module, guest, limits, cancel).await.expect("the guest must start")
}

/// Waits until the guest of `meter`, which runs on this thread, has had a turn and then been left
/// alone.
async fn is_in_the_middle(meter: &Meter) {
    while meter.usage().cpu.is_zero() {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(WHILE).await;
}

/// A guest whose input never gives anything, and whose output nobody keeps.
fn guest(name: &str, args: &[&str]) -> Guest {
    Guest::new().args([name]).args(args.iter().copied()).stdin(Stdin::Silent)
}

/// Limits that none of them reaches.
fn unlimited() -> Limits {
    Limits { output_bytes: u64::MAX, ..Limits::default() }
}
