//! The certificate that a node which has joined shows to whoever asks its kubelet's endpoints.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use kube::Client;
use mayfly_controller::clock::Clock;

use super::identity::{Identities, Identity};
use super::renewal::{RENEWAL_PAUSE_MIN, RETRY_DELAY, until_due};
use super::request::{Asking, Wanted};
use crate::serve::tls::Tls;

/// The file that it is kept in, with its key.
const SERVING: &str = "kubelet-server-current.pem";

/// A certificate that is asked for, shown, and asked for anew in time.
pub(in crate::node) struct Serving {
    client: Client,
    node: String,
    address: IpAddr,
    identities: Identities,
    /// The next one.
    asking: Asking,
    tls: Arc<Tls>,
}

impl Serving {
    /// For `node` at `address`, which `tls` shows it for; it is kept in the folder `pki`.
    pub(in crate::node) fn new(
        client: Client,
        (node, address): (&str, IpAddr),
        pki: &Path,
        tls: Arc<Tls>,
    ) -> Self {
        let identities = Identities::new(&pki.join(SERVING));
        let asking = Asking::new(Wanted::serving(node, address));
        Self { client, node: node.to_owned(), address, identities, asking, tls }
    }

    /// Keeps it good for as long as it is polled.
    pub(in crate::node) async fn run(mut self) {
        let mut next = self.kept();
        loop {
            let shown = match next.take() {
                Some(identity) => Ok(identity),
                None => self.ask().await,
            };
            match shown.and_then(|identity| self.show(identity)) {
                Ok(identity) => {
                    until_due(&identity).await;
                    tokio::time::sleep(RENEWAL_PAUSE_MIN).await;
                }
                Err(error) => {
                    tracing::warn!("the kubelet's port has no certificate yet: {error:#}");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// What an earlier process was given, if it is good for where this one answers.
    fn kept(&self) -> Option<Identity> {
        let kept = self.identities.read().unwrap_or_else(|error| {
            tracing::warn!("{error:#}");
            None
        })?;
        let is_good = Clock::system().now() < kept.not_after && kept.is_for(self.address);
        (is_good && kept.user == super::user(&self.node)).then_some(kept)
    }

    /// Asks for one: it is signed once the API server knows the addresses of the node.
    async fn ask(&mut self) -> anyhow::Result<Identity> {
        let identity = self.asking.signed(&self.client).await?;
        self.identities.write(&identity)?;
        self.asking.is_kept();
        tracing::info!(until = %identity.not_after, "the kubelet's port has a new certificate");
        Ok(identity)
    }

    fn show(&self, identity: Identity) -> anyhow::Result<Identity> {
        let (chain, key) = identity.chain_and_key()?;
        self.tls.show(chain, key)?;
        Ok(identity)
    }
}
