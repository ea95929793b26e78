//! Compiles modules and components, and keeps what is compiled.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;

use crate::backend::{Allocation, Backend};
use crate::cache::{About, CodeCache};
use crate::compile::{self, Compiler, Work};
use crate::confine::CompilerBounds;
use crate::error::{Error, ModuleError};
use crate::footprint;
use crate::inspect::{self, Kind};
use crate::module::{self, Compiled, Digest, Metering, Module, Program};
use crate::module_limits::ModuleLimits;
use crate::permits::HostDescriptors;
use crate::pool::MemoryPool;
use crate::preview2;
use crate::ticker::Ticker;

/// How an [`Engine`] is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSettings {
    /// Guests that run at a time; the next waits until one ends.
    ///
    /// Each has two slots of 4 GiB of address space set aside, of which it costs what it uses. 1000
    /// by default: a tenth of what x86-64 can address.
    pub instances_max: u32,
    /// Bytes that all guests may hold together, of memory as their own
    /// [limits](crate::Limits::memory_bytes) count it; `None`, the default, is as many as they ask
    /// for.
    ///
    /// Stops guests from taking more than the host has, each of them within its limit. What is set
    /// aside for a run that begins is taken from those that have most beyond what is set aside for
    /// them, which ends them.
    pub memory_bytes_max: Option<u64>,
    /// Descriptors of this process that all guests may have together, for files, sockets and mounts;
    /// `None`, the default, is as many as they ask for.
    ///
    /// Stops guests from leaving none to whoever else works in this process. A file that is one more
    /// can't be opened; a run with more mounts than there are left waits.
    pub descriptors_max: Option<usize>,
    /// A folder of ours alone for compiled code; it is made if it is not there, and must be nobody
    /// else's to write to. `None`, the default, compiles anew in each process.
    pub cache_dir: Option<PathBuf>,
    /// Bytes that compiled code may have there; what was not used for longest goes.
    ///
    /// Stops whoever has many modules compiled from filling the disk. 16 GiB by default: some sixty
    /// of the largest known program, and thousands of most.
    pub cache_bytes_max: u64,
    /// Bytes that a module may have. 128 MiB by default: the largest known program, a chip
    /// synthesiser, has 60 MB.
    pub module_bytes_max: u64,
    /// What a module may consist of.
    pub module_limits: ModuleLimits,
    /// Who compiles. This process, by default.
    pub compiler: Compiler,
    /// How long a module may take to be compiled, once it is its turn: those before it are not its
    /// fault. 10 minutes by default: the same program takes half a minute on two quick cores, and many
    /// times that on a busy host.
    pub compile_deadline: Duration,
    /// Memory that a compiler in a process of its own may write to. 4 GiB by default: a Perl of 25
    /// MB takes 350 MB.
    pub compile_memory_bytes_max: u64,
    /// Processor time of a compiler in a process of its own, in whole seconds, on all cores together.
    /// 5 minutes by default: the same program takes a quarter of that.
    pub compile_cpu_max: Duration,
    /// Modules that are compiled at a time; each uses all cores. 2 by default, so that a large one
    /// does not keep the small ones waiting.
    pub compiles_max: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            instances_max: 1000,
            memory_bytes_max: None,
            descriptors_max: None,
            cache_dir: None,
            cache_bytes_max: 16 << 30,
            module_bytes_max: 128 << 20,
            module_limits: ModuleLimits::default(),
            compiler: Compiler::InProcess,
            compile_deadline: Duration::from_secs(600),
            compile_memory_bytes_max: 4 << 30,
            compile_cpu_max: Duration::from_secs(300),
            compiles_max: 2,
        }
    }
}

impl EngineSettings {
    fn bounds(&self) -> CompilerBounds {
        CompilerBounds {
            memory_bytes_max: self.compile_memory_bytes_max,
            cpu_seconds_max: self.compile_cpu_max.as_secs(),
        }
    }
}

/// Compiles modules, and keeps what is compiled. One a process is enough; cheap to clone.
///
/// It must be used within a tokio runtime with time enabled, and with I/O if modules are compiled in
/// processes of their own.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    settings: EngineSettings,
    cache: Option<CodeCache>,
    ticker: Ticker,
    /// Made when they are first needed.
    backends: Mutex<HashMap<(Metering, Allocation), Arc<Backend>>>,
    loaded: Mutex<HashMap<(Digest, Metering), Arc<Loading>>>,
    compiles: Arc<Semaphore>,
    instances: Arc<Semaphore>,
    memory: Arc<MemoryPool>,
    descriptors: HostDescriptors,
}

