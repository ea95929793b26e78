//! Decides what a guest may ask the resolver for, and which addresses it may send to.
//!
//! Pure: what is listed, and what a name was seen to stand for, are all that counts. This is where
//! the promise of a closed network is kept or broken.

use std::net::IpAddr;
use std::sync::Arc;

use super::host::{Host, HostName, Port, Protocol, Rule};
use super::special::{inner, is_loopback, range_of};
use super::tls::Authorities;

/// What a guest may reach: what it asks for, as far as whoever runs the host allows it.
///
/// The default reaches nothing. A guest never listens, and gets datagrams only from whom it may
/// send them to.
///
/// Special addresses (loopback, the link, groups, metadata services, and what leads to such an
/// address in another form) need more than a rule that happens to match: [`allowed`](Self::allowed)
/// must name the address, or addresses of the same kind alone; for loopback, the name `localhost`
/// does as well.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// What is asked for.
    pub asked: Vec<Rule>,
    /// The most that may be had, whatever is asked for.
    pub allowed: Vec<Rule>,
    /// Ports where this host itself listens. They are out of reach on each of its addresses, unless
    /// a rule of [`allowed`](Self::allowed) is for exactly that address, or for `localhost`, and
    /// that port.
    pub own_ports: Vec<u16>,
    /// Whose certificates are believed when a request goes over TLS.
    pub authorities: Arc<Authorities>,
    /// What each request over HTTP carries, by name, unless the guest says it itself.
    pub request_headers: Vec<(String, String)>,
}

/// Somewhere to send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) protocol: Protocol,
}

impl Network {
    /// Whether there is anything at all that may be reached.
    pub(crate) fn is_closed(&self) -> bool {
        self.asked.is_empty() || self.allowed.is_empty()
    }

    /// Whether `name` may be looked up: it is of use on some port.
    pub(super) fn may_look_up(&self, name: &HostName) -> bool {
        let has = |rules: &[Rule]| rules.iter().any(|rule| rule.host.has_name(name));
        has(&self.asked) && has(&self.allowed)
    }

    /// Whether `target` may be sent to, when its address was seen to be what `names` stand for.
    ///
    /// `is_own` tells whether an address is one of this host's.
    pub(super) fn permits(
        &self,
        target: Target,
        names: &[HostName],
        is_own: impl Fn(IpAddr) -> bool,
    ) -> bool {
        let target = Target { address: target.address.to_canonical(), ..target };
        let is_listed = |rules: &[Rule]| {
            rules.iter().any(|rule| {
                rule.has_port(target.port, target.protocol)
                    && (rule.host.has_address(target.address)
                        || names.iter().any(|name| rule.host.has_name(name)))
            })
        };
        target.port != 0
            && is_listed(&self.asked)
            && is_listed(&self.allowed)
            && self.may_be_special(target, names)
            && self.may_be_own(target, names, is_own)
    }

    /// Whether `target` is no special address, or allowed as such.
    fn may_be_special(&self, target: Target, names: &[HostName]) -> bool {
        let Some(range) = range_of(target.address) else { return true };
        self.allowed.iter().any(|rule| {
            let is_named = match &rule.host {
                Host::Addresses { network, prefix } => {
                    *prefix >= range.prefix && range_of(*network) == Some(range)
                }
                host => is_localhost(host, target, names),
            };
            is_named
                && rule.has_port(target.port, target.protocol)
                && (rule.host.has_address(target.address)
                    || is_localhost(&rule.host, target, names))
        })
    }

    /// Whether `target` is not where this host itself listens, or allowed as such.
    fn may_be_own(
        &self,
        target: Target,
        names: &[HostName],
        is_own: impl Fn(IpAddr) -> bool,
    ) -> bool {
        let Target { address, port, protocol } = target;
        if protocol != Protocol::Tcp || !self.own_ports.contains(&port) {
            return true;
        }
        if !is_own(address) && !inner(address).is_some_and(|inner| is_own(inner.into())) {
            return true;
        }
        self.allowed.iter().any(|rule| {
            let is_named = match &rule.host {
                Host::Addresses { network, prefix } => {
                    *network == address && *prefix == if address.is_ipv4() { 32 } else { 128 }
                }
                host => is_localhost(host, target, names),
            };
            is_named && rule.port == Port::Only(port) && rule.has_port(port, protocol)
        })
    }
}

/// Whether a rule is for the name that every host has for itself, and that is what `target` is.
fn is_localhost(host: &Host, target: Target, names: &[HostName]) -> bool {
    let Host::Name(name) = host else { return false };
    name.is_localhost() && is_loopback(target.address) && names.contains(name)
}

#[cfg(test)]
mod tests;
