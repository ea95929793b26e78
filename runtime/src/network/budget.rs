//! How much one run may send and receive, and how much it has.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio_util::sync::CancellationToken;

use crate::meter::Meter;
use crate::stop::Stop;

/// The bytes that one run may send and receive, together.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicU64,
    exceeded: CancellationToken,
    meter: Meter,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the guest.
    In,
    /// From it.
    Out,
}

impl Budget {
    pub(super) fn new(bytes_max: u64, meter: Meter) -> Self {
        Self { left: AtomicU64::new(bytes_max), exceeded: CancellationToken::new(), meter }
    }

    /// What may still be sent or received.
    pub(crate) fn left(&self) -> u64 {
        self.left.load(Relaxed)
    }

    /// Takes `bytes` of what is left. If they are more, all of it is gone, and the run is over.
    pub(crate) fn take(&self, way: Way, bytes: usize) -> Result<(), Stop> {
        let bytes = bytes as u64;
        let taken =
            self.left.fetch_update(Relaxed, Relaxed, |left| Some(left.saturating_sub(bytes)));
        if taken.is_ok_and(|before| before >= bytes) {
            match way {
                Way::In => self.meter.received(bytes),
                Way::Out => self.meter.sent(bytes),
            }
            return Ok(());
        }
        self.exceeded.cancel();
        Err(Stop::NetworkExceeded)
    }

    /// Waits until more was taken than there was. What happens on other tasks ends the run by this.
    pub(super) async fn exceeded(&self) {
        self.exceeded.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_exact() {
        let meter = Meter::new();
        let budget = Budget::new(10, meter.clone());
        assert_eq!((budget.take(Way::In, 4), budget.left()), (Ok(()), 6));
        assert_eq!((budget.take(Way::Out, 6), budget.left()), (Ok(()), 0));
        assert_eq!(budget.take(Way::In, 0), Ok(()));
        assert!(!budget.exceeded.is_cancelled());
        assert_eq!(budget.take(Way::In, 1), Err(Stop::NetworkExceeded));
        assert!(budget.exceeded.is_cancelled());
        let usage = meter.usage();
        assert_eq!((usage.network_bytes_received, usage.network_bytes_sent), (4, 6));
        assert_eq!(Budget::new(5, meter).take(Way::Out, 6), Err(Stop::NetworkExceeded));
    }
}
