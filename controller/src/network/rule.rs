//! `host[:port][/protocol]`, as pods and operators write it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The most rules that a list may have. It stops one from costing time with each packet.
const RULES_MAX: usize = 256;

/// A host, or several, and what of it may be reached.
///
/// ```text
/// example.org                 a name: any port, TCP and UDP
/// example.org:443             one port
/// example.org:443/tcp         of one protocol
/// *.example.net:443           names with exactly one more label
/// 192.0.2.10:5432, [2001:db8::1]:5432, 2001:db8::1
/// 10.0.0.0/8:53/udp, [2001:db8::/32]:53
/// *, *:443                    any name and any address that is not special
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// Which hosts.
    pub host: Host,
    /// The port; `None` is any.
    pub port: Option<u16>,
    /// The protocol; `None` is any.
    pub protocol: Option<Protocol>,
}

/// Which hosts a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// `*`
    Any,
    /// `example.org`, in lower case and without a dot at its end.
    Name(String),
    /// `*.example.org`, without the `*.`: names with exactly one more label, as in certificates.
    Below(String),
    /// An address, or those with a prefix.
    Addresses {
        /// The first of them.
        network: IpAddr,
        /// How many bits of it count.
        prefix: u8,
    },
}

/// `/tcp` or `/udp`. HTTP is TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// Why a text is no list of rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostRuleError {
    /// One of them is none.
    #[error("`{rule}` {why}")]
    Rule {
        /// As it was written.
        rule: String,
        /// What is wrong with it, as the rest of a sentence.
        why: &'static str,
    },
    /// They are too many.
    #[error("may not have more than {RULES_MAX} hosts")]
    TooMany,
}

/// The rules in `text`, with commas, spaces or new lines between them.
pub fn parse_rules(text: &str) -> Result<Vec<HostRule>, HostRuleError> {
    let words = text.split(|it: char| it == ',' || it.is_whitespace());
    let mut rules = Vec::new();
    for word in words.filter(|word| !word.is_empty()) {
        if rules.len() == RULES_MAX {
            return Err(HostRuleError::TooMany);
        }
        rules.push(word.parse()?);
    }
    Ok(rules)
}

impl FromStr for HostRule {
    type Err = HostRuleError;

    fn from_str(text: &str) -> Result<Self, HostRuleError> {
        parse(text).map_err(|why| HostRuleError::Rule { rule: text.to_owned(), why })
    }
}

const NO_NAME: &str = "must be a host name, an address or a network, with `:port` after it or not: \
                       example.org:443, *.example.net, 192.0.2.10:5432/tcp, [2001:db8::1]:53/udp, \
                       10.0.0.0/8";
const NO_PORT: &str = "must have a port from 1 to 65535 after the colon";

fn parse(text: &str) -> Result<HostRule, &'static str> {
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, "tcp")) => (rest, Some(Protocol::Tcp)),
        Some((rest, "udp")) => (rest, Some(Protocol::Udp)),
        _ => (text, None),
    };
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(NO_NAME)?;
            let host = address_of(address).filter(is_ipv6).ok_or(NO_NAME)?;
            (host?, Some(port).filter(|port| !port.is_empty()))
        }
        None => match rest.rsplit_once(':') {
            // An address of IPv6 alone has no port.
            Some((before, _)) if before.contains(':') => (address_of(rest).ok_or(NO_NAME)??, None),
            Some((host, _)) => (host_of(host)?, Some(&rest[host.len()..])),
            None => (host_of(rest)?, None),
        },
    };
    let port = port.map(|port| port_of(port).ok_or(NO_PORT)).transpose()?;
    Ok(HostRule { host, port, protocol })
}

/// `:443`.
fn port_of(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(':')?;
    let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|port| is_plain && *port != 0)
}

fn host_of(text: &str) -> Result<Host, &'static str> {
    if text == "*" {
        return Ok(Host::Any);
    }
    if let Some(address) = address_of(text) {
        return address;
    }
    match text.strip_prefix("*.") {
        Some(parent) => Ok(Host::Below(name_of(parent)?)),
        None => Ok(Host::Name(name_of(text)?)),
    }
}

/// An address or a network, if `text` looks like one.
fn address_of(text: &str) -> Option<Result<Host, &'static str>> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let network: IpAddr = address.parse().ok()?;
    // The same address has one form here.
    if network != network.to_canonical() {
        return Some(Err("must be written as an address of IPv4"));
    }
    let bits = if network.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix.map(str::parse::<u8>) {
        None => bits,
        Some(Ok(prefix)) if prefix <= bits => prefix,
        Some(_) => return Some(Err("must have a number of bits after the slash, or tcp or udp")),
    };
    if masked(network, prefix) != network {
        return Some(Err("must have no bits set after those that count"));
    }
    Some(Ok(Host::Addresses { network, prefix }))
}

fn is_ipv6(host: &Result<Host, &'static str>) -> bool {
    !matches!(host, Ok(Host::Addresses { network: IpAddr::V4(_), .. }))
}

/// The first `prefix` bits of `address`.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let mask = |bits: u32| u128::MAX.checked_shl(bits - u32::from(prefix)).unwrap_or(0);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::try_from(mask(32) & u128::from(u32::MAX)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask(128))),
    }
}

/// A name of the DNS, in lower case.
fn name_of(text: &str) -> Result<String, &'static str> {
    if !text.is_ascii() {
        return Err("must be in ASCII: names in other scripts are written as xn--…");
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
        let is_edge = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
        let bytes = label.as_bytes();
        label.len() <= 63
            && is_edge(bytes.first())
            && is_edge(bytes.last())
            && bytes.iter().all(is_inner)
    };
    // What resolvers take for an address, in old notations.
    let is_number = |label: &str| {
        let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
        match hexadecimal {
            Some(digits) => digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
            None => label.bytes().all(|digit| digit.is_ascii_digit()),
        }
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(NO_NAME);
    }
    if name.rsplit('.').next().is_some_and(is_number) {
        return Err("must be an address of four numbers, or a name that does not end in a number");
    }
    Ok(name.to_ascii_lowercase())
}

impl HostRule {
    /// Whether whatever `other` opens is opened by this, too.
    pub fn covers(&self, other: &Self) -> bool {
        self.host.covers(&other.host)
            && (self.port.is_none() || self.port == other.port)
            && (self.protocol.is_none() || self.protocol == other.protocol)
    }
}

impl Host {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Below(parent), Self::Name(name)) => {
                name.split_once('.').is_some_and(|(_, rest)| rest == parent)
            }
            (
                Self::Addresses { network, prefix },
                Self::Addresses { network: inner, prefix: narrower },
            ) => {
                network.is_ipv4() == inner.is_ipv4()
                    && prefix <= narrower
                    && masked(*inner, *prefix) == *network
            }
            (own, other) => own == other,
        }
    }
}

impl fmt::Display for HostRule {
    /// As it would be written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::Name(name) => f.write_str(name)?,
            Host::Below(parent) => write!(f, "*.{parent}")?,
            Host::Addresses { network: IpAddr::V4(network), prefix: 32 } => write!(f, "{network}")?,
            Host::Addresses { network: IpAddr::V4(network), prefix } => {
                write!(f, "{network}/{prefix}")?;
            }
            Host::Addresses { network, prefix: 128 } => write!(f, "[{network}]")?,
            Host::Addresses { network, prefix } => write!(f, "[{network}/{prefix}]")?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(match self.protocol {
            None => "",
            Some(Protocol::Tcp) => "/tcp",
            Some(Protocol::Udp) => "/udp",
        })
    }
}

#[cfg(test)]
mod tests;
