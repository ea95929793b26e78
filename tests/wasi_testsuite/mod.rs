//! The official tests of WASI, each in our sandbox and under `wasmtime run`: what passes there
//! passes here, but for what is listed in `differences`.
//!
//! They are in no registry, so `MAYFLY_WASI_TESTSUITE` names a checkout of
//! github.com/WebAssembly/wasi-testsuite, branch `prod/testsuite-base`, which has them built.

mod case;
mod differences;
mod sides;

use std::env;
use std::path::Path;

use crate::harness::{say, wasmtime};
use case::{Case, Version};
use differences::{DIFFERENCES, VARYING};

/// Tests of preview 1 that the suite has at least; fewer are not the whole suite.
const CASES_MIN: usize = 72;

#[tokio::test]
async fn what_passes_under_wasmtime_passes_here() {
    let Some(folder) = env::var_os("MAYFLY_WASI_TESTSUITE") else {
        say!("skipped: MAYFLY_WASI_TESTSUITE names no checkout of the WASI test suite");
        return;
    };
    let cases = case::read_all(Path::new(&folder));
    let (cases, others): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|case| case.version == Version::Preview1);
    assert!(cases.len() >= CASES_MIN, "only {} tests of preview 1 in {folder:?}", cases.len());
    let wasmtime = wasmtime::program();

    let mut wrong = Vec::new();
    for case in &cases {
        let ours = sides::ours(case).await;
        let theirs = wasmtime.as_ref().map(|program| sides::theirs(case, program));
        wrong.extend(complaint(case, &ours, theirs.as_ref()));
    }
    for case in &others {
        wrong.extend(sides::is_refused(case).await.err());
    }
    let (tests, refused) = (cases.len(), others.len());
    say!("the WASI test suite: {tests} tests of preview 1, and {refused} of preview 3 refused");
    for (name, why) in DIFFERENCES {
        say!("differs: {name}: {why}");
    }
    for (name, why) in VARYING {
        say!("differs each time: {name}: {why}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with how a case went, if anything is. Without wasmtime, a case must pass.
fn complaint(case: &Case, ours: &sides::Seen, theirs: Option<&sides::Seen>) -> Option<String> {
    let name = &case.name;
    let verdict = case.verdict(ours);
    let varies = VARYING.iter().any(|(listed, _)| listed == name);
    let is_listed = DIFFERENCES.iter().any(|(listed, _)| listed == name);
    let differs = match theirs {
        Some(theirs) if case.verdict(theirs).is_err() => None,
        Some(theirs) if ours != theirs && !varies => {
            Some(format!("{ours:?}, under wasmtime {theirs:?}"))
        }
        _ => verdict.err(),
    };
    match (differs, is_listed) {
        (Some(differs), false) => Some(format!("{name}: {differs}")),
        (None, true) => Some(format!("{name}: is listed, and does not differ")),
        _ => None,
    }
}
