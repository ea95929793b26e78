//! Runs one container once: everything it needs is got together, then it is handed to the runtime.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::client::ClusterClient;
use super::directory::PodDirectory;
use super::downward::{Allocatable, Downward, containers};
use super::env::Environment;
use super::events::Pulled;
use super::expand::expand;
use super::inputs::{Inputs, OpenInput};
use super::logins::{self, Logins};
use super::logs::{LogMeter, LogWriter, Logs, Run};
use super::pod::Progress;
use super::record::Termination;
use super::runtime::{
    Container, ContainerEnd, Image, Network, PodIdentity, PodRuntime, Pull, PullPolicy,
    ResourceLimits, StartError, Stdin, Storage,
};
use super::settings::VolumeSettings;
use super::sources::{ConfigError, Needed, Sources};
use super::spans::Spans;
use super::status::container_id;
use super::storage;
use super::termination;
use super::usage::{Gauge, Usages};
use super::volumes::{self, HostPaths};
use super::worker::{Message, MessageSender};
use crate::annotations::Annotations;
use crate::api::{self, Pod, PodSpec, Timestamp};
use crate::clock::Clock;
use crate::network::{self, AllowedHosts};
use crate::quota::OperatorLimits;
use crate::trace::Tracer;

/// Where a container sees its termination message if its pod does not say.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// What is the same for every pod of a node.
pub(crate) struct Host<C, R> {
    pub(crate) client: C,
    pub(crate) runtime: Arc<R>,
    pub(crate) clock: Clock,
    pub(crate) logs: Logs,
    pub(crate) inputs: Inputs,
    pub(crate) usages: Usages,
    pub(crate) ip: String,
    pub(crate) allocatable: Allocatable,
    pub(crate) host_paths: HostPaths,
    pub(crate) limits: OperatorLimits,
    pub(crate) allowed_hosts: AllowedHosts,
    pub(crate) volumes: VolumeSettings,
    pub(crate) tracer: Tracer,
}

/// One run of a container that is to begin.
pub(crate) struct Launch<C, R> {
    pub(crate) host: Arc<Host<C, R>>,
    pub(crate) pod: Arc<Pod>,
    pub(crate) identity: Arc<PodIdentity>,
    pub(crate) directory: PodDirectory,
    /// Its place among all containers of the pod.
    pub(crate) index: usize,
    pub(crate) restart: u32,
    /// Tells of it, once it has begun and if somebody wants to know.
    pub(crate) spans: Option<Box<Spans>>,
    /// The account of what the pod stores, and of what its logs take.
    pub(crate) storage: Option<Arc<dyn Storage>>,
    pub(crate) log_meter: Option<Arc<LogMeter>>,
}

/// What a run is given, and where it leaves things.
struct Prepared {
    container: Container,
    log: Arc<LogWriter>,
    run: Arc<Run>,
    /// Closes the container's input when the run is over.
    input: Option<OpenInput>,
    skipped: Vec<String>,
}

