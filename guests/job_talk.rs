//! Says a word to hosts, and prints what they answer.
//!
//! Args: `tcp|udp HOST PORT WORD`. Expect: the answer on standard output and exit code 0; the error on
//! standard error and exit code 1.

mod sockets;

use std::env;
use std::net::{IpAddr, SocketAddr};
use std::process;

use sockets::{Connection, Error, Udp};

fn main() {
    let args: Vec<_> = env::args().skip(1).collect();
    let (way, host, port, word) = match &args[..] {
        [way, host, port, word] => (way, host, port.parse().expect("PORT is a number"), word),
        _ => panic!("WAY HOST PORT WORD are wanted"),
    };
    let said = sockets::resolve(host).and_then(|addresses| {
        let mut result = Err(Error(0));
        for address in addresses {
            let address = SocketAddr::new(address, port);
            result = match way.as_str() {
                "tcp" => by_tcp(address, word),
                _ => by_udp(address, word),
            };
            if result.is_ok() {
                break;
            }
        }
        result
    });
    match said {
        Ok(answer) => println!("{}", String::from_utf8_lossy(&answer)),
        Err(error) => {
            eprintln!("{}: {:?}", host, error);
            process::exit(1);
        }
    }
}

fn by_tcp(address: SocketAddr, word: &str) -> Result<Vec<u8>, Error> {
    let mut connection = Connection::to(address)?;
    connection.write(word.as_bytes());
    Ok(connection.read(4096))
}

fn by_udp(address: SocketAddr, word: &str) -> Result<Vec<u8>, Error> {
    let any: IpAddr = if address.is_ipv6() { [0; 16].into() } else { [0; 4].into() };
    let mut udp = Udp::bound(SocketAddr::new(any, 0))?;
    udp.stream(Some(address))?;
    udp.send(word.as_bytes(), None)?;
    udp.receive()
}
