//! Where containers meet WebAssembly: the node agent's `PodRuntime` over the sandbox.
//!
//! ```text
//! image name ─▶ file ─▶ digest ─▶ Module          Container ─▶ Guest, Limits
//! ContainerEnd ◀──────────── Outcome ◀──────────── Sandbox::run
//! ```
//!
//! The two libraries do not know each other; every word of one is given its meaning in the other
//! here.

mod code;
pub(crate) mod end;
mod kept;
mod network;
mod ready;
mod storage;
mod threads;
mod usage;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use mayfly_controller::node::{
    Container, ContainerEnd, Image, MountAccess, Output, PodRuntime, Pull, PullError, StartError,
    Stdin, Storage, StorageExceeded, StorageLimits, Stream,
};
use mayfly_images::Keyring;
use mayfly_runtime::{
    Access, Authorities, Engine, EngineSettings, Guest, Limits, Meter, Metering, Module, Mount,
    Sandbox,
};
use tokio_util::sync::CancellationToken;

use crate::args::ImageOptions;
use crate::images::{Images, Registries, shelves};
use crate::{compiler, descriptors, places};
pub(crate) use code::Stamp;
use kept::Kept;
use ready::{Fetcher, Ready};
use storage::PodSpaces;
use threads::GuestThreads;

/// Runs containers that are WebAssembly modules.
pub(crate) struct Wasm {
    engine: Engine,
    sandbox: Sandbox,
    threads: GuestThreads,
    fetcher: Fetcher,
    kept: Kept,
    /// What every run may use that its pod does not say.
    limits: Limits,
    reach: Reach,
}

/// What the network is like for every container.
pub(crate) struct Reach {
    /// Whose certificates are believed.
    pub(crate) authorities: Arc<Authorities>,
    /// Ports where this process listens.
    pub(crate) own_ports: Vec<u16>,
}

/// What the runtime of a process that works for others is made of.
pub(crate) struct Given<'a> {
    pub(crate) images: &'a ImageOptions,
    /// The state folder, and the same if it was named.
    pub(crate) folder: &'a Path,
    pub(crate) named: Option<&'a Path>,
    pub(crate) limits: &'a crate::limits::Limits,
    pub(crate) reach: Reach,
}

impl Wasm {
    /// The runtime of a server or a node, with the images of its state folder.
    pub(crate) fn for_others(given: Given<'_>) -> anyhow::Result<Self> {
        let Given { images: options, folder, named, limits, reach } = given;
        let shelves = shelves(Some(folder));
        // The operator's own logins are not for whoever may use the API.
        let logins = Keyring::default();
        let registries = Registries::new(options, &shelves, logins, limits.images)?;
        let images = Images::new(options, shelves)?;
        let cache = places::cache_dir(named).ok();
        let threads = crate::threads::of_use(limits.engine.instances_max);
        Self::new(images, registries, cache, limits, reach, threads)
    }

    /// Runs the modules that `images` and `registries` have, within `limits` and on so many `threads`;
    /// compiled code is kept in `cache`, if anywhere.
    pub(crate) fn new(
        images: Images,
        registries: Registries,
        cache: Option<PathBuf>,
        limits: &crate::limits::Limits,
        reach: Reach,
        threads: usize,
    ) -> anyhow::Result<Self> {
        let engine = engine(cache, &limits.engine)?;
        let sandbox = Sandbox::new(engine.clone());
        let threads = GuestThreads::start(threads)?;
        let fetcher = Fetcher::new(images, registries);
        let (kept, limits) = (Kept::default(), limits.runs);
        Ok(Self { engine, sandbox, threads, fetcher, kept, limits, reach })
    }

    /// Finds and compiles the image that `pull` names, before any pod does.
    pub(crate) async fn prepare(&self, pull: Pull, metering: Metering) -> Result<(), PullError> {
        let ready = self.fetcher.fetch(pull).await?.0;
        self.module(&ready, metering).await.map_err(PullError::Failed)?;
        Ok(())
    }

    async fn module(&self, ready: &Ready, metering: Metering) -> Result<Module, String> {
        ready.code.module(&self.engine, metering, &self.kept).await
    }
}

impl PodRuntime for Wasm {
    async fn pull(&self, pull: Pull) -> Result<Image, PullError> {
        let told = pull.compiled.clone();
        let (ready, was_present) = self.fetcher.fetch(pull).await?;
        // A module that can't be compiled is no image; how it is metered is not known yet.
        if !ready.code.is_compiled() {
            let begun = Instant::now();
            let compiled = self.module(&ready, Metering::Epochs).await;
            compiled.map_err(PullError::Failed)?;
            if let Some(told) = told {
                // Whoever asks for one image once is told once.
                let _ = told.set(begun.elapsed());
            }
            // That may have taken long, and it is only now that somebody runs it.
            ready.touch();
        }
        Ok(Image { id: ready.id.clone(), was_present, bytes: ready.bytes })
    }

