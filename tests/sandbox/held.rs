//! What a process holds of the host's, measured in one where nothing else happens.

use std::env;
use std::fs;
use std::process::Command;
use std::time::Instant;

use super::PATIENCE;

/// Tells the test's other process which it is.
const CHILD: &str = "MAYFLY_TEST_CHILD";

/// Has glibc's allocator give back what is free. It keeps an arena for each thread otherwise, in which
/// what one attack has left free is not what the next one takes, so that its memory goes up and down by
/// tens of megabytes without a leak.
const GIVES_BACK: [(&str, &str); 3] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "65536"),
    ("MALLOC_TRIM_THRESHOLD_", "65536"),
];

/// Runs `measure` in a process where no other test runs: this one, if it is that. `test` is the
/// full name of the test that calls this, which is all that the other process runs.
pub(super) fn in_a_process_of_its_own(test: &str, measure: fn()) {
    if env::var_os(CHILD).is_some() {
        return measure();
    }
    let child = Command::new(env::current_exe().expect("the test must know itself"))
        .args(["--exact", "--nocapture", "--test-threads=1", test])
        .env(CHILD, "1")
        .envs(GIVES_BACK)
        .output()
        .expect("the test must start");
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");
    let passed = String::from_utf8_lossy(&child.stdout);
    assert!(passed.contains("1 passed"), "{passed}{said}");
    print!("{passed}");
}

/// What a process holds of the host's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) descriptors: usize,
    pub(super) threads: usize,
    /// What it has written to, files not counted.
    pub(super) memory_bytes: u64,
    /// What it has set aside, used or not.
    pub(super) address_bytes: u64,
}

impl Held {
    /// What it holds once `is_so`. What was ended is gone only a moment later, such as a thread that
    /// was joined or a call that was left behind; a leak stays, and is told when patience has ended.
    pub(super) fn once(is_so: impl Fn(&Self) -> bool) -> Self {
        let begun = Instant::now();
        loop {
            let held = Self::now();
            if is_so(&held) || begun.elapsed() > PATIENCE {
                return held;
            }
            std::thread::yield_now();
        }
    }

    pub(super) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("the process sees itself");
        let bytes = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
            kib.expect("Linux tells it") << 10
        };
        let entries = |of| fs::read_dir(of).expect("the process sees itself").count();
        Self {
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            memory_bytes: bytes("RssAnon:"),
            address_bytes: bytes("VmSize:"),
        }
    }
}
