//! Paths that a guest names: which of them we make up, and which lie in a mount.

use wasmtime_wasi::p1::types::{Errno, Error, Fd, Fdflags, Filestat, Lookupflags, Oflags, Rights};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wiggle::{GuestMemory, GuestPtr};

use crate::descriptor::{Descriptor, Origin};
use crate::device::Device;
use crate::limits::PATH_BYTES_MAX;
use crate::path;
use crate::readdir::seeded_filestat;
use crate::storing::Opening;
use crate::tree::{Node, made_up_filestat};
use crate::world::{World, host_string, preopen};

type Result<T, E = Error> = std::result::Result<T, E>;

/// What a path leads to.
enum Place {
    /// Into a mount: wasmtime-wasi's number of the directory that the path starts from, and the
    /// absolute path in the guest, as far as text can tell.
    Mount { directory: Fd, path: String },
    /// Something that we make up, and its absolute path.
    MadeUp { node: Node, path: String },
    /// A name in a directory that we make up, where there is none.
    Nowhere,
}

impl World {
    /// wasmtime-wasi's number of what is behind `fd`; for what we make up the call fails, with
    /// `made_up`.
    pub(crate) fn mounted(&self, fd: Fd, made_up: Errno) -> Result<Fd> {
        match self.descriptors.get(fd)? {
            Descriptor::Wasi { fd, .. } => Ok((*fd).into()),
            Descriptor::Device { .. } | Descriptor::MadeUp { .. } => Err(made_up.into()),
        }
    }

    fn place(&self, memory: &GuestMemory<'_>, fd: Fd, path: GuestPtr<str>) -> Result<Place> {
        if path.len() > PATH_BYTES_MAX {
            return Err(Errno::Nametoolong.into());
        }
        let text = memory.as_cow_str(path)?;
        let (mount, directory) = match self.descriptors.get(fd)? {
            Descriptor::Device { .. } => return Err(Errno::Notdir.into()),
            Descriptor::MadeUp { path, .. } => (None, path),
            Descriptor::Wasi { fd, path, .. } => (Some(Fd::from(*fd)), path),
        };
        let joined = path::join(directory, &text);
        if let Some((node, path)) =
            joined.as_ref().and_then(|path| Some((self.tree.get(path)?, path)))
        {
            return Ok(Place::MadeUp { node: node.clone(), path: path.clone() });
        }
        match (mount, joined) {
            (Some(directory), joined) => {
                let path = joined.unwrap_or_else(|| text.into_owned());
                Ok(Place::Mount { directory, path })
            }
            (None, Some(_)) => Ok(Place::Nowhere),
            (None, None) => Err(Errno::Perm.into()), // it leads out of the directory
        }
    }

    /// wasmtime-wasi's number of the directory that `path` starts from. For what we make up the
    /// call fails, with `made_up` if it is there and `nowhere` if not.
    pub(crate) fn mounted_at(
        &self,
        memory: &GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
        made_up: Errno,
        nowhere: Errno,
    ) -> Result<Fd> {
        match self.place(memory, fd, path)? {
            Place::Mount { directory, .. } => Ok(directory),
            Place::MadeUp { .. } => Err(made_up.into()),
            Place::Nowhere => Err(nowhere.into()),
        }
    }

    pub(crate) async fn stat_at(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        flags: Lookupflags,
        path: GuestPtr<str>,
    ) -> Result<Filestat> {
        match self.place(memory, fd, path)? {
            Place::Nowhere => Err(Errno::Noent.into()),
            Place::Mount { directory, path: absolute } => {
                let stat = self.wasi.path_filestat_get(memory, directory, flags, path).await?;
                Ok(seeded_filestat(self.seeded.as_ref(), stat, &absolute))
            }
            Place::MadeUp { node: Node::Directory, .. } => Ok(made_up_filestat()),
            Place::MadeUp { node: Node::Device(device), .. } => Ok(self.device_filestat(device)),
            Place::MadeUp { node: Node::File { mount, name }, path: absolute } => {
                let mut name = name.into_bytes();
                let path = host_string(&name);
                let memory = &mut GuestMemory::Unshared(&mut name);
                let (mount, follow) = (preopen(mount).into(), Lookupflags::SYMLINK_FOLLOW);
                let stat = self.wasi.path_filestat_get(memory, mount, follow, path).await?;
                Ok(seeded_filestat(self.seeded.as_ref(), stat, &absolute))
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are those of WASI's path_open")]
    pub(crate) async fn open_at(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        dirflags: Lookupflags,
        path: GuestPtr<str>,
        oflags: Oflags,
        rights: Rights,
        fdflags: Fdflags,
    ) -> Result<Fd> {
        let permit = self.descriptors.permit()?;
        let stored = self.stored(fd);
        let opening = Opening { dirflags, oflags, rights, fdflags };
        let (node, made_up) = match self.place(memory, fd, path)? {
            Place::Nowhere if oflags.contains(Oflags::CREAT) => return Err(Errno::Rofs.into()),
            Place::Nowhere => return Err(Errno::Noent.into()),
            Place::Mount { directory, path: absolute } => {
                let place = (directory, path, absolute);
                return self.open_mounted(memory, place, opening, stored, permit).await;
            }
            Place::MadeUp { node, path } => (node, path),
        };
        if oflags.contains(Oflags::CREAT | Oflags::EXCL) {
            return Err(Errno::Exist.into());
        }
        if oflags.contains(Oflags::DIRECTORY) && !matches!(node, Node::Directory) {
            return Err(Errno::Notdir.into());
        }
        match node {
            Node::Directory => {
                let made_up = Descriptor::MadeUp { path: made_up, origin: Origin::Opened };
                self.descriptors.open(permit, made_up)
            }
            Node::Device(device) => {
                if device == Device::TerminationLog && oflags.contains(Oflags::TRUNC) {
                    self.termination.clear();
                }
                self.descriptors.open(permit, Descriptor::Device { device, position: 0 })
            }
            Node::File { mount, name } => {
                let mut name = name.into_bytes();
                let path = host_string(&name);
                let memory = &mut GuestMemory::Unshared(&mut name);
                let (dirflags, oflags) = (Lookupflags::SYMLINK_FOLLOW, oflags & Oflags::TRUNC);
                let opening = Opening { dirflags, oflags, ..opening };
                let stored = self.mounts_stored[mount as usize].clone();
                let place = (preopen(mount).into(), path, made_up);
                self.open_mounted(memory, place, opening, stored, permit).await
            }
        }
    }
}
