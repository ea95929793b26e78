//! Which addresses are asked for images, and how.
//!
//! Whoever writes a manifest names a registry, and a registry names other servers. None of them
//! may make us talk to what is not on the public Internet, unless the operator has named it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use reqwest::Url;

/// A server by its name, as a registry is named: a host, and a port if it is not 443.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// A server that is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Its address is not public.
    #[error(
        "{host} is at {address}, which is {kind}: only the operator can allow that, with \
         --registry {host}"
    )]
    Address {
        /// The server.
        host: String,
        /// Where it is.
        address: IpAddr,
        /// What kind of address that is.
        kind: &'static str,
    },
    /// It is the proxy by which this host reaches others, wherever that is.
    #[error("{0} is a proxy of this host: only the operator can allow that, with --registry {0}")]
    Proxy(String),
    /// Everything would be readable on the way.
    #[error("{0} is not encrypted: plain HTTP is for loopback alone")]
    Plain(String),
}

impl NotAllowed {
    /// As it is of the server of `url`: who looks names up knows of no ports.
    pub(crate) fn at(self, url: &Url) -> Self {
        match (self, Host::of(url)) {
            (Self::Address { address, kind, .. }, Some(host)) => {
                Self::Address { host: host.to_string(), address, kind }
            }
            (other, _) => other,
        }
    }
}

/// The servers that the operator has named, whatever their addresses are.
#[derive(Clone, Debug, Default)]
pub struct Named(BTreeSet<Host>);

impl Named {
    /// These.
    pub fn new(hosts: impl IntoIterator<Item = Host>) -> Self {
        Self(hosts.into_iter().collect())
    }

    /// These and `host`.
    #[must_use]
    pub fn and(mut self, host: Host) -> Self {
        self.0.insert(host);
        self
    }

    /// Whether the server of `url` is among them.
    pub(crate) fn has(&self, url: &Url) -> bool {
        Host::of(url).is_some_and(|host| self.0.contains(&host))
    }
}

impl Host {
    /// That of `url`.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let name = url.host_str()?.to_ascii_lowercase();
        let standard = if url.scheme() == "http" { 80 } else { 443 };
        let port = url.port_or_known_default().filter(|port| *port != standard);
        Some(Self { name, port })
    }

    /// Its name or address, without the port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is this host by its name, so that nothing that is said leaves it.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.name)
    }

    /// How it is spoken to.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.is_loopback() { "http" } else { "https" }
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted =
            || format!("a host is wanted, such as ghcr.io or localhost:5000, not \"{text}\"");
        if text.contains(['/', '?', '#', '@']) {
            return Err(wanted());
        }
        let read = |scheme: &str| {
            let url = Url::parse(&format!("{scheme}://{text}/")).map_err(|_| wanted())?;
            Self::of(&url).ok_or_else(wanted)
        };
        let host = read("https")?;
        // How it is spoken to decides which port need not be said.
        read(host.scheme())
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The port of the registry on `host` that need not be said.
pub(crate) fn standard_port(host: &str) -> u16 {
    if is_loopback(&host.to_ascii_lowercase()) { 80 } else { 443 }
}

fn is_loopback(name: &str) -> bool {
    let number = name.trim_matches(['[', ']']);
    name == "localhost" || IpAddr::from_str(number).is_ok_and(|address| address.is_loopback())
}

/// What makes `address` one that strangers may not name; `None` if it is public.
pub(crate) fn private_kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => private_v4(address),
        IpAddr::V6(address) => private_v6(address),
    }
}

fn private_v4(address: Ipv4Addr) -> Option<&'static str> {
    let octets = address.octets();
    if address.is_loopback() {
        Some("loopback")
    } else if address.is_link_local() {
        Some("link-local")
    } else if address.is_private() || matches!(octets, [100, 64..=127, ..]) {
        Some("private")
    } else if address.is_multicast() || address.is_broadcast() {
        Some("a group")
    } else if octets == [168, 63, 129, 16] {
        // Of the networks of a cloud, whose machines get their credentials there.
        Some("a metadata service")
    } else if octets[0] == 0
        || octets[0] >= 240
        || address.is_documentation()
        || matches!(octets, [192, 0, 0, _] | [198, 18 | 19, ..] | [192, 88, 99, _])
    {
        Some("reserved")
    } else {
        None
    }
}

