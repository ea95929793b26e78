//! A server at work: what is started together, and the order in which it stops.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use mayfly_controller::clock::Clock;
use mayfly_controller::http::{Api, router};
use mayfly_controller::network::AllowedHosts;
use mayfly_controller::store::Store;
use mayfly_controller::{ControlPlane, Settings};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::connections::Connections;
use super::dashboard;
use super::limits;
use super::renewal::Renewal;
use super::sites;
use super::users::Users;
use crate::wasm::Wasm;

/// What a server is made of before it begins.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) runtime: Wasm,
    pub(super) settings: Settings,
    pub(super) allowed_hosts: AllowedHosts,
    pub(super) listener: TcpListener,
    pub(super) users: Users,
    pub(super) certificates: Renewal,
}

/// A server at work.
pub(super) struct Running {
    plane: ControlPlane,
    connections: Arc<Connections>,
    accepting: JoinHandle<()>,
    /// Ends what goes on for long, such as watches; and the server is not ready any more.
    shutdown: CancellationToken,
    address: SocketAddr,
    _background: [AbortOnDropHandle<()>; 2],
}

impl Running {
    /// Starts everything, the control plane first. Nobody is answered before
    /// there is what clients expect.
    pub(super) async fn start(parts: Parts) -> anyhow::Result<Self> {
        let Parts { store, runtime, settings, allowed_hosts, listener, users, certificates } =
            parts;
        let address = listener.local_addr().context("can't tell where it listens")?;
        let operator = settings.node.limits;
        let plane = ControlPlane::start(store.clone(), Arc::new(runtime), settings);
        tokio::select! {
            () = plane.ready() => {}
            () = plane.ended() => {}
        }
        let shutdown = CancellationToken::new();
        let api = Api::new(store)
            .with_access(users.access())
            .with_operator_limits(operator)
            .with_allowed_hosts(allowed_hosts)
            .with_logs(plane.logs().clone())
            .with_inputs(plane.inputs().clone())
            .with_usages(plane.usages().clone())
            .with_shutdown(shutdown.clone());
        let router = sites::own(dashboard::before(router(api)));
        let connections = Connections::new(&certificates.tls, router)?;
        let accepting = tokio::spawn(connections.clone().accept(listener));
        let background =
            [tokio::spawn(certificates.run(Clock::system())), tokio::spawn(users.follow())];
        let _background = background.map(AbortOnDropHandle::new);
        Ok(Self { plane, connections, accepting, shutdown, address, _background })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until a part of it has ended by itself, which only a fault does.
    pub(super) async fn ended(&self) {
        self.plane.ended().await;
    }

    /// Stops clients first, so that nothing new comes; then who works for them. Whatever they wrote
    /// is durable, so the store closes when nobody has it any more.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.connections.stop(limits::DRAIN_MAX).await;
        self.accepting.await.context("who takes connections in must not panic")?;
        self.plane.shutdown().await;
        Ok(())
    }
}
