//! Calls of preview 1 that store something, or remove what is stored: each takes the space that it
//! may need before wasmtime-wasi is asked to do it.

use wasmtime_wasi::p1::types::{
    Ciovec, CiovecArray, Errno, Error, Fd, Fdflags, Filesize, Filestat, Filetype, Lookupflags,
    Oflags, Rights, Size,
};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wiggle::{GuestMemory, GuestPtr, GuestType as _};

use crate::descriptor::{Descriptor, Origin};
use crate::device_io::check_parts;
use crate::permits::Permit;
use crate::space::Full;
use crate::stored::{Named, Naming, Stored, is_same};
use crate::transfer::FILE_TRANSFER_BYTES_MAX;
use crate::world::World;

type Result<T, E = Error> = std::result::Result<T, E>;

/// How a guest opens something.
pub(crate) struct Opening {
    pub(crate) dirflags: Lookupflags,
    pub(crate) oflags: Oflags,
    pub(crate) rights: Rights,
    pub(crate) fdflags: Fdflags,
}

impl World {
    /// What is behind `fd` has to do with a space.
    pub(crate) fn stored(&self, fd: Fd) -> Option<Stored> {
        match self.descriptors.get(fd) {
            Ok(Descriptor::Wasi { stored, .. }) => stored.clone(),
            _ => None,
        }
    }

    /// Writes to a file of a mount, at its own place or `at` another. Where there is little space
    /// left, only a part of it.
    pub(crate) async fn write(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        ciovs: CiovecArray,
        at: Option<Filesize>,
    ) -> Result<Size> {
        let stored = self.stored(fd).filter(Stored::is_growing);
        let fd = self.mounted(fd, Errno::Isdir)?;
        let mut taken = None;
        if let Some(stored) = stored {
            let part = first_written(memory, ciovs)?;
            let offset = match at {
                Some(offset) => offset,
                None => self.wasi.fd_tell(memory, fd)?,
            };
            // One call writes no more.
            let length = u64::from(part.len().min(FILE_TRANSFER_BYTES_MAX));
            let granted = stored.write(offset, length).await.map_err(full)?;
            if let Some(bytes) = granted.bytes_max.filter(|bytes| *bytes < length) {
                let part = part.get_range(0..u32::try_from(bytes)?).ok_or(Errno::Overflow)?;
                let part = memory.to_vec(part)?;
                let written = self.write_bytes(fd, part, at).await?;
                return Ok(self.meter.wrote(written));
            }
            taken = Some(granted);
        }
        let written = self.file_write(memory, fd, ciovs, at).await;
        drop(taken);
        written
    }

    /// Writes `bytes` of ours in place of the guest's.
    async fn write_bytes(&mut self, fd: Fd, bytes: Vec<u8>, at: Option<Filesize>) -> Result<Size> {
        let head = Ciovec::guest_size();
        let mut all = Vec::with_capacity(bytes.len() + head as usize);
        all.extend(head.to_le_bytes());
        all.extend(u32::try_from(bytes.len())?.to_le_bytes());
        all.extend(bytes);
        let memory = &mut GuestMemory::Unshared(&mut all);
        let ciovs = CiovecArray::new((0, 1));
        match at {
            Some(offset) => self.wasi.fd_pwrite(memory, fd, ciovs, offset).await,
            None => self.wasi.fd_write(memory, fd, ciovs).await,
        }
    }

    pub(crate) async fn set_size(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        size: Filesize,
    ) -> Result<()> {
        let stored = self.stored(fd);
        let fd = self.mounted(fd, Errno::Inval)?;
        // What is added so is a hole, which takes nothing.
        let set = self.wasi.fd_filestat_set_size(memory, fd, size).await;
        stored.inspect(Stored::note_removal);
        set
    }

