//! The world of one run of a module: what its `wasmtime::Store` holds, and how it is built from a
//! [`Guest`].

use wasmtime_wasi::Rng;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p1::types::{Fdflags, Lookupflags, Oflags, Rights};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wiggle::{GuestMemory, GuestPtr};

use crate::account::Account;
use crate::console::{Console, TerminationMessage};
use crate::descriptor::{Descriptor, Descriptors, Origin};
use crate::error::Error;
use crate::guest::Guest;
use crate::limits::Limits;
use crate::memory::{MemoryAccount, MemoryMeter};
use crate::meter::Meter;
use crate::permits::{HostDescriptors, Permits};
use crate::prepare::{Prepared, mount_of};
use crate::seeded::Seeded;
use crate::stored::Stored;
use crate::tree::Tree;

/// The number of wasmtime-wasi's first preopen.
const WASI_PREOPEN_FIRST: u32 = 3;

/// wasmtime-wasi's number of a mount.
pub(crate) fn preopen(mount: u32) -> u32 {
    WASI_PREOPEN_FIRST + mount
}

/// Everything that one run's host functions work on.
pub(crate) struct World {
    pub(crate) wasi: WasiP1Ctx,
    pub(crate) descriptors: Descriptors,
    pub(crate) tree: Tree,
    /// What each mount takes space of.
    pub(crate) mounts_stored: Vec<Option<Stored>>,
    pub(crate) console: Console,
    pub(crate) termination: TerminationMessage,
    pub(crate) memory: MemoryMeter,
    pub(crate) meter: Meter,
    pub(crate) limits: Limits,
    /// Makes the world the same on every run, if it is to be.
    pub(crate) seeded: Option<Seeded>,
    /// Made when it is first asked for.
    pub(crate) random: Option<Box<dyn Rng + Send>>,
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
        let mut world = Self {
            wasi: wasi.build_p1(),
            descriptors: Descriptors::new(Permits::new(limits.descriptors, &host.opened)),
            tree,
            mounts_stored: stored,
            console: Console::new(guest.output, limits, guest.meter.clone()),
            termination: TerminationMessage::default(),
            memory: MemoryMeter::new(memory, limits),
            meter: guest.meter,
            limits: *limits,
            seeded,
            random: None,
        };
        // The first, since programs without a C library (Zig's) take what is first for it.
        if let Some(dir) = &guest.working_dir {
            world.enter(dir, &directories).await?;
        }
        for made_up in world.tree.directories() {
            let (path, origin) = (made_up.to_owned(), Origin::Given(made_up.to_owned()));
            world.descriptors.give(Descriptor::MadeUp { path, origin });
        }
        for (mount, path) in directories {
            let origin = Origin::Given(path.clone());
            let (fd, stored) = (preopen(mount), world.mounts_stored[mount as usize].clone());
            world.descriptors.give(Descriptor::Wasi { fd, path, origin, stored });
        }
        Ok(world)
    }

    /// Gives the directory `dir` to the guest as `.`, if it lies in one of the mounts.
    async fn enter(&mut self, dir: &str, mounts: &[(u32, String)]) -> Result<(), Error> {
        let Some((mount, rest)) = mount_of(mounts, dir) else { return Ok(()) };
        let stored = self.mounts_stored[mount as usize].clone();
        // Opened anew even if it is the mount itself: a number of wasmtime-wasi's that two descriptors
        // led to would be that of another file for one of them, once the guest closes the other.
        let rest = if rest.is_empty() { "." } else { rest };
        let opened = open_directory(&mut self.wasi, preopen(mount), rest).await;
        let fd = opened.map_err(|detail| Error::WorkingDir { path: dir.to_owned(), detail })?;
        let (path, origin) = (dir.to_owned(), Origin::Given(".".to_owned()));
        self.descriptors.give(Descriptor::Wasi { fd, path, origin, stored });
        Ok(())
    }
}

/// Opens a directory below a preopen, by way of wasmtime-wasi, which lets nothing lead out of it.
async fn open_directory(wasi: &mut WasiP1Ctx, mount: u32, path: &str) -> Result<u32, String> {
    let mut name = path.as_bytes().to_vec();
    let pointer = host_string(&name);
    wasi.set_hostcall_fuel(name.len());
    let memory = &mut GuestMemory::Unshared(&mut name);
    let opened = wasi.path_open(
        memory,
        mount.into(),
        Lookupflags::SYMLINK_FOLLOW,
        pointer,
        Oflags::DIRECTORY,
        Rights::FD_READ,
        Rights::empty(),
        Fdflags::empty(),
    );
    opened.await.map(u32::from).map_err(|error| error.to_string())
}

/// A pointer to the whole of a buffer of ours that is passed in place of the guest's memory.
pub(crate) fn host_string(bytes: &[u8]) -> GuestPtr<str> {
    let length = u32::try_from(bytes.len()).expect("a path must be shorter than a memory");
    GuestPtr::new((0, length))
}

impl Account for World {
    fn memory(&mut self) -> &mut MemoryMeter {
        &mut self.memory
    }

    fn termination_message(&self) -> Vec<u8> {
        self.termination.bytes().to_vec()
    }
}
