//! What a component's descriptors are: ours, and behind most of them one of wasmtime-wasi's.
//!
//! The interface fixes the type of the resource, and a resource is but a number in the table; so
//! the guest's are numbers of [`Handle`]s, and wasmtime-wasi's are never shown to it.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{FsError, FsResult};

use super::file_stream::STREAM_MEMORY_BYTES;
use super::world::World;
use crate::device::Device;
use crate::limits::PATH_BYTES_MAX;
use crate::memory::Held;
use crate::outcome::MemoryUse;
use crate::path;
use crate::permits::Permit;
use crate::stored::Stored;
use crate::tree::Node;

/// What a descriptor of the guest's is.
pub(super) struct Handle {
    pub(super) behind: Behind,
    /// Whether wasmtime-wasi's descriptor goes with it.
    pub(super) is_own: bool,
    /// Given back when it is dropped, and all streams of it with it: they keep the file open. What
    /// was given to the guest takes none.
    pub(super) permit: Option<Arc<Permit>>,
}

/// What lets a stream of a file be, and counts its buffers as memory.
pub(super) struct StreamPermit {
    pub(super) _stream: OwnedSemaphorePermit,
    pub(super) _file: Option<Arc<Permit>>,
    pub(super) _held: Held,
}

/// What is behind a descriptor.
#[derive(Clone, Debug)]
pub(super) enum Behind {
    /// A device of ours.
    Device(Device),
    /// A directory that we make up, at this absolute path.
    MadeUp { path: String },
    /// wasmtime-wasi's descriptor, its absolute path in the guest, and what it takes space of.
    Wasi { rep: u32, path: String, stored: Option<Stored> },
}

/// What a path leads to.
pub(super) enum Place {
    /// Into a mount: the directory that the path starts from, and the absolute path in the guest,
    /// as far as text can tell.
    Mount { directory: Resource<Descriptor>, path: String },
    /// Something that we make up, and its absolute path.
    MadeUp { node: Node, path: String },
    /// A name in a directory that we make up, where there is none.
    Nowhere,
}

impl World {
    /// A permit to open a file; the call fails if there are none left.
    pub(super) fn file_permit(&self) -> FsResult<Permit> {
        self.descriptors.take().map_err(|_| ErrorCode::Quota.into())
    }

    /// A permit for a stream of `fd`, and what keeps the file among those that are open; the call
    /// fails if there are none left.
    pub(super) fn stream_permit(&self, fd: &Resource<Descriptor>) -> FsResult<StreamPermit> {
        let stream = Arc::clone(&self.streams).try_acquire_owned();
        let stream = stream.map_err(|_| FsError::from(ErrorCode::Quota))?;
        let handle = self.table.get(&Resource::<Handle>::new_borrow(fd.rep()));
        let file = handle.map_err(FsError::trap)?.permit.clone();
        let held = self.memory.account().hold(STREAM_MEMORY_BYTES, MemoryUse::Files);
        Ok(StreamPermit { _stream: stream, _file: file, _held: held.map_err(FsError::trap)? })
    }

    /// What is behind `fd`. One that is not there is a trap: the guest can't have come by it.
    pub(super) fn behind(&self, fd: &Resource<Descriptor>) -> FsResult<&Behind> {
        let handle = self.table.get(&Resource::<Handle>::new_borrow(fd.rep()));
        handle.map(|handle| &handle.behind).map_err(FsError::trap)
    }

    /// wasmtime-wasi's descriptor behind `fd`; for what we make up the call fails, with `made_up`.
    pub(super) fn mounted(
        &self,
        fd: &Resource<Descriptor>,
        made_up: ErrorCode,
    ) -> FsResult<Resource<Descriptor>> {
        match self.behind(fd)? {
            Behind::Wasi { rep, .. } => Ok(Resource::new_borrow(*rep)),
            Behind::Device(_) | Behind::MadeUp { .. } => Err(made_up.into()),
        }
    }

