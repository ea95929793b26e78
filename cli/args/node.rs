//! What `mayfly node` can be asked for.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use jiff::SignedDuration;
use mayfly_cluster::{LEASE_SECONDS, Taint};
use mayfly_controller::bootstrap::Token;

use super::{ServiceOptions, duration};
use crate::pin::Pin;

/// The taint that keeps pods away which are not meant for WebAssembly.
const TAINT: &str = "mayfly.dev/wasm:NoSchedule";

const NODE_EXAMPLES: &str = "\
Examples:
  mayfly node --join https://10.0.0.1:6443 --token abcdef.0123456789abcdef --ca-cert-hash sha256:…
                                                 as `mayfly token create` prints it there
  mayfly node --kubeconfig node.kubeconfig       as the node that is called as this host is
  mayfly node --kubeconfig edge.kubeconfig --name edge-1 --register-with-taints ''
                                                 for `mayfly serve`, and open to every pod

Exit codes:
  0  stopped by Ctrl-C or SIGTERM, in order
  1  a part of it failed
  2  bad input, or what it needs can't be had; nothing was started
  130, 143  a second Ctrl-C or SIGTERM stopped it at once";

/// `mayfly node`.
#[derive(Args, Debug)]
#[command(after_help = NODE_EXAMPLES)]
pub(crate) struct NodeArguments {
    /// The API server to work for, and the credentials of this node.
    #[arg(
        long, value_name = "FILE", value_hint = ValueHint::FilePath,
        required_unless_present = "join", conflicts_with = "join"
    )]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Join this server: with a token the first time, and afterwards with the certificate that it gave,
    /// which is kept in the state folder and renewed in time.
    #[arg(long, value_name = "https://HOST:PORT", value_parser = server)]
    pub(crate) join: Option<String>,
    /// A token of the server, of `mayfly token create`.
    #[arg(
        long, value_name = "TOKEN", env = "MAYFLY_TOKEN", hide_env_values = true,
        value_parser = token
    )]
    pub(crate) token: Option<String>,
    /// By which hash of its key the server's authority is known; `mayfly token create` says it. Without
    /// one, the authorities that this system knows are believed.
    #[arg(long, value_name = "sha256:HASH", requires = "join")]
    pub(crate) ca_cert_hash: Option<Pin>,
    /// The node's name [default: this host's].
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) name: Option<String>,
    /// The address that the node is reached by [default: the one from which the API server is].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) node_ip: Option<IpAddr>,
    /// The taints with which the node registers itself the first time, with commas between; '' for
    /// none.
    #[arg(
        long,
        value_name = "KEY[=VALUE]:EFFECT,…",
        value_parser = taint,
        value_delimiter = ',',
        default_value = TAINT
    )]
    pub(crate) register_with_taints: Vec<Option<Taint>>,
    /// A further label of the node; may be given again.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
    /// The port at which the node answers the API server, such as for logs; 0 is a free one.
    #[arg(long, value_name = "PORT", default_value_t = 10250)]
    pub(crate) kubelet_port: u16,
    /// Whose certificates clients must show there, as PEM [default: those of the authority that has
    /// signed this node's, or that the kubeconfig knows the API server by; without one, nothing is
    /// answered].
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) client_ca_file: Option<PathBuf>,
    /// How many seconds the node is taken to be alive after it has said so, which it does four times as
    /// often; a node that is silent for longer is not ready.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..=3600),
        default_value_t = LEASE_SECONDS
    )]
    pub(crate) node_lease_duration_seconds: u32,
    /// How long a node that is told to stop takes to tell that it does, and how its pods ended, which
    /// have failed then and are made anew elsewhere; 0s leaves them to the next process, which finds
    /// their runs lost.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub(crate) shutdown_grace_period: SignedDuration,
    /// Keep logs, volumes and what is known of pods there
    /// [default: $XDG_STATE_HOME/mayfly-node or ~/.local/state/mayfly-node].
    #[arg(long, value_name = "DIR", env = "MAYFLY_STATE_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) service: ServiceOptions,
}

/// The address of a server, without anything behind it.
pub(crate) fn server(text: &str) -> Result<String, String> {
    let wrong = || "https://HOST:PORT is wanted, such as https://10.0.0.1:6443".to_owned();
    let url: hyper::Uri = text.trim_end_matches('/').parse().map_err(|_| wrong())?;
    let is_bare = url.path() == "/" && url.query().is_none();
    let host = url.authority().filter(|it| !it.host().is_empty() && !it.as_str().contains('@'));
    match (url.scheme_str(), host) {
        (Some("https"), Some(host)) if is_bare => Ok(format!("https://{host}")),
        _ => Err(wrong()),
    }
}

/// A token, which is in no error's text.
fn token(text: &str) -> Result<String, String> {
    match Token::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("six and sixteen small letters and digits are wanted, with a '.' between, as \
                     `mayfly token create` prints them"
            .to_owned()),
    }
}

/// The name of a node is that of an object: as a host's, in small letters.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let is_part = |part: &str| {
        let is_edge = |it: Option<char>| it.is_some_and(|it| it.is_ascii_alphanumeric());
        is_edge(part.chars().next())
            && is_edge(part.chars().last())
            && part.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-')
    };
    if text.len() <= 253 && text.split('.').all(is_part) {
        return Ok(text.to_owned());
    }
    Err("small letters, digits, '-' and '.' are wanted, as in a host's name".to_owned())
}

fn taint(text: &str) -> Result<Option<Taint>, String> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("KEY=VALUE is wanted".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_to_join() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(server(text).ok().as_deref(), expect, "{text}");
        };
        check("https://10.0.0.1:6443", Some("https://10.0.0.1:6443"));
        check("https://build.example.org/", Some("https://build.example.org"));
        check("https://[::1]:6443", Some("https://[::1]:6443"));
        check("http://10.0.0.1:6443", None);
        check("10.0.0.1:6443", None);
        check("https://10.0.0.1/api", None);
        check("https://me@10.0.0.1", None);
        check("", None);
    }

    #[test]
    fn names_of_nodes() {
        let check = |text: &str, is_good: bool| assert_eq!(name(text).is_ok(), is_good, "{text}");
        check("edge-1", true);
        check("edge-1.example.org", true);
        check("Edge", false);
        check("-edge", false);
        check("edge.", false);
        check("", false);
        check("a/b", false);
    }
}
