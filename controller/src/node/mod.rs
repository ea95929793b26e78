//! The node agent: starts, stops and reports the pods that are bound to it.
//!
//! ```text
//! cluster client ──▶ pods bound to me ──▶ PodRuntime ──▶ ends ──▶ pod status
//! ```
//!
//! It knows neither the other nodes' pods nor what a container is made of.

mod runtime;

pub use runtime::{
    Container, ContainerEnd, Image, Mount, MountAccess, Output, PodIdentity, PodRuntime, PullError,
    PullPolicy, ResourceLimits, StartError, Stdin, Stream,
};
