//! The node agent: starts, stops and reports the pods that are bound to it.
//!
//! ```text
//! cluster client ──▶ pods bound to me ──▶ PodRuntime ──▶ ends ──▶ pod status
//! ```
//!
//! It knows neither the other nodes' pods nor what a container is made of. What a pod needs next is
//! decided in `lifecycle`, what its status says in `status`, both pure; `worker` carries it out, one
//! task for each pod; `agent` has the workers.
//!
//! # What is told, and when
//!
//! An end is durable before anything follows from it: no restart, no next container, no word that
//! the pod is over. Everything else waits some milliseconds for company, so a container that is over
//! at once costs one write.
//!
//! What its runs have used is told with their end, in annotations of the pod (`usage`).
//!
//! # After a crash
//!
//! The store says what the last process of this node knew. A pod whose containers had not been seen
//! to start just starts: its program may so be started twice, as Kubernetes warns of Jobs too. What
//! was running is lost, and [`LostRuns`] says what that means: as in Kubernetes it has ended
//! (`ContainerStatusUnknown`), is restarted if the pod's policy says so, and has failed its pod by
//! disruption if not; or, in a pod of a Job, it runs once more and is counted nowhere. What had ended
//! stays ended, and nothing is counted twice.

mod agent;
mod backoff;
mod capacity;
mod client;
mod directory;
mod disk;
mod downward;
mod env;
mod events;
mod expand;
#[cfg(test)]
mod fixtures;
mod inputs;
mod launch;
mod lifecycle;
mod local;
mod logins;
pub mod logs;
mod phase;
mod pod;
mod qos;
mod record;
mod report;
mod room;
mod runtime;
mod settings;
mod sources;
mod spans;
mod status;
mod stop;
mod storage;
mod termination;
#[cfg(test)]
mod tests;
mod usage;
mod view;
mod volumes;
mod worker;

pub use agent::Agent;
pub use backoff::BackoffCurve;
pub use capacity::NodeCapacity;
pub use client::{ClientError, ClusterClient, PodEvent, PodWatch, PodsChange, Report};
pub use directory::remove as remove_directory;
pub use disk::DiskReserve;
pub use inputs::{Input, Inputs, NoInput, Typing};
pub use local::{LocalClient, LocalPods};
pub use runtime::{
    Container, ContainerEnd, Image, LoginFile, Medium, Mount, MountAccess, Network, Output,
    PodIdentity, PodRuntime, Pull, PullError, PullPolicy, ResourceLimits, StartError, Stdin,
    Storage, StorageExceeded, StorageLimits, StoredVolume, Stream,
};
pub use settings::{LostRuns, NodeSettings, Shutdown, VolumeSettings};
pub(crate) use sources::Needed;
pub use usage::{
    Gauge, NodeUsage, PodTimes, Rate, RunningContainer, Totals, Usage, UsageSource, Usages,
};
pub use volumes::{HostPaths, memory_root};
