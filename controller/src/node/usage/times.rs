//! How long pods wait, start, run and end.

use crate::api::{Pod, SignedDuration, Timestamp};
use crate::meter::{Distribution, Histogram};

/// Bounds of the times that the node and its control plane take, in seconds: from what is quick here
/// to what is slow in a cluster.
const OURS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0, 3600.0,
];

/// Bounds of the times that containers run, in seconds.
const THEIRS: &[f64] = &[
    0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0,
    86_400.0,
];

/// Of each step of a pod's life, how long it takes.
#[derive(Clone, Debug)]
pub struct PodTimes<T> {
    /// From its creation until it had a node.
    pub queue: T,
    /// From when the node knew of it until its first container ran.
    pub start: T,
    /// Of each run of a container.
    pub run: T,
    /// From when its last container ended until that was durable.
    pub end: T,
}

impl Default for PodTimes<Histogram> {
    fn default() -> Self {
        let (ours, theirs) = (|| Histogram::new(OURS), Histogram::new(THEIRS));
        Self { queue: ours(), start: ours(), run: theirs, end: ours() }
    }
}

impl PodTimes<Histogram> {
    /// A container of `pod`, of which the node knew since `known_at`, runs for the first time.
    pub(in crate::node) fn started(&self, pod: &Pod, known_at: Timestamp, now: Timestamp) {
        let created = pod.metadata.creation_timestamp.as_ref();
        let conditions = pod.status.as_ref().and_then(|it| it.conditions.as_deref());
        let mut conditions = conditions.unwrap_or_default().iter();
        let scheduled = conditions.find(|it| it.type_ == "PodScheduled" && it.status == "True");
        let scheduled = scheduled.and_then(|it| it.last_transition_time.as_ref());
        if let (Some(created), Some(scheduled)) = (created, scheduled) {
            observe(&self.queue, created.0, scheduled.0);
        }
        observe(&self.start, known_at, now);
    }

    /// A container ran.
    pub(in crate::node) fn ran(&self, from: Timestamp, to: Timestamp) {
        observe(&self.run, from, to);
    }

    /// That the last container of a pod ended at `ended_at` is durable.
    pub(in crate::node) fn ended(&self, ended_at: Timestamp, now: Timestamp) {
        observe(&self.end, ended_at, now);
    }

    /// What they show.
    pub fn read(&self) -> PodTimes<Distribution> {
        let Self { queue, start, run, end } = self;
        PodTimes { queue: queue.read(), start: start.read(), run: run.read(), end: end.read() }
    }
}

/// A clock that was set back makes a time that is none.
fn observe(histogram: &Histogram, from: Timestamp, to: Timestamp) {
    let took = to.duration_since(from).max(SignedDuration::ZERO);
    histogram.observe(took.unsigned_abs());
}
