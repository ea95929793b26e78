//! Takes an address to listen at, or says why it can't be had.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use anyhow::{Context, anyhow};

/// Listens at `address`.
pub(crate) fn listen(address: SocketAddr) -> anyhow::Result<tokio::net::TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| refused(address, error))?;
    listener.set_nonblocking(true).context("can't listen without blocking")?;
    tokio::net::TcpListener::from_std(listener).context("can't listen")
}

fn refused(address: SocketAddr, error: io::Error) -> anyhow::Error {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => {
            let free = SocketAddr::new(address.ip(), 0);
            anyhow!(
                "another process listens there, perhaps another mayfly or another Kubernetes: stop \
                 it, or take another port, such as any free one with --listen {free}"
            )
        }
        io::ErrorKind::AddrNotAvailable => {
            anyhow!("this host has no such address: --listen wants one of its own")
        }
        io::ErrorKind::PermissionDenied => {
            anyhow!("ports below 1024 are the system's: take another with --listen")
        }
        _ => error.into(),
    };
    hint.context(format!("can't listen at {address}"))
}

/// Where clients on this host reach a server that listens at `address`.
pub(super) fn url(address: SocketAddr) -> String {
    let host = match address {
        SocketAddr::V4(it) if it.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(it) if it.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other.ip(),
    };
    format!("https://{}", SocketAddr::new(host, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_on_this_host_know_where_to_go() {
        let check = |address: &str, expect: &str| {
            assert_eq!(url(address.parse().unwrap()), expect);
        };
        check("127.0.0.1:6443", "https://127.0.0.1:6443");
        check("0.0.0.0:80", "https://127.0.0.1:80");
        check("[::]:80", "https://[::1]:80");
        check("10.0.0.1:80", "https://10.0.0.1:80");
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_told_with_what_to_do() {
        let first = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let error = format!("{:#}", listen(address).unwrap_err());
        assert!(error.contains(&format!("can't listen at {address}")), "{error}");
        assert!(error.contains("--listen 127.0.0.1:0"), "{error}");
    }
}
