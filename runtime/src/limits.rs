//! What one run may use.

use std::time::Duration;

/// What one run may use. Going over any of them is an [`End`](crate::End) of its own, except for
/// descriptors, where the guest's call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory and tables together.
    ///
    /// Stops a guest from taking the host's memory. 256 MiB by default: CPython and Perl need some
    /// 50 MiB, and most guests 2 MiB.
    pub memory_bytes: u64,
    /// Units of fuel, about one for each instruction; the same run uses the same number each time.
    ///
    /// Stops a guest after an exact amount of work, whatever the host is busy with. `None`, the
    /// default, counts nothing. It takes a module that was loaded with
    /// [`Metering::Fuel`](crate::Metering::Fuel).
    pub fuel: Option<u64>,
    /// Wall-clock time, from the moment that the guest is started.
    ///
    /// Stops a guest that loops, sleeps or waits for ever. `None`, the default, waits with it.
    pub deadline: Option<Duration>,
    /// Bytes that it may print, both streams together.
    ///
    /// Stops a guest from filling whatever is behind [`Output`](crate::Output). 1 GiB by default:
    /// far more than anybody reads, and what a guest in a loop prints in a few seconds.
    pub output_bytes: u64,
    /// File descriptors open at a time, the standard streams and mounts not counted.
    ///
    /// Stops a guest from using up the descriptors of the host's process, since each file that it
    /// opens is one. 256 by default: a Python program has a dozen, a host process often 1024 in
    /// all.
    pub descriptors: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            fuel: None,
            deadline: None,
            output_bytes: 1 << 30,
            descriptors: 256,
        }
    }
}
