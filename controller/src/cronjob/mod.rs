//! CronJobs: Jobs made at times that a schedule says.
//!
//! ```text
//!  CronJob ──▶ CronJobView ─┐
//!                           ├▶ Observed ──▶ history ▶ active list ▶ times ──▶ Plan ──▶ one
//!  Job ──────▶ ChildJob ────┘  (+ now)                                             transaction
//! ```
//!
//! [`reconcile()`] decides and is pure; [`CronJobController`] observes and commits, and decides
//! nothing. A Job that is made is like any other from then on.

mod apply;
pub mod child;
mod controller;
pub mod cron_job_view;
mod index;
pub mod plan;
mod reconcile;
pub mod schedule;
pub mod template;
pub mod times;
pub mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use child::ChildJob;
pub use controller::CronJobController;
pub use cron_job_view::{ConcurrencyPolicy, CronJobView};
pub use plan::{Action, CronJobEvent, Next, Plan};
pub use reconcile::reconcile;
pub use schedule::{Schedule, ScheduleError};
pub use update::{Reaction, update};

/// What is known of one CronJob.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The CronJob.
    pub cron_job: Arc<CronJobView>,
    /// The Jobs that it controls, by name.
    pub jobs: BTreeMap<Arc<str>, Arc<ChildJob>>,
    /// The names in its active list of Jobs that are there, but that it does not control.
    pub strays: BTreeSet<Arc<str>>,
    /// Why the Job that it would make now can't be made, if that is known.
    pub refusal: Option<Refusal>,
}

/// Why a Job can't be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A Job that the CronJob does not control has the name.
    NameTaken,
    /// Nothing can be made in its namespace any more.
    NamespaceTerminating,
    /// Its template makes no Job that is admitted, or its namespace has no room for one, for this
    /// reason.
    Invalid(String),
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
