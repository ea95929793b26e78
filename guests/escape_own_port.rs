//! Tries to reach where the host itself listens.
//!
//! Args: the addresses of the host with the port of its server, such as `192.0.2.1:6443`. Expect: a
//! line `denied tcp ADDRESS ERROR` each and exit code 0; `ESCAPED tcp ADDRESS` and exit code 1 when
//! one was reached.

mod sockets;

use std::env;
use std::process;

use sockets::Connection;

fn main() {
    for address in env::args().skip(1) {
        match Connection::to(address.parse().expect("an address and a port are wanted")) {
            Err(error) => println!("denied tcp {} {:?}", address, error),
            Ok(_) => {
                println!("ESCAPED tcp {}", address);
                process::exit(1);
            }
        }
    }
}
