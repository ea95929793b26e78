//! What containers and nodes use, right now: the API of metrics that `kubectl top` and dashboards
//! ask, and the page that Prometheus reads.
//!
//! ```text
//!         ┌▶ resource ─────────▶ /apis/metrics.k8s.io/v1beta1/{nodes,pods}
//! Usages ─┤
//!         └▶ metrics ─▶ page ──▶ /metrics, and what the kubelet has at /metrics/resource
//! ```
//!
//! Of what has ended, the pods' annotations tell.

mod page;
mod resource;
#[cfg(test)]
mod tests;

pub(super) use self::page::of_node as page_of_node;
pub(super) use self::page::{answer as page, is_meant as is_page};
pub(super) use self::resource::answer;
