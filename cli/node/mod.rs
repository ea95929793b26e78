//! `mayfly node`: the node agent as a process of its own, for an API server on another host.
//!
//! ```text
//! state folder ─▶ kubeconfig ─▶ confinement ─▶ (join) ─▶ journal ─▶ runtime ─▶ agent
//! ```
//!
//! It is the agent that `mayfly serve` has inside, over another client: images, limits and volumes
//! are the same.

mod api_server;
mod join;
mod kubelet_port;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use mayfly_cluster::{ClusterSettings, Introduction, KubeClient};
use mayfly_controller::clock::Clock;
use mayfly_controller::http::kubelet::{self, Kubelet as Served};
use mayfly_controller::node::{Agent, LostRuns, NodeSettings, Shutdown};
use rustls::pki_types::CertificateDer;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::args::{self, LogFormat, NodeArguments};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::limits::Limits;
use crate::state::{OfHost, StateFolder};
use crate::wasm::{Given, Reach, Wasm};
use crate::{confine, notify, places, threads};
use api_server::{ApiServer, Kubeconfig};
use join::{Joined, Joining, Serving};
use kubelet_port::{Kubelet, Port};

/// How long a node waits that leaves its pods to its next process, for the API server to take what is
/// still to be told of them. That process tells what is left.
const TELL_MAX: Duration = Duration::from_secs(10);

/// How much of its time a node that shuts down waits at most for the API server to know of that. Until
/// it does, what is made in the place of its pods may be bound to it once more; but ends must be told,
/// too.
const LEAVE_PART: u32 = 3;

/// Works until it is told to stop.
pub(crate) fn node(arguments: &NodeArguments) -> anyhow::Result<Exit> {
    let folder = places::node_state_dir(arguments.state_dir.as_deref())?;
    let state = StateFolder::open(&folder)?;
    let kubeconfig = arguments.kubeconfig.as_deref().map(Kubeconfig::read).transpose()?;
    let credentials = kubeconfig.as_ref().map_or(&[][..], |it| &it.files[..]);
    // Before there are threads.
    confine::node(arguments, &state, credentials).log();
    let threads = threads::start()?;
    let result = threads.block_on(work(arguments, kubeconfig, &state));
    // What is still at work, such as reading a large file, is of no use to anybody.
    threads.shutdown_background();
    result
}

async fn work(
    arguments: &NodeArguments,
    kubeconfig: Option<Kubeconfig>,
    state: &StateFolder,
) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(None)?;
    let mut at_work = tokio::select! {
        at_work = AtWork::start(arguments, kubeconfig, state) => at_work?,
        // Nothing runs yet.
        _signal = interrupt.asked() => return Ok(Exit::Done),
    };
    notify::ready();
    let exit = tokio::select! {
        _signal = interrupt.asked() => {
            say(arguments.service.log_format, "stopping; once more to stop at once");
            Exit::Done
        }
        _ = &mut at_work.agent => {
            say(arguments.service.log_format, "the agent has ended by itself; stopping");
            Exit::Failed
        }
    };
    notify::stopping();
    at_work.stop().await;
    say(arguments.service.log_format, "stopped");
    Ok(exit)
}

/// A node at work.
struct AtWork {
    client: KubeClient,
    agent: JoinHandle<()>,
    /// `None` if nobody could ask it.
    kubelet: Option<Kubelet>,
    cancel: CancellationToken,
    /// How long it may take to end its pods and to tell of it; `None` if they are left to the next
    /// process.
    grace: Option<Duration>,
    /// Who keeps its certificates good, if it has joined.
    _certificates: Vec<AbortOnDropHandle<()>>,
}

