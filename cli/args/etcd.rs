//! Where a server keeps its state, if not in its state folder.

use std::path::PathBuf;

use clap::{Args, ValueHint, value_parser};
use mayfly_etcd::{Address, LEASE_SECONDS, LEASE_SECONDS_MAX, LEASE_SECONDS_MIN, Prefix};

/// Options of `mayfly serve` about etcd.
#[derive(Args, Debug)]
pub(crate) struct EtcdOptions {
    /// Keep the state in etcd: any number of servers do so together, of which one leads. Pods run on
    /// hosts that join by `mayfly node` [default: in the state folder].
    #[arg(long, value_name = "etcd://HOST:PORT,…")]
    pub(crate) store: Option<Address>,
    /// What all keys in etcd begin with; servers with the same are of one cluster.
    #[arg(long, value_name = "PREFIX", default_value = "/mayfly/", requires = "store")]
    pub(crate) etcd_prefix: Prefix,
    /// Whose certificate etcd must show, as PEM; with it, etcd is spoken to by TLS.
    #[arg(long, value_name = "FILE", requires = "store", value_hint = ValueHint::FilePath)]
    pub(crate) etcd_ca: Option<PathBuf>,
    /// The certificate that etcd is shown, as PEM.
    #[arg(
        long,
        value_name = "FILE",
        requires_all = ["store", "etcd_key", "etcd_ca"],
        value_hint = ValueHint::FilePath
    )]
    pub(crate) etcd_cert: Option<PathBuf>,
    /// The private key of --etcd-cert, as PEM.
    #[arg(long, value_name = "FILE", requires = "etcd_cert", value_hint = ValueHint::FilePath)]
    pub(crate) etcd_key: Option<PathBuf>,
    /// For how long a leader that is gone is waited for; no request is answered meanwhile.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = LEASE_SECONDS,
        value_parser = value_parser!(u64).range(LEASE_SECONDS_MIN..=LEASE_SECONDS_MAX),
        requires = "store"
    )]
    pub(crate) leader_lease: u64,
    /// Where the other servers reach this one [default: where it listens].
    #[arg(long, value_name = "HOST:PORT", value_parser = reachable, requires = "store")]
    pub(crate) advertise: Option<String>,
}

/// A name or an address, and a port.
fn reachable(text: &str) -> Result<String, String> {
    let is_good = text.rsplit_once(':').is_some_and(|(host, port)| {
        let is_host = |it: char| it.is_ascii_alphanumeric() || "-.:[]".contains(it);
        !host.is_empty() && host.chars().all(is_host) && port.parse::<u16>().is_ok_and(|it| it > 0)
    });
    is_good.then(|| text.to_owned()).ok_or_else(|| {
        "a host and a port are wanted, such as 10.0.0.1:6443 or one.example.org:6443".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_others_reach_a_server() {
        let check = |text: &str, is_good: bool| {
            assert_eq!(reachable(text).is_ok(), is_good, "{text}");
        };
        check("10.0.0.1:6443", true);
        check("[::1]:6443", true);
        check("one.example.org:6443", true);
        check("https://one.example.org:6443", false);
        check("one.example.org", false);
        check("one:0", false);
        check(":6443", false);
    }
}