    fn run(
        &self,
        container: Container,
        cancel: CancellationToken,
    ) -> impl Future<Output = Result<ContainerEnd, StartError>> + Send {
        // A future keeps the place of what it was given for as long as it waits.
        let mut container = Box::new(container);
        async move {
            let ready = self.fetcher.ready(&container.image_id).ok_or_else(|| {
                StartError(format!("image {} has not been pulled", container.image_id))
            })?;
            let metering = metering(container.limits.fuel, container.deterministic.is_some());
            let module = self.module(&ready, metering).await.map_err(StartError)?;
            let limits = limits_of(&container, self.limits);
            let headers = std::mem::take(&mut container.request_headers);
            let network = network::of(&container.network, headers, &self.reach);
            let guest = guest_of(*container, &ready).network(network);
            let sandbox = self.sandbox.clone();
            let run = async move { sandbox.run(&module, guest, limits, cancel).await };
            let outcome = self.threads.run(run).await;
            let outcome = outcome.context("can't run the container");
            Ok(end::of(outcome.map_err(|error| StartError(format!("{error:#}")))?))
        }
    }

    fn storage(
        &self,
        limits: StorageLimits,
        exceeded: Arc<dyn Fn(StorageExceeded) + Send + Sync>,
    ) -> Option<Arc<dyn Storage>> {
        Some(Arc::new(PodSpaces::new(limits, &exceeded)))
    }
}

/// Checks that `module` can be compiled and run, and leaves its code in `cache`.
pub(crate) fn check(module: Vec<u8>, cache: Option<PathBuf>) -> anyhow::Result<()> {
    crate::threads::start_for(1)?.block_on(async {
        engine(cache, &EngineSettings::default())?.load(module.into(), Metering::Epochs).await?;
        Ok(())
    })
}

/// How a module is compiled for a pod with this budget of instructions, or one that is the same on
/// every run.
pub(crate) fn metering(fuel: Option<u64>, is_deterministic: bool) -> Metering {
    match (is_deterministic, fuel) {
        (true, _) => Metering::Deterministic,
        (false, Some(_)) => Metering::Fuel,
        (false, None) => Metering::Epochs,
    }
}

fn engine(cache: Option<PathBuf>, settings: &EngineSettings) -> anyhow::Result<Engine> {
    let compiler = compiler::child();
    let descriptors_max = Some(descriptors::for_guests());
    let settings = |cache_dir| EngineSettings {
        cache_dir,
        descriptors_max,
        compiler: compiler.clone(),
        ..settings.clone()
    };
    match Engine::new(settings(cache)) {
        // It is only slower without.
        Err(error @ mayfly_runtime::Error::CacheFolder { .. }) => {
            eprintln!("mayfly: {:#}; going on without", anyhow::Error::new(error));
            Ok(Engine::new(settings(None))?)
        }
        result => Ok(result?),
    }
}

fn guest_of(mut container: Container, ready: &Ready) -> Guest {
    let arguments = ready.arguments(&mut container);
    ready.complete(&mut container);
    let meter = Meter::new();
    container.gauge.read_from(usage::Metered(meter.clone()));
    let mut guest = Guest::new()
        .args(arguments)
        .meter(meter)
        .output(Arc::new(Printed(container.output)))
        .termination_log(container.termination_log)
        .stdin(match container.stdin {
            Stdin::Closed => mayfly_runtime::Stdin::Closed,
            Stdin::Open(input) => mayfly_runtime::Stdin::Stream(Box::new(input)),
        });
    for (name, value) in container.env {
        guest = guest.env(name, value);
    }
    for mount in container.mounts {
        let access = match mount.access {
            MountAccess::ReadOnly => Access::ReadOnly,
            MountAccess::ReadWrite => Access::ReadWrite,
        };
        let space = PodSpaces::of(container.storage.as_ref(), &mount.volume);
        let (host, below) = (mount.host_path, mount.below);
        let mount = Mount { host, below, guest: mount.mount_path, access };
        guest = match space {
            Some(space) => guest.mount_within(mount, space),
            None => guest.mount(mount),
        };
    }
    if let Some(seed) = container.deterministic {
        guest = guest.deterministic(&seed);
    }
    match container.working_dir {
        Some(folder) => guest.working_dir(folder),
        None => guest,
    }
}

/// What `container` may use: what its node lets it have, and what every run may use.
fn limits_of(container: &Container, every: Limits) -> Limits {
    let own = container.limits;
    let files = own.open_files.map(|files| u32::try_from(files).unwrap_or(u32::MAX));
    Limits {
        memory_bytes: own.memory_bytes.unwrap_or(every.memory_bytes),
        memory_reserved_bytes: own.memory_reserved_bytes,
        cpu_millis: own.cpu_millis,
        fuel: own.fuel,
        // Deadlines are the node's, which cancels.
        deadline: None,
        output_bytes: own.output_bytes.unwrap_or(every.output_bytes),
        descriptors: files.unwrap_or(every.descriptors),
        network_bytes: own.network_bytes.unwrap_or(every.network_bytes),
        ..every
    }
}

/// A container's output as a guest's.
struct Printed(Arc<dyn Output>);

impl mayfly_runtime::Output for Printed {
    fn write(&self, stream: mayfly_runtime::Stream, bytes: &[u8]) -> io::Result<()> {
        let stream = match stream {
            mayfly_runtime::Stream::Stdout => Stream::Stdout,
            mayfly_runtime::Stream::Stderr => Stream::Stderr,
        };
        self.0.write(stream, bytes)
    }
}