    pub(super) fn place(&self, fd: &Resource<Descriptor>, text: &str) -> FsResult<Place> {
        if text.len() > PATH_BYTES_MAX as usize {
            return Err(ErrorCode::NameTooLong.into());
        }
        let (mount, directory) = match self.behind(fd)? {
            Behind::Device(_) => return Err(ErrorCode::NotDirectory.into()),
            Behind::MadeUp { path } => (None, path),
            Behind::Wasi { rep, path, .. } => (Some(*rep), path),
        };
        let joined = path::join(directory, text);
        if let Some((node, path)) =
            joined.as_ref().and_then(|path| Some((self.tree.get(path)?, path)))
        {
            return Ok(Place::MadeUp { node: node.clone(), path: path.clone() });
        }
        match (mount, joined) {
            (Some(rep), joined) => {
                let path = joined.unwrap_or_else(|| text.to_owned());
                Ok(Place::Mount { directory: Resource::new_borrow(rep), path })
            }
            (None, Some(_)) => Ok(Place::Nowhere),
            (None, None) => Err(ErrorCode::NotPermitted.into()), // it leads out of the directory
        }
    }

    /// wasmtime-wasi's descriptor of the directory that `path` starts from. For what we make up the
    /// call fails, with `made_up` if it is there and `nowhere` if not.
    pub(super) fn mounted_at(
        &self,
        fd: &Resource<Descriptor>,
        path: &str,
        made_up: ErrorCode,
        nowhere: ErrorCode,
    ) -> FsResult<Resource<Descriptor>> {
        match self.place(fd, path)? {
            Place::Mount { directory, .. } => Ok(directory),
            Place::MadeUp { .. } => Err(made_up.into()),
            Place::Nowhere => Err(nowhere.into()),
        }
    }

    /// Gives the guest a descriptor that it has opened itself.
    pub(super) fn open(
        &mut self,
        behind: Behind,
        permit: Permit,
    ) -> FsResult<Resource<Descriptor>> {
        let handle = Handle { behind, is_own: true, permit: Some(Arc::new(permit)) };
        let pushed = self.table.push(handle).map_err(FsError::trap)?;
        Ok(Resource::new_own(pushed.rep()))
    }
}

#[cfg(test)]
mod tests {
    use wasmtime_wasi::p2::bindings::filesystem::preopens;
    use wasmtime_wasi::p2::bindings::filesystem::types::{
        DescriptorFlags, HostDescriptor, OpenFlags, PathFlags,
    };

    use super::*;
    use crate::guest::{Access, Guest, Mount};
    use crate::limits::Limits;
    use crate::memory::MemoryAccount;
    use crate::permits::HostDescriptors;

    #[tokio::test]
    async fn a_stream_keeps_its_file_among_those_that_are_open() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let (host, guest) = (folder.path().to_owned(), "/data".to_owned());
        let mount = Mount { host, below: <_>::default(), guest, access: Access::ReadWrite };
        let limits = Limits { descriptors: 1, ..Limits::default() };
        let (memory, all) = (MemoryAccount::alone(u64::MAX), HostDescriptors::new(100));
        let guest = Guest::new().mount(mount);
        let mut world = World::new(guest, &limits, memory, &all).await.unwrap();
        let given = preopens::Host::get_directories(&mut world).unwrap();
        let data = given.iter().find(|(_, name)| name == "/data").unwrap().0.rep();
        let open = async |world: &mut World| {
            let (follow, path) = (PathFlags::empty(), "file".to_owned());
            let (oflags, flags) = (OpenFlags::empty(), DescriptorFlags::WRITE);
            let directory = Resource::new_borrow(data);
            HostDescriptor::open_at(world, directory, follow, path, oflags, flags).await
        };
        let file = open(&mut world).await.unwrap();
        let borrowed = Resource::new_borrow(file.rep());
        let stream = HostDescriptor::write_via_stream(&mut world, borrowed, 0).unwrap();
        HostDescriptor::drop(&mut world, file).unwrap();
        assert!(open(&mut world).await.is_err(), "the stream has the file open");
        drop(world.table.delete(stream).unwrap());
        assert!(open(&mut world).await.is_ok());
    }
}
