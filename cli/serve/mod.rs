//! `mayfly serve`: the Kubernetes API over the control plane, for kubectl and client libraries.
//!
//! ```text
//! state folder, or etcd ─▶ address ─▶ certificates ─▶ kubeconfig ─▶ control plane ─▶ connections
//! ```
//!
//! What is asked and answered is the router's; here are sockets, encryption, and the order in which
//! things start and stop.

pub(crate) mod connections;
mod dashboard;
mod door;
mod doubt;
pub(crate) mod files;
mod generation;
mod kubeconfig;
mod kubelets;
pub(crate) mod limits;
pub(crate) mod listen;
mod peers;
pub(crate) mod renewal;
mod requests;
mod running;
mod shared;
mod sites;
pub(crate) mod telemetry;
pub(crate) mod tls;
mod users;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use mayfly_controller::Settings;
use mayfly_controller::clock::Clock;
use mayfly_controller::node::NodeSettings;
use mayfly_controller::store::{Names, OpenError, Store};

use crate::args::{LogFormat, ServeArguments};
use crate::confine;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::limits::Limits;
use crate::log::Log;
use crate::state::{OfHost, StateFolder};
use crate::wasm::{Given, Reach, Wasm};
use crate::{notify, places, threads};
use kubelets::Nodes;
use renewal::Renewal;
use running::{Parts, Running};
use shared::{Etcd, Origin};
use telemetry::Telemetry;
use tls::{Authorities, Source, Tls};
use users::Users;

/// Serves until it is told to stop.
pub(crate) fn serve(arguments: &ServeArguments, log: Log) -> anyhow::Result<Exit> {
    let folder = places::state_dir(arguments.state_dir.as_deref())?;
    let state = StateFolder::open(&folder)?;
    // Before there are threads.
    confine::serve(arguments, &state).log();
    let threads = threads::start()?;
    let result = threads.block_on(serve_all(arguments, &state, log));
    // What is still at work, such as reading a large file, is of no use to anybody.
    threads.shutdown_background();
    result
}

async fn serve_all(
    arguments: &ServeArguments,
    state: &StateFolder,
    log: Log,
) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(None)?;
    let (mut running, kubeconfig) = tokio::select! {
        started = start(arguments, state, log) => started?,
        // Nobody has been served, and what has begun is found by the next one.
        _signal = interrupt.asked() => return Ok(Exit::Done),
    };
    let exit = tokio::select! {
        _signal = interrupt.asked() => {
            say(arguments.service.log_format, "stopping; once more to stop at once");
            Exit::Done
        }
        () = work(&mut running, arguments, &kubeconfig) => {
            say(arguments.service.log_format, "a part of mayfly has ended by itself; stopping");
            Exit::Failed
        }
    };
    notify::stopping();
    running.stop().await?;
    say(arguments.service.log_format, "stopped");
    Ok(exit)
}

/// Says that requests are answered, as soon as they are; ends when a part of it has ended by itself.
async fn work(running: &mut Running, arguments: &ServeArguments, kubeconfig: &Path) {
    running.settled().await;
    say_hello(arguments, running.address(), kubeconfig);
    notify::ready();
    running.ended().await;
}

