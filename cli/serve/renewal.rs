//! Certificates that are made anew long before their end, while the server runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mayfly_controller::clock::Clock;

use super::tls::Tls;
use super::{kubeconfig, limits};

/// What needs certificates.
pub(super) struct Renewal {
    /// Who makes them.
    pub(super) tls: Arc<Tls>,
    /// Where the client's goes.
    pub(super) kubeconfig: PathBuf,
    /// Where the client finds the server.
    pub(super) url: String,
}

/// Does `renew` in time, for as long as it is polled.
pub(crate) async fn keep(clock: Clock, renew: impl Fn(Timestamp) -> anyhow::Result<()>) {
    let mut last = clock.now();
    loop {
        // A host that sleeps has its clock go on, and its timers not: so it is looked at often.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let now = clock.now();
        if !is_due(last, now) {
            continue;
        }
        match renew(now) {
            Ok(()) => {
                tracing::info!("certificates have been renewed");
                last = now;
            }
            // There are months left to try again in.
            Err(error) => tracing::error!("can't renew certificates: {error:#}"),
        }
    }
}

impl Renewal {
    /// Makes the server's certificate and the client's in time, for as long as it is polled.
    pub(super) async fn run(self, clock: Clock) {
        keep(clock, |now| self.renew(now)).await;
    }

    fn renew(&self, now: Timestamp) -> anyhow::Result<()> {
        self.tls.renew(now)?;
        kubeconfig::write(&self.kubeconfig, &self.url, &self.tls.admin(now)?)
    }
}

/// Whether what was made at `last` is to be made anew at `now`.
pub(super) fn is_due(last: Timestamp, now: Timestamp) -> bool {
    now.duration_since(last) >= SignedDuration::from_hours(24 * limits::CERTIFICATE_RENEWAL_DAYS)
}
