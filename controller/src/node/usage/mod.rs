//! What containers use: told by the runtime, kept while they run, and summed up when they have ended.
//!
//! ```text
//!            ┌▶ Gauge, while it runs ──▶ Usages ──▶ rates, totals
//! PodRuntime ┤
//!            └▶ ContainerEnd ──▶ PodUsage ──▶ annotations of the pod, with its status
//! ```
//!
//! It informs, and nothing is decided by it.

mod annotations;
mod live;
mod rate;
mod times;
mod totals;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) use self::annotations::PodUsage;
pub use self::live::{NodeUsage, RunningContainer, Usages};
pub use self::rate::Rate;
pub use self::times::PodTimes;
pub use self::totals::Totals;

/// What a container has used since its run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time that it computed.
    pub cpu: Duration,
    /// Memory that it has, in bytes: of what `resources.limits.memory` bounds.
    pub memory_bytes: u64,
    /// The most that it had at a time.
    pub memory_bytes_peak: u64,
    /// Instructions, in a pod with the annotation `mayfly.dev/fuel`; known when it has ended.
    pub fuel: Option<u64>,
    /// Bytes that it read from files of its volumes.
    pub file_bytes_read: u64,
    /// Bytes that it wrote to files of its volumes.
    pub file_bytes_written: u64,
    /// Bytes that it printed.
    pub printed_bytes: u64,
    /// Bytes that came to it over the network.
    pub network_bytes_received: u64,
    /// Bytes that it sent.
    pub network_bytes_sent: u64,
}

impl Usage {
    /// Adds what another run used, after this one or beside it. The peak is that of the larger: when
    /// each was reached is not known.
    pub(crate) fn add(&mut self, other: &Self) {
        self.cpu = self.cpu.saturating_add(other.cpu);
        self.memory_bytes = self.memory_bytes.saturating_add(other.memory_bytes);
        self.memory_bytes_peak = self.memory_bytes_peak.max(other.memory_bytes_peak);
        self.fuel = match (self.fuel, other.fuel) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        self.file_bytes_read = self.file_bytes_read.saturating_add(other.file_bytes_read);
        self.file_bytes_written = self.file_bytes_written.saturating_add(other.file_bytes_written);
        self.printed_bytes = self.printed_bytes.saturating_add(other.printed_bytes);
        let received = other.network_bytes_received;
        self.network_bytes_received = self.network_bytes_received.saturating_add(received);
        self.network_bytes_sent = self.network_bytes_sent.saturating_add(other.network_bytes_sent);
    }
}

/// Tells what a container has used up to now. It is asked at any time and from any thread, and must
/// not block.
pub trait UsageSource: Send + Sync + 'static {
    /// What it has used.
    fn usage(&self) -> Usage;
}

/// Where a runtime says how the usage of a container can be read while it runs. A clone is the same.
#[derive(Clone, Default)]
pub struct Gauge(Arc<OnceLock<Box<dyn UsageSource>>>);

impl Gauge {
    /// From now on it is read from `source`, which must be the first that is named.
    pub fn read_from(&self, source: impl UsageSource) {
        let is_first = self.0.set(Box::new(source)).is_ok();
        debug_assert!(is_first, "a gauge must be read from one source");
    }

    /// What it shows; `None` before the runtime has begun, or if it measures nothing.
    pub(crate) fn read(&self) -> Option<Usage> {
        self.0.get().map(|source| source.usage())
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gauge").field(&self.read()).finish()
    }
}