/// Starts the server, or nothing if anything that it needs can't be had; and says where its kubeconfig is.
async fn start(
    arguments: &ServeArguments,
    state: &StateFolder,
    log: Log,
) -> anyhow::Result<(Running, PathBuf)> {
    let folder = state.path();
    let of_host = OfHost::of(&arguments.service.host)?;
    let allowed = Limits::read(arguments.service.host.limits.as_deref())?;
    // First of all: nobody else is at work in the folder from here on.
    let kept = match &arguments.etcd.store {
        Some(address) => Kept::Shared(Etcd::open(address, &arguments.etcd, folder).await?),
        None => Kept::Own(open(state)?),
    };
    let listener = listen::listen(arguments.listen)?;
    let address = listener.local_addr().context("can't tell where it listens")?;
    let users = Users::read(arguments.users.as_deref(), &folder.join("users.yaml"))?;
    let authorities = kept.authorities();
    let source = source(arguments, address);
    let tls = Tls::open(&folder.join("tls"), authorities, source, Clock::system().now())?;
    let tls = Arc::new(tls);
    let origin = match kept {
        Kept::Own(store) => Origin::Own(store),
        Kept::Shared(etcd) => {
            let advertised = shared::advertised(&arguments.etcd, address)?;
            Origin::Shared(etcd.stand(&arguments.etcd, advertised, &tls, &users)?)
        }
    };
    let kubeconfig = write_kubeconfig(arguments, folder, &tls, address)?;
    // No pod speaks to the server itself, unless the operator says so by name.
    let authorities = Arc::clone(&of_host.authorities);
    let reach = Reach { authorities, own_ports: vec![address.port()] };
    let runtime = Wasm::for_others(Given {
        images: &arguments.service.images,
        folder,
        named: arguments.state_dir.as_deref(),
        limits: &allowed,
        reach,
    })?;
    let telemetry = Telemetry::start(arguments.otlp_endpoint.as_deref())?;
    let tracer = telemetry.as_ref().map(Telemetry::tracer).unwrap_or_default();
    confine::hide(&arguments.service.confinement);
    let settings = state.settings(&arguments.backoff, of_host.clone(), &allowed);
    let running = Running::start(Parts {
        origin,
        runtime,
        allowed_hosts: of_host.hosts.clone(),
        metrics_objects_max: arguments.metrics_objects_max,
        signing_duration: arguments.cluster_signing_duration,
        settings: Settings {
            root_ca: tls.root_ca()?,
            terminated_pod_gc_threshold: arguments.terminated_pod_gc_threshold,
            node: NodeSettings { tracer, ..settings.node },
            ..settings
        },
        telemetry,
        log,
        listener,
        users,
        kubelets: Arc::new(Nodes::new(Arc::clone(&tls))),
        certificates: Renewal { tls, kubeconfig: kubeconfig.clone(), url: listen::url(address) },
    })
    .await?;
    Ok((running, kubeconfig))
}

/// Who keeps the state.
enum Kept {
    Own(Store),
    Shared(Etcd),
}

impl Kept {
    fn authorities(&self) -> Authorities {
        match self {
            Self::Own(_) => Authorities::Own,
            Self::Shared(_) => Authorities::Agreed,
        }
    }
}

/// Opens the store of `state`, which one process at a time has.
fn open(state: &StateFolder) -> anyhow::Result<Store> {
    let folder = state.store().context("a server's state must be in a folder")?;
    Store::open(&folder, Clock::system(), Names::random()).map_err(|error| {
        let is_in_use = matches!(error, OpenError::InUse { .. });
        let error = anyhow::Error::new(error);
        if is_in_use {
            error.context(
                "one mayfly at a time serves a state folder: stop the other, or give this one a \
                 folder of its own with --state-dir",
            )
        } else {
            error
        }
    })
}

fn source(arguments: &ServeArguments, address: SocketAddr) -> Source {
    match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificate), Some(key)) => {
            Source::Given { certificate: certificate.clone(), key: key.clone() }
        }
        _ => {
            let advertised = arguments.etcd.advertise.as_deref().map(shared::host_of);
            let mut further = arguments.tls_sans.clone();
            further.extend(advertised.map(ToOwned::to_owned));
            Source::Made(tls::names(address.ip(), &further))
        }
    }
}

/// Writes the kubeconfig, and says where.
fn write_kubeconfig(
    arguments: &ServeArguments,
    folder: &Path,
    tls: &Tls,
    address: SocketAddr,
) -> anyhow::Result<PathBuf> {
    let path = match &arguments.kubeconfig {
        Some(path) => path.clone(),
        None => places::kubeconfig(folder),
    };
    let path =
        std::path::absolute(&path).with_context(|| format!("no path: {}", path.display()))?;
    kubeconfig::write(&path, &listen::url(address), &tls.admin(Clock::system().now())?)?;
    Ok(path)
}

fn say_hello(arguments: &ServeArguments, address: SocketAddr, kubeconfig: &Path) {
    let (url, path) = (listen::url(address), kubeconfig.display());
    match arguments.service.log_format {
        LogFormat::Text => {
            eprintln!("mayfly: serving on {url}; export KUBECONFIG={path}");
            if !address.ip().is_loopback() {
                eprintln!("mayfly: other hosts can connect, and are let in with credentials only");
            }
        }
        LogFormat::Json => {
            tracing::info!(%address, url, kubeconfig = %path, "serving");
        }
    }
}

/// Says `words` to people, or to what reads for them.
fn say(format: LogFormat, words: &str) {
    match format {
        LogFormat::Text => eprintln!("mayfly: {words}"),
        LogFormat::Json => tracing::info!("{words}"),
    }
}