    /// Opens what lies at `path` in `directory` of wasmtime-wasi's, and at `absolute` in the guest.
    pub(crate) async fn open_mounted(
        &mut self,
        memory: &mut GuestMemory<'_>,
        (directory, path, absolute): (Fd, GuestPtr<str>, String),
        opening: Opening,
        stored: Option<Stored>,
        permit: Permit,
    ) -> Result<Fd> {
        let Opening { dirflags, oflags, rights, fdflags } = opening;
        let naming = match &stored {
            None => None,
            Some(stored) if oflags.contains(Oflags::CREAT) => Some(match stored.new_name().await {
                Err(Full::NoSpace) if self.is_there(memory, directory, dirflags, path).await => {
                    stored.name().await.map_err(full)?
                }
                naming => naming.map_err(full)?,
            }),
            Some(stored) => Some(stored.name().await.map_err(full)?),
        };
        if stored.is_none() {
            self.check_opens_at_once(memory, directory, dirflags, path).await?;
        }
        let none = Rights::empty();
        let fd = self
            .wasi
            .path_open(memory, directory, dirflags, path, oflags, rights, none, fdflags)
            .await?;
        let stored = match stored {
            None => None,
            Some(stored) => {
                if oflags.contains(Oflags::TRUNC) {
                    stored.note_removal();
                }
                let found = self.wasi.fd_filestat_get(memory, fd).await?;
                let is_file = found.filetype != Filetype::Directory;
                let appends = fdflags.contains(Fdflags::APPEND);
                Some(if is_file { stored.file(found.ino, appends) } else { stored })
            }
        };
        drop(naming);
        let (fd, path, origin) = (fd.into(), absolute, Origin::Opened);
        self.descriptors.open(permit, Descriptor::Wasi { fd, path, origin, stored })
    }

    /// Refuses what is neither a file nor a directory, which only the host can put there: a named
    /// pipe would keep one of its threads until somebody comes to the other end.
    async fn check_opens_at_once(
        &mut self,
        memory: &mut GuestMemory<'_>,
        directory: Fd,
        flags: Lookupflags,
        path: GuestPtr<str>,
    ) -> Result<()> {
        match self
            .wasi
            .path_filestat_get(memory, directory, flags, path)
            .await
            .map(|it| it.filetype)
        {
            Ok(Filetype::RegularFile | Filetype::Directory | Filetype::SymbolicLink) | Err(_) => {
                Ok(())
            }
            Ok(_) => Err(Errno::Notsup.into()),
        }
    }

    async fn is_there(
        &mut self,
        memory: &mut GuestMemory<'_>,
        directory: Fd,
        flags: Lookupflags,
        path: GuestPtr<str>,
    ) -> bool {
        self.wasi.path_filestat_get(memory, directory, flags, path).await.is_ok()
    }

