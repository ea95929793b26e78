//! What the logs of one container take, which counts as what it stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::node::runtime::Storage;

/// Counts the bytes of a container's logs that are kept.
///
/// Those that an earlier process of the node has written are not counted.
pub(crate) struct LogMeter {
    bytes: AtomicU64,
    /// `limits.ephemeral-storage` of the container, of which it has nothing but logs to itself.
    bytes_max: Option<u64>,
    /// That of its pod, which they are a part of.
    storage: Option<Arc<dyn Storage>>,
    exceeded: Box<dyn Fn() + Send + Sync>,
}

impl LogMeter {
    /// A meter that calls `exceeded` once there are more than `bytes_max`.
    pub(crate) fn new(
        bytes_max: Option<u64>,
        storage: Option<Arc<dyn Storage>>,
        exceeded: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self { bytes: AtomicU64::new(0), bytes_max, storage, exceeded: Box::new(exceeded) }
    }

    /// So many bytes have been written.
    pub(super) fn grown(&self, bytes: u64) {
        if let Some(storage) = &self.storage {
            storage.keep(bytes);
        }
        let all = self.bytes.fetch_add(bytes, Relaxed).saturating_add(bytes);
        if self.bytes_max.is_some_and(|max| all > max) {
            (self.exceeded)();
        }
    }

    /// So many bytes have been removed, of which some may be an earlier process's.
    pub(super) fn shrunk(&self, bytes: u64) {
        let left = |all: u64| Some(all.saturating_sub(bytes));
        let counted = self.bytes.fetch_update(Relaxed, Relaxed, left).unwrap_or_default();
        if let Some(storage) = &self.storage {
            storage.release(bytes.min(counted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Account(AtomicU64);

    impl Storage for Account {
        fn keep(&self, bytes: u64) {
            self.0.fetch_add(bytes, Relaxed);
        }

        fn release(&self, bytes: u64) {
            self.0.fetch_sub(bytes, Relaxed);
        }
    }

    #[test]
    fn what_was_not_counted_is_not_given_back() {
        let account = Arc::new(Account::default());
        account.keep(100);
        let storage: Arc<dyn Storage> = account.clone();
        let meter = LogMeter::new(None, Some(storage), || {});
        let check = |kept: u64| assert_eq!(account.0.load(Relaxed), kept);
        meter.shrunk(50);
        check(100);
        meter.grown(30);
        check(130);
        meter.shrunk(10);
        check(120);
        meter.shrunk(50);
        check(100);
    }
}
