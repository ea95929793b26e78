//! Addresses that are no host's of the network at large: this host's own, those of the link, of
//! groups, of the machine that gives us ours.
//!
//! Source: the IANA registries of special-purpose addresses (RFC 6890), and what the large clouds
//! document of the addresses at which a machine asks for its own credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::host::is_within;

/// Addresses that share a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) network: IpAddr,
    pub(super) prefix: u8,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Range {
    Range { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
}

const fn v6(address: [u16; 8], prefix: u8) -> Range {
    let [a, b, c, d, e, f, g, h] = address;
    Range { network: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), prefix }
}

/// Where a host speaks to itself.
const LOOPBACKS: [Range; 2] = [v4(127, 0, 0, 0, 8), v6([0, 0, 0, 0, 0, 0, 0, 1], 128)];

/// All others; of two that hold an address, the narrower comes first.
const OTHERS: [Range; 20] = [
    // "This" network: Linux connects to itself there.
    v4(0, 0, 0, 0, 8),
    // The link, and on it most clouds' metadata services (169.254.169.254).
    v4(169, 254, 0, 0, 16),
    // Of protocols; a cloud's metadata service is there (192.0.0.192).
    v4(192, 0, 0, 0, 24),
    // Two clouds' metadata services.
    v4(100, 100, 100, 200, 32),
    v4(168, 63, 129, 16, 32),
    // Groups; what is reserved, the broadcast address among it.
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    // Unspecified; then all that are IPv4 addresses in an old form.
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96),
    // Packets are dropped.
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64),
    // A translator's, with an IPv4 address somewhere in it.
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    // Teredo: an IPv4 address, disguised.
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32),
    // Two clouds' metadata services, and where one gives the machines of a cluster credentials.
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], 128),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
    // The link, and the site of old.
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    // Groups.
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
    // IPv4 addresses that were not recognised as such before, and a translator's of old (SIIT).
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96),
];

/// Whether `address` is one at which a host speaks to itself.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    LOOPBACKS.iter().any(|range| is_within(address, range.network, range.prefix))
}

/// The range that makes `address` special, or the address itself if it is one that leads to such an
/// address; `None` if it is a host's like any other.
pub(super) fn range_of(address: IpAddr) -> Option<Range> {
    let direct = |address| {
        let mut ranges = LOOPBACKS.iter().chain(&OTHERS);
        ranges.find(|range| is_within(address, range.network, range.prefix)).copied()
    };
    let behind = || {
        let inner = inner(address)?;
        direct(IpAddr::V4(inner)).map(|_| Range { network: address, prefix: 128 })
    };
    direct(address).or_else(behind)
}

/// The IPv4 address to which a translator or a tunnel takes what is sent to `address`.
pub(super) fn inner(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let segments = address.segments();
    let of =
        |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match segments {
        // NAT64, RFC 6052.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => of(high, low),
        // 6to4, RFC 3056.
        [0x2002, high, low, ..] => of(high, low),
        // ISATAP, RFC 5214.
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses() {
        let check = |text: &str, expect: bool| {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(range_of(address).is_some(), expect, "{text}");
        };
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.0.1",
            "169.254.169.254",
            "192.0.0.192",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            check(special, true);
        }
        for special in [
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
            "2001::1",
            "2001:db8::5efe:7f00:1",
            "2001:db8::200:5efe:a9fe:a9fe",
            "100::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
        ] {
            check(special, true);
        }
        for plain in [
            "1.1.1.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "192.0.2.1",
            "100.64.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.0",
            "223.255.255.255",
            "192.0.1.0",
            "100.100.100.201",
            "2001:db8::1",
            "2606:4700::1",
            "fd00::1",
            "fe00::1",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:1::1",
            "2001:db8::5efe:808:808",
            "fd00:ec2::253",
        ] {
            check(plain, false);
        }
    }

    #[test]
    fn the_narrower_of_two_ranges_counts() {
        let range = |text: &str| range_of(text.parse().unwrap()).unwrap().prefix;
        assert_eq!((range("::1"), range("::"), range("::2")), (128, 128, 96));
        assert_eq!((range("127.3.2.1"), range("169.254.169.254")), (8, 16));
        assert_eq!(range("64:ff9b::7f00:1"), 128, "only itself names it");
    }
}
