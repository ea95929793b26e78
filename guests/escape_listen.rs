//! Tries to be reached: binds sockets to addresses and ports of its choice, and listens.
//!
//! Args: none. Expect: a line `denied WAY ADDRESS ERROR` each and exit code 0; `ESCAPED WAY ADDRESS`
//! and exit code 1 when one went well.

mod sockets;

use std::net::SocketAddr;
use std::process;

use sockets::{Error, Tcp, Udp};

const ADDRESSES: [&str; 7] = [
    "127.0.0.1:0",
    "127.0.0.1:8080",
    "0.0.0.0:8080",
    "[::1]:0",
    "[::1]:8080",
    "[::]:8080",
    "192.0.2.1:0",
];

fn main() {
    for address in ADDRESSES {
        let local: SocketAddr = address.parse().expect("it must be an address");
        told("tcp", address, Tcp::new(local.is_ipv6()).and_then(|tcp| tcp.bind(local)));
        told("udp", address, Udp::bound(local).map(drop));
    }
    // What the system chooses it may have, but nobody gets to know.
    let any = "0.0.0.0:0".parse().expect("it must be an address");
    let listened = Tcp::new(false).and_then(|tcp| tcp.bind(any).and_then(|()| tcp.listen()));
    told("listen", "0.0.0.0:0", listened);
}

fn told(way: &str, address: &str, result: Result<(), Error>) {
    match result {
        Err(error) => println!("denied {} {} {:?}", way, address, error),
        Ok(()) => {
            println!("ESCAPED {} {}", way, address);
            process::exit(1);
        }
    }
}
