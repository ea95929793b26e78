//! Collects pods that nobody else will: finished ones beyond a threshold, those of a node that is
//! gone, and those that were deleted before they had a node.
//!
//! ```text
//! change ─▶ index (who goes first, which nodes are missing) ─▶ reconcile (pure) ─▶ transaction
//! ```
//!
//! It knows nothing of Jobs and needs not: a pod that its Job has not counted yet has a finalizer,
//! so it is deleted and stays until it has been. Nothing is counted otherwise than without it.
//!
//! Source: Kubernetes' `podgc` controller. Kubernetes differs: it looks at every pod there is each
//! 20 seconds; here a change is acted on when it comes, and costs what it changes.

mod controller;
mod index;
mod reconcile;

pub use self::controller::PodGcController;
pub use self::index::Index;
pub use self::reconcile::{Collected, Plan, Why, reconcile};

/// Finished pods that are kept if nobody says otherwise: Kubernetes'
/// `--terminated-pod-gc-threshold`.
pub const TERMINATED_POD_GC_THRESHOLD: usize = 12_500;

#[cfg(test)]
mod tests;
