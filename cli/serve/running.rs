//! A server at work: what is started together, and the order in which it stops.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use jiff::SignedDuration;
use mayfly_controller::Settings;
use mayfly_controller::clock::Clock;
use mayfly_controller::http::Restore;
use mayfly_controller::network::AllowedHosts;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use super::connections::Connections;
use super::dashboard;
use super::door::Door;
use super::generation::{Generation, Next, Seed};
use super::kubelets::Nodes;
use super::limits;
use super::renewal::Renewal;
use super::shared::{self, Origin, Shared};
use super::sites;
use super::telemetry::Telemetry;
use super::users::Users;
use crate::log::Log;
use crate::wasm::Wasm;

/// What a server is made of before it begins.
pub(super) struct Parts {
    pub(super) origin: Origin,
    pub(super) runtime: Wasm,
    pub(super) settings: Settings,
    pub(super) allowed_hosts: AllowedHosts,
    pub(super) metrics_objects_max: usize,
    pub(super) signing_duration: SignedDuration,
    pub(super) telemetry: Option<Telemetry>,
    pub(super) log: Log,
    pub(super) listener: TcpListener,
    pub(super) users: Users,
    pub(super) kubelets: Arc<Nodes>,
    pub(super) certificates: Renewal,
}

/// A server at work.
pub(super) struct Running {
    seed: Seed,
    /// Where the state is shared, how this server comes to lead.
    shared: Option<Shared>,
    /// `None` from the time when a restore is broken off, and while another server leads.
    generation: Option<Generation>,
    door: Door,
    connections: Arc<Connections>,
    accepting: JoinHandle<()>,
    address: SocketAddr,
    telemetry: Option<Telemetry>,
    _background: [AbortOnDropHandle<()>; 2],
}

impl Running {
    /// Starts everything, the control plane first. Nobody is answered before there is what clients
    /// expect; where the state is shared, before it is known who leads.
    pub(super) async fn start(parts: Parts) -> anyhow::Result<Self> {
        let Parts {
            origin,
            runtime,
            settings,
            allowed_hosts,
            metrics_objects_max,
            signing_duration,
            telemetry,
            log,
            listener,
            users,
            kubelets,
            certificates,
        } = parts;
        let address = listener.local_addr().context("can't tell where it listens")?;
        let (runtime, access) = (Arc::new(runtime), users.access());
        let seed = Seed {
            runtime,
            settings,
            allowed_hosts,
            metrics_objects_max,
            access,
            signer: Arc::clone(&certificates.tls),
            signing_duration,
            kubelets,
            log,
        };
        let door = Door::default();
        let (generation, shared) = match origin {
            Origin::Own(store) => {
                let generation = seed.grow(store, None).await;
                door.open(&generation);
                (Some(generation), None)
            }
            Origin::Shared(shared) => (None, Some(shared)),
        };
        let router = sites::own(dashboard::before(door.router()));
        let connections = Connections::new(&certificates.tls, router)?;
        let accepting = tokio::spawn(connections.clone().accept(listener));
        let background =
            [tokio::spawn(certificates.run(Clock::system())), tokio::spawn(users.follow())];
        let _background = background.map(AbortOnDropHandle::new);
        Ok(Self {
            seed,
            shared,
            generation,
            door,
            connections,
            accepting,
            address,
            telemetry,
            _background,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until requests are answered, here or by the server that leads.
    pub(super) async fn settled(&mut self) {
        let door = self.door.clone();
        tokio::select! {
            biased;
            () = door.opened() => {}
            () = self.ended() => {}
        }
    }

    /// Waits until a part of it has ended by itself, which only a fault does; restores what it is
    /// asked to, and leads while it may. If the future is dropped in the middle of restoring, all was
    /// restored or nothing, and the server can only be stopped.
    pub(super) async fn ended(&mut self) {
        loop {
            let Some(generation) = &mut self.generation else {
                let Some(shared) = &self.shared else { return };
                let (store, session) = shared.lead(&self.door).await;
                let generation = self.seed.grow(store, Some(session)).await;
                self.door.open(&generation);
                self.generation = Some(generation);
                continue;
            };
            match generation.next().await {
                Next::Lost => self.stand_down().await,
                Next::Ended => return,
                Next::Restore(restore) => self.restore(restore).await,
            }
        }
    }

    /// Ends what it did while it led.
    async fn stand_down(&mut self) {
        self.door.shut(shared::NOBODY_LEADS);
        let Some(session) = self.generation.take().and_then(Generation::abandon) else { return };
        tracing::warn!(why = session.why(), "this server does not lead any more");
        self.resign().await;
    }

    async fn resign(&self) {
        if let Some(shared) = &self.shared {
            shared.resign().await;
        }
    }

    async fn restore(&mut self, Restore { snapshot, answer }: Restore) {
        let Some(generation) = self.generation.take() else { return };
        let objects = snapshot.objects.len();
        tracing::info!(objects, "restoring a backup");
        let (next, restored) = self.seed.replace(generation, &self.door, snapshot).await;
        self.generation = Some(next);
        match &restored {
            Ok(version) => tracing::info!(objects, version, "the backup is restored"),
            Err(error) => tracing::error!(error, "the backup could not be restored"),
        }
        // Whoever asked may be gone.
        let _ = answer.send(restored);
    }

    /// Stops clients first, so that nothing new comes; then who works for them. Whatever they wrote
    /// is durable, so the store closes when nobody has it any more.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(generation) = &self.generation {
            generation.shutdown.cancel();
        }
        self.connections.stop(limits::DRAIN_MAX).await;
        (&mut self.accepting).await.context("who takes connections in must not panic")?;
        if let Some(generation) = self.generation.take() {
            generation.plane.shutdown().await;
        }
        self.resign().await;
        if let Some(telemetry) = self.telemetry {
            telemetry.stop().await;
        }
        Ok(())
    }
}
