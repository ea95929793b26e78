//! How long to wait before something that has failed is tried again.

use std::time::Duration;

/// The first pause, at most.
const FIRST: Duration = Duration::from_millis(200);

/// The longest one.
const LONGEST: Duration = Duration::from_secs(10);

/// Pauses that double, each shortened by chance, so that those who failed together do not come back
/// together.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    failures: u32,
}

impl Pause {
    /// It has worked: the next pause is short again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Waits, each time longer.
    pub(crate) async fn wait(&mut self) {
        let full = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        tokio::time::sleep(full.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
    }
}
