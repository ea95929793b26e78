//! Sends without end.
//!
//! Args: `ADDRESS`, where somebody reads. Expect: to be stopped.

mod sockets;

use std::env;

fn main() {
    let address = env::args().nth(1).and_then(|address| address.parse().ok());
    let mut connection = sockets::Connection::to(address.expect("ADDRESS is wanted")).unwrap();
    while connection.write(&[b'x'; 4096]) {}
}