impl<C: ClusterClient, R: PodRuntime> Launch<C, R> {
    /// Runs the container, and tells of everything on the way. The last that it tells is
    /// how the run ended or why there was none.
    ///
    /// Very many of these wait at a time, so what is large is on the heap, and only while it is
    /// needed.
    pub(crate) async fn run(
        mut self: Box<Self>,
        cancel: CancellationToken,
        messages: MessageSender,
    ) {
        let index = self.index;
        self.spans = self.spans();
        // The worker holds the receiver for as long as it holds this task.
        let report = async |progress| drop(messages.send(told(index, progress)).await);
        let ready = tokio::select! {
            biased;
            () = cancel.cancelled() => return report(Progress::Abandoned).await,
            ready = Box::pin(self.prepare(&messages)) => ready,
        };
        let (mut prepared, image_id, pulled) = match ready {
            Ok(ready) => ready,
            Err(failure) => {
                if let Some(spans) = &self.spans {
                    spans.failed(self.host.clock.now(), &failure);
                }
                return report(failure).await;
            }
        };
        let name = &prepared.container.name;
        if let Err(error) = self.host.client.begins(&self.identity, name, self.restart).await {
            // What nobody would know of must not begin.
            let why = format!("{error}: {}", error.source);
            return report(Progress::ConfigFailed("CreateContainerError", why)).await;
        }
        let started_at = self.host.clock.now();
        if let Some(spans) = &self.spans {
            spans.started(started_at);
        }
        let skipped = mem::take(&mut prepared.skipped);
        report(Progress::Started { image_id, pulled, skipped }).await;
        let gauge = prepared.container.gauge.clone();
        let Prepared { container, log, run, input, .. } = *prepared;
        let metered = self.host.usages.begin(&run, gauge.clone());
        let result = self.host.runtime.run(container, cancel.clone()).await;
        drop(input);
        log.finish();
        let was_started = result.is_ok();
        let (mut termination, written) =
            self.termination(result, started_at, cancel.is_cancelled());
        if let Some(spec) = self.spec() {
            let (code, said) = (termination.exit_code, termination.message.take());
            termination.message =
                termination::message(spec, code, said, written, &self.host.logs, &run);
        }
        self.host.usages.times().ran(started_at, self.host.clock.now());
        metered.ended(&termination.reason);
        let usage = gauge.read();
        if let Some(spans) = &self.spans {
            spans.ran(&termination, usage.as_ref());
        }
        report(match was_started {
            true => Progress::Ended { termination, usage },
            false => Progress::StartError(termination),
        })
        .await;
    }

    fn spans(&self) -> Option<Box<Spans>> {
        let container = (self.spec()?.name.as_str(), self.restart);
        let (host, begun) = (&self.host, || self.host.clock.now());
        Spans::of(&host.tracer, &self.pod, &self.identity, container, begun)
    }

    fn spec(&self) -> Option<&api::Container> {
        containers(&self.pod).nth(self.index)
    }

    /// How the run has ended, and what the container left to be said of it.
    fn termination(
        &self,
        result: Result<ContainerEnd, StartError>,
        started_at: Timestamp,
        is_cancelled: bool,
    ) -> (Termination, Vec<u8>) {
        let (exit_code, reason, message, written) = match result {
            // Nobody is told which of our means ended it: it was killed, as by a signal.
            Ok(ContainerEnd { exit_code: 137, message, termination_log, .. }) if is_cancelled => {
                (137, "Error".to_owned(), message, termination_log)
            }
            Ok(ContainerEnd { exit_code, reason, message, termination_log }) => {
                (exit_code, reason, message, termination_log)
            }
            Err(StartError(message)) => (128, "StartError".to_owned(), Some(message), Vec::new()),
        };
        let name = self.spec().map_or("", |spec| spec.name.as_str());
        let termination = Termination {
            exit_code,
            reason,
            message,
            started_at: Some(started_at),
            finished_at: Some(self.host.clock.now()),
            container_id: Some(container_id(&self.identity.uid, name, self.restart)),
        };
        (termination, written)
    }

    /// Everything that the run needs; its image first, as the kubelet does.
    async fn prepare(
        &self,
        messages: &MessageSender,
    ) -> Result<(Box<Prepared>, String, Option<Pulled>), Progress> {
        let config = |error: ConfigError| {
            Progress::ConfigFailed("CreateContainerConfigError", error.to_string())
        };
        let (Some(container), Some(spec)) = (self.spec(), &self.pod.spec) else {
            return Err(config(ConfigError("container not found in its pod".to_owned())));
        };
        let (image, pulled) = self.pull(container, spec, messages).await?;
        let needed = Needed::by_env(container);
        let sources = Sources::fetch(&self.host.client, &self.identity.namespace, &needed);
        let sources = sources.await.map_err(|error| config(ConfigError(error.to_string())))?;
        let environment = Environment::of(container, &self.downward(), &sources).map_err(config)?;
        let places = (&self.host.host_paths, self.host.volumes.memory_root.as_deref());
        let mounts = volumes::mounts(container, spec, &environment, &self.directory, places);
        let mounts = mounts.map_err(config)?;
        if let Some(directory) = container.working_dir.as_deref().filter(|path| !path.is_empty()) {
            volumes::make_working_dir(directory, &mounts);
        }
        let log = self.log(container).map_err(|error| {
            Progress::ConfigFailed("CreateContainerError", format!("making its log: {error}"))
        })?;
        let network = self.network().map_err(config)?;
        let prepared = self.assemble(container, &image.id, environment, (mounts, network), log);
        Ok((Box::new(prepared), image.id, pulled))
    }

