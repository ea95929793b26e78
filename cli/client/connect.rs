//! Finds a server, and what to be there: kubeconfigs, contexts and namespaces.
//!
//! ```text
//! --kubeconfig ─▶ KUBECONFIG ─▶ what `mayfly serve` wrote ─▶ ~/.kube/config
//! ```
//!
//! The first that there is counts.

use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::complaint::Complaint;
use super::request::Server;
use crate::args::client::{ServerArguments, WhichServerArguments};
use crate::places;

/// A server, and the namespace that is meant when none is named.
pub(super) struct Connection {
    pub(super) server: Server,
    pub(super) namespace: String,
    /// Whether it was named on the command line: then no object may name another.
    pub(super) is_namespace_named: bool,
}

/// Where a kubeconfig is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The files, of which earlier ones win.
    pub(super) files: Vec<PathBuf>,
}

impl Connection {
    /// Prepares to speak to the server that `arguments` and the environment mean.
    pub(super) async fn open(arguments: &ServerArguments) -> anyhow::Result<Self> {
        let (server, default_namespace) = find(&arguments.which).await?;
        let is_namespace_named = arguments.namespace.is_some();
        let namespace = arguments.namespace.clone().unwrap_or(default_namespace);
        Ok(Self { server, namespace, is_namespace_named })
    }

    /// The same where no namespace matters.
    pub(super) async fn to(arguments: &WhichServerArguments) -> anyhow::Result<Server> {
        Ok(find(arguments).await?.0)
    }
}

/// The server that `arguments` and the environment mean, and the namespace of its context.
async fn find(arguments: &WhichServerArguments) -> anyhow::Result<(Server, String)> {
    let found = Found::by(arguments)?;
    let named_by = found.to_string();
    let unusable = |error: &dyn std::error::Error| {
        Complaint::failed(format!("can't use the kubeconfig {named_by}: {error}"))
    };
    let kubeconfig = found.read().map_err(|error| match &error {
        // It names the file itself.
        KubeconfigError::ReadConfig(source, _) => unusable(source),
        other => unusable(other),
    })?;
    let options =
        KubeConfigOptions { context: arguments.context.clone(), ..KubeConfigOptions::default() };
    if let Some(context) = &arguments.context
        && !kubeconfig.contexts.iter().any(|known| known.name == *context)
    {
        return Err(Complaint::failed(format!("context \"{context}\" does not exist")));
    }
    let has_proxy = has_proxy(&kubeconfig);
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| unusable(&error))?;
    if !has_proxy {
        // That of the environment is for the outer world, and can't be spoken to here.
        config.proxy_url = None;
    }
    config.default_retry = false;
    let address = config.cluster_url.clone();
    let namespace = config.default_namespace.clone();
    let client = Client::try_from(config).map_err(|error| unusable(&error))?;
    Ok((Server::new(client, &address, named_by), namespace))
}

impl Found {
    /// The kubeconfig that `arguments` and the environment mean.
    pub(super) fn by(arguments: &WhichServerArguments) -> anyhow::Result<Self> {
        if let Some(file) = &arguments.kubeconfig {
            return Ok(Self { files: vec![file.clone()] });
        }
        let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
        let listed: Vec<PathBuf> =
            std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
        if !listed.is_empty() {
            return Ok(Self { files: listed });
        }
        let of_serve = places::shared_state_dir().map(|folder| places::kubeconfig(&folder)).ok();
        let of_home = std::env::home_dir().map(|home| home.join(".kube/config"));
        let usual: Vec<PathBuf> = of_serve.into_iter().chain(of_home).collect();
        match usual.iter().find(|path| path.exists()) {
            Some(path) => Ok(Self { files: vec![path.clone()] }),
            None => Err(Complaint::failed(format!(
                "no kubeconfig says where the server is: KUBECONFIG is not set, and there is no {}; \
                 start `mayfly serve`, or name one by --kubeconfig",
                listed_as(&usual, " and no "),
            ))),
        }
    }

    fn read(&self) -> Result<Kubeconfig, KubeconfigError> {
        let there = self.files.iter().filter(|file| self.files.len() == 1 || file.exists());
        there
            .map(Kubeconfig::read_from)
            .try_fold(Kubeconfig::default(), |merged, next| merged.merge(next?))
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&listed_as(&self.files, ":"))
    }
}

fn listed_as(files: &[PathBuf], between: &str) -> String {
    let files: Vec<_> = files.iter().map(|file: &PathBuf| shown(file)).collect();
    files.join(between)
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

/// Whether some cluster of `kubeconfig` itself asks for a proxy.
fn has_proxy(kubeconfig: &Kubeconfig) -> bool {
    let mut clusters = kubeconfig.clusters.iter().filter_map(|named| named.cluster.as_ref());
    clusters.any(|cluster| cluster.proxy_url.as_deref().is_some_and(|proxy| !proxy.is_empty()))
}
