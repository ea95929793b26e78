//! Asks what names stand for that it was not given, as one would to carry data out by the DNS.
//!
//! Args: none. Expect: a line `denied NAME ERROR` each and exit code 0; `ESCAPED NAME` and exit code
//! 1 when one was looked up.

mod sockets;

use std::process;

const NAMES: [&str; 14] = [
    "localhost",
    "LOCALHOST.",
    "ip6-localhost",
    "example.com",
    "secret.example.org",
    "a.b.example.net",
    "example.org.evil.example",
    "metadata.google.internal",
    "127.1",
    "0x7f000001",
    "0177.0.0.1",
    "2130706433",
    "a b",
    "",
];

fn main() {
    for name in NAMES {
        match sockets::resolve(name) {
            Err(error) => println!("denied {:?} {:?}", name, error),
            Ok(found) => {
                println!("ESCAPED {:?} {:?}", name, found);
                process::exit(1);
            }
        }
    }
}
