//! Where servers of one state reach each other, and etcd.

use std::net::{IpAddr, SocketAddr};

use anyhow::ensure;
use mayfly_etcd::Address;

use crate::args::EtcdOptions;
use crate::serve::listen;

/// Where the others reach a server that listens at `address`.
pub(in crate::serve) fn advertised(
    options: &EtcdOptions,
    address: SocketAddr,
) -> anyhow::Result<String> {
    if let Some(advertised) = &options.advertise {
        return Ok(format!("https://{advertised}"));
    }
    ensure!(
        !address.ip().is_unspecified(),
        "--listen {address} does not say where other servers reach this one: give --advertise HOST:PORT"
    );
    Ok(listen::url(address))
}

/// The host of `HOST:PORT`.
pub(in crate::serve) fn host_of(advertised: &str) -> &str {
    let host = advertised.rsplit_once(':').map_or(advertised, |(host, _)| host);
    host.trim_matches(['[', ']'])
}

/// Whether `host` is the one that asks, whoever that is.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether all members of `etcd` are on this host.
fn is_all_here(etcd: &Address) -> bool {
    let text = etcd.to_string();
    text.trim_start_matches("etcd://").split(',').all(|member| is_here(host_of(member)))
}

/// Tells the operator, once, if what servers keep in `etcd` is read by whoever is in between.
pub(super) fn tell_if_in_the_clear(etcd: &Address, options: &EtcdOptions) {
    if options.etcd_ca.is_none() && !is_all_here(etcd) {
        tracing::warn!(
            %etcd,
            "etcd is spoken to in the clear: whoever is in between reads every Secret, and the key that \
             signs certificates; give --etcd-ca"
        );
    }
}

/// Tells the operator, once, if other servers of `etcd` can't reach this one at `url`: to each of them
/// that is itself. One that is alone works.
pub(super) fn tell_if_out_of_reach(etcd: &Address, url: &str) {
    let host = host_of(url.trim_start_matches("https://"));
    if is_here(host) && !is_all_here(etcd) {
        tracing::warn!(
            url,
            "servers on other hosts do not reach this one there: if there are any, give it an address of \
             its host, with --listen or --advertise"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address() {
        assert_eq!(host_of("10.0.0.1:6443"), "10.0.0.1");
        assert_eq!(host_of("[::1]:6443"), "::1");
        assert_eq!(host_of("one.example.org:6443"), "one.example.org");
    }

    #[test]
    fn what_is_on_this_host() {
        let check = |etcd: &str, expect: bool| {
            assert_eq!(is_all_here(&etcd.parse().unwrap()), expect, "{etcd}");
        };
        check("etcd://127.0.0.1:2379", true);
        check("etcd://127.0.0.1:2379,[::1]:2379,localhost:2379/", true);
        check("etcd://127.0.0.1:2379,10.0.0.1:2379", false);
        check("etcd://[fd00::1]:2379", false);
        check("etcd://etcd.example.org:2379", false);
        check("etcd://127.0.0.1.example.org:2379", false);
    }
}