fn private_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        private_v4(Ipv4Addr::new(a, b, c, d))
    };
    // ISATAP: a tunnel to an IPv4 address, whatever the network.
    if let [_, _, _, _, 0 | 0x200, 0x5efe, high, low] = segments
        && let Some(kind) = embedded(high, low)
    {
        return Some(kind);
    }
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback"),
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => embedded(high, low).or(Some("IPv4 in disguise")),
        // NAT64 and 6to4 reach an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        [0x64, 0xff9b, ..] | [0x100, ..] | [0x2001, 0 | 0xdb8, ..] => Some("reserved"),
        [first, ..] if first & 0xffc0 == 0xfe80 => Some("link-local"),
        [first, ..] if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => Some("private"),
        [first, ..] if first & 0xff00 == 0xff00 => Some("a group"),
        // All that is handed out is in 2000::/3.
        [first, ..] if first & 0xe000 != 0x2000 => Some("reserved"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_for_strangers_to_name() {
        let check = |address: &str, expect: Option<&str>| {
            assert_eq!(private_kind(address.parse().unwrap()), expect, "{address}");
        };
        check("140.82.121.34", None);
        check("2606:4700::6810:84e5", None);
        check("127.0.0.1", Some("loopback"));
        check("127.9.9.9", Some("loopback"));
        check("0.0.0.0", Some("reserved"));
        check("10.1.2.3", Some("private"));
        check("172.16.0.1", Some("private"));
        check("192.168.1.1", Some("private"));
        check("100.64.0.1", Some("private"));
        check("169.254.169.254", Some("link-local"));
        check("224.0.0.1", Some("a group"));
        check("255.255.255.255", Some("a group"));
        check("198.18.0.1", Some("reserved"));
        check("::1", Some("loopback"));
        check("::", Some("reserved"));
        check("::ffff:127.0.0.1", Some("loopback"));
        check("::ffff:8.8.8.8", Some("IPv4 in disguise"));
        check("64:ff9b::a9fe:a9fe", Some("link-local"));
        check("2002:a00:1::", Some("private"));
        check("fe80::1", Some("link-local"));
        check("fd00::1", Some("private"));
        check("fd00:ec2::254", Some("private"));
        check("ff02::1", Some("a group"));
        check("2001:db8::1", Some("reserved"));
        check("4000::1", Some("reserved"));
        check("168.63.129.16", Some("a metadata service"));
        check("2606:4700::5efe:a9fe:a9fe", Some("link-local"));
        check("2606:4700::200:5efe:a00:1", Some("private"));
        check("2606:4700::5efe:808:808", None);
    }

    #[test]
    fn hosts_are_named_as_registries_are() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let host = Host::from_str(text).ok();
            let found = host.as_ref().map(|host| (host.to_string(), host.scheme()));
            assert_eq!(found, expect.map(|(name, scheme)| (name.to_owned(), scheme)), "{text}");
        };
        check("ghcr.io", Some(("ghcr.io", "https")));
        check("GHCR.io:443", Some(("ghcr.io", "https")));
        check("localhost:5000", Some(("localhost:5000", "http")));
        check("127.0.0.1:80", Some(("127.0.0.1", "http")));
        check("localhost:443", Some(("localhost:443", "http")));
        check("[::1]:5000", Some(("[::1]:5000", "http")));
        check("registry.example:5000", Some(("registry.example:5000", "https")));
        check("https://ghcr.io", None);
        check("ghcr.io/me", None);
        check("me@ghcr.io", None);
        check("", None);
    }

    #[test]
    fn what_to_do_about_a_private_address_is_told_with_the_port() {
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        let refused = NotAllowed::Address { host: "r.example".into(), address, kind: "private" };
        let refused = refused.at(&Url::parse("https://r.example:5000/v2/").unwrap()).to_string();
        assert!(refused.ends_with("with --registry r.example:5000"), "{refused}");
    }

    #[test]
    fn numbers_that_stand_for_an_address_are_seen_as_one() {
        let host = |url: &str| Host::of(&Url::parse(url).unwrap()).unwrap();
        assert!(host("http://2130706433/").is_loopback());
        assert!(host("http://0x7f.1/").is_loopback());
        assert!(!host("http://localhost.example/").is_loopback());
    }
}
