//! The node agent: starts, stops and reports the pods that are bound to it.
//!
//! ```text
//! cluster client ──▶ pods bound to me ──▶ PodRuntime ──▶ ends ──▶ pod status
//! ```
//!
//! It knows neither the other nodes' pods nor what a container is made of.

mod backoff;
mod client;
mod directory;
mod downward;
mod env;
mod expand;
#[cfg(test)]
mod fixtures;
pub mod logs;
mod runtime;
mod sources;
mod volumes;

pub use backoff::BackoffCurve;
pub use client::{ClientError, ClusterClient, PodEvent, PodWatch, PodsChange, Report, Severity};

pub use runtime::{
    Container, ContainerEnd, Image, Mount, MountAccess, Output, PodIdentity, PodRuntime, PullError,
    PullPolicy, ResourceLimits, StartError, Stdin, Stream,
};
