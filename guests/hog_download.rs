//! Receives without end, by a socket or by a request.
//!
//! Args: `ADDRESS` or `URL`, where somebody sends for ever. Expect: to be stopped.

mod requests;
mod sockets;

use std::env;

fn main() {
    let from = env::args().nth(1).expect("ADDRESS or URL is wanted");
    if from.contains("://") {
        println!("{:?}", requests::get(&from).map(|(status, body)| (status, body.len())));
        return;
    }
    let mut connection = sockets::Connection::to(from.parse().expect("it must be one")).unwrap();
    while !connection.read(1 << 20).is_empty() {}
}