    /// Has the image ready, and tells when it has to be fetched.
    async fn pull(
        &self,
        container: &api::Container,
        spec: &PodSpec,
        messages: &MessageSender,
    ) -> Result<(Image, Option<Pulled>), Progress> {
        let tell = async |progress| drop(messages.send(told(self.index, progress)).await);
        let policy = match container.image_pull_policy.as_deref() {
            Some("Always") => PullPolicy::Always,
            Some("Never") => PullPolicy::Never,
            _ => PullPolicy::IfNotPresent,
        };
        let found = logins::of(&self.host.client, &self.identity.namespace, spec).await;
        let Logins { files, missing } = found.map_err(|error| {
            Progress::ConfigFailed("CreateContainerConfigError", error.to_string())
        })?;
        if !missing.is_empty() {
            tell(Progress::SecretsMissing(missing)).await;
        }
        let image = container.image.as_deref().unwrap_or_default();
        let compiled = self.spans.as_ref().map(|it| Arc::clone(&it.compiled));
        let pull = Pull { logins: files, compiled, ..Pull::new(image, policy) };
        let (asked_at, fetching) = (self.host.clock.now(), Arc::clone(&pull.fetching));
        let mut is_announced = false;
        let mut pulling = std::pin::pin!(self.host.runtime.pull(pull));
        let image = loop {
            tokio::select! {
                biased;
                image = &mut pulling => break image,
                () = fetching.notified(), if !is_announced => {
                    is_announced = true;
                    tell(Progress::Fetching).await;
                }
            }
        };
        if let Some(spans) = &self.spans {
            let name = container.image.as_deref().unwrap_or_default();
            spans.pulled((asked_at, self.host.clock.now()), name, &image);
        }
        let image = image.map_err(|error| Progress::PullFailed(error, is_announced))?;
        let took = Duration::try_from(self.host.clock.now().duration_since(asked_at));
        let (took, bytes) = (took.unwrap_or_default(), image.bytes);
        let pulled = (!image.was_present).then_some(Pulled { took, bytes, is_announced });
        Ok((image, pulled))
    }

    fn downward(&self) -> Downward<'_> {
        let host = &self.host;
        Downward { pod: &self.pod, host_ip: &host.ip, allocatable: host.allocatable }
    }

    /// The log of this run, which is new.
    fn log(&self, container: &api::Container) -> io::Result<(Arc<LogWriter>, Arc<Run>)> {
        let (pod, container) = (PodIdentity::clone(&self.identity), container.name.clone());
        let run = Arc::new(Run { pod, container, restart: self.restart });
        let log = self.host.logs.create(Arc::clone(&run), self.log_meter.clone())?;
        Ok((log, run))
    }

    fn assemble(
        &self,
        container: &api::Container,
        image_id: &str,
        environment: Environment,
        (mounts, network): (Vec<super::runtime::Mount>, Network),
        (log, run): (Arc<LogWriter>, Arc<Run>),
    ) -> Prepared {
        let expanded = |texts: &Option<Vec<String>>| {
            let texts = texts.iter().flatten();
            texts.map(|text| expand(text, |name| environment.get(name))).collect()
        };
        let message_path = container.termination_message_path.as_deref();
        let message_path = message_path.filter(|path| !path.is_empty()).unwrap_or(TERMINATION_LOG);
        let output: Arc<dyn super::runtime::Output> = Arc::clone(&log) as _;
        let (stdin, input) = match container.stdin {
            Some(true) => {
                let is_once = container.stdin_once == Some(true);
                let (input, open) = self.host.inputs.open(&run, is_once);
                (Stdin::Open(input), Some(open))
            }
            _ => (Stdin::Closed, None),
        };
        let command = expanded(&container.command);
        let args = expanded(&container.args);
        let annotations = Annotations::of(&self.pod.metadata);
        let container = Container {
            pod: PodIdentity::clone(&self.identity),
            name: container.name.clone(),
            restart_count: self.restart,
            image_id: image_id.to_owned(),
            command,
            args,
            env: with_hostname(environment.variables, &self.pod),
            working_dir: container.working_dir.clone().filter(|path| !path.is_empty()),
            mounts,
            network,
            request_headers: self.spans.as_ref().map(|it| it.headers()).unwrap_or_default(),
            storage: self.storage.clone(),
            limits: limits(&annotations, container, &self.host.limits),
            deterministic: annotations.deterministic,
            stdin,
            output,
            gauge: Gauge::default(),
            termination_log: message_path.to_owned(),
        };
        Prepared { container, log, run, input, skipped: environment.skipped }
    }
}

