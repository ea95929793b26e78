//! Vectors: where they come from, which of them hold, and how one is run.

use super::given;
use crate::harness::say;
use std::panic::catch_unwind;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

/// One area of vectors.
pub(super) struct Area {
    /// Its name in the file.
    pub(super) name: &'static str,
    /// What ours makes of a vector's `given`, in the shape of its `expect`.
    pub(super) entry: fn(&Value) -> Value,
    /// Whether what ours made (second) is what is expected (first); else what differs.
    pub(super) compare: fn(&Value, &Value) -> Result<(), String>,
}

/// One case: what is given, and what a real control plane made of it.
#[derive(Deserialize)]
pub(super) struct Vector {
    pub(super) id: String,
    pub(super) area: String,
    given: Value,
    expect: Value,
    /// Whether `expect` is what Kubernetes 1.36 makes of it; unset where that is not decided.
    holds_in_1_36: Option<bool>,
    /// What 1.36 makes of it, where `expect` is what an older or newer server makes of it.
    derived_1_36: Option<Value>,
}

/// What came of a vector.
pub(super) enum Outcome {
    Passed,
    /// What differs.
    Failed(String),
    /// Why it was not run.
    Skipped(String),
}

/// Vectors whose data says that they hold, but contradicts itself, and how.
const CONTRADICTORY: &[(&str, &str)] = &[(
    "managedBy field is dropped when the feature gate is disabled",
    "runs with a gate off that the vector does not name, against the vector after it",
)];

/// Vectors of an area for which there is no counterpart here: by what they are given, and why.
type Unlike = (&'static str, fn(&Value) -> bool, &'static str);

const WITHOUT_COUNTERPART: &[Unlike] = &[(
    "cronjob-sync",
    super::cronjob::fails_to_read_a_job,
    "what was observed can be read, so no read fails",
)];

impl Vector {
    /// Runs this vector, which is of `area`.
    pub(super) fn run(&self, area: Option<&Area>) -> Outcome {
        let skipped = |why: &str| Outcome::Skipped(why.to_owned());
        let Some(area) = area else { return skipped("not built yet") };
        let expect = match (self.holds_in_1_36, &self.derived_1_36) {
            (Some(true), _) => &self.expect,
            (Some(false), Some(derived)) => derived,
            (Some(false), None) => return skipped("does not hold in 1.36"),
            (None, _) => return skipped("undecided in 1.36"),
        };
        if let Some((_, how)) = CONTRADICTORY.iter().find(|(id, _)| self.id.ends_with(id)) {
            return skipped(how);
        }
        let mut unlike = WITHOUT_COUNTERPART.iter().filter(|(area, ..)| *area == self.area);
        if let Some((.., why)) = unlike.find(|(_, is_given, _)| is_given(&self.given)) {
            return skipped(why);
        }
        if let Some(field) = given::unknown(&self.area, &self.given) {
            return Outcome::Skipped(format!("is given `{field}`, which its entry does not know"));
        }
        let Ok(got) = catch_unwind(|| (area.entry)(&self.given)) else {
            return Outcome::Failed("panicked".to_owned());
        };
        match (area.compare)(expect, &got) {
            Ok(()) => Outcome::Passed,
            Err(why) => Outcome::Failed(why),
        }
    }
}

/// The folder of recorded data, if it is there.
pub(crate) fn shared() -> Option<PathBuf> {
    let beside = || concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into();
    let folder: PathBuf = std::env::var_os("MAYFLY_SHARED").map_or_else(beside, PathBuf::from);
    if !folder.join("conformance").is_dir() {
        say!("no conformance data at {}: nothing is compared", folder.display());
        return None;
    }
    Some(folder)
}

/// The vectors, if there are any.
pub(super) fn load() -> Option<Vec<Vector>> {
    #[derive(Deserialize)]
    struct File {
        vectors: Vec<Vector>,
    }
    let path = match std::env::var_os("MAYFLY_VECTORS") {
        Some(path) => PathBuf::from(path),
        None => shared()?.join("conformance/vectors.json"),
    };
    let text = std::fs::read(&path).expect("the vectors must be readable");
    let file: File = serde_json::from_slice(&text).expect("the vectors must be well-formed");
    Some(file.vectors)
}