    pub(crate) async fn make_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        let directory = self.mounted_at(memory, fd, path, Errno::Exist, Errno::Rofs)?;
        let _naming = match self.stored(fd) {
            Some(stored) => Some(stored.new_directory().await.map_err(full)?),
            None => None,
        };
        self.wasi.path_create_directory(memory, directory, path).await
    }

    pub(crate) async fn remove_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        let directory = self.mounted_at(memory, fd, path, Errno::Busy, Errno::Noent)?;
        let naming = self.name(fd).await?;
        self.wasi.path_remove_directory(memory, directory, path).await?;
        if let Some(naming) = naming {
            naming.removed(None);
        }
        Ok(())
    }

    pub(crate) async fn unlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        let directory = self.mounted_at(memory, fd, path, Errno::Busy, Errno::Noent)?;
        let naming = self.name(fd).await?;
        let named = self.named(memory, naming.as_ref(), directory, path).await;
        self.wasi.path_unlink_file(memory, directory, path).await?;
        if let Some(naming) = naming {
            naming.removed(named);
        }
        Ok(())
    }

    pub(crate) async fn symlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        target: GuestPtr<str>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        let directory = self.mounted_at(memory, fd, path, Errno::Exist, Errno::Rofs)?;
        let _naming = match self.stored(fd) {
            Some(stored) => Some(stored.new_link(target.len() as usize).await.map_err(full)?),
            None => None,
        };
        self.wasi.path_symlink(memory, target, directory, path).await
    }

    pub(crate) async fn link(
        &mut self,
        memory: &mut GuestMemory<'_>,
        old: (Fd, Lookupflags, GuestPtr<str>),
        new: (Fd, GuestPtr<str>),
    ) -> Result<()> {
        let ((old_fd, flags, old_path), (new_fd, new_path)) = (old, new);
        let old = self.mounted_at(memory, old_fd, old_path, Errno::Xdev, Errno::Noent)?;
        let new = self.mounted_at(memory, new_fd, new_path, Errno::Exist, Errno::Rofs)?;
        let _naming = match self.both(old_fd, new_fd)? {
            Some(stored) => Some(stored.new_name().await.map_err(full)?),
            None => None,
        };
        self.wasi.path_link(memory, old, flags, old_path, new, new_path).await
    }

    pub(crate) async fn rename(
        &mut self,
        memory: &mut GuestMemory<'_>,
        (old_fd, old_path): (Fd, GuestPtr<str>),
        (new_fd, new_path): (Fd, GuestPtr<str>),
    ) -> Result<()> {
        let old = self.mounted_at(memory, old_fd, old_path, Errno::Busy, Errno::Noent)?;
        let new = self.mounted_at(memory, new_fd, new_path, Errno::Busy, Errno::Rofs)?;
        let naming = match self.both(old_fd, new_fd)? {
            Some(stored) => Some(stored.other_name().await.map_err(full)?),
            None => None,
        };
        let moved = self.named(memory, naming.as_ref(), old, old_path).await;
        let replaced = self.named(memory, naming.as_ref(), new, new_path).await;
        self.wasi.path_rename(memory, old, old_path, new, new_path).await?;
        // Two names of one file are both left as they are.
        let file = |named: Option<Named>| named.map(|named| named.file);
        if let Some(naming) = naming
            && file(moved) != file(replaced)
        {
            naming.removed(replaced);
        }
        Ok(())
    }

    /// Holds the names of the space that `fd` lies in.
    async fn name(&mut self, fd: Fd) -> Result<Option<Naming>> {
        match self.stored(fd) {
            Some(stored) => Ok(Some(stored.name().await.map_err(full)?)),
            None => Ok(None),
        }
    }

    /// The one space that both lie in, if it is limited.
    fn both(&self, old: Fd, new: Fd) -> Result<Option<Stored>> {
        let (old, new) = (self.stored(old), self.stored(new));
        if is_same(old.as_ref(), new.as_ref()) { Ok(new) } else { Err(Errno::Xdev.into()) }
    }

    /// What a name stands for, if that matters to a space.
    async fn named(
        &mut self,
        memory: &mut GuestMemory<'_>,
        naming: Option<&Naming>,
        directory: Fd,
        path: GuestPtr<str>,
    ) -> Option<Named> {
        naming?;
        let flags = Lookupflags::empty();
        let found = self.wasi.path_filestat_get(memory, directory, flags, path).await;
        let Filestat { ino, nlink, size, .. } = found.ok()?;
        Some(Named { file: ino, links: nlink, size })
    }
}

/// What a guest is told, or that it ends.
fn full(full: Full) -> Error {
    match full.stop() {
        None => Errno::Nospc.into(),
        Some(stop) => Error::trap(stop.into()),
    }
}

/// What wasmtime-wasi will write of all parts: the first that is not empty.
fn first_written(memory: &GuestMemory<'_>, ciovs: CiovecArray) -> Result<GuestPtr<[u8]>> {
    check_parts(ciovs.len())?;
    for ciov in ciovs.iter() {
        let ciov = memory.read(ciov?)?;
        if ciov.buf_len > 0 {
            return Ok(ciov.buf.as_array(ciov.buf_len));
        }
    }
    Ok(GuestPtr::new((0, 0)))
}
