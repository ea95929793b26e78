//! What was asked of the server, and how it was answered.
//!
//! What is told of a request is made of words that we serve: whoever asks for what there is not
//! makes no new series.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::meter::{Distribution, Histogram};

/// Bounds of the time that answers take, in seconds.
const BOUNDS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// What is told of a request: each is one of a few words, or empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// `GET`, `LIST`, `WATCH`, `POST` …
    pub verb: &'static str,
    /// `batch`; empty for the core, and for what is no resource.
    pub group: &'static str,
    /// `v1`.
    pub version: &'static str,
    /// `jobs`.
    pub resource: &'static str,
    /// `status`.
    pub subresource: &'static str,
    /// `resource`, `namespace` or `cluster`.
    pub scope: &'static str,
}

impl About {
    /// In the order of the labels of `apiserver_request_total`.
    pub(super) fn labels(&self) -> [&'static str; 7] {
        let Self { verb, group, version, resource, subresource, scope } = *self;
        [verb, group, version, resource, subresource, scope, "apiserver"]
    }

    /// Whether such requests go on until somebody ends them.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self.verb, "WATCH" | "CONNECT")
    }
}

/// Requests since the server began.
#[derive(Debug, Default)]
pub struct Requests(Mutex<BTreeMap<About, Counted>>);

#[derive(Debug)]
struct Counted {
    codes: BTreeMap<u16, u64>,
    times: Histogram,
}

/// How such requests were answered.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub(super) codes: BTreeMap<u16, u64>,
    pub(super) times: Distribution,
}

impl Requests {
    /// A request was answered with `code` after so long.
    pub fn count(&self, about: About, code: u16, took: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = all
            .entry(about)
            .or_insert_with(|| Counted { codes: BTreeMap::new(), times: Histogram::new(BOUNDS) });
        *counted.codes.entry(code).or_default() += 1;
        counted.times.observe(took);
    }

    pub(super) fn read(&self) -> Vec<(About, Counts)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |it: &Counted| Counts { codes: it.codes.clone(), times: it.times.read() };
        all.iter().map(|(about, counted)| (*about, read(counted))).collect()
    }
}
