//! What was recorded from a real control plane, held against ours.
//!
//! The data lies beside the checkout, in `shared/conformance`, or where `MAYFLY_SHARED` says; where
//! there is none, these tests say so and pass. `MAYFLY_VECTORS` names another file of vectors.
//!
//! A file here holds the entry points of some areas, as a table that [`AREAS`] lists: an area's
//! entry turns what a vector gives into what ours makes of it, and a rule of [`compare`] says
//! whether that is what the vector expects.

mod admission;
mod alike;
mod api;
mod between;
mod compare;
mod created;
mod cronjob;
mod discovery;
mod e2e;
mod given;
mod harness;
mod job;

use crate::harness::say;
use std::collections::BTreeMap;

pub(crate) use self::harness::shared;
use self::harness::{Area, Outcome, Vector};

/// The areas that are built; vectors of any other are counted as skipped.
const AREAS: &[&[Area]] = &[admission::AREAS, cronjob::AREAS, job::AREAS];

#[test]
fn vectors() {
    let Some(vectors) = harness::load() else { return };
    let mut tally = Tally::default();
    let mut by_area: BTreeMap<&str, Vec<&Vector>> = BTreeMap::new();
    for vector in &vectors {
        by_area.entry(&vector.area).or_default().push(vector);
    }
    for (name, vectors) in by_area {
        let area = AREAS.iter().copied().flatten().find(|area| area.name == name);
        tally.area(name, area, &vectors);
    }
    let Tally { passed, failed, skipped } = tally;
    say!("vectors: {passed} passed, {failed} failed, {skipped} skipped");
    assert_eq!(failed, 0, "some vectors failed");
}

/// How many vectors came out how.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    /// Runs the vectors of one area, prints their line, and counts them.
    fn area(&mut self, name: &str, area: Option<&Area>, vectors: &[&Vector]) {
        let mut here = Self::default();
        let mut lines = Vec::new();
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for vector in vectors {
            match vector.run(area) {
                Outcome::Passed => here.passed += 1,
                Outcome::Failed(why) => {
                    here.failed += 1;
                    lines.push(format!("  failed: {}\n    {why}", vector.id));
                }
                Outcome::Skipped(reason) => {
                    here.skipped += 1;
                    *reasons.entry(reason).or_default() += 1;
                }
            }
        }
        say!("{name}: {} passed, {} failed, {} skipped", here.passed, here.failed, here.skipped);
        for (reason, count) in reasons {
            say!("  skipped {count}: {reason}");
        }
        for line in lines {
            say!("{line}");
        }
        self.passed += here.passed;
        self.failed += here.failed;
        self.skipped += here.skipped;
    }
}
