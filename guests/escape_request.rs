//! Has the host send requests to where it was not let, by URLs that could be read in several ways.
//!
//! Args: `PORT`, where a server listens on 127.0.0.1. Expect: a line `denied URL ERROR` each and exit
//! code 0; `ESCAPED URL` and exit code 1 when there was an answer.

mod requests;
mod sockets;

use std::env;
use std::process;

const HOSTS: [&str; 20] = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "localhost",
    "LOCALHOST.",
    "example.org@127.0.0.1",
    "127.0.0.1@example.org",
    "example.org:80@127.0.0.1",
    "169.254.169.254",
    "metadata.google.internal",
    "example.com",
    "a.b.example.net",
    "example.org\u{ff0e}evil.example",
];

fn main() {
    let port = env::args().nth(1).expect("PORT is wanted");
    for host in HOSTS {
        for scheme in ["http", "https"] {
            let url = format!("{}://{}:{}/", scheme, host, port);
            match requests::get(&url) {
                Err(error) => println!("denied {} {:?}", url, error),
                Ok((status, _)) => {
                    println!("ESCAPED {} {}", url, status);
                    process::exit(1);
                }
            }
        }
    }
}
