//! The Job controller: from Jobs to pods, and from the ends of pods to the ends of Jobs.
//!
//! ```text
//!  Job ──▶ JobView ─┐             ┌ progress ▶ verdict ┐
//!                   ├▶ Observed ──┤                    ├▶ Plan ──▶ one transaction
//!  Pod ──▶ PodView ─┘  (+ now)    └ scale ───▶ count ──┘
//! ```
//!
//! [`reconcile()`] decides and is pure; [`JobController`] observes and commits, and decides nothing.

mod apply;
pub mod backoff;
pub mod claim;
pub mod conditions;
mod controller;
pub mod count;
pub mod denials;
mod index;
pub mod indexes;
pub mod job_view;
pub mod plan;
pub mod pod_failure_policy;
pub mod pod_view;
pub mod progress;
mod reconcile;
pub mod removal;
pub mod scale;
pub mod success_policy;
pub mod tally;
pub mod template;
pub mod verdict;

use std::sync::Arc;

pub use backoff::{BackoffRecord, BackoffSettings};
pub use controller::JobController;
pub use denials::Denials;
pub use job_view::JobView;
pub use plan::{Action, JobEvent, Plan};
pub use pod_view::{PodRef, PodView};
pub use reconcile::reconcile;

use crate::quota::Bounds;

/// What is known of one Job.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The Job.
    pub job: Arc<JobView>,
    /// Its pods, without those that have ended and are counted.
    pub pods: tally::Pods,
    /// Pods that are to become its own, or to stop being so. Everything else waits for that.
    pub claims: Vec<claim::Claim>,
    /// Its failures since its last success.
    pub backoff: BackoffRecord,
    /// How long it waits after a failure.
    pub settings: BackoffSettings,
    /// What its namespace lets it have.
    pub room: Room,
}

/// What the namespace of a Job lets it have.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// What bounds the pods of the namespace.
    pub bounds: Bounds,
    /// How often the Job was denied pods for that.
    pub denials: Denials,
    /// Whether it is being deleted: nothing can be made in it any more.
    pub terminating: bool,
}

#[cfg(test)]
mod tests;