/// One module, locked while it is being compiled so that whoever wants it too waits for it.
type Loading = tokio::sync::Mutex<Weak<Compiled>>;

impl Engine {
    /// Sets one up. It compiles nothing yet, and costs next to nothing.
    pub fn new(settings: EngineSettings) -> Result<Self, Error> {
        let cache = match &settings.cache_dir {
            Some(path) => Some(
                CodeCache::open(path, settings.cache_bytes_max)
                    .map_err(|source| Error::CacheFolder { path: path.clone(), source })?,
            ),
            None => None,
        };
        let ticker = Ticker::start().map_err(|error| Error::Engine(error.into()))?;
        let engine = Self(Arc::new(Inner {
            compiles: Arc::new(Semaphore::new(settings.compiles_max.max(1))),
            instances: Arc::new(Semaphore::new(settings.instances_max.max(1) as usize)),
            memory: MemoryPool::new(settings.memory_bytes_max.unwrap_or(u64::MAX)),
            descriptors: HostDescriptors::new(settings.descriptors_max.unwrap_or(usize::MAX)),
            settings,
            cache,
            ticker,
            backends: Mutex::default(),
            loaded: Mutex::default(),
        }));
        engine.0.backend(Metering::Epochs, Allocation::Pool).map_err(engine_error)?;
        Ok(engine)
    }

    /// Checks `wasm`, and compiles it unless that was done before.
    ///
    /// Dropping the future, or the deadline for compiling, kills a compiler that is a process of its
    /// own. One in this process is left to end by itself on its thread: it can't be stopped.
    pub async fn load(&self, wasm: Bytes, metering: Metering) -> Result<Module, ModuleError> {
        let bytes_max = self.0.settings.module_bytes_max;
        if wasm.len() as u64 > bytes_max {
            return Err(ModuleError::TooLarge { bytes: wasm.len() as u64, bytes_max });
        }
        let kind = inspect::kind_of(&wasm)?;
        let (digest, wasm) = blocking(move || (Digest::of(&wasm), wasm)).await?;
        self.load_once(digest, kind, wasm, metering).await
    }

    /// The module with this digest, if it is loaded, or was compiled before and kept: then nobody needs
    /// its bytes. It fails as [`load`](Self::load) does where a module may not have as many any more.
    pub async fn load_compiled(
        &self,
        digest: Digest,
        metering: Metering,
    ) -> Result<Option<Module>, ModuleError> {
        let loading = self.0.loading(digest, metering);
        let mut loading = loading.lock().await;
        if let Some(compiled) = loading.upgrade() {
            return Ok(Some(Module(compiled)));
        }
        let found = self.compiled_before(digest, metering).await?;
        Ok(found.map(|found| held(&mut loading, found)))
    }

    /// Loads a module that nobody has at the moment, and waits if somebody is just loading it.
    async fn load_once(
        &self,
        digest: Digest,
        kind: Kind,
        wasm: Bytes,
        metering: Metering,
    ) -> Result<Module, ModuleError> {
        let loading = self.0.loading(digest, metering);
        let mut loading = loading.lock().await;
        if let Some(compiled) = loading.upgrade() {
            return Ok(Module(compiled));
        }
        let compiled = match self.compiled_before(digest, metering).await? {
            Some(compiled) => compiled,
            None => self.compile(digest, kind, wasm, metering).await?,
        };
        Ok(held(&mut loading, compiled))
    }

    /// What the cache has, if that is of use.
    async fn compiled_before(
        &self,
        digest: Digest,
        metering: Metering,
    ) -> Result<Option<Compiled>, ModuleError> {
        let inner = Arc::clone(&self.0);
        let find = move || inner.compiled_before(digest, metering);
        // To start a thread takes longer, and where there is one alone, it has little else to do.
        match Handle::current().runtime_flavor() {
            RuntimeFlavor::CurrentThread => find(),
            _ => blocking(find).await?,
        }
    }

