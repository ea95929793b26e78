//! Tries to reach the host by each of the addresses that lead to itself.
//!
//! Args: `PORT`, where something listens on 127.0.0.1. Expect: a line `denied WAY ADDRESS ERROR` each
//! and exit code 0; `ESCAPED WAY ADDRESS` and exit code 1 when one was reached.

mod sockets;

use std::env;
use std::net::{IpAddr, SocketAddr};

const LOOPBACKS: [&str; 16] = [
    "127.0.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "0.0.0.0",
    "0.0.0.1",
    "::1",
    "::",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b:1::127.0.0.1",
    "2002:7f00:1::1",
    "2001:0:7f00:1::80ff:fffe",
    "2001:db8::5efe:127.0.0.1",
    "fec0::1",
];

fn main() {
    let port = env::args().nth(1).and_then(|port| port.parse().ok()).expect("PORT is wanted");
    let address = |text: &&str| {
        let address: IpAddr = text.parse().expect("it must be an address");
        SocketAddr::new(address, port)
    };
    sockets::attack::reach(&LOOPBACKS.iter().map(address).collect::<Vec<_>>());
}
