//! What the processes of mayfly are kept from: the one that serves, and those that compile.

mod compiler;
mod host;
mod limits;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::PATIENCE;

/// The processes that have `word` among their arguments; not those that have ended and were not
/// waited for.
fn processes_with(word: &str) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("the system must have /proc");
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let has_word = |id: &u32| {
        let arguments = fs::read(Path::new("/proc").join(id.to_string()).join("cmdline"));
        let arguments = arguments.unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
    };
    ids.filter(has_word).collect()
}

/// Waits until `is_so`, and says what was waited for if that never comes.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
