//! What a guest may use up.

use super::components::load_adapted;
use super::*;
use crate::Meter;

const BUSY: &str = r#"(memory (export "memory") 1) (func (export "_start") (loop (br 0)))"#;

/// Counts to a million, and exits with 5.
const COUNT: &str = r#"(memory (export "memory") 1)
    (func (export "_start") (local $i i32)
      (loop $again
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 1000000))))
      (call $exit (i32.const 5)))"#;

#[tokio::test]
async fn fuel_is_exhausted_at_the_same_place_each_time() {
    let module = load(BUSY, Metering::Fuel).await;
    let limits = Limits { fuel: Some(50_000_000), ..Limits::default() };
    let first = run(&module, Guest::new(), limits).await;
    let second = run(&module, Guest::new(), limits).await;
    assert_eq!(first.end, End::FuelExhausted);
    assert_eq!((second.end, second.usage.fuel), (first.end, first.usage.fuel));
}

#[tokio::test]
async fn fuel_used_is_the_same_each_time_and_is_enough_next_time() {
    let module = load(COUNT, Metering::Fuel).await;
    let plenty = Limits { fuel: Some(u64::MAX), ..Limits::default() };
    let first = run(&module, Guest::new(), plenty).await;
    let used = first.usage.fuel.unwrap();
    assert_eq!(first.end, End::Exited(5));
    assert_eq!(run(&module, Guest::new(), plenty).await.usage.fuel, Some(used));

    for (fuel, expect) in [(used, End::Exited(5)), (used / 2, End::FuelExhausted)] {
        let limits = Limits { fuel: Some(fuel), ..Limits::default() };
        assert_eq!(run(&module, Guest::new(), limits).await.end, expect);
    }
    assert_eq!(run(&module, Guest::new(), Limits::default()).await.usage.fuel, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_guest_keeps_to_its_share_and_another_goes_on() {
    let module = load(BUSY, Metering::Epochs).await;
    let deadline = Some(Duration::from_millis(1500));
    let limits = Limits { cpu_millis: Some(100), deadline, ..Limits::default() };
    let (limited, free) = tokio::join!(
        run(&module, Guest::new(), limits),
        run(&module, Guest::new(), Limits { deadline, ..Limits::default() }),
    );
    assert_eq!((&limited.end, &free.end), (&End::DeadlineExceeded, &End::DeadlineExceeded));
    // A turn may take long where the thread that ends it has to wait for a core itself.
    let most = limited.usage.wall / 10 + Duration::from_millis(100);
    assert!(limited.usage.cpu <= most, "{limited:?}");
    assert!(limited.usage.cpu > Duration::ZERO && free.usage.cpu > Duration::ZERO, "{free:?}");
}

#[tokio::test]
async fn a_guest_that_rests_is_ended_at_once() {
    let module = load(BUSY, Metering::Fuel).await;
    // A turn takes milliseconds, so it rests for most of an hour.
    let limits = Limits { cpu_millis: Some(1), fuel: Some(u64::MAX), ..Limits::default() };
    let cancel = CancellationToken::new();
    let (sandbox, watch) = (Sandbox::new(ENGINE.clone()), Meter::new());
    let resting = sandbox.run(&module, Guest::new().meter(watch.clone()), limits, cancel.clone());
    let cancelling = async {
        while watch.usage().cpu.is_zero() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(resting, cancelling);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.end, End::Cancelled);
    assert!(outcome.usage.wall < PATIENCE, "{outcome:?}");
}

#[tokio::test]
async fn neighbours_that_never_end_have_no_more_turns_than_others() {
    /// What a turn is where fuel is counted.
    const TURN: u64 = 10_000_000;
    let module = load(BUSY, Metering::Fuel).await;
    let cancel = CancellationToken::new();
    let begin = |fuel, cancel: CancellationToken| {
        let (sandbox, module) = (Sandbox::new(ENGINE.clone()), module.clone());
        let limits = Limits { fuel: Some(fuel), ..Limits::default() };
        async move { sandbox.run(&module, Guest::new(), limits, cancel).await.unwrap() }
    };
    let neighbours: Vec<_> =
        (0..3).map(|_| tokio::spawn(begin(u64::MAX, cancel.clone()))).collect();
    let run = begin(5 * TURN, CancellationToken::new());
    // Cancelled in its last turn: the test itself is only woken after a great many turns.
    let cancel_after = async move {
        let outcome = run.await;
        cancel.cancel();
        outcome
    };
    assert_eq!(tokio::spawn(cancel_after).await.unwrap().end, End::FuelExhausted);
    for neighbour in neighbours {
        let used = neighbour.await.unwrap().usage.fuel.unwrap();
        // They began before it, and may have had one more until they were told to end.
        assert!(used <= 8 * TURN, "{used}");
    }
}

#[tokio::test]
async fn memory_that_is_set_aside_is_taken_from_whoever_has_more_than_its_own() {
    let settings = EngineSettings {
        instances_max: 4,
        memory_bytes_max: Some(64 << 20),
        ..EngineSettings::default()
    };
    let engine = Engine::new(settings).unwrap();
    // Takes 48 MiB, and then all of its time; or 32 MiB, and is done.
    let takes = |pages: u32, then: &str| {
        wat(&format!(
            r#"(memory (export "memory") 1)
               (func (export "_start") (drop (memory.grow (i32.const {pages}))) {then})"#
        ))
    };
    let greedy = engine.load(takes(768, "(loop (br 0))").into(), Metering::Epochs).await.unwrap();
    let modest = engine.load(takes(512, "").into(), Metering::Epochs).await.unwrap();
    let sandbox = Sandbox::new(engine);
    let limits = |reserved| Limits { memory_reserved_bytes: reserved, ..Limits::default() };
    let meter = Meter::new();
    let guest = Guest::new().meter(meter.clone());
    let (ours, never) = (sandbox.clone(), CancellationToken::new());
    let taking =
        tokio::spawn(
            async move { ours.run(&greedy, guest, limits(1 << 20), never).await.unwrap().end },
        );
    while meter.usage().memory_bytes < 48 << 20 {
        tokio::task::yield_now().await;
    }
    // There is no room beside it for one that has nothing set aside.
    let run =
        |reserved| sandbox.run(&modest, Guest::new(), limits(reserved), CancellationToken::new());
    assert_eq!(run(0).await.unwrap().end, End::NoMemoryLeft);
    assert_eq!(run(34 << 20).await.unwrap().end, End::Exited(0));
    assert_eq!(taking.await.unwrap(), End::NoMemoryLeft);
}

#[tokio::test]
async fn fuel_is_exact_whatever_else_runs() {
    // A dozen turns.
    let body = COUNT.replace("1000000", "20000000");
    let busy = load(BUSY, Metering::Fuel).await;
    let limits = Limits { fuel: Some(u64::MAX), ..Limits::default() };
    for module in [load(&body, Metering::Fuel).await, load_adapted(&body, Metering::Fuel).await] {
        let used = async |limits| {
            let outcome = run(&module, Guest::new(), limits).await;
            assert!(matches!(outcome.end, End::Exited(_)), "{outcome:?}");
            outcome.usage.fuel.unwrap()
        };
        let alone = used(limits).await;
        assert!(alone > 20_000_000, "{alone}");
        assert_eq!(used(Limits { cpu_millis: Some(500), ..limits }).await, alone);
        let cancel = CancellationToken::new();
        let neighbours: Vec<_> = (0..2)
            .map(|_| {
                let (sandbox, busy) = (Sandbox::new(ENGINE.clone()), busy.clone());
                let cancel = cancel.clone();
                tokio::spawn(async move { sandbox.run(&busy, Guest::new(), limits, cancel).await })
            })
            .collect();
        assert_eq!(used(limits).await, alone);
        // So much is enough for it; half of that is not, and it is looked at in the same place.
        assert_eq!(used(Limits { fuel: Some(alone), ..limits }).await, alone);
        let less = Limits { fuel: Some(alone / 2), ..limits };
        let (first, second) =
            (run(&module, Guest::new(), less).await, run(&module, Guest::new(), less).await);
        assert_eq!(first.end, End::FuelExhausted);
        assert_eq!((second.end, second.usage.fuel), (first.end, first.usage.fuel));
        cancel.cancel();
        for neighbour in neighbours {
            assert_eq!(neighbour.await.unwrap().unwrap().end, End::Cancelled);
        }
    }
}

#[tokio::test]
async fn fuel_can_only_be_limited_where_it_is_counted() {
    let module = load(BUSY, Metering::Epochs).await;
    let limits = Limits { fuel: Some(1), ..Limits::default() };
    let sandbox = Sandbox::new(ENGINE.clone());
    let run = sandbox.run(&module, Guest::new(), limits, CancellationToken::new());
    assert!(matches!(run.await, Err(crate::Error::NotMetered)));
}

#[tokio::test]
async fn too_much_memory_ends_the_guest_however_it_takes_it() {
    let table = [
        (
            "grows",
            r#"(memory (export "memory") 1)
            (func (export "_start") (loop (drop (memory.grow (i32.const 16))) (br 0)))"#,
        ),
        ("starts with it", r#"(memory (export "memory") 4096) (func (export "_start"))"#),
        (
            "grows at once",
            r#"(memory (export "memory") 1)
            (func (export "_start") (drop (memory.grow (i32.const 60000))))"#,
        ),
        (
            "grows a table",
            r#"(memory (export "memory") 1) (table $t 1 funcref)
            (func (export "_start") (loop
              (drop (table.grow $t (ref.null func) (i32.const 1024))) (br 0)))"#,
        ),
    ];
    for (name, body) in table {
        // The pool's tables have 65,536 elements, which is half a megabyte.
        let left = if name.contains("table") { 256 << 10 } else { 8 << 20 };
        let module = load(body, Metering::Epochs).await;
        let memory_bytes = module.0.run_bytes + left;
        let limits = Limits { memory_bytes, ..Limits::default() };
        let outcome = run(&module, Guest::new(), limits).await;
        assert_eq!(outcome.end, End::OutOfMemory(MemoryUse::Memories), "{name}");
        assert!(outcome.usage.memory_bytes_peak <= memory_bytes, "{name}");
    }
}

#[tokio::test]
async fn what_the_module_itself_forbids_is_its_own_affair() {
    let body = r#"(memory (export "memory") 1 2)
        (func (export "_start")
          (call $exit (i32.eq (memory.grow (i32.const 9)) (i32.const -1))))"#;
    let module = load(body, Metering::Epochs).await;
    let outcome = run(&module, Guest::new(), Limits::default()).await;
    let all = module.0.run_bytes + 65536;
    assert_eq!((outcome.end, outcome.usage.memory_bytes_peak), (End::Exited(1), all));
}

#[tokio::test]
async fn output_ends_at_its_limit_and_all_before_it_is_passed_on() {
    let body = r#"(memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\04\00\00\00") (data (i32.const 16) "yes\n")
        (func (export "_start")
          (loop
            (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
            (br 0)))"#;
    let capture = Arc::new(Capture::default());
    let limits = Limits { output_bytes: 1001, ..Limits::default() };
    let guest = Guest::new().output(capture.clone());
    let outcome = run(&load(body, Metering::Epochs).await, guest, limits).await;
    assert_eq!(outcome.end, End::OutputExceeded);
    let (out, err) = (capture.taken(Stream::Stdout), capture.taken(Stream::Stderr));
    assert_eq!((out.len(), err.len()), (501, 500));
    assert!(out.starts_with(b"yes\nyes\n"));
}

#[tokio::test]
async fn a_guest_that_floods_is_slowed_and_ended_while_it_waits() {
    let body = r#"(memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\00\10\00\00")
        (func (export "_start")
          (loop
            (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (br 0)))"#;
    let flood = load(body, Metering::Epochs).await;
    let capture = Arc::new(Capture::default());
    let limits = Limits {
        deadline: Some(Duration::from_secs(2)),
        output_bytes_per_second: 4096,
        output_burst_bytes: 10 * 4096,
        ..Limits::default()
    };
    let outcome = run(&flood, Guest::new().output(capture.clone()), limits).await;
    assert_eq!(outcome.end, End::DeadlineExceeded);
    // All of the burst, one on credit, and one a second.
    let pages = capture.taken(Stream::Stdout).len() as u64 / 4096;
    assert!(pages > 0 && pages <= 12 + outcome.usage.wall.as_secs(), "{pages}: {outcome:?}");
}

#[tokio::test]
async fn descriptors_run_out_and_can_be_given_back() {
    // Opens /dev/null until that fails, and exits with how often it went well; once more if
    // giving one back made no room.
    let body = r#"(memory (export "memory") 1) (data (i32.const 0) "null")
        (func $open (result i32)
          (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4)
            (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
        (func (export "_start") (local $opened i32)
          (block $full (loop $again
            (br_if $full (call $open))
            (local.set $opened (i32.add (local.get $opened) (i32.const 1)))
            (br $again)))
          (drop (call $fd_close (i32.const 5)))
          (call $exit (i32.add (local.get $opened) (call $open))))"#;
    let limits = Limits { descriptors: 20, ..Limits::default() };
    assert_eq!(end_of(body, limits).await, End::Exited(20));
}

/// Opens a file until that fails, or it has 100, and then does `then` with how many it has.
fn opens_many(then: &str) -> String {
    format!(
        r#"(memory (export "memory") 1) (data (i32.const 0) "file")
        (data (i32.const 8) "\00\00\00\00\01\00\00\00")
        (func (export "_start") (local $opened i32)
          (block $full (loop $again
            (br_if $full (call $path_open (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 4)
              (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
            (local.set $opened (i32.add (local.get $opened) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $opened) (i32.const 100)))))
          {then})"#
    )
}

#[tokio::test]
async fn guests_leave_descriptors_to_others_whatever_each_may_have() {
    // A quarter is for mounts.
    let settings = EngineSettings { descriptors_max: Some(40), ..EngineSettings::default() };
    let engine = Engine::new(settings).unwrap();
    let load = async |then| engine.load(wat(&opens_many(then)).into(), Metering::Epochs).await;
    let counts = load("(call $exit (local.get $opened))").await.unwrap();
    let keeps = "(drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 24)))
        (loop (br 0))";
    let keeps = load(keeps).await.unwrap();
    let (sandbox, folder) = (Sandbox::new(engine.clone()), files::folder());
    let (host, capture) = (folder.path().join("in"), Arc::new(Capture::default()));
    let run = async |module: &Module, cancel: &CancellationToken| {
        let mount = files::mount(&host, "/data", crate::Access::ReadOnly);
        let guest = Guest::new().mount(mount).output(capture.clone());
        sandbox.run(module, guest, Limits::default(), cancel.clone()).await.unwrap().end
    };
    let (never, cancel) = (CancellationToken::new(), CancellationToken::new());
    assert_eq!(run(&counts, &never).await, End::Exited(30));
    let other = async {
        while capture.taken(Stream::Stdout).is_empty() {
            tokio::task::yield_now().await;
        }
        let end = run(&counts, &never).await;
        cancel.cancel();
        end
    };
    let ends = tokio::join!(run(&keeps, &cancel), other);
    assert_eq!(ends, (End::Cancelled, End::Exited(0)));
    assert_eq!(run(&counts, &never).await, End::Exited(30));
}

#[tokio::test]
async fn runs_wait_when_as_many_run_as_may() {
    let settings = EngineSettings { instances_max: 1, ..EngineSettings::default() };
    let engine = Engine::new(settings).unwrap();
    let module = engine.load(wat(BUSY).into(), Metering::Epochs).await.unwrap();
    let sandbox = Sandbox::new(engine);
    let limits = Limits { deadline: Some(Duration::from_millis(30)), ..Limits::default() };
    let run = || sandbox.run(&module, Guest::new(), limits, CancellationToken::new());
    let (first, second, third) = tokio::join!(run(), run(), run());
    for outcome in [first, second, third] {
        assert_eq!(outcome.unwrap().end, End::DeadlineExceeded);
    }
}

#[tokio::test]
async fn a_guest_finds_nothing_of_those_before_it() {
    // Exits with 1 if any word of its memory, 4 KiB apart, is not what it should be, and else
    // leaves a mark in each, also in memory that it takes.
    let body = r#"(memory (export "memory") 40 200) (data (i32.const 4096) "data")
        (func (export "_start") (local $at i32)
          (if (i32.ne (i32.load (i32.const 4096)) (i32.const 0x61746164))
            (then (call $exit (i32.const 1))))
          (i32.store (i32.const 4096) (i32.const 0))
          (drop (memory.grow (i32.const 100)))
          (loop $again
            (if (i32.load (local.get $at)) (then (call $exit (i32.const 1))))
            (i32.store (local.get $at) (i32.const -1))
            (local.set $at (i32.add (local.get $at) (i32.const 4096)))
            (br_if $again (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536))))))"#;
    let module = load(body, Metering::Epochs).await;
    for _ in 0..10 {
        let outcome = run(&module, Guest::new(), Limits::default()).await;
        assert_eq!(outcome.end, End::Exited(0));
        assert_eq!(outcome.usage.memory_bytes_peak, module.0.run_bytes + 140 * 65536);
    }
}

#[tokio::test]
async fn a_guest_with_collected_objects_leaves_room_for_the_next() {
    // Each has a memory and a heap of objects, and as many run as may.
    let settings = EngineSettings { instances_max: 2, ..EngineSettings::default() };
    let engine = Engine::new(settings).unwrap();
    let body = r#"(type $box (struct (field i32))) (memory (export "memory") 1)
        (func (export "_start") (drop (struct.new $box (i32.const 1))) (loop (br 0)))"#;
    let module = engine.load(wat(body).into(), Metering::Epochs).await.unwrap();
    let limits = Limits { deadline: Some(Duration::from_millis(200)), ..Limits::default() };
    let sandbox = Sandbox::new(engine);
    let run = || sandbox.run(&module, Guest::new(), limits, CancellationToken::new());
    let (one, other) = tokio::join!(run(), run());
    assert_eq!(one.unwrap().end, End::DeadlineExceeded);
    assert_eq!(other.unwrap().end, End::DeadlineExceeded);
}
