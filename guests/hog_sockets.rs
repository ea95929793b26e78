//! Opens sockets and connections and keeps them.
//!
//! Args: `ADDRESS`, where somebody takes connections. Expect: `opened N sockets: ERROR` and
//! `opened N connections: ERROR`, and exit code 0.

mod sockets;

use std::env;

use sockets::{Connection, Tcp, Udp};

const MANY: usize = 100_000;

fn main() {
    let address = env::args().nth(1).and_then(|address| address.parse().ok());
    let address = address.expect("ADDRESS is wanted");
    let any = "0.0.0.0:0".parse().expect("it must be an address");
    let (mut tcp, mut udp) = (Vec::new(), Vec::new());
    let error = (0..MANY).find_map(|_| match (Tcp::new(false), Udp::bound(any)) {
        (Ok(one), Ok(other)) => {
            tcp.push(one);
            udp.push(other);
            None
        }
        (Err(error), _) | (_, Err(error)) => Some(error),
    });
    println!("opened {} sockets: {:?}", tcp.len() + udp.len(), error);
    drop((tcp, udp));
    let mut connections = Vec::new();
    let error = (0..MANY).find_map(|_| match Connection::to(address) {
        Ok(connection) => {
            connections.push(connection);
            None
        }
        Err(error) => Some(error),
    });
    println!("opened {} connections: {:?}", connections.len(), error);
}
