//! The network as one run has it: what is left of its budget, and what it has found out.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::budget::Budget;
use super::host::{HostName, Protocol};
use super::lookup::{self, LookupError};
use super::own::is_own;
use super::policy::{Network, Target};
use super::tls::Authorities;
use crate::limits::{LOOKUPS_MAX, Limits, RESOLVED_MAX, SOCKET_MEMORY_BYTES};
use crate::memory::{Held, MemoryAccount};
use crate::meter::Meter;
use crate::outcome::MemoryUse;
use crate::permits::{HostDescriptors, Permit, Permits};
use crate::stop::Stop;

/// One run's network. What the guest holds of it (sockets, streams, requests) all leads here.
#[derive(Debug)]
pub(crate) struct Session {
    network: Network,
    budget: Budget,
    /// How many sockets may still be opened.
    sockets: Permits,
    /// How many names may be looked up at once.
    lookups: Arc<Semaphore>,
    /// What the buffers of sockets count as.
    memory: MemoryAccount,
    /// What names were seen to stand for, the oldest first.
    resolved: Mutex<VecDeque<(IpAddr, HostName)>>,
}

/// A socket that counts as open, and its buffers as memory, until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenSocket {
    _permit: Permit,
    _held: Held,
}

/// Why a socket can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSocket {
    /// As many are open as may be.
    TooMany,
    /// The run is over.
    NoMemory(Stop),
}

impl Session {
    /// A run's, which has used nothing yet, whose sockets are of `host`'s descriptors, and their buffers
    /// of its `memory`.
    pub(crate) fn new(
        network: Network,
        limits: &Limits,
        meter: Meter,
        memory: MemoryAccount,
        host: &HostDescriptors,
    ) -> Self {
        Self {
            network,
            budget: Budget::new(limits.network_bytes, meter),
            sockets: Permits::new(limits.sockets, &host.opened),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            memory,
            resolved: Mutex::default(),
        }
    }

    /// Whether nothing at all can be reached.
    pub(crate) fn is_closed(&self) -> bool {
        self.network.is_closed()
    }

    /// What its requests over HTTP carry.
    pub(crate) fn request_headers(&self) -> &[(String, String)] {
        &self.network.request_headers
    }

    /// What it may send and receive.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Waits until the run has sent or received more than it may.
    pub(crate) async fn exceeded(&self) {
        self.budget.exceeded().await;
    }

    /// One more socket, unless there are as many as may be, or no memory is left for its buffers.
    pub(crate) fn socket(&self) -> Result<OpenSocket, NoSocket> {
        let permit = self.sockets.take().map_err(|_| NoSocket::TooMany)?;
        let held = self.memory.hold(SOCKET_MEMORY_BYTES, MemoryUse::Network);
        Ok(OpenSocket { _permit: permit, _held: held.map_err(NoSocket::NoMemory)? })
    }

    /// Whose certificates are believed.
    pub(super) fn authorities(&self) -> &Authorities {
        &self.network.authorities
    }

    /// Whether the guest may send to `address`, and receive from it.
    pub(crate) fn permits(&self, address: SocketAddr, protocol: Protocol) -> bool {
        let ip = address.ip().to_canonical();
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<_> =
            resolved.iter().filter(|(of, _)| *of == ip).map(|(_, name)| name.clone()).collect();
        drop(resolved);
        self.network.permits(target(address, protocol), &names, is_own)
    }

    /// Whether what is called `name` may be sent to at `address`; without a name, the address alone
    /// counts.
    pub(super) fn permits_as(&self, name: Option<&HostName>, address: SocketAddr) -> bool {
        let names = name.map(std::slice::from_ref).unwrap_or_default();
        self.network.permits(target(address, Protocol::Tcp), names, is_own)
    }

    /// The addresses that `name` stands for, which may then be sent to on the name's ports.
    pub(crate) async fn look_up(&self, name: &HostName) -> Result<Vec<IpAddr>, LookupError> {
        if !self.network.may_look_up(name) {
            return Err(LookupError::Denied);
        }
        let permit = Arc::clone(&self.lookups).acquire_owned().await;
        let addresses = lookup::look_up(name.clone(), permit.ok()).await?;
        self.remember(name, &addresses);
        Ok(addresses)
    }

