//! Tries addresses in every way that there is, and says how it went.

use std::net::SocketAddr;
use std::process;

use super::{Connection, Udp};

/// Connects and sends to each of `addresses`. Prints `denied WAY ADDRESS ERROR` for each, and ends
/// with exit code 1 after `ESCAPED WAY ADDRESS` when one went well.
pub fn reach(addresses: &[SocketAddr]) {
    for address in addresses {
        told("tcp", *address, Connection::to(*address).map(drop));
        let any = if address.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
        let any = any.parse().expect("it must be an address");
        let sent = Udp::bound(any).and_then(|mut udp| {
            udp.stream(None)?;
            udp.send(b"attack", Some(*address))
        });
        told("udp", *address, sent);
        let connected = Udp::bound(any).and_then(|mut udp| udp.stream(Some(*address)));
        told("udp-connect", *address, connected);
    }
}

fn told(way: &str, address: SocketAddr, result: Result<(), super::Error>) {
    match result {
        Err(error) => println!("denied {} {} {:?}", way, address, error),
        Ok(()) => {
            println!("ESCAPED {} {}", way, address);
            process::exit(1);
        }
    }
}
