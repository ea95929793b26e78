//! The world of one run: what its `wasmtime::Store` holds, and how it is built from a [`Guest`].

use std::io;

use tokio::io::AsyncReadExt as _;
use wasmtime_wasi::cli::AsyncStdinStream;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p1::types::{Fdflags, Lookupflags, Oflags, Rights};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wasmtime_wasi::{FsPerms, Rng, WasiCtxBuilder, p2};
use wiggle::{GuestMemory, GuestPtr};

use crate::console::{Console, TerminationMessage};
use crate::descriptor::{Descriptor, Descriptors, Origin};
use crate::error::Error;
use crate::guest::{Access, Guest, Mount, Stdin};
use crate::limits::Limits;
use crate::memory::MemoryMeter;
use crate::mount::HostSide;
use crate::path;
use crate::tree::{Node, Tree};

/// The number of wasmtime-wasi's first preopen.
const WASI_PREOPEN_FIRST: u32 = 3;

/// Everything that one run's host functions work on.
pub(crate) struct World {
    pub(crate) wasi: WasiP1Ctx,
    pub(crate) descriptors: Descriptors,
    pub(crate) tree: Tree,
    pub(crate) console: Console,
    pub(crate) termination: TerminationMessage,
    pub(crate) memory: MemoryMeter,
    /// Made when it is first asked for.
    pub(crate) random: Option<Box<dyn Rng + Send>>,
}

impl World {
    /// Builds the world that `guest`, which is checked, may see.
    pub(crate) async fn new(guest: Guest, limits: &Limits) -> Result<Self, Error> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.args(&guest.args).envs(&guest.env);
        give_stdin(&mut wasi, guest.stdin);

        let mut tree = Tree::new(&guest.termination_log.guest);
        let mut descriptors = Descriptors::new(limits.descriptors);
        let directories = mount_all(&mut wasi, &mut tree, &guest.mounts)?;
        make_up_directories(&mut tree, &directories);
        for made_up in tree.directories() {
            let (path, origin) = (made_up.to_owned(), Origin::Given(made_up.to_owned()));
            descriptors.give(Descriptor::MadeUp { path, origin });
        }
        for (fd, path) in &directories {
            let (path, origin) = (path.clone(), Origin::Given(path.clone()));
            descriptors.give(Descriptor::Wasi { fd: *fd, path, origin });
        }

        let mut world = Self {
            wasi: wasi.build_p1(),
            descriptors,
            tree,
            console: Console::new(guest.output, limits.output_bytes),
            termination: TerminationMessage::default(),
            memory: MemoryMeter::new(limits.memory_bytes),
            random: None,
        };
        if let Some(dir) = &guest.working_dir {
            world.enter(dir, &directories).await?;
        }
        Ok(world)
    }

    /// Gives the directory `dir` to the guest as `.`, if it lies in one of the mounts.
    async fn enter(&mut self, dir: &str, mounts: &[(u32, String)]) -> Result<(), Error> {
        let deepest = mounts
            .iter()
            .filter_map(|(fd, mount)| path::below(mount, dir).map(|rest| (*fd, rest)))
            .min_by_key(|(_, rest)| rest.len());
        let Some((mount, rest)) = deepest else { return Ok(()) };
        let fd = if rest.is_empty() {
            mount
        } else {
            let opened = open_directory(&mut self.wasi, mount, rest).await;
            opened.map_err(|detail| Error::WorkingDir { path: dir.to_owned(), detail })?
        };
        let (path, origin) = (dir.to_owned(), Origin::Given(".".to_owned()));
        self.descriptors.give(Descriptor::Wasi { fd, path, origin });
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

fn give_stdin(wasi: &mut WasiCtxBuilder, stdin: Stdin) {
    match stdin {
        Stdin::Closed => {}
        Stdin::Silent => {
            wasi.stdin(AsyncStdinStream::new(Silence));
        }
        Stdin::Bytes(bytes) => {
            wasi.stdin(p2::pipe::MemoryInputPipe::new(bytes));
        }
        Stdin::Stream(stream) => {
            wasi.stdin(AsyncStdinStream::new(stream.take(u64::MAX)));
        }
    }
}

/// An input that never gives anything and never ends.
struct Silence;

impl tokio::io::AsyncRead for Silence {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
        _buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Pending
    }
}

/// Opens what is mounted. A file becomes a node of the tree, behind which is its directory, which
/// the guest never sees; a directory's number and path in the guest are given back.
fn mount_all(
    wasi: &mut WasiCtxBuilder,
    tree: &mut Tree,
    mounts: &[Mount],
) -> Result<Vec<(u32, String)>, Error> {
    let mut directories = Vec::new();
    for (fd, mount) in (WASI_PREOPEN_FIRST..).zip(mounts) {
        let failed = |source| Error::Mount {
            host: mount.host.components().chain(mount.below.components()).collect(),
            guest: mount.guest.clone(),
            source,
        };
        let host = HostSide::open(mount).map_err(failed)?;
        let permissions = match mount.access {
            Access::ReadOnly => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        match &host.file {
            None => directories.push((fd, mount.guest.clone())),
            Some(name) => {
                tree.add(&mount.guest, Node::File { directory: fd, name: name.clone() });
            }
        }
        wasi.preopened_dir(&host.directory, &mount.guest, permissions)
            .map_err(|error| failed(io::Error::other(error)))?;
    }
    Ok(directories)
}

/// Makes up the directories of made-up files that lie in no mount.
fn make_up_directories(tree: &mut Tree, mounts: &[(u32, String)]) {
    let parents: Vec<_> = tree.files().map(|file| path::split(file).0.to_owned()).collect();
    for parent in parents {
        if !mounts.iter().any(|(_, mount)| path::below(mount, &parent).is_some()) {
            tree.add_directory(&parent);
        }
    }
}
