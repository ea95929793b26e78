//! What a run is said to have used.

use super::components::load_adapted;
use super::files::{folder, mount, opens};
use super::*;
use crate::{Access, Meter, Usage};

const PAGE: u64 = 64 << 10;

/// Both kinds of program that `body` can be made into.
async fn both(body: &str) -> [Module; 2] {
    [load(body, Metering::Epochs).await, load_adapted(body, Metering::Epochs).await]
}

async fn usage(module: &Module, guest: Guest) -> Usage {
    let outcome = run(module, guest, Limits::default()).await;
    assert_eq!(outcome.end, End::Exited(0));
    outcome.usage
}

#[tokio::test]
async fn memory_is_what_it_takes_at_the_most() {
    let grows = r#"(memory (export "memory") 2)
        (func (export "_start") (drop (memory.grow (i32.const 128))))"#;
    let [module, component] = both(grows).await;
    let used = usage(&module, Guest::new()).await;
    let all = 130 * PAGE + module.0.run_bytes;
    assert_eq!((used.memory_bytes, used.memory_bytes_peak), (all, all));
    assert!(usage(&component, Guest::new()).await.memory_bytes_peak >= 130 * PAGE);

    // Beyond what the module itself declares: it is not given, and not counted.
    let declines = r#"(memory (export "memory") 2 3)
        (func (export "_start") (drop (memory.grow (i32.const 128))))"#;
    let module = load(declines, Metering::Epochs).await;
    let all = 2 * PAGE + module.0.run_bytes;
    assert_eq!(usage(&module, Guest::new()).await.memory_bytes_peak, all);

    let table = r#"(memory (export "memory") 1) (table 1000 funcref) (func (export "_start"))"#;
    let module = load(table, Metering::Epochs).await;
    let all = PAGE + 8000 + module.0.run_bytes;
    assert_eq!(usage(&module, Guest::new()).await.memory_bytes_peak, all);
}

#[tokio::test]
async fn bytes_of_files_and_of_output_are_counted_to_the_byte() {
    let folder = folder();
    let guest = || Guest::new().mount(mount(&folder.path().join("in"), "/data", Access::ReadWrite));
    // The first directory that a guest is given is `/dev`, the mount is the next. It prints what it
    // has read, or what it has written.
    for module in both(&opens(4, "file", false)).await {
        let used = usage(&module, guest()).await;
        assert_eq!((used.file_bytes_read, used.file_bytes_written, used.printed_bytes), (3, 0, 3));
    }
    for module in both(&opens(4, "written", true)).await {
        let used = usage(&module, guest()).await;
        assert_eq!((used.file_bytes_read, used.file_bytes_written, used.printed_bytes), (0, 3, 3));
    }
    for device in ["null", "termination-log"] {
        for module in both(&opens(3, device, true)).await {
            let used = usage(&module, guest()).await;
            assert_eq!((used.file_bytes_written, used.printed_bytes), (0, 3), "{device}");
        }
    }
    for module in both(&opens(3, "zero", false)).await {
        assert_eq!(usage(&module, guest()).await.file_bytes_read, 0);
    }
}

#[tokio::test]
async fn output_beyond_the_limit_is_not_counted() {
    let floods = r#"(memory (export "memory") 1)
        (func (export "_start")
          (i32.store (i32.const 4) (i32.const 1000))
          (loop (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (br 0)))"#;
    let limits = Limits { output_bytes: 2500, ..Limits::default() };
    for module in both(floods).await {
        let outcome = run(&module, Guest::new(), limits).await;
        assert_eq!((outcome.end, outcome.usage.printed_bytes), (End::OutputExceeded, 2500));
    }
}

#[tokio::test]
async fn time_is_counted_while_it_computes_and_not_while_it_sleeps() {
    // One subscription: to the monotonic clock, in 300 milliseconds.
    let sleeps = r#"(memory (export "memory") 1)
        (func (export "_start")
          (i32.store (i32.const 16) (i32.const 1))
          (i64.store (i32.const 24) (i64.const 300000000))
          (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))"#;
    for module in both(sleeps).await {
        let used = usage(&module, Guest::new()).await;
        assert!(used.wall >= Duration::from_millis(300), "{used:?}");
        assert!(used.cpu > Duration::ZERO && used.cpu < used.wall / 3, "{used:?}");
    }

    let module = load(
        r#"(memory (export "memory") 1) (func (export "_start") (loop (br 0)))"#,
        Metering::Epochs,
    )
    .await;
    let limits = Limits { deadline: Some(Duration::from_millis(100)), ..Limits::default() };
    let outcome = run(&module, Guest::new(), limits).await;
    assert_eq!(outcome.end, End::DeadlineExceeded);
    let used = outcome.usage;
    assert!(used.cpu > Duration::from_millis(1) && used.cpu <= used.wall, "{used:?}");
}

#[tokio::test]
async fn usage_can_be_read_while_it_runs() {
    let busy = r#"(memory (export "memory") 3)
        (func (export "_start")
          (i32.store (i32.const 4) (i32.const 5))
          (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (loop (br 0)))"#;
    let module = load(busy, Metering::Epochs).await;
    let (meter, cancel) = (Meter::new(), CancellationToken::new());
    let reader = async {
        // Each turn of the guest is one of ours; its first may be over before it has printed.
        while meter.usage().cpu.is_zero() || meter.usage().printed_bytes < 5 {
            tokio::task::yield_now().await;
        }
        let first = meter.usage();
        while meter.usage().cpu == first.cpu {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
        first
    };
    let sandbox = Sandbox::new(ENGINE.clone());
    let guest = Guest::new().meter(meter.clone());
    let run_bytes = module.0.run_bytes;
    let running = sandbox.run(&module, guest, Limits::default(), cancel.clone());
    let (outcome, during) = tokio::join!(running, reader);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.end, End::Cancelled);
    assert_eq!((during.memory_bytes, during.printed_bytes), (3 * PAGE + run_bytes, 5));
    assert_eq!((during.fuel, during.wall), (None, Duration::ZERO));
    assert!(outcome.usage.cpu > during.cpu && outcome.usage.wall > Duration::ZERO);
    assert_eq!(meter.usage(), outcome.usage);
}

#[tokio::test]
async fn one_that_never_started_has_used_nothing() {
    let module =
        load(r#"(memory (export "memory") 1) (func (export "_start"))"#, Metering::Epochs).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let sandbox = Sandbox::new(ENGINE.clone());
    let outcome = sandbox.run(&module, Guest::new(), Limits::default(), cancel).await.unwrap();
    assert_eq!((outcome.end, outcome.usage), (End::Cancelled, Usage::default()));
}