    /// Compiles `wasm`, as soon as it is its turn.
    async fn compile(
        &self,
        digest: Digest,
        kind: Kind,
        wasm: Bytes,
        metering: Metering,
    ) -> Result<Compiled, ModuleError> {
        let permit = Arc::clone(&self.0.compiles).acquire_owned().await;
        let permit = permit.map_err(|error| ModuleError::Host(error.into()))?;
        let deadline = self.0.settings.compile_deadline;
        let work = Work { kind, metering, limits: self.0.settings.module_limits };
        let artifact = self.compiled(permit, work, wasm.clone());
        let artifact = tokio::time::timeout(deadline, artifact)
            .await
            .unwrap_or(Err(ModuleError::CompileDeadline(deadline)))?;
        let inner = Arc::clone(&self.0);
        blocking(move || inner.keep(digest, kind, &wasm, &artifact, metering)).await?
    }

    /// What the compiler makes of `wasm`, whose turn is over when it has ended.
    async fn compiled(
        &self,
        turn: OwnedSemaphorePermit,
        work: Work,
        wasm: Bytes,
    ) -> Result<Vec<u8>, ModuleError> {
        match &self.0.settings.compiler {
            Compiler::InProcess => {
                let inner = Arc::clone(&self.0);
                let compile = move || {
                    let _turn = turn; // held by the compiler even when nobody waits for it
                    let backend =
                        inner.backend(work.metering, Allocation::Pool).map_err(host_error)?;
                    compile::compile(&backend.engine, work, &wasm)
                };
                blocking(compile).await?
            }
            Compiler::Child { program, args } => {
                let _turn = turn;
                compile::in_child(program, args, work, self.0.settings.bounds(), wasm).await
            }
        }
    }

    /// Turns at the compiler.
    #[cfg(test)]
    pub(crate) fn compiles(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.compiles)
    }

    pub(crate) fn instances(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.instances)
    }

    pub(crate) fn memory(&self) -> &Arc<MemoryPool> {
        &self.0.memory
    }

    pub(crate) fn descriptors(&self) -> &HostDescriptors {
        &self.0.descriptors
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.0.ticker
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ModuleError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ModuleError::Host(error.into()))
}

fn engine_error(error: wasmtime::Error) -> Error {
    Error::Engine(error.into_boxed_dyn_error())
}

