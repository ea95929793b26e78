//! Tells which addresses are this host's own.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};

/// Whether `address` is one of this host's, on any of its interfaces.
///
/// Asked anew each time, since interfaces come and go, and by the only question that every system
/// answers alike: whether something could be bound to it. Any doubt is a yes.
pub(super) fn is_own(address: IpAddr) -> bool {
    match UdpSocket::bind((address, 0)) {
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::AddrNotAvailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_our_own_and_documentation_is_nobodys() {
        assert!(is_own("127.0.0.1".parse().unwrap()) && is_own("127.3.2.1".parse().unwrap()));
        assert!(!is_own("192.0.2.1".parse().unwrap()));
    }
}
