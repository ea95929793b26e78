//! Certificates that are asked for anew before their end, while the node works.

use std::sync::{Arc, PoisonError, RwLock};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use mayfly_controller::clock::Clock;
use rustls::pki_types::CertificateDer;

use super::Current;
use super::identity::{Identities, Identity};
use super::request::{Asking, Wanted};
use crate::node::api_server::connect;

/// The longest pause before it is looked at the clock again: a host that sleeps has its clock go on, and
/// its timers not.
const LOOK_PAUSE_MAX: Duration = Duration::from_secs(3600);

/// The least between two certificates. Stops those that are over as soon as they are signed from being
/// asked for all the time.
pub(super) const RENEWAL_PAUSE_MIN: Duration = Duration::from_secs(5);

/// How long after an attempt that has failed there is another.
pub(super) const RETRY_DELAY: Duration = Duration::from_secs(30);

/// The client certificate of a node, which is kept good.
pub(in crate::node) struct Renewal {
    url: String,
    authorities: Vec<CertificateDer<'static>>,
    identities: Identities,
    identity: Identity,
    /// The next one.
    asking: Asking,
    current: Current,
}

impl Renewal {
    pub(super) fn new(
        url: &str,
        authorities: Vec<CertificateDer<'static>>,
        node: &str,
        identities: Identities,
        identity: Identity,
        client: Client,
    ) -> Self {
        let (url, asking) = (url.to_owned(), Asking::new(Wanted::client(node)));
        let current = Arc::new(RwLock::new(client));
        Self { url, authorities, identities, identity, asking, current }
    }

    /// A client that always shows the newest certificate.
    pub(super) fn client(&self) -> Client {
        Client::new(Newest(Arc::clone(&self.current)), "default")
    }

    /// Renews it for as long as it is polled.
    pub(in crate::node) async fn run(mut self) {
        loop {
            until_due(&self.identity).await;
            match self.renew().await {
                Ok(()) => tokio::time::sleep(RENEWAL_PAUSE_MIN).await,
                Err(error) => {
                    let until = self.identity.not_after;
                    tracing::warn!(%until, "can't renew the node's certificate: {error:#}");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let client = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let identity = self.asking.signed(&client).await?;
        self.identities.write(&identity)?;
        // With connections of its own: those that there are go on being known by the old one.
        let next = connect(&self.url, &self.authorities, identity.auth_info())?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        self.asking.is_kept();
        tracing::info!(until = %identity.not_after, "the node's certificate has been renewed");
        self.identity = identity;
        Ok(())
    }
}

/// Waits until `identity` should be renewed.
pub(super) async fn until_due(identity: &Identity) {
    let due = due_at(identity.not_before, identity.not_after, fastrand::f64());
    loop {
        let rest = due.duration_since(Clock::system().now());
        if rest <= SignedDuration::ZERO {
            return;
        }
        tokio::time::sleep(rest.unsigned_abs().min(LOOK_PAUSE_MAX)).await;
    }
}

/// When that is: at 70 to 90 % of its life, as a kubelet does it; `chance` is from 0 to 1.
fn due_at(not_before: Timestamp, not_after: Timestamp, chance: f64) -> Timestamp {
    let life = not_after.duration_since(not_before);
    let passed = life.as_secs_f64() * (0.7 + 0.2 * chance);
    let passed = SignedDuration::try_from_secs_f64(passed).unwrap_or(SignedDuration::ZERO);
    not_before.checked_add(passed).unwrap_or(not_after)
}

/// The client of the newest certificate.
#[derive(Clone)]
struct Newest(Current);

impl tower::Service<Request<Body>> for Newest {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, kube::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), kube::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let client = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move { client.send(request).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_in_the_last_third_of_its_life() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let (from, to) = (at("2026-03-01T00:00:00Z"), at("2026-03-11T00:00:00Z"));
        assert_eq!(due_at(from, to, 0.0), at("2026-03-08T00:00:00Z"));
        assert_eq!(due_at(from, to, 1.0), at("2026-03-10T00:00:00Z"));
    }
}
