//! What guests wrote of themselves in the shared volume: evidence that no part of mayfly made.
//!
//! ```text
//! shared/<Job>/<uid of the pod>[.<index>].<run>.start
//!                                               .end.<exit code>
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// What the guests of one Job wrote.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By the uid of their pod.
    pub(super) pods: BTreeMap<String, Runs>,
}

/// The runs of one pod.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) index: Option<u32>,
    /// When each began, by its number.
    pub(super) starts: BTreeMap<usize, SystemTime>,
    /// The exit codes of those that came to their end.
    pub(super) ends: BTreeMap<usize, i32>,
}

impl Ledger {
    /// Reads the folder of a Job, which is not there before its first guest.
    pub(super) fn read(folder: &Path) -> Self {
        let mut ledger = Self::default();
        let Ok(entries) = fs::read_dir(folder) else { return ledger };
        for entry in entries {
            let entry = entry.expect("the ledger must be readable");
            let name = entry.file_name().into_string().expect("names must be UTF-8");
            let made = entry.metadata().and_then(|it| it.modified()).expect("it must have a time");
            ledger.note(&name, made).unwrap_or_else(|| panic!("{name} is no entry of a ledger"));
        }
        ledger
    }

    fn note(&mut self, name: &str, made: SystemTime) -> Option<()> {
        let (before, code) = match name.split_once(".end.") {
            Some((before, code)) => (before, Some(code.parse().ok()?)),
            None => (name.strip_suffix(".start")?, None),
        };
        let (name, run) = before.rsplit_once('.')?;
        let (uid, index) = match name.split_once('.') {
            Some((uid, index)) => (uid, Some(index.parse().ok()?)),
            None => (name, None),
        };
        let run = run.parse().ok()?;
        let runs = self.pods.entry(uid.to_owned()).or_default();
        runs.index = index;
        match code {
            Some(code) => drop(runs.ends.insert(run, code)),
            None => drop(runs.starts.insert(run, made)),
        }
        Some(())
    }

    /// How many pods ended with a code that `is_wanted`.
    pub(super) fn ended(&self, is_wanted: impl Fn(i32) -> bool) -> usize {
        self.pods.values().filter(|runs| runs.result().is_some_and(&is_wanted)).count()
    }

    /// The indexes of the pods that ended with 0, each as often as there were such pods.
    pub(super) fn succeeded_indexes(&self) -> Vec<u32> {
        let succeeded = self.pods.values().filter(|runs| runs.result() == Some(0));
        let mut indexes: Vec<_> = succeeded.filter_map(|runs| runs.index).collect();
        indexes.sort_unstable();
        indexes
    }

    /// The indexes that have pods, none of which ended with 0.
    pub(super) fn failed_indexes(&self) -> Vec<u32> {
        let succeeded = self.succeeded_indexes();
        let all: BTreeSet<_> = self.pods.values().filter_map(|runs| runs.index).collect();
        all.into_iter().filter(|index| !succeeded.contains(index)).collect()
    }
}

impl Runs {
    /// The exit code of the last run, if it came to its end.
    pub(super) fn result(&self) -> Option<i32> {
        let last = self.starts.keys().next_back()?;
        self.ends.get(last).copied()
    }
}
