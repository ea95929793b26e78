//! Sends empty datagrams without end.
//!
//! Args: `ADDRESS`, where they go. Expect: to be stopped.

mod sockets;

use std::env;

fn main() {
    let address = env::args().nth(1).and_then(|address| address.parse().ok());
    let any = "0.0.0.0:0".parse().expect("it must be an address");
    let mut udp = sockets::Udp::bound(any).unwrap();
    udp.stream(Some(address.expect("ADDRESS is wanted"))).unwrap();
    while udp.send(&[], None).is_ok() {}
}