impl Inner {
    fn loading(&self, digest: Digest, metering: Metering) -> Arc<Loading> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody else holds an entry of ours, and its module is gone: nothing is lost with it.
        loaded.retain(|_, loading| {
            Arc::strong_count(loading) > 1
                || loading.try_lock().map_or(true, |weak| weak.strong_count() > 0)
        });
        Arc::clone(loaded.entry((digest, metering)).or_default())
    }

    /// The engine of that kind. One whose pool can't be had makes do without.
    fn backend(
        &self,
        metering: Metering,
        allocation: Allocation,
    ) -> wasmtime::Result<Arc<Backend>> {
        let mut backends = self.backends.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(backend) = backends.get(&(metering, allocation)) {
            return Ok(Arc::clone(backend));
        }
        let instances = self.settings.instances_max.max(1);
        let backend = match (Backend::new(metering, allocation, instances), allocation) {
            (Err(error), Allocation::Pool) => {
                tracing::warn!(%error, "no pool of instances; each start will take longer");
                Backend::new(metering, Allocation::OnDemand, instances)?
            }
            (backend, _) => backend?,
        };
        if metering == Metering::Epochs {
            self.ticker.add(&backend.engine);
        }
        let backend = Arc::new(backend);
        backends.insert((metering, allocation), Arc::clone(&backend));
        Ok(backend)
    }

    /// What the cache has. Blocks while it is read.
    fn compiled_before(
        &self,
        digest: Digest,
        metering: Metering,
    ) -> Result<Option<Compiled>, ModuleError> {
        let Some(cache) = &self.cache else { return Ok(None) };
        let Some(kept) = cache.get(&self.key(digest, metering)?) else { return Ok(None) };
        let About { kind, wasm_bytes, run_bytes } = kept.about;
        let bytes_max = self.settings.module_bytes_max;
        if wasm_bytes > bytes_max {
            return Err(ModuleError::TooLarge { bytes: wasm_bytes, bytes_max });
        }
        let mapped = self.link(kind, Artifact::File(&kept.path), metering);
        // What lies where nothing may be executed can't be mapped.
        let program = mapped.or_else(|_| {
            let artifact = kept.read().map_err(|error| ModuleError::Host(error.into()))?;
            self.link(kind, Artifact::Bytes(&artifact), metering)
        });
        match program {
            Ok(program) => Ok(Some(Compiled { digest, metering, program, run_bytes })),
            Err(error) => {
                tracing::warn!(%digest, %error, "compiled code can't be used");
                Ok(None)
            }
        }
    }

    /// The program that `wasm` was just compiled to, which is kept for the next time. Blocks while it is
    /// written.
    fn keep(
        &self,
        digest: Digest,
        kind: Kind,
        wasm: &[u8],
        artifact: &[u8],
        metering: Metering,
    ) -> Result<Compiled, ModuleError> {
        let program = self.link(kind, Artifact::Bytes(artifact), metering)?;
        // It has been found to be valid by now.
        let run_bytes = footprint::run_bytes(wasm);
        let run_bytes = run_bytes.map_err(|error| ModuleError::Host(error.into()))?;
        if let Some(cache) = &self.cache {
            let about = About { kind, wasm_bytes: wasm.len() as u64, run_bytes };
            cache.put(&self.key(digest, metering)?, about, artifact);
        }
        Ok(Compiled { digest, metering, program, run_bytes })
    }

    /// What compiled code of the module is kept under.
    fn key(&self, digest: Digest, metering: Metering) -> Result<String, ModuleError> {
        let backend = self.backend(metering, Allocation::Pool).map_err(host_error)?;
        let limits = self.settings.module_limits.mark();
        Ok(format!("{}-{}{limits}", digest.hex(), backend.compatibility))
    }

    /// Makes a program of compiled code: in the pool, or if it does not fit there, out of it.
    fn link(
        &self,
        kind: Kind,
        artifact: Artifact<'_>,
        metering: Metering,
    ) -> Result<Program, ModuleError> {
        let pooled = self.backend(metering, Allocation::Pool).map_err(host_error)?;
        let on_demand = || self.backend(metering, Allocation::OnDemand).map_err(host_error);
        match kind {
            Kind::Module => {
                if let Ok(module) = module_of(&pooled, artifact) {
                    return module::link(&pooled, &module).map(Program::Module);
                }
                let on_demand = on_demand()?;
                let module = module_of(&on_demand, artifact).map_err(host_error)?;
                module::link(&on_demand, &module).map(Program::Module)
            }
            Kind::Component => {
                if let Ok(component) = component_of(&pooled, artifact) {
                    let linker = pooled.component_linker().map_err(host_error)?;
                    return preview2::link(linker, &component).map(Program::Component);
                }
                let on_demand = on_demand()?;
                let component = component_of(&on_demand, artifact).map_err(host_error)?;
                let linker = on_demand.component_linker().map_err(host_error)?;
                preview2::link(linker, &component).map(Program::Component)
            }
        }
    }
}

/// Compiled code, wherever it is.
#[derive(Clone, Copy)]
enum Artifact<'a> {
    Bytes(&'a [u8]),
    /// At the beginning of a file that nobody changes.
    File(&'a Path),
}

#[expect(unsafe_code, reason = "loading our own compiled code")]
fn module_of(backend: &Backend, artifact: Artifact<'_>) -> wasmtime::Result<wasmtime::Module> {
    let engine = &backend.engine;
    // SAFETY: the artifact was made by this very version of wasmtime with these settings (which
    // wasmtime checks): just now, here or by a compiler that we started and that came to its end
    // within what it may do; or by an earlier process, which left it in a folder where nobody but us
    // can write, under a digest that was found to be right. We never write to a file once it is there.
    unsafe {
        match artifact {
            Artifact::Bytes(bytes) => wasmtime::Module::deserialize(engine, bytes),
            Artifact::File(path) => wasmtime::Module::deserialize_file(engine, path),
        }
    }
}

#[expect(unsafe_code, reason = "loading our own compiled code")]
fn component_of(backend: &Backend, artifact: Artifact<'_>) -> wasmtime::Result<Component> {
    let engine = &backend.engine;
    // SAFETY: as for a module.
    unsafe {
        match artifact {
            Artifact::Bytes(bytes) => Component::deserialize(engine, bytes),
            Artifact::File(path) => Component::deserialize_file(engine, path),
        }
    }
}

/// Has `compiled` be what others find while anybody has it.
fn held(loading: &mut Weak<Compiled>, compiled: Compiled) -> Module {
    let compiled = Arc::new(compiled);
    *loading = Arc::downgrade(&compiled);
    Module(compiled)
}

fn host_error(error: wasmtime::Error) -> ModuleError {
    ModuleError::Host(error.into_boxed_dyn_error())
}
