//! The node agent's view of a control plane on another host: a Kubernetes API server, over kube-rs.
//!
//! ```text
//!               ┌▶ journal (disk): what begins, what was said
//! agent ─▶ client ─▶ couriers ──▶ PATCH pods/status, DELETE pods ──┐
//!    ▲     ├───────▶ teller ────▶ POST, PATCH events ──────────────┤
//!    │     └───────▶ alive ─────▶ nodes, leases ──────────────────┴▶ API server
//!    └──── pods ◀──────────────── LIST, WATCH pods of this node ◀──┘
//! ```
//!
//! What the agent says is durable here before anything follows from it, and told whenever the API
//! server can be reached: runs go on without it. Every request that is made is one that a kubelet
//! may make; `requests` has them all. What it is asked itself, by the API server, the kubelet's
//! endpoints answer; `gate` says who may ask.

mod alive;
mod client;
mod couriers;
mod gate;
mod introduction;
mod journal;
mod limits;
mod line;
mod pause;
mod pods;
mod recall;
mod record;
mod requests;
mod status;
mod teller;
mod watch;

pub use client::{ClusterSettings, KubeClient, LEASE_SECONDS};
pub use introduction::{Introduction, Taint};
pub use journal::JournalError;
pub use watch::KubePods;

#[cfg(test)]
mod tests;
