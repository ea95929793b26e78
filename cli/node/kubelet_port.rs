//! Where the node answers the API server: the kubelet's endpoints, over TLS.
//!
//! ```text
//! API server ── certificate of the cluster's authority ─▶ who? ─▶ may they? (asked of the API server)
//! ```
//!
//! Sockets and encryption are those of `mayfly serve`. What a client shows must be of the authority of
//! the kubeconfig, or of `--client-ca-file`; the node's own certificate is of an authority of its own,
//! which its Node object tells. A node that has joined has the server sign one, and lets in whose
//! certificate is of the authority that has signed the one with which it comes to the server.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use mayfly_controller::clock::Clock;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::serve::connections::Connections;
use crate::serve::limits::DRAIN_MAX;
use crate::serve::tls::Tls;
use crate::serve::{listen, renewal, tls};

/// A port that is taken, and what encrypts there.
pub(super) struct Port {
    listener: TcpListener,
    tls: Arc<Tls>,
    port: u16,
}

/// A server at work.
pub(super) struct Kubelet {
    connections: Arc<Connections>,
    accepting: JoinHandle<()>,
    _renewal: Option<AbortOnDropHandle<()>>,
}

impl Port {
    /// Takes `port` at `address`, for clients of the authorities `theirs`; its own authority is kept in
    /// `folder`.
    pub(super) fn take(
        (address, port): (IpAddr, u16),
        name: &str,
        folder: &Path,
        theirs: Vec<CertificateDer<'static>>,
    ) -> anyhow::Result<Self> {
        let listener = listen::listen(SocketAddr::new(address, port));
        let listener = listener.context("no --kubelet-port")?;
        let port = listener.local_addr().context("can't tell where it listens")?.port();
        let names = tls::names(address, &[name.to_owned()]);
        let tls = Tls::of_node(&folder.join("tls"), names, theirs, Clock::system().now())?;
        Ok(Self { listener, tls: Arc::new(tls), port })
    }

    /// Which one it is.
    pub(super) fn number(&self) -> u16 {
        self.port
    }

    /// The authority (PEM) that it is known by.
    pub(super) fn authority(&self) -> String {
        self.tls.own_authority().to_owned()
    }

    /// What encrypts there.
    pub(super) fn tls(&self) -> Arc<Tls> {
        Arc::clone(&self.tls)
    }

    /// Answers there with `router`. What it shows is renewed unless `is_given`: then somebody else sees
    /// to that.
    pub(super) fn answer(self, router: Router, is_given: bool) -> anyhow::Result<Kubelet> {
        let Self { listener, tls, .. } = self;
        let connections = Connections::new(&tls, router)?;
        let accepting = tokio::spawn(connections.clone().accept(listener));
        let renewal = renewal::keep(Clock::system(), move |now| tls.renew(now));
        let _renewal = (!is_given).then(|| AbortOnDropHandle::new(tokio::spawn(renewal)));
        Ok(Kubelet { connections, accepting, _renewal })
    }
}

impl Kubelet {
    /// Takes no more in, and lets those go on for a while that are there.
    pub(super) async fn stop(self) {
        self.connections.stop(DRAIN_MAX).await;
        if let Err(error) = self.accepting.await {
            tracing::error!(%error, "who takes connections in has ended by itself");
        }
    }
}

/// The authorities in the file `path`.
pub(super) fn authorities(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    read().with_context(|| format!("can't take the authorities in {}", path.display()))
}
