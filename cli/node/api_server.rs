//! The API server that a node works for, as its kubeconfig has it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use kube::config::{AuthInfo, KubeConfigOptions};
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;

/// How long it takes at most to connect, before somebody else is tried or it is tried again.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A kubeconfig, and the files that it names.
pub(super) struct Kubeconfig {
    path: PathBuf,
    content: kube::config::Kubeconfig,
    /// They are read again while the node works, as tokens and authorities are renewed.
    pub(super) files: Vec<PathBuf>,
}

/// An API server.
pub(super) struct ApiServer {
    pub(super) client: Client,
    pub(super) url: String,
    /// Whom its clients are known by, and itself where it asks nodes; empty if that is not known.
    pub(super) of_clients: Vec<CertificateDer<'static>>,
}

impl Kubeconfig {
    /// Reads the one at `path`.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let content = kube::config::Kubeconfig::read_from(path);
        let content = content.with_context(|| cant_use(path))?;
        let users = content.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
        let of_users =
            users.flat_map(|user| [&user.token_file, &user.client_certificate, &user.client_key]);
        let clusters = content.clusters.iter().filter_map(|named| named.cluster.as_ref());
        let of_clusters = clusters.map(|cluster| &cluster.certificate_authority);
        let files = of_users.chain(of_clusters).flatten();
        let files = files.filter(|file| !file.is_empty()).map(PathBuf::from).collect();
        Ok(Self { path: path.to_owned(), content, files })
    }

    /// The server of its current context.
    pub(super) async fn server(self) -> anyhow::Result<ApiServer> {
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(self.content, &options).await;
        let mut config = config.with_context(|| cant_use(&self.path))?;
        config.connect_timeout = Some(CONNECT_MAX);
        // Whoever asks tries again by itself.
        config.default_retry = false;
        // As in Kubernetes, they are those that the server itself is known by.
        let of_clients = config.root_cert.iter().flatten().cloned().map(CertificateDer::from);
        let of_clients = of_clients.collect();
        let url = config.cluster_url.to_string();
        let client = Client::try_from(config).with_context(|| cant_use(&self.path))?;
        Ok(ApiServer { client, url: url.trim_end_matches('/').to_owned(), of_clients })
    }
}

/// A client for the server at `url`, which one of `authorities` knows, or whom the system does if there
/// are none.
pub(super) fn connect(
    url: &str,
    authorities: &[CertificateDer<'static>],
    auth_info: AuthInfo,
) -> anyhow::Result<Client> {
    let roots = authorities.iter().map(|it| it.to_vec()).collect::<Vec<_>>();
    let mut config = Config::new(url.parse().with_context(|| format!("no URL: {url}"))?);
    config.root_cert = Some(roots).filter(|roots| !roots.is_empty());
    config.connect_timeout = Some(CONNECT_MAX);
    // Whoever asks tries again by itself.
    config.default_retry = false;
    config.auth_info = auth_info;
    Client::try_from(config).with_context(|| format!("can't speak to {url}"))
}

impl ApiServer {
    /// The address of this host that requests to the server come from.
    pub(super) fn own_address(&self) -> anyhow::Result<IpAddr> {
        let find = || -> anyhow::Result<IpAddr> {
            let url: hyper::Uri = self.url.parse()?;
            let host = url.host().context("it has no host")?.trim_matches(['[', ']']);
            let port = url.port_u16().unwrap_or(443);
            let server = (host, port).to_socket_addrs()?.next().context("it has no address")?;
            let any = match server.ip() {
                IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
            };
            // Nothing is sent: the system only says which way it would go.
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect(server)?;
            Ok(socket.local_addr()?.ip())
        };
        find().map_err(|error| {
            let url = &self.url;
            anyhow!("{error:#}: give --node-ip")
                .context(format!("can't tell by which address {url} would reach this node"))
        })
    }
}

fn cant_use(path: &Path) -> String {
    format!("can't use the kubeconfig {}", path.display())
}
