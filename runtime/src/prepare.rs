//! What every kind of guest is given, before it is known how it will ask for it.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use wasmtime_wasi::cli::AsyncStdinStream;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, p2};

use crate::error::Error;
use crate::guest::{Access, Guest, Mount, Stdin};
use crate::limits::Limits;
use crate::memory::MemoryAccount;
use crate::mount::HostSide;
use crate::path;
use crate::seeded::{Seed, Seeded};
use crate::space::Space;
use crate::stored::Stored;
use crate::tree::{Node, Tree};

/// A guest's arguments, environment, input and mounts in wasmtime-wasi's hands, and what we make up.
pub(crate) struct Prepared {
    /// Has the mounts as preopens, in their order; those of single files are never shown.
    pub(crate) wasi: WasiCtxBuilder,
    pub(crate) tree: Tree,
    /// The mounts that are directories: their number, and their path in the guest.
    pub(crate) directories: Vec<(u32, String)>,
    /// What makes the world the same on every run, if it is to be.
    pub(crate) seeded: Option<Seeded>,
    /// What each mount takes space of, by its number.
    pub(crate) stored: Vec<Option<Stored>>,
}

impl Prepared {
    /// Opens what `guest`, which is checked, may see, and whose memory `memory` counts.
    pub(crate) fn new(
        guest: &mut Guest,
        limits: &Limits,
        memory: &MemoryAccount,
    ) -> Result<Self, Error> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.args(&guest.args).envs(&guest.env);
        // Whoever has a network to give says so later.
        wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        wasi.max_random_size(limits.random_bytes.into());
        let seeded = guest.seed.map(|seed| seed_world(&mut wasi, seed));
        give_stdin(&mut wasi, std::mem::replace(&mut guest.stdin, Stdin::Closed));

        let mut tree = Tree::new(&guest.termination_log);
        let directories = mount_all(&mut wasi, &mut tree, &guest.mounts)?;
        make_up_directories(&mut tree, &directories);
        let spaces: Vec<Option<Arc<Space>>> = std::mem::take(&mut guest.spaces);
        let stored = std::iter::zip(spaces, &guest.mounts)
            .map(|(space, mount)| Some(Stored::new(space?, mount.access, memory)));
        Ok(Self { wasi, tree, directories, seeded, stored: stored.collect() })
    }
}

/// Gives a world clocks and random numbers that are the same on every run.
fn seed_world(wasi: &mut WasiCtxBuilder, seed: Seed) -> Seeded {
    let seeded = Seeded::new(seed);
    let mut numbers = seed.random("insecure seed");
    let insecure_seed = u128::from(numbers.number()) << 64 | u128::from(numbers.number());
    wasi.wall_clock(seeded.clock.clone())
        .monotonic_clock(seeded.clock.clone())
        .secure_random(seed.random("secure"))
        .insecure_random(seed.random("insecure"))
        .insecure_random_seed(insecure_seed);
    seeded
}

/// The deepest of the `mounts` in which the directory `dir` lies, and the way from there.
pub(crate) fn mount_of<'a>(mounts: &[(u32, String)], dir: &'a str) -> Option<(u32, &'a str)> {
    mounts
        .iter()
        .filter_map(|(number, mount)| path::below(mount, dir).map(|rest| (*number, rest)))
        .min_by_key(|(_, rest)| rest.len())
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
    for (number, mount) in (0..).zip(mounts) {
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
            None => directories.push((number, mount.guest.clone())),
            Some(name) => {
                tree.add(&mount.guest, Node::File { mount: number, name: name.clone() });
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
