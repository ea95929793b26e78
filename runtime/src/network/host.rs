//! Rules for hosts and ports: what each of them matches.

use std::fmt;
use std::net::IpAddr;

/// One thing that may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where.
    pub host: Host,
    /// On which port.
    pub port: Port,
    /// By which protocol; `None` is either. HTTP is TCP.
    pub protocol: Option<Protocol>,
}

/// Which hosts a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Every name, and every address that is not special.
    Any,
    /// What this name stands for.
    Name(HostName),
    /// What names with exactly one more label before this name stand for, as in certificates.
    Below(HostName),
    /// The addresses whose first `prefix` bits are those of `network`.
    Addresses {
        /// Any address among them.
        network: IpAddr,
        /// How many bits count, at most 32 or 128.
        prefix: u8,
    },
}

/// Which ports a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// All of them.
    Any,
    /// This one.
    Only(u16),
}

/// How something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// In a connection.
    Tcp,
    /// In datagrams.
    Udp,
}

/// A name of the DNS in its normal form: lower case, without the dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(String);

/// The longest name, and the longest of its labels, as RFC 1035 has them.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

impl HostName {
    /// The name that `text` is, or `None` if it is none.
    ///
    /// Names in other scripts must be written in ASCII (`xn--…`). What resolvers read as an address
    /// is no name, in any of its forms: `127.1`, `2130706433`, `0x7f.1`.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let is_label = |label: &str| {
            let is_edge = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
            let bytes = label.as_bytes();
            label.len() <= LABEL_BYTES_MAX
                && is_edge(bytes.first())
                && is_edge(bytes.last())
                && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
        };
        let is_name = text.len() <= NAME_BYTES_MAX
            && text.split('.').all(is_label)
            && !text.rsplit('.').next().is_some_and(is_number);
        is_name.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_localhost(&self) -> bool {
        self.0 == "localhost"
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a label is what an address may end with: a number, in decimal or in hexadecimal.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        None => label.bytes().all(|digit| digit.is_ascii_digit()),
    }
}

impl Rule {
    /// Whether it is for `port` by `protocol`, on whatever host.
    pub(super) fn has_port(&self, port: u16, protocol: Protocol) -> bool {
        let is_port = match self.port {
            Port::Any => true,
            Port::Only(only) => only == port,
        };
        is_port && self.protocol.is_none_or(|it| it == protocol)
    }
}

impl Host {
    /// Whether it is `name`, or one of several of which `name` is one.
    pub(super) fn has_name(&self, name: &HostName) -> bool {
        match self {
            Self::Any => true,
            Self::Name(own) => own == name,
            Self::Below(parent) => {
                name.0.split_once('.').is_some_and(|(_, rest)| rest == parent.as_str())
            }
            Self::Addresses { .. } => false,
        }
    }

    /// Whether `address` is one that it names as such.
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Addresses { network, prefix } => is_within(address, *network, *prefix),
            Self::Name(_) | Self::Below(_) => false,
        }
    }
}

/// Whether the first `prefix` bits of both addresses are the same; those of IPv4 and IPv6 never are.
pub(super) fn is_within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    if address.is_ipv4() != network.is_ipv4() {
        return false;
    }
    let beyond = 128 - u32::from(prefix.min(128));
    let differing = bits(address) ^ bits(network);
    differing.checked_shr(beyond).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(HostName::new(text).as_ref().map(HostName::as_str), expect, "{text}");
        };
        check("example.org", Some("example.org"));
        check("EXAMPLE.Org.", Some("example.org"));
        check("xn--bcher-kva.example", Some("xn--bcher-kva.example"));
        check("_dns.a-b.example", Some("_dns.a-b.example"));
        check("localhost", Some("localhost"));
        check("1and1.example", Some("1and1.example"));
        check("0xfood", Some("0xfood"));
        for none in ["", ".", "..", "a..b", ".a", "a.b..", "-a.b", "a-.b", "a b", "a\0b", "a/b"] {
            check(none, None);
        }
        for none in ["bücher.example", "a:b", "[::1]", "::1", "*.a", "a%eth0", "a\n"] {
            check(none, None);
        }
        // What `getaddrinfo` takes for an address.
        for none in ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.01"] {
            check(none, None);
        }
        for none in ["1.2.3.4.", "a.1", "a.0x", "0X7F.0X1"] {
            check(none, None);
        }
        check(&"a".repeat(63), Some(&"a".repeat(63)));
        check(&"a".repeat(64), None);
        check(&["a"; 127].join("."), Some(&["a"; 127].join(".")));
        check(&["a"; 128].join("."), None);
    }

    #[test]
    fn a_wildcard_is_one_label() {
        let below = Host::Below(HostName::new("example.net").unwrap());
        for (name, expect) in [
            ("www.example.net", true),
            ("example.net", false),
            ("a.b.example.net", false),
            ("wwwexample.net", false),
            ("www.example.net.evil.org", false),
        ] {
            assert_eq!(below.has_name(&HostName::new(name).unwrap()), expect, "{name}");
        }
    }

    #[test]
    fn networks_hold_the_addresses_with_their_prefix() {
        let check = |address: &str, network: &str, prefix: u8, expect: bool| {
            let (address, network) = (address.parse().unwrap(), network.parse().unwrap());
            assert_eq!(is_within(address, network, prefix), expect, "{address} {network}/{prefix}");
        };
        check("10.1.2.3", "10.0.0.0", 8, true);
        check("10.1.2.3", "10.255.0.0", 8, true);
        check("11.1.2.3", "10.0.0.0", 8, false);
        check("10.1.2.3", "10.1.2.3", 32, true);
        check("10.1.2.2", "10.1.2.3", 32, false);
        check("10.1.2.2", "0.0.0.0", 0, true);
        check("2001:db8::1", "2001:db8::", 32, true);
        check("2001:db9::1", "2001:db8::", 32, false);
        check("2001:db8::1", "::", 0, true);
        check("2001:db8::1", "2001:db8::1", 128, true);
        check("2001:db8::1", "2001:db8::", 128, false);
        check("::ffff:10.0.0.1", "10.0.0.0", 8, false);
        check("10.0.0.1", "::", 0, false);
        check("::1", "0.0.0.0", 0, false);
    }
}