impl AtWork {
    async fn start(
        arguments: &NodeArguments,
        kubeconfig: Option<Kubeconfig>,
        state: &StateFolder,
    ) -> anyhow::Result<Self> {
        let of_host = OfHost::of(&arguments.service.host)?;
        let allowed = Limits::read(arguments.service.host.limits.as_deref())?;
        let name = match &arguments.name {
            Some(name) => name.clone(),
            None => host_name()?,
        };
        let joining = Joining::asked(arguments, &name, state.path());
        let (server, renewal) = match (kubeconfig, joining) {
            (Some(kubeconfig), _) => (kubeconfig.server().await?, None),
            (None, Some(joining)) => {
                let Joined { server, renewal } = joining.join().await?;
                (server, Some(renewal))
            }
            (None, None) => bail!("--kubeconfig or --join says whom to work for"),
        };
        let ip = arguments.node_ip.map_or_else(|| server.own_address(), Ok)?;
        let ApiServer { client, url, of_clients } = server;
        let port = port(arguments, state, of_clients, (&name, ip))?;
        let own_ports = port.iter().map(Port::number).collect();
        let reach = Reach { authorities: Arc::clone(&of_host.authorities), own_ports };
        let runtime = Wasm::for_others(Given {
            images: &arguments.service.images,
            folder: state.path(),
            named: arguments.state_dir.as_deref(),
            limits: &allowed,
            reach,
        })?;
        let settings = ClusterSettings {
            node: name.clone(),
            journal: state.path().join("journal"),
            introduction: introduction(arguments, port.as_ref(), renewal.is_some()),
            lease_seconds: arguments.node_lease_duration_seconds,
        };
        let grace = Duration::try_from(arguments.shutdown_grace_period).unwrap_or_default();
        let grace = Some(grace).filter(|grace| !grace.is_zero());
        let clock = Clock::system();
        // Nobody else is at work in the folder from here on.
        let kube_client = client.clone();
        let client = KubeClient::start(client, &settings, clock.clone())?;
        confine::hide(&arguments.service.confinement);
        let settings = NodeSettings {
            host_ip: ip.to_string(),
            // As in Kubernetes, where the cluster decides what becomes of a pod that was lost.
            lost_runs: LostRuns::Count,
            shutdown: grace.map_or(Shutdown::LeavePods, |_| Shutdown::EndPods),
            ..state.node(&name, of_host, &allowed)
        };
        let agent = Agent::new(client.clone(), Arc::new(runtime), clock.clone(), settings);
        let cancel = CancellationToken::new();
        let router = kubelet::router(Served {
            host: Arc::new(client.clone()),
            logs: agent.logs(),
            inputs: agent.inputs(),
            usages: agent.usages(),
            clock,
            shutdown: cancel.clone(),
        });
        let mut certificates = Vec::new();
        if let (Some(_), Some(port)) = (&renewal, &port) {
            let pki = join::folder(state.path());
            let serving = Serving::new(kube_client, (&name, ip), &pki, port.tls());
            certificates.push(AbortOnDropHandle::new(tokio::spawn(serving.run())));
        }
        let is_joined = renewal.is_some();
        certificates.extend(renewal.map(|it| AbortOnDropHandle::new(tokio::spawn(it.run()))));
        let kubelet = port.map(|port| port.answer(router, is_joined)).transpose()?;
        let agent = tokio::spawn(agent.run(cancel.clone()));
        say_hello(arguments, &name, &url);
        Ok(Self { client, agent, kubelet, cancel, grace, _certificates: certificates })
    }

    /// Ends what runs first, and then tells of it.
    ///
    /// A guest is no process of its own, as a container is, and can't outlive this one; so this is to
    /// pods what the shutdown of a host is to containers.
    async fn stop(self) {
        if let Some(grace) = self.grace {
            self.client.leave(grace / LEAVE_PART).await;
        }
        self.cancel.cancel();
        if let Err(error) = self.agent.await {
            tracing::error!(%error, "the agent ended by itself");
        }
        if let Some(kubelet) = self.kubelet {
            kubelet.stop().await;
        }
        self.client.stop(self.grace.unwrap_or(TELL_MAX)).await;
    }
}

/// Where the node answers the API server, which shows a certificate of one of `authorities` if
/// nothing else is said.
fn port(
    arguments: &NodeArguments,
    state: &StateFolder,
    authorities: Vec<CertificateDer<'static>>,
    (name, ip): (&str, IpAddr),
) -> anyhow::Result<Option<Port>> {
    let authorities = match &arguments.client_ca_file {
        Some(file) => kubelet_port::authorities(file)?,
        None => authorities,
    };
    if authorities.is_empty() {
        tracing::warn!("no --client-ca-file says who may ask for logs: nobody may");
        return Ok(None);
    }
    let at = (ip, arguments.kubelet_port);
    Port::take(at, name, state.path(), authorities).map(Some)
}

fn introduction(arguments: &NodeArguments, port: Option<&Port>, is_joined: bool) -> Introduction {
    // What a node that has joined shows, the server has signed: it is no authority of its own.
    let authority = |port: &Port| if is_joined { String::new() } else { port.authority() };
    Introduction {
        labels: arguments.labels.iter().cloned().collect(),
        taints: arguments.register_with_taints.iter().flatten().cloned().collect(),
        kubelet_port: port.map(Port::number),
        kubelet_authority: port.map(authority),
    }
}

/// What this host is called, as a node's name.
fn host_name() -> anyhow::Result<String> {
    let path = Path::new("/proc/sys/kernel/hostname");
    let name = std::fs::read_to_string(path).context("can't tell this host's name: give --name")?;
    node_name(&name)
}

/// What a host called `host` is called as a node, which it could not register itself by any other name.
fn node_name(host: &str) -> anyhow::Result<String> {
    let host = host.trim();
    args::node::name(&host.to_lowercase()).map_err(|why| {
        anyhow!("this host is called {host:?}, which is no name of a node: {why}; give --name")
    })
}

fn say_hello(arguments: &NodeArguments, node: &str, url: &str) {
    match arguments.service.log_format {
        LogFormat::Text => eprintln!("mayfly: node {node} works for {url}"),
        LogFormat::Json => tracing::info!(node, url, "at work"),
    }
}

/// Says `words` to people, or to what reads for them.
fn say(format: LogFormat, words: &str) {
    match format {
        LogFormat::Text => eprintln!("mayfly: {words}"),
        LogFormat::Json => tracing::info!("{words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_node_of_its_own_name_if_that_is_one() {
        assert_eq!(node_name("Edge-1.example.org\n").expect("a name"), "edge-1.example.org");
        for host in ["my_host", "-edge", "(none)", ""] {
            let error = node_name(host).expect_err("it is none").to_string();
            assert!(error.contains(&format!("{host:?}")), "{error}");
            assert!(error.contains("give --name"), "{error}");
        }
    }
}
