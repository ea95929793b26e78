//! The world of one run of a component: what its `wasmtime::Store` holds, and how it is built.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::cli::{exit, stderr, stdout};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, HostDescriptor as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynOutputStream, FsResult};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::connects::Connects;
use super::handle::{Behind, Handle};
use super::http::Http;
use super::network;
use super::stream::Printer;
use crate::account::Account;
use crate::console::{Console, TerminationMessage};
use crate::error::Error;
use crate::guest::Guest;
use crate::limits::{Limits, RESOURCES_MAX};
use crate::memory::{MemoryAccount, MemoryMeter};
use crate::meter::Meter;
use crate::network::{Client, OpenSocket, Session};
use crate::output::Stream;
use crate::permits::{HostDescriptors, Permits};
use crate::prepare::{Prepared, mount_of};
use crate::seeded::Seeded;
use crate::stop::Stop;
use crate::stored::Stored;
use crate::tree::Tree;

/// Something that streams write to, each of which the guest holds by itself.
pub(super) type Shared<T> = Arc<Mutex<T>>;

/// What is shared, for the moment. A panic with the lock held leaves nothing half-done.
pub(super) fn locked<T>(shared: &Shared<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that one run's host functions work on.
pub(crate) struct World {
    pub(super) wasi: WasiCtx,
    pub(super) table: ResourceTable,
    pub(super) tree: Tree,
    /// wasmtime-wasi's descriptor of each mount.
    pub(super) mounts: Vec<u32>,
    /// What each mount takes space of.
    pub(super) mounts_stored: Vec<Option<Stored>>,
    /// The directories that the guest is given, and their names.
    given: Vec<(Behind, String)>,
    /// How many descriptors may still be opened.
    pub(super) descriptors: Permits,
    /// How many streams of files may still be: one to read and one to write for each descriptor.
    pub(super) streams: Arc<Semaphore>,
    pub(super) console: Shared<Console>,
    pub(super) termination: Shared<TerminationMessage>,
    pub(super) memory: MemoryMeter,
    pub(super) meter: Meter,
    pub(super) limits: Limits,
    /// Makes the world the same on every run, if it is to be.
    pub(super) seeded: Option<Seeded>,
    /// When each of the seeded clock's pollables is ready, in nanoseconds since the start, by its
    /// number.
    pub(super) due: HashMap<u32, u64>,
    pub(super) session: Arc<Session>,
    /// What is given back when the socket of that number is dropped.
    pub(super) open_sockets: HashMap<u32, OpenSocket>,
    pub(super) connects: Connects,
    pub(super) http: Http,
}

impl World {
    /// Builds the world that `guest`, which is checked, may see, whose memory `memory` counts, and
    /// whose descriptors are of `host`'s.
    pub(crate) async fn new(
        mut guest: Guest,
        limits: &Limits,
        memory: MemoryAccount,
        host: &HostDescriptors,
    ) -> Result<Self, Error> {
        let prepared = Prepared::new(&mut guest, limits, &memory)?;
        let Prepared { mut wasi, tree, directories, seeded, stored } = prepared;
        if let Some(dir) = &guest.working_dir {
            wasi.initial_cwd(dir);
        }
        let network = std::mem::take(&mut guest.network);
        let (meter, held) = (guest.meter.clone(), memory.clone());
        let session = Arc::new(Session::new(network, limits, meter, held, host));
        network::give(&mut wasi, &session);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        let streams = (limits.descriptors as usize).saturating_mul(2);
        let console = Console::new(guest.output, limits, guest.meter.clone());
        let mut world = Self {
            wasi: wasi.build(),
            table,
            tree,
            mounts: Vec::new(),
            mounts_stored: stored,
            given: Vec::new(),
            descriptors: Permits::new(limits.descriptors, &host.opened),
            streams: Arc::new(Semaphore::new(streams)),
            console: Arc::new(Mutex::new(console)),
            termination: Arc::default(),
            memory: MemoryMeter::new(memory, limits),
            meter: guest.meter,
            limits: *limits,
            seeded,
            due: HashMap::new(),
            http: Http::new(Client::new(Arc::clone(&session))),
            session,
            open_sockets: HashMap::new(),
            connects: Connects::default(),
        };
        world.open_mounts()?;
        world.give(&directories);
        if let Some(dir) = &guest.working_dir {
            world.enter(dir, &directories).await?;
        }
        Ok(world)
    }

    fn open_mounts(&mut self) -> Result<(), Error> {
        let opened = preopens::Host::get_directories(&mut self.filesystem());
        let opened = opened.map_err(|error| Error::Instantiate(error.into_boxed_dyn_error()))?;
        self.mounts = opened.iter().map(|(descriptor, _)| descriptor.rep()).collect();
        Ok(())
    }

    fn give(&mut self, directories: &[(u32, String)]) {
        let made_up = self.tree.directories().map(str::to_owned);
        self.given = made_up.map(|path| (Behind::MadeUp { path: path.clone() }, path)).collect();
        for (mount, path) in directories {
            let stored = self.mounts_stored[*mount as usize].clone();
            let behind = Behind::Wasi { rep: self.mount(*mount), path: path.clone(), stored };
            self.given.push((behind, path.clone()));
        }
    }

    /// wasmtime-wasi's descriptor of a mount.
    pub(super) fn mount(&self, number: u32) -> u32 {
        self.mounts[number as usize]
    }

    /// Gives the directory `dir` to the guest as `.`, if it lies in one of the mounts.
    async fn enter(&mut self, dir: &str, mounts: &[(u32, String)]) -> Result<(), Error> {
        let Some((mount, rest)) = mount_of(mounts, dir) else { return Ok(()) };
        let stored = self.mounts_stored[mount as usize].clone();
        let mut rep = self.mount(mount);
        if !rest.is_empty() {
            rep = self.open_directory(rep, rest).await.map_err(|error| Error::WorkingDir {
                path: dir.to_owned(),
                detail: error.to_string(),
            })?;
        }
        let behind = Behind::Wasi { rep, path: dir.to_owned(), stored };
        self.given.push((behind, ".".to_owned()));
        Ok(())
    }

    async fn open_directory(&mut self, mount: u32, path: &str) -> FsResult<u32> {
        let (flags, oflags) = (PathFlags::SYMLINK_FOLLOW, OpenFlags::DIRECTORY);
        let mount = Resource::new_borrow(mount);
        let mut files = self.filesystem();
        let opened = files.open_at(mount, flags, path.to_owned(), oflags, DescriptorFlags::READ);
        Ok(opened.await?.rep())
    }
}

impl WasiView for World {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl Account for World {
    fn memory(&mut self) -> &mut MemoryMeter {
        &mut self.memory
    }

    fn termination_message(&self) -> Vec<u8> {
        locked(&self.termination).bytes().to_vec()
    }

    fn session(&self) -> Option<Arc<Session>> {
        Some(Arc::clone(&self.session))
    }
}

impl exit::Host for World {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Stop::Exit(status.is_err().into()).into())
    }

    fn exit_with_code(&mut self, code: u8) -> wasmtime::Result<()> {
        Err(Stop::Exit(code.into()).into())
    }
}

impl stdout::Host for World {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.printer(Stream::Stdout)
    }
}

impl stderr::Host for World {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.printer(Stream::Stderr)
    }
}

impl World {
    pub(super) fn printer(
        &mut self,
        stream: Stream,
    ) -> wasmtime::Result<Resource<DynOutputStream>> {
        let printer: DynOutputStream =
            Box::new(Printer { console: Arc::clone(&self.console), stream, permit: 0 });
        Ok(self.table.push(printer)?)
    }
}

impl preopens::Host for World {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut directories = Vec::with_capacity(self.given.len());
        for (behind, name) in &self.given {
            let handle = Handle { behind: behind.clone(), is_own: false, permit: None };
            let pushed = self.table.push(handle)?;
            directories.push((Resource::new_own(pushed.rep()), name.clone()));
        }
        Ok(directories)
    }
}
