//! What becomes of nodes that fall silent, and of the pods on them.
//!
//! ```text
//! nodes, leases ─▶ index (who was heard when) ─▶ reconcile (pure) ─▶ conditions and taints
//! taints, pods ──▶ eviction (pure) ────────────────────────────────▶ pods to delete, each in time
//! ```
//!
//! A node whose lease is not renewed for as long as the lease holds is not ready any more: its
//! conditions become `Unknown`, and taints keep new pods away and let those that are there go after
//! as long as they tolerate that. Their Jobs replace them; nothing here knows of Jobs.
//!
//! Source: Kubernetes' controllers `nodelifecycle` and `tainteviction`. Kubernetes differs: it gives
//! up on every node after the same time (`--node-monitor-grace-period`); here it is after the time
//! that the node's own lease says, 40 seconds for all but the node in the server's process, which
//! can't fall silent without it. And the two tolerations, of 300 seconds, that it writes into every
//! pod are acted on here where the pod says nothing else, and not written.

mod controller;
mod eviction;
mod index;
mod reconcile;

pub use self::controller::NodeLifecycleController;

#[cfg(test)]
mod tests;