impl<C, R> Launch<C, R> {
    /// What the container reaches. A pod that asks for more than it may have does not run: it was
    /// made by a controller, or when more was allowed.
    fn network(&self) -> Result<Network, ConfigError> {
        let (allowed, namespace) = (&self.host.allowed_hosts, &self.identity.namespace);
        let asked = network::asked(&self.pod.metadata);
        let asked = asked.map_err(|error| ConfigError(error.to_string()))?;
        if asked.is_empty() {
            return Ok(Network::default());
        }
        allowed.check(namespace, &asked).map_err(|error| ConfigError(error.to_string()))?;
        Ok(Network { asked, allowed: allowed.of(namespace).cloned().collect() })
    }
}

/// What is told of the container in place `index`.
fn told(index: usize, progress: Progress) -> Box<Message> {
    Box::new(Message::Container(index, progress))
}

/// `env` with the pod's host name, which container runtimes for Kubernetes give to every container.
fn with_hostname(mut env: Vec<(String, String)>, pod: &Pod) -> Vec<(String, String)> {
    if env.iter().all(|(name, _)| name != "HOSTNAME") {
        let own = pod.spec.as_ref().and_then(|spec| spec.hostname.as_deref());
        let own = own.filter(|own| !own.is_empty()).or(pod.metadata.name.as_deref());
        // As long as a DNS label may be; both are ASCII.
        let hostname: String = own.unwrap_or_default().chars().take(63).collect();
        let hostname = hostname.trim_end_matches(['-', '.']).to_owned();
        env.push(("HOSTNAME".to_owned(), hostname));
    }
    env
}

/// Makes the volumes of a pod; fails with the name of the one that can't be made, and why.
pub(crate) async fn prepare_volumes<C: ClusterClient, R>(
    host: &Host<C, R>,
    pod: &Pod,
    identity: &PodIdentity,
    directory: &PodDirectory,
) -> Result<(), (String, String)> {
    let Some(spec) = pod.spec.as_deref() else { return Ok(()) };
    let Some(volumes) = &spec.volumes else { return Ok(()) };
    let needed = Needed::by_volumes(spec);
    let sources = Sources::fetch(&host.client, &identity.namespace, &needed).await;
    let sources = sources.map_err(|error| (volumes[0].name.clone(), error.to_string()))?;
    let downward = Downward { pod, host_ip: &host.ip, allocatable: host.allocatable };
    for volume in volumes {
        let failed = |detail: String| (volume.name.clone(), detail);
        if let Some(source) = &volume.host_path {
            host.host_paths.prepare(source).map_err(|error| failed(error.to_string()))?;
            continue;
        }
        let content = volumes::content(volume, &downward, &sources)
            .map_err(|error| failed(error.to_string()))?;
        let folder = storage::folder(volume, directory, host.volumes.memory_root.as_deref());
        let folder = folder.ok_or_else(|| failed("it has no place".to_owned()))?;
        volumes::materialise(&folder, &content).map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}

/// What a container may use: what its pod says and the operator lets it have.
fn limits(
    annotations: &Annotations,
    container: &api::Container,
    operator: &OperatorLimits,
) -> ResourceLimits {
    ResourceLimits {
        memory_bytes: operator.memory_bytes(container),
        memory_reserved_bytes: operator.memory_request_bytes(container),
        cpu_millis: operator.cpu_millis(container),
        fuel: operator.fuel.grant(annotations.fuel),
        output_bytes: operator.output_bytes.grant(annotations.output_bytes),
        open_files: operator.open_files.grant(annotations.open_files),
        network_bytes: operator.network_bytes.grant(annotations.network_bytes),
    }
}
