//! A Kubernetes control plane for Jobs, as a library.
//!
//! A manifest becomes an object, an object a plan, a plan pods, a pod one run, a run an outcome and
//! the outcome status. Each step writes to the [`store`], and no step calls the next.
//! Nothing here knows what a container is made of: whoever runs one implements
//! [`node::PodRuntime`].

pub mod admission;
pub mod api;
pub mod clock;
pub mod events;
pub mod gc;
pub mod job;
pub mod limits;
pub mod node;
pub mod plane;
pub mod quantity;
pub mod store;
pub mod ttl;

pub use plane::{ControlPlane, Settings};
