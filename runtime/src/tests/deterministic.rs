//! Guests whose world comes from a seed.

use std::fs;

use super::components::load_adapted;
use super::files::mount;
use super::*;
use crate::Access;

/// Prints eight bytes of each of its clocks and of the random numbers; sleeps for an hour between.
const LOOK: &str = r#"(memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\20\00\00\00")
    (func $look
      (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 16)))
      (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 24)))
      (drop (call $random_get (i32.const 32) (i32.const 16)))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func (export "_start")
      (call $look)
      ;; One clock, by the monotonic clock and from now on.
      (i32.store (i32.const 1016) (i32.const 1))
      (i64.store (i32.const 1024) (i64.const 3600000000000))
      (if (call $poll_oneoff (i32.const 1000) (i32.const 2000) (i32.const 1) (i32.const 8))
        (then (call $exit (i32.const 2))))
      (call $look)
      (call $exit (i32.const 0)))"#;

/// In nanoseconds.
const HOUR: u64 = 3_600_000_000_000;

async fn seen(module: &Module, guest: Guest) -> Vec<u8> {
    let capture = Arc::new(Capture::default());
    let outcome = run(module, guest.output(capture.clone()), Limits::default()).await;
    assert_eq!(outcome.end, End::Exited(0), "{outcome:?}");
    capture.taken(Stream::Stdout)
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

#[tokio::test]
async fn clocks_and_random_numbers_come_from_the_seed() {
    let both = [load(LOOK, Metering::Epochs).await, load_adapted(LOOK, Metering::Epochs).await];
    for module in both {
        let first = seen(&module, Guest::new().deterministic("a")).await;
        assert_eq!(seen(&module, Guest::new().deterministic("a")).await, first);
        let other = seen(&module, Guest::new().deterministic("b")).await;
        assert_ne!(other[16..32], first[16..32], "random numbers must be others");
        assert_ne!(other[0..8], first[0..8], "it must begin at another time");

        // It sleeps for an hour of its own, which takes no time.
        let (before, after) = (&first[..32], &first[32..]);
        let slept = number(&after[8..16]) - number(&before[8..16]);
        assert!((HOUR..HOUR + 1_000_000).contains(&slept), "{slept}");
        let passed = number(&after[0..8]) - number(&before[0..8]);
        assert!((HOUR..HOUR + 1_000_000).contains(&passed), "{passed}");
        assert_ne!(before[16..32], after[16..32]);
    }
    let module = load(&LOOK.replace("3600000000000", "1"), Metering::Epochs).await;
    assert_ne!(seen(&module, Guest::new()).await, seen(&module, Guest::new()).await);
}

/// The names of a listing, each of which follows a `dirent`.
fn names(mut listing: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((dirent, rest)) = listing.split_at_checked(24) {
        let length = u32::from_le_bytes(dirent[16..20].try_into().unwrap()) as usize;
        names.push(String::from_utf8_lossy(&rest[..length]).into_owned());
        listing = &rest[length..];
    }
    names
}

#[tokio::test]
async fn directories_are_listed_by_name_and_files_say_the_same() {
    let list = r#"(memory (export "memory") 1)
        (data (i32.const 0) "\00\40\00\00\00\00\00\00")
        (func (export "_start")
          (if (call $fd_readdir (i32.const 4) (i32.const 16384) (i32.const 16384) (i64.const 0)
                (i32.const 4))
            (then (call $exit (i32.const 2))))
          (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (call $exit (i32.const 0)))"#;
    let module = load(list, Metering::Epochs).await;
    let mut all = Vec::new();
    for order in [["b", "a", "c"], ["c", "b", "a"]] {
        let folder = tempfile::tempdir().unwrap();
        order.iter().for_each(|name| fs::write(folder.path().join(name), name).unwrap());
        let guest = Guest::new().deterministic("a");
        let guest = guest.mount(mount(folder.path(), "/data", Access::ReadOnly));
        all.push(seen(&module, guest).await);
    }
    assert_eq!(names(&all[0]), [".", "..", "a", "b", "c"]);
    assert_eq!(all[0], all[1]);
}
