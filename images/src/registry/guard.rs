//! Looks names up, and forgets the addresses that strangers may not make us connect to.
//!
//! It is asked by the connector itself, so what is checked is what is connected to.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, LazyLock};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::address::{NotAllowed, private_kind};
use crate::limits::{ADDRESSES_MAX, LOOKUPS_MAX};

/// Those that may go on at a time.
static LOOKUPS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(LOOKUPS_MAX)));

/// Looks up names whose addresses must be public.
pub(super) struct Guard {
    /// The operator's own proxies, which may be anywhere.
    proxies: BTreeSet<String>,
    lookups: Arc<Semaphore>,
}

impl Guard {
    /// One that lets `proxies` through.
    pub(super) fn new(proxies: BTreeSet<String>) -> Self {
        Self { proxies, lookups: Arc::clone(&LOOKUPS) }
    }
}

/// The names of the proxies that the environment names.
pub(super) fn proxies() -> BTreeSet<String> {
    let variables = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let values = variables.iter().filter_map(|name| std::env::var(name).ok());
    let proxies = values.filter_map(|value| {
        let url = Url::parse(&value).or_else(|_| Url::parse(&format!("http://{value}")));
        url.ok()?.host_str().map(str::to_ascii_lowercase)
    });
    proxies.collect()
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_ascii_lowercase();
        let is_proxy = self.proxies.contains(&host);
        let lookups = Arc::clone(&self.lookups);
        Box::pin(async move {
            // The resolver can't be stopped: the permit is its own, whether anybody waits or not.
            let permit = lookups.acquire_owned().await?;
            let name = host.clone();
            let resolve = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let found = (name.as_str(), 0).to_socket_addrs()?;
                std::io::Result::Ok(found.take(ADDRESSES_MAX).collect::<Vec<_>>())
            });
            let found = resolve.await??;
            let found = if is_proxy { found } else { public(host, found)? };
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Those of `addresses` that are public. A name that has none is refused because of its first.
fn public(host: String, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotAllowed> {
    let first = addresses.first().map(SocketAddr::ip);
    let public: Vec<_> =
        addresses.into_iter().filter(|address| private_kind(address.ip()).is_none()).collect();
    match first.and_then(|address| Some((address, private_kind(address)?))) {
        Some((address, kind)) if public.is_empty() => {
            Err(NotAllowed::Address { host, address, kind })
        }
        _ => Ok(public),
    }
}

/// Takes every name for this host.
pub(super) struct ThisHost;

impl Resolve for ThisHost {
    fn resolve(&self, _name: Name) -> Resolving {
        let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let addresses = addresses.map(|address| SocketAddr::new(address, 0));
        Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_names_are_looked_up_at_a_time() {
        let guard = Guard { proxies: BTreeSet::new(), lookups: Arc::new(Semaphore::new(0)) };
        let mut first = guard.resolve("localhost".parse().unwrap());
        assert!(futures_util::poll!(&mut first).is_pending());
        assert_eq!(guard.lookups.available_permits(), 0);
        guard.lookups.add_permits(1);
        let refused = first.await.err().unwrap().to_string();
        assert!(refused.contains("which is loopback"), "{refused}");
        assert_eq!(guard.lookups.available_permits(), 1);
    }

    #[test]
    fn a_name_with_private_addresses_alone_is_refused() {
        let check = |addresses: &[&str], expect: Result<&[&str], &str>| {
            let parse = |text: &&str| SocketAddr::new(text.parse().unwrap(), 0);
            let found = public("r.example".into(), addresses.iter().map(parse).collect());
            let found = found.map_err(|error| error.to_string());
            let expect = expect
                .map(|texts| texts.iter().map(parse).collect())
                .map_err(|kind| format!("r.example is at {} which is {kind}: only the operator can allow that, with --registry r.example", format_args!("{},", addresses[0])));
            assert_eq!(found, expect);
        };
        check(&["8.8.8.8", "10.0.0.1"], Ok(&["8.8.8.8"]));
        check(&["10.0.0.1", "8.8.8.8"], Ok(&["8.8.8.8"]));
        check(&["10.0.0.1"], Err("private"));
        check(&["169.254.169.254", "127.0.0.1"], Err("link-local"));
        check(&[], Ok(&[]));
    }
}
