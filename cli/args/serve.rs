//! What `mayfly serve` can be asked for.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueHint};
use jiff::SignedDuration;
use mayfly_controller::limits::METRICS_OBJECTS_MAX;
use mayfly_controller::podgc::TERMINATED_POD_GC_THRESHOLD;

use super::{BackoffOptions, EtcdOptions, ServiceOptions, duration};

/// Where it listens when nobody says: Kubernetes' own port, for this host alone.
const LISTEN: &str = "127.0.0.1:6443";

/// For how long certificates of nodes are signed: a year, as in Kubernetes.
const SIGNING_DURATION: &str = "8760h";

const SERVE_EXAMPLES: &str = "\
Examples:
  mayfly serve                                   for kubectl on this host
  mayfly serve --image perl=perl.wasm            with a module for an image name
  mayfly serve --listen 127.0.0.1:0              at a free port; the kubeconfig says which
  mayfly serve --listen 0.0.0.0:6443 --tls-san build.example.org
                                                 for other hosts, which know it by that name
  mayfly token create                            lets another host join, in another terminal
  mayfly serve --store etcd://10.0.0.9:2379 --listen 10.0.0.1:6443
                                                 as one of several servers of one state
  mayfly serve --config /etc/mayfly/serve.yaml   with options from a file

Exit codes:
  0  stopped by Ctrl-C or SIGTERM, in order
  1  a part of it failed
  2  bad input, or what it needs can't be had; nothing was started
  130, 143  a second Ctrl-C or SIGTERM stopped it at once";

/// `mayfly serve`.
#[derive(Args, Debug)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArguments {
    /// Take further options from a YAML file, under the names that they have here, without the dashes;
    /// what the command line or the environment says counts more.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen; port 0 is a free one.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address, default_value = LISTEN)]
    pub(crate) listen: SocketAddr,
    /// Keep all state there [default: $XDG_STATE_HOME/mayfly or ~/.local/state/mayfly].
    #[arg(long, value_name = "DIR", env = "MAYFLY_STATE_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) etcd: EtcdOptions,
    /// Write the kubeconfig there [default: kubeconfig in the state folder].
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Who may do what, beside the admin; reread when it changes [default: users.yaml in the state
    /// folder, if it is there].
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) users: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) service: ServiceOptions,
    #[command(flatten)]
    pub(crate) backoff: BackoffOptions,
    /// Keep so many finished pods; beyond, the oldest are deleted, and no count changes. 0 keeps all.
    #[arg(long, value_name = "COUNT", default_value_t = TERMINATED_POD_GC_THRESHOLD)]
    pub(crate) terminated_pod_gc_threshold: usize,
    /// Give so many Jobs, CronJobs and pods series of their own at /metrics, of each: those that have
    /// not ended, and then the newest.
    #[arg(long, value_name = "COUNT", default_value_t = METRICS_OBJECTS_MAX)]
    pub(crate) metrics_objects_max: usize,
    /// Send traces of Jobs there, as OTLP over HTTP, such as http://127.0.0.1:4318 [default: what
    /// OpenTelemetry's variables say, such as OTEL_EXPORTER_OTLP_ENDPOINT].
    #[arg(long, value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,
    /// Sign the certificates of nodes for so long at most.
    #[arg(
        long, value_name = "DURATION", value_parser = duration, default_value = SIGNING_DURATION
    )]
    pub(crate) cluster_signing_duration: SignedDuration,
    /// A further name or address that clients know the server by; may be given again.
    #[arg(long = "tls-san", value_name = "NAME|ADDRESS")]
    pub(crate) tls_sans: Vec<String>,
    /// The server's certificate, with those between it and its authority, as PEM [default: one of
    /// an authority that is made at the first start].
    #[arg(long, value_name = "FILE", requires = "tls_key", value_hint = ValueHint::FilePath)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert, as PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_hint = ValueHint::FilePath)]
    pub(crate) tls_key: Option<PathBuf>,
}

/// `127.0.0.1:6443`, `[::1]:6443`, or an address alone, with Kubernetes' port.
fn address(text: &str) -> Result<SocketAddr, String> {
    let text =
        text.strip_prefix("localhost").map_or(text.to_owned(), |port| format!("127.0.0.1{port}"));
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let alone: Result<IpAddr, _> = text.trim_matches(['[', ']']).parse();
    let port = LISTEN.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();
    alone
        .map(|alone| SocketAddr::new(alone, port))
        .map_err(|_| format!("an address and a port are wanted, such as {LISTEN} or [::1]:6443"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(address(text).ok().map(|it| it.to_string()).as_deref(), expect, "{text}");
        };
        check("127.0.0.1:6443", Some("127.0.0.1:6443"));
        check("127.0.0.1:0", Some("127.0.0.1:0"));
        check("localhost:80", Some("127.0.0.1:80"));
        check("localhost", Some("127.0.0.1:6443"));
        check("0.0.0.0", Some("0.0.0.0:6443"));
        check("[::1]:7000", Some("[::1]:7000"));
        check("::1", Some("[::1]:6443"));
        check("example.org:80", None);
        check("127.0.0.1:99999", None);
        check("", None);
    }
}
