//! What a namespace has room for: ResourceQuotas bound what is in it together, LimitRanges each pod,
//! and the operator's own limits the pods of all namespaces.
//!
//! ```text
//!  create ──▶ limits (defaults, bounds) ──▶ ledger (does it fit?) ─┐ one transaction
//!                                                                  ├▶ object + charge
//!  change ──▶ index (tallies) ──▶ reconcile (pure) ──▶ plan ───────┴▶ ResourceQuota.status
//! ```
//!
//! Whoever creates something charges the quotas in the same transaction, so what is used is never
//! above what is allowed by a creation, whoever else creates at that moment. What ends is given back
//! by [`QuotaController`], which counts along; it can only be late, never early.
//!
//! Source: Kubernetes' admission plugins ResourceQuota and LimitRanger, and its controller of
//! ResourceQuotas.

mod apply;
mod bounds;
mod controller;
mod index;
mod ledger;
mod limits;
mod operator;
mod reconcile;
mod scope;
mod usage;

pub use self::apply::{bounds_of, charge, only_these};
pub use self::bounds::{Admission, Bounds, Denial};
pub use self::controller::QuotaController;
pub use self::ledger::Ledger;
pub use self::operator::{Bound, OperatorLimits};
pub use self::reconcile::{Observed, Plan, reconcile, settle};
pub use self::usage::Usage;

#[cfg(test)]
mod tests;
