//! What one test of the suite is given, and what must come of it: the suite's own
//! `doc/specification.md`, as far as the tests of preview 1 use it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::sides::Seen;

/// One test.
#[derive(Debug)]
pub(super) struct Case {
    /// Language and name, as `rust/fd_readdir`.
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) wasm: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    /// A folder that it sees a copy of as `/`.
    pub(super) root: Option<PathBuf>,
    exit_code: u32,
    /// Where nothing is said, anything may be printed.
    stdout: Option<String>,
    stderr: Option<String>,
}

/// Which WASI it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Preview1,
    Preview3,
}

/// All tests of the checkout in `folder`, in order.
pub(super) fn read_all(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for language in entries(&folder.join("tests")) {
        for version in entries(&language.join("testsuite")) {
            let wasm = |path: &PathBuf| path.extension().is_some_and(|it| it == "wasm");
            let tests = entries(&version).into_iter().filter(wasm);
            cases.extend(tests.map(|wasm| Case::read(&language, &version, wasm)));
        }
    }
    cases
}

impl Case {
    fn read(language: &Path, version: &Path, wasm: PathBuf) -> Self {
        let spec = match fs::read(wasm.with_extension("json")) {
            Ok(spec) => serde_json::from_slice(&spec).expect("a specification must be JSON"),
            Err(_) => Value::Null,
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let env = spec["env"].as_object().into_iter().flatten();
        let version = match version.ends_with("wasm32-wasip1") {
            true => Version::Preview1,
            false => Version::Preview3,
        };
        let is_known = version == Version::Preview3 || spec.get("operations").is_none();
        assert!(is_known, "{}: its operations are not known here", wasm.display());
        Self {
            name: format!("{}/{}", name(language), name(&wasm)),
            version,
            args: spec["args"].as_array().into_iter().flatten().filter_map(text).collect(),
            env: env.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect(),
            root: spec["root"].as_str().map(|root| wasm.with_file_name(root)),
            exit_code: spec["exit_code"].as_u64().map_or(0, |code| code as u32),
            stdout: text(&spec["stdout"]),
            stderr: text(&spec["stderr"]),
            wasm,
        }
    }

    /// Whether it went as the suite says that it must; else what did not.
    pub(super) fn verdict(&self, seen: &Seen) -> Result<(), String> {
        let as_said =
            |said: &Option<String>, found: &str| said.as_ref().is_none_or(|said| said == found);
        let holds = seen.end == format!("exit code {}", self.exit_code)
            && as_said(&self.stdout, &seen.stdout)
            && as_said(&self.stderr, &seen.stderr);
        if holds { Ok(()) } else { Err(format!("it must be {self:?}, and is {seen:?}")) }
    }
}

/// What is in a folder, in order; nothing if there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut entries: Vec<_> = entries.map(|it| it.expect("it must be readable").path()).collect();
    entries.sort();
    entries
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
