//! What Prometheus reads: objects, usages and counts as text.
//!
//! ```text
//! store ─▶ objects, a bounded number of each kind ─┐
//! Usages ─▶ what runs, sums, times ────────────────┼─▶ Snapshot ─▶ METRICS, one after another ─▶ Pieces
//! meters ─▶ requests, queues, commits ─────────────┘
//! ```
//!
//! A metric has the name, labels and unit of kube-state-metrics, the kubelet's cAdvisor, or a
//! component of Kubernetes where one of them has it, so that dashboards find it; all others begin
//! with `mayfly_`. [`METRICS`] is all there is to know of them, and what a reference is made from.
//!
//! It takes what it shows when it is asked, holding no lock for longer than it takes to clone
//! pointers, and writes it piece by piece as whoever reads takes it.

mod container;
mod cron_job;
mod job;
mod lines;
mod node;
mod pieces;
mod pod;
mod requests;
mod running;
mod server;
mod snapshot;
mod table;
mod value;

pub use self::pieces::Pieces;
pub use self::requests::{About, Requests};
pub use self::snapshot::{Snapshot, Sources};
pub use self::table::{METRICS, Metric, Of, Type};

/// The type of the text, as Prometheus asks for it.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[cfg(test)]
mod tests;
