//! Whole stories that were recorded from a real control plane, replayed on ours in simulated time.
//!
//! They lie beside the checkout, in `shared/conformance/traces`, or where `MAYFLY_TRACES` says;
//! where there are none, the test says so and passes. What was done there is done here by clients
//! of the API. Compared are the answers to them, the conditions and counts of Jobs and CronJobs, the
//! pods that are made, what controllers tell in events, and the texts that `kubectl get` and
//! `kubectl describe` printed, which our own commands print here.

mod client;
mod compare;
mod elsewhere;
mod kubectl;
mod names;
mod replay;
mod replayed;
mod runtime;
mod script;
mod stage;
mod steps;
mod story;
mod text;
mod trace;

use crate::harness::say;
use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use self::story::Story;
use self::trace::Trace;

/// Traces of what is not built: by the beginning of their names, and what it is.
const NOT_BUILT: &[(&str, &str)] = &[];

/// What came of a trace.
enum Outcome {
    /// Everything in which our replay differs from it.
    Played(Vec<String>),
    /// Why it was not played.
    Skipped(&'static str),
}

#[test]
fn traces() {
    let Some(paths) = paths() else { return };
    let (mut passed, mut failed) = (0, 0);
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    for path in paths {
        let outcome = catch_unwind(|| play(&path));
        match outcome.unwrap_or_else(|panic| Outcome::Played(vec![words_of(&*panic)])) {
            Outcome::Skipped(why) => *skipped.entry(why).or_default() += 1,
            Outcome::Played(differences) if differences.is_empty() => passed += 1,
            Outcome::Played(differences) => {
                failed += 1;
                say!("failed: {}", path.display());
                differences.iter().for_each(|difference| say!("  {difference}"));
            }
        }
    }
    for (why, count) in &skipped {
        say!("skipped {count}: {why}");
    }
    let skipped: usize = skipped.values().sum();
    say!("traces: {passed} passed, {failed} failed, {skipped} skipped");
    assert_eq!(failed, 0, "some traces are not matched");
}

/// What a panic says.
fn words_of(panic: &dyn Any) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("without words"))
}

fn play(path: &Path) -> Outcome {
    let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    if let Some((_, why)) = NOT_BUILT.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        return Outcome::Skipped(why);
    }
    let trace = match Trace::read(path) {
        Ok(trace) => trace,
        Err(why) => return Outcome::Played(vec![why]),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let (got, mut differences) = runtime.block_on(replay::replay(&trace));
    let recorded = Story::recorded(&trace, &trace.names());
    differences.extend(compare::differences(&recorded, &got, trace.may_freeze()));
    Outcome::Played(differences)
}

/// The files of the traces in order, if there are any.
fn paths() -> Option<Vec<PathBuf>> {
    let beside = || {
        let shared = std::env::var_os("MAYFLY_SHARED").map(PathBuf::from);
        let shared =
            shared.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
        shared.join("conformance/traces")
    };
    let folder = std::env::var_os("MAYFLY_TRACES").map_or_else(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        say!("traces: skipped, there are none at {}", folder.display());
        return None;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Some(paths)
}
