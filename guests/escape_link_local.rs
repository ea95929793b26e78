//! Tries to reach what is on the host's link: neighbours, groups, and the services at which clouds
//! give a machine its credentials.
//!
//! Args: none. Expect: a line `denied WAY ADDRESS ERROR` each and exit code 0; `ESCAPED WAY ADDRESS`
//! and exit code 1 when one was reached.

mod sockets;

use std::net::{IpAddr, SocketAddr};

const ON_THE_LINK: [&str; 16] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.251",
    "239.255.255.250",
    "255.255.255.255",
    "fe80::1",
    "ff02::fb",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::",
];

fn main() {
    let address = |text: &&str| {
        let address: IpAddr = text.parse().expect("it must be an address");
        SocketAddr::new(address, 80)
    };
    sockets::attack::reach(&ON_THE_LINK.iter().map(address).collect::<Vec<_>>());
}
