//! Listing a directory for a component.
//!
//! wasmtime-wasi reads all of a directory at once. What that holds counts as the guest's memory
//! until it drops the listing, and a directory that is too large is not read at all.

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode, HostDescriptor as _,
    HostDirectoryEntryStream,
};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::device::device_type;
use super::world::World;
use crate::memory::Held;
use crate::outcome::MemoryUse;
use crate::tree::Node;

/// What an entry takes besides its name.
const ENTRY_BYTES: u64 = size_of::<FsResult<DirectoryEntry>>() as u64 + 16;

/// What is left of a directory to be told.
struct Listing {
    entries: std::vec::IntoIter<FsResult<DirectoryEntry>>,
    /// What counts as the guest's memory.
    _held: Held,
}

impl World {
    /// Lists a directory of wasmtime-wasi's.
    pub(super) async fn list_mounted(
        &mut self,
        directory: &Resource<Descriptor>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        let borrowed = || Resource::new_borrow(directory.rep());
        let size = self.filesystem().stat(borrowed()).await?.size;
        if size > self.limits.directory_bytes {
            return Err(ErrorCode::InsufficientMemory.into());
        }
        let listing = self.filesystem().read_directory(borrowed()).await?;
        let listing = self.table.delete(listing).map_err(FsError::trap)?;
        let mut entries: Vec<_> = listing.into_iter().collect();
        if self.seeded.is_some() {
            let name =
                |entry: &FsResult<DirectoryEntry>| entry.as_ref().ok().map(|it| it.name.clone());
            entries.sort_by_cached_key(name);
        }
        self.begin_listing(entries)
    }

    /// Lists a directory that we make up.
    pub(super) fn list_made_up(
        &mut self,
        directory: &str,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        let entries = self.tree.list(directory).map(|(name, node)| {
            let type_ = match node {
                Node::Directory => DescriptorType::Directory,
                Node::Device(device) => device_type(*device),
                Node::File { .. } => DescriptorType::RegularFile,
            };
            Ok(DirectoryEntry { type_, name: name.to_owned() })
        });
        let entries = entries.collect();
        self.begin_listing(entries)
    }

    fn begin_listing(
        &mut self,
        entries: Vec<FsResult<DirectoryEntry>>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        let bytes = entries
            .iter()
            .map(|entry| ENTRY_BYTES + entry.as_ref().map_or(0, |entry| entry.name.len() as u64))
            .sum();
        let held =
            self.memory.account().hold(bytes, MemoryUse::Directory).map_err(FsError::trap)?;
        let listing = Listing { entries: entries.into_iter(), _held: held };
        let pushed = self.table.push(listing).map_err(FsError::trap)?;
        Ok(Resource::new_own(pushed.rep()))
    }
}

impl HostDirectoryEntryStream for World {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let listing = Resource::<Listing>::new_borrow(stream.rep());
        self.table.get_mut(&listing).map_err(FsError::trap)?.entries.next().transpose()
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Listing>::new_own(stream.rep()))?;
        Ok(())
    }
}
