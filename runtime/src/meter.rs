//! What a run uses, counted while it runs.
//!
//! The counters are written by whoever does what is counted and read by whoever is curious, on
//! another thread and at any time; nothing is decided by them. So they are relaxed atomics: each is
//! right by itself, and two of them may be of slightly different moments.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::outcome::Usage;

/// Counts what one run uses. A clone is the same meter.
///
/// It is read while the guest runs, and after; what is read last is the
/// [`usage`](crate::Outcome::usage) of its [`Outcome`](crate::Outcome).
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    cpu_nanos: AtomicU64,
    memory_bytes: AtomicU64,
    memory_bytes_peak: AtomicU64,
    file_bytes_read: AtomicU64,
    file_bytes_written: AtomicU64,
    printed_bytes: AtomicU64,
    network_bytes_received: AtomicU64,
    network_bytes_sent: AtomicU64,
    /// What is known only when the run is over: wasmtime keeps the fuel to itself until then.
    end: OnceLock<AtTheEnd>,
}

#[derive(Debug)]
struct AtTheEnd {
    fuel: Option<u64>,
    wall: Duration,
}

impl Meter {
    /// A meter that has counted nothing, for one run.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was used up to now.
    pub fn usage(&self) -> Usage {
        let counters = &*self.0;
        let end = counters.end.get();
        Usage {
            cpu: Duration::from_nanos(counters.cpu_nanos.load(Relaxed)),
            fuel: end.and_then(|end| end.fuel),
            memory_bytes: counters.memory_bytes.load(Relaxed),
            memory_bytes_peak: counters.memory_bytes_peak.load(Relaxed),
            file_bytes_read: counters.file_bytes_read.load(Relaxed),
            file_bytes_written: counters.file_bytes_written.load(Relaxed),
            printed_bytes: counters.printed_bytes.load(Relaxed),
            network_bytes_received: counters.network_bytes_received.load(Relaxed),
            network_bytes_sent: counters.network_bytes_sent.load(Relaxed),
            wall: end.map(|end| end.wall).unwrap_or_default(),
        }
    }

    /// It has computed for so long.
    pub(crate) fn computed(&self, time: Duration) {
        self.0.cpu_nanos.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// So much memory is its now.
    pub(crate) fn holds(&self, bytes: u64) {
        self.0.memory_bytes.store(bytes, Relaxed);
        self.0.memory_bytes_peak.fetch_max(bytes, Relaxed);
    }

    /// It has read so much of a file, which is given back.
    pub(crate) fn read<N: Copy + Into<u64>>(&self, bytes: N) -> N {
        self.0.file_bytes_read.fetch_add(bytes.into(), Relaxed);
        bytes
    }

    /// It has written so much to a file, which is given back.
    pub(crate) fn wrote<N: Copy + Into<u64>>(&self, bytes: N) -> N {
        self.0.file_bytes_written.fetch_add(bytes.into(), Relaxed);
        bytes
    }

    /// So much that it prints was passed on.
    pub(crate) fn printed(&self, bytes: u64) {
        self.0.printed_bytes.fetch_add(bytes, Relaxed);
    }

    /// So much came to it over the network.
    pub(crate) fn received(&self, bytes: u64) {
        self.0.network_bytes_received.fetch_add(bytes, Relaxed);
    }

    /// So much went from it.
    pub(crate) fn sent(&self, bytes: u64) {
        self.0.network_bytes_sent.fetch_add(bytes, Relaxed);
    }

    /// Its run is over.
    pub(crate) fn ended(&self, fuel: Option<u64>, wall: Duration) {
        // Whoever gave one meter to two runs keeps the first's end.
        let _ = self.0.end.set(AtTheEnd { fuel, wall });
    }
}
