//! Prints what there is at URLs.
//!
//! Args: `URL...`. Expect: each one's status in a line, and what was sent, on standard output and exit
//! code 0; the error on standard error and exit code 1 at the first that can't be had.

mod requests;
mod sockets;

use std::env;
use std::process;

fn main() {
    for url in env::args().skip(1) {
        match requests::get(&url) {
            Ok((status, body)) => println!("{}\n{}", status, String::from_utf8_lossy(&body)),
            Err(error) => {
                eprintln!("{}: {:?}", url, error);
                process::exit(1);
            }
        }
    }
}
