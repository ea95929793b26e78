//! Whole stories recorded from a real control plane, replayed in simulated time.
//!
//! A node of our own plays the script of each, the controllers run on a store in memory, and what
//! they made of it is held against what was recorded. The data lies beside the checkout, in
//! `shared/conformance/traces`, or where `MAYFLY_SHARED` says; where there is none, this says so.
//!
//! ```text
//!  script ──▶ node ──▶ store ◀──▶ controllers        recorded ──▶ compare ◀── replay
//! ```

mod compare;
mod node;
mod replay;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Stories that are not this controller's alone, and whose they are.
const ELSEWHERE: &[(&str, &str)] = &[
    ("deadline-pod", "a pod's own deadline is the node's"),
    ("delete-nobody", "what a deletion without a word means is the API's"),
    ("delete-orphan", "the same"),
    ("quota", "there are no quotas"),
    ("two-jobs-independent", "its second Job has to be admitted"),
    ("unschedulable", "where a pod fits is the scheduler's"),
];

#[test]
fn traces() {
    let shared = std::env::var_os("MAYFLY_SHARED")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(), PathBuf::from);
    let Ok(folder) = std::fs::read_dir(shared.join("conformance/traces")) else {
        println!("no traces at {}: nothing is replayed", shared.display());
        return;
    };
    let mut files: Vec<PathBuf> =
        folder.map(|file| file.expect("the traces must be readable").path()).collect();
    files.sort();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for file in files {
        let name = file.file_stem().map(|name| name.to_string_lossy().into_owned());
        let name = name.expect("a trace must have a name");
        if name.starts_with("cron-") || ELSEWHERE.iter().any(|(other, _)| *other == name) {
            skipped += 1;
            continue;
        }
        let complaints = compare_with_replay(&file);
        if complaints.is_empty() {
            passed += 1;
            continue;
        }
        failed += 1;
        println!("{name}:\n  {}", complaints.join("\n  "));
    }
    println!("traces: {passed} passed, {failed} failed, {skipped} skipped");
    assert_eq!(failed, 0, "some traces came out otherwise");
}

/// Replays the trace in `file`, and says in what it differs.
fn compare_with_replay(file: &Path) -> Vec<String> {
    let text = std::fs::read(file).expect("a trace must be readable");
    let trace: Value = serde_json::from_slice(&text).expect("a trace must be JSON");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime must start");
    let replayed = runtime.block_on(replay::replay(&trace));
    compare::complaints(&trace, &replayed)
}
