//! `mayfly node --join`: a host that has a token becomes a node, and stays one without it.
//!
//! ```text
//! --ca-cert-hash ─▶ authority ─┐              STATE/pki/ca.crt
//! --token ─────────────────────┴▶ request ─▶ certificate     kubelet-client-current.pem
//!                                                  │          kubelet-server-current.pem
//!                                                  └─▶ renewed in time, by itself
//! ```
//!
//! As `kubeadm join` and a kubelet do it, so it works for a cluster of kubeadm as well.

mod authority;
mod identity;
mod renewal;
mod request;
mod serving;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use kube::Client;
use kube::config::AuthInfo;
use mayfly_controller::api::Node;
use mayfly_controller::clock::Clock;
use rustls::pki_types::CertificateDer;

use super::api_server::{ApiServer, connect};
use crate::args::NodeArguments;
use crate::pin::Pin;
use crate::serve::files;
use identity::{Identities, Identity};
pub(super) use renewal::Renewal;
use request::{Asking, Wanted};
pub(super) use serving::Serving;

/// The file of the certificate with which the node comes to the API server, with its key.
const CLIENT: &str = "kubelet-client-current.pem";

/// A server that a host is to join, or has joined.
pub(super) struct Joining {
    url: String,
    token: Option<String>,
    pin: Option<Pin>,
    folder: PathBuf,
    node: String,
}

/// What a node is to a server that it has joined.
pub(super) struct Joined {
    pub(super) server: ApiServer,
    pub(super) renewal: Renewal,
}

impl Joining {
    /// What `arguments` ask for, if that is to join, for the node `name` with its state in `state`.
    pub(super) fn asked(arguments: &NodeArguments, name: &str, state: &Path) -> Option<Self> {
        Some(Self {
            url: arguments.join.clone()?,
            token: arguments.token.clone(),
            pin: arguments.ca_cert_hash,
            folder: folder(state),
            node: name.to_owned(),
        })
    }

    /// Comes to the server with what is kept, or joins it.
    pub(super) async fn join(self) -> anyhow::Result<Joined> {
        files::make_private_folder(&self.folder)?;
        let authorities = authority::known(&self.url, self.pin, &self.folder).await?;
        let identities = Identities::new(&self.folder.join(CLIENT));
        let now = Clock::system().now();
        let identity = match self.kept(&identities, now)? {
            Some(identity) => identity,
            None => self
                .ask(&authorities, &identities)
                .await
                .with_context(|| format!("can't join {} as node {}", self.url, self.node))?,
        };
        let client = connect(&self.url, &authorities, identity.auth_info())?;
        // A cluster of kubeadm sends none along: there, it is the same one.
        let own = identity.authorities();
        let of_clients = if own.is_empty() { authorities.clone() } else { own };
        let renewal =
            Renewal::new(&self.url, authorities, &self.node, identities, identity, client);
        let server = ApiServer { client: renewal.client(), url: self.url, of_clients };
        Ok(Joined { server, renewal })
    }

    /// The certificate that is kept, unless there is none, or one that is over and there is a token.
    fn kept(&self, identities: &Identities, now: Timestamp) -> anyhow::Result<Option<Identity>> {
        let Some(identity) = identities.read()? else { return Ok(None) };
        let (path, user) = (identities.path().display(), user(&self.node));
        ensure!(
            identity.user == user,
            "{path} is of {}, and this is to be the node {}: give it another --state-dir, or the \
             name that it has with --name",
            identity.user,
            self.node
        );
        if now < identity.not_after {
            return Ok(Some(identity));
        }
        if self.token.is_none() {
            let ended = identity.not_after;
            bail!("the certificate in {path} has ended at {ended}: {TOKEN_WANTED}");
        }
        Ok(None)
    }

    /// Asks for a first certificate, with the token.
    async fn ask(
        &self,
        authorities: &[CertificateDer<'static>],
        identities: &Identities,
    ) -> anyhow::Result<Identity> {
        let token = self.token.clone().with_context(|| format!("no --token: {TOKEN_WANTED}"))?;
        let auth = AuthInfo { token: Some(token.into()), ..AuthInfo::default() };
        let client = connect(&self.url, authorities, auth)?;
        self.check_name(&client).await?;
        let identity = Asking::new(Wanted::client(&self.node)).signed(&client).await?;
        identities.write(&identity)?;
        tracing::info!(node = %self.node, until = %identity.not_after, "the host has joined");
        Ok(identity)
    }

    /// Refuses the name of a node that is another host's.
    async fn check_name(&self, client: &Client) -> anyhow::Result<()> {
        let node = &self.node;
        let nodes = kube::Api::<Node>::all(client.clone());
        let found = nodes.get_opt(node).await.map_err(request::explained)?;
        let conditions = found.iter().flat_map(|it| it.status.iter());
        let mut conditions = conditions.flat_map(|it| it.conditions.iter().flatten());
        ensure!(
            !conditions.any(|it| it.type_ == "Ready" && it.status == "True"),
            "another host is the node {node}, which is ready: give this one a name of its own with \
             --name; if it is to take the other's place, delete that node first"
        );
        Ok(())
    }
}

/// What is to be done without a good token.
const TOKEN_WANTED: &str =
    "a token lets it join; `mayfly token create` makes one where the server is";

/// Where the state folder `state` has what a node is known by.
pub(super) fn folder(state: &Path) -> PathBuf {
    state.join("pki")
}

/// The user that a node is.
fn user(node: &str) -> String {
    format!("system:node:{node}")
}

/// Whoever uses the client at any time, with the newest certificate.
pub(super) type Current = Arc<std::sync::RwLock<Client>>;
