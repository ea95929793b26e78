//! Calls of preview 2 that store something, or remove what is stored: each takes the space that it
//! may need before wasmtime-wasi is asked to do it.

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorType, ErrorCode, Filesize, HostDescriptor as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::handle::Behind;
use super::world::World;
use crate::space::Full;
use crate::stored::{Named, Naming, Stored, is_same};

/// How a guest opens something.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    pub(super) follow: PathFlags,
    pub(super) oflags: OpenFlags,
    pub(super) flags: DescriptorFlags,
}

impl World {
    /// What is behind `fd` has to do with a space.
    pub(super) fn stored(&self, fd: &Resource<Descriptor>) -> Option<Stored> {
        match self.behind(fd) {
            Ok(Behind::Wasi { stored, .. }) => stored.clone(),
            _ => None,
        }
    }

    /// Writes to a file of a mount. Where there is little space left, only a part of it.
    pub(super) async fn write_mounted(
        &mut self,
        stored: Option<Stored>,
        fd: Resource<Descriptor>,
        mut bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        let mut taken = None;
        if let Some(stored) = stored.filter(Stored::is_growing) {
            let granted = stored.write(offset, bytes.len() as u64).await.map_err(full)?;
            if let Some(bytes_max) = granted.bytes_max {
                bytes.truncate(usize::try_from(bytes_max).unwrap_or(usize::MAX));
            }
            taken = Some(granted);
        }
        let written = self.filesystem().write(fd, bytes, offset).await;
        drop(taken);
        Ok(self.meter.wrote(written?))
    }

    /// Opens what lies at `path` in `directory` of wasmtime-wasi's, and at `absolute` in the guest.
    pub(super) async fn open_mounted(
        &mut self,
        directory: Resource<Descriptor>,
        path: String,
        opening: Opening,
        stored: Option<Stored>,
        absolute: String,
    ) -> FsResult<Behind> {
        let Opening { follow, oflags, flags } = opening;
        let at = || Resource::new_borrow(directory.rep());
        let naming = match &stored {
            None => None,
            Some(stored) if oflags.contains(OpenFlags::CREATE) => {
                Some(match stored.new_name().await {
                    Err(Full::NoSpace)
                        if self.filesystem().stat_at(at(), follow, path.clone()).await.is_ok() =>
                    {
                        stored.name().await.map_err(full)?
                    }
                    naming => naming.map_err(full)?,
                })
            }
            Some(stored) => Some(stored.name().await.map_err(full)?),
        };
        if stored.is_none() {
            self.check_opens_at_once(at(), follow, path.clone()).await?;
        }
        let opened = self.filesystem().open_at(at(), follow, path, oflags, flags).await?;
        let rep = opened.rep();
        let stored = match stored {
            None => None,
            Some(stored) => {
                if oflags.contains(OpenFlags::TRUNCATE) {
                    stored.note_removal();
                }
                let found = self.filesystem().stat(Resource::new_borrow(rep)).await?;
                let hash = self.filesystem().metadata_hash(Resource::new_borrow(rep)).await?;
                let is_file = found.type_ != DescriptorType::Directory;
                Some(if is_file { stored.file(hash.lower, false) } else { stored })
            }
        };
        drop(naming);
        Ok(Behind::Wasi { rep, path: absolute, stored })
    }

    /// Refuses what is neither a file nor a directory, which only the host can put there: a named
    /// pipe would keep one of its threads until somebody comes to the other end.
    async fn check_opens_at_once(
        &mut self,
        directory: Resource<Descriptor>,
        follow: PathFlags,
        path: String,
    ) -> FsResult<()> {
        use DescriptorType::{Directory, RegularFile, SymbolicLink};
        match self.filesystem().stat_at(directory, follow, path).await.map(|it| it.type_) {
            Ok(RegularFile | Directory | SymbolicLink) | Err(_) => Ok(()),
            Ok(_) => Err(ErrorCode::Unsupported.into()),
        }
    }

    /// Holds the names of the space that `fd` lies in.
    pub(super) async fn name(&mut self, fd: &Resource<Descriptor>) -> FsResult<Option<Naming>> {
        match self.stored(fd) {
            Some(stored) => Ok(Some(stored.name().await.map_err(full)?)),
            None => Ok(None),
        }
    }

    /// The one space that both lie in, if it is limited.
    pub(super) fn both(
        &self,
        old: &Resource<Descriptor>,
        new: &Resource<Descriptor>,
    ) -> FsResult<Option<Stored>> {
        let (old, new) = (self.stored(old), self.stored(new));
        if is_same(old.as_ref(), new.as_ref()) {
            Ok(new)
        } else {
            Err(ErrorCode::CrossDevice.into())
        }
    }

    /// What a name stands for, if that matters to a space.
    pub(super) async fn named(
        &mut self,
        naming: Option<&Naming>,
        directory: &Resource<Descriptor>,
        path: &str,
    ) -> Option<Named> {
        naming?;
        let at = || Resource::new_borrow(directory.rep());
        let (flags, mut files) = (PathFlags::empty(), self.filesystem());
        let found = files.stat_at(at(), flags, path.to_owned()).await.ok()?;
        let hash = files.metadata_hash_at(at(), flags, path.to_owned()).await.ok()?;
        Some(Named { file: hash.lower, links: found.link_count, size: found.size })
    }

    pub(super) async fn rename_mounted(
        &mut self,
        naming: Option<Naming>,
        (old, old_path): (Resource<Descriptor>, String),
        (new, new_path): (Resource<Descriptor>, String),
    ) -> FsResult<()> {
        let moved = self.named(naming.as_ref(), &old, &old_path).await;
        let replaced = self.named(naming.as_ref(), &new, &new_path).await;
        self.filesystem().rename_at(old, old_path, new, new_path).await?;
        // Two names of one file are both left as they are.
        let file = |named: Option<Named>| named.map(|named| named.file);
        if let Some(naming) = naming
            && file(moved) != file(replaced)
        {
            naming.removed(replaced);
        }
        Ok(())
    }
}

/// What a guest is told, or that it ends.
pub(super) fn full(full: Full) -> FsError {
    match full.stop() {
        None => ErrorCode::InsufficientSpace.into(),
        Some(stop) => FsError::trap(stop),
    }
}
