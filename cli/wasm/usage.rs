//! What a guest uses, as the usage of a container.

use mayfly_controller::node::{Usage, UsageSource};
use mayfly_runtime::Meter;

/// The meter of a container's guest.
pub(super) struct Metered(pub(super) Meter);

impl UsageSource for Metered {
    fn usage(&self) -> Usage {
        let usage = self.0.usage();
        Usage {
            cpu: usage.cpu,
            memory_bytes: usage.memory_bytes,
            memory_bytes_peak: usage.memory_bytes_peak,
            fuel: usage.fuel,
            file_bytes_read: usage.file_bytes_read,
            file_bytes_written: usage.file_bytes_written,
            printed_bytes: usage.printed_bytes,
            network_bytes_received: usage.network_bytes_received,
            network_bytes_sent: usage.network_bytes_sent,
        }
    }
}