    fn remember(&self, name: &HostName, addresses: &[IpAddr]) {
        let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        for address in addresses {
            resolved.retain(|(of, known)| (of, known) != (address, name));
            if resolved.len() == RESOLVED_MAX {
                resolved.pop_front();
            }
            resolved.push_back((*address, name.clone()));
        }
    }
}

fn target(address: SocketAddr, protocol: Protocol) -> Target {
    Target { address: address.ip(), port: address.port(), protocol }
}

#[cfg(test)]
mod tests {
    use super::super::host::{Host, Port, Rule};
    use super::*;

    fn session() -> Session {
        let name = |text: &str| Host::Name(HostName::new(text).unwrap());
        let rules = ["a.example", "b.example"].map(|text| Rule {
            host: name(text),
            port: Port::Only(443),
            protocol: None,
        });
        let network =
            Network { asked: rules.to_vec(), allowed: rules.to_vec(), ..Network::default() };
        let limits = Limits { sockets: 2, ..Limits::default() };
        let memory = MemoryAccount::alone(3 * SOCKET_MEMORY_BYTES);
        Session::new(network, &limits, Meter::new(), memory, &HostDescriptors::new(100))
    }

    #[test]
    fn an_address_is_open_once_a_name_was_seen_to_stand_for_it() {
        let (session, name) = (session(), HostName::new("a.example").unwrap());
        let address: SocketAddr = "192.0.2.1:443".parse().unwrap();
        assert!(!session.permits(address, Protocol::Tcp));
        session.remember(&name, &[address.ip()]);
        assert!(session.permits(address, Protocol::Tcp));
        let mapped = "[::ffff:192.0.2.1]:443".parse().unwrap();
        assert!(session.permits(mapped, Protocol::Tcp));
        for other in ["192.0.2.1:80", "192.0.2.2:443"] {
            assert!(!session.permits(other.parse().unwrap(), Protocol::Tcp), "{other}");
        }
        assert!(session.permits_as(Some(&name), address));
        assert!(!session.permits_as(None, address), "by the name alone");
    }

    #[test]
    fn so_many_addresses_are_remembered_and_the_oldest_go() {
        let (session, name) = (session(), HostName::new("a.example").unwrap());
        let address = |number: u32| IpAddr::V4((0xc000_0200_u32 + number).into());
        let count = u32::try_from(RESOLVED_MAX).unwrap();
        for number in 0..count {
            session.remember(&name, &[address(number)]);
        }
        // Seen again, so not the oldest any more.
        session.remember(&name, &[address(0)]);
        session.remember(&name, &[address(count)]);
        let is_open = |number| session.permits((address(number), 443).into(), Protocol::Tcp);
        assert!(is_open(0) && !is_open(1) && is_open(2) && is_open(count));
        assert_eq!(session.resolved.lock().unwrap().len(), RESOLVED_MAX);
    }

    #[test]
    fn sockets_run_out_and_come_back() {
        let session = session();
        let (first, second) = (session.socket(), session.socket());
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(session.socket().unwrap_err(), NoSocket::TooMany);
        drop(first);
        assert!(session.socket().is_ok());
    }

    #[test]
    fn a_socket_takes_memory_while_it_is_open() {
        let session = session();
        let held = session.memory.hold(2 * SOCKET_MEMORY_BYTES, MemoryUse::Memories);
        let first = session.socket().unwrap();
        let stop = Stop::OutOfMemory(MemoryUse::Network);
        assert_eq!(session.socket().unwrap_err(), NoSocket::NoMemory(stop));
        drop((first, held));
        assert!(session.socket().is_ok());
    }

    #[tokio::test]
    async fn other_names_are_never_asked_for() {
        let session = session();
        for name in ["c.example", "localhost", "secret.a.example"] {
            let name = HostName::new(name).unwrap();
            assert_eq!(session.look_up(&name).await, Err(LookupError::Denied), "{name}");
        }
    }
}
