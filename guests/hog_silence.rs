//! Waits for a server that takes connections and says nothing, by a socket or by a request.
//!
//! Args: `ADDRESS` or `URL`. Expect: to be ended at its deadline.

mod requests;
mod sockets;

use std::env;

fn main() {
    let from = env::args().nth(1).expect("ADDRESS or URL is wanted");
    if from.contains("://") {
        println!("{:?}", requests::get(&from));
        return;
    }
    let mut connection = sockets::Connection::to(from.parse().expect("it must be one")).unwrap();
    println!("{:?}", connection.read(1));
}
