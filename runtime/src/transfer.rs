//! Reading and writing files of mounts, a bounded piece at a time.
//!
//! wasmtime-wasi copies what a call reads or writes, to do it on another thread. A guest could have
//! it copy all of its memory; so a large buffer is served in part, as POSIX allows, by way of a small
//! memory of our own.

use wasmtime_wasi::p1::types::{CiovecArray, Errno, Error, Fd, Filesize, IovecArray, Size};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wiggle::{GuestMemory, GuestPtr};

use crate::world::World;

type Result<T, E = Error> = std::result::Result<T, E>;

/// What one call reads from or writes to a file; large enough that calls cost nothing beside it.
pub(crate) const FILE_TRANSFER_BYTES_MAX: u32 = 1 << 20;

/// Where the bytes lie in a memory of our own, after the one part that leads to them.
const BYTES_AT: u32 = 8;

impl World {
    /// Reads from a file of wasmtime-wasi's: from `offset`, or from where it is.
    pub(crate) async fn file_read(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: IovecArray,
        offset: Option<Filesize>,
    ) -> Result<Size> {
        let read = self.read_part(memory, fd, iovs, offset).await?;
        Ok(self.meter.read(read))
    }

    /// Writes to a file of wasmtime-wasi's: at `offset`, or where it is.
    pub(crate) async fn file_write(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        ciovs: CiovecArray,
        offset: Option<Filesize>,
    ) -> Result<Size> {
        let written = self.write_part(memory, fd, ciovs, offset).await?;
        Ok(self.meter.wrote(written))
    }

    async fn read_part(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: IovecArray,
        offset: Option<Filesize>,
    ) -> Result<Size> {
        let Some(into) = large(memory, iovs.iter(), |memory, iov| {
            let iov = memory.read(iov)?;
            Ok(iov.buf.as_array(iov.buf_len))
        })?
        else {
            return match offset {
                None => self.wasi.fd_read(memory, fd, iovs).await,
                Some(offset) => self.wasi.fd_pread(memory, fd, iovs, offset).await,
            };
        };
        let mut buffer = OwnMemory::new();
        let own = &mut GuestMemory::Unshared(buffer.bytes());
        let part = GuestPtr::new((0, 1));
        let read = match offset {
            None => self.wasi.fd_read(own, fd, part).await?,
            Some(offset) => self.wasi.fd_pread(own, fd, part, offset).await?,
        };
        let bytes = &buffer.bytes()[BYTES_AT as usize..(BYTES_AT + read) as usize];
        memory.copy_from_slice(bytes, into.get_range(0..read).ok_or(Errno::Overflow)?)?;
        Ok(read)
    }

    async fn write_part(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        ciovs: CiovecArray,
        offset: Option<Filesize>,
    ) -> Result<Size> {
        let Some(from) = large(memory, ciovs.iter(), |memory, ciov| {
            let ciov = memory.read(ciov)?;
            Ok(ciov.buf.as_array(ciov.buf_len))
        })?
        else {
            return match offset {
                None => self.wasi.fd_write(memory, fd, ciovs).await,
                Some(offset) => self.wasi.fd_pwrite(memory, fd, ciovs, offset).await,
            };
        };
        let mut buffer = OwnMemory::new();
        let from = from.get_range(0..FILE_TRANSFER_BYTES_MAX).ok_or(Errno::Overflow)?;
        buffer.bytes()[BYTES_AT as usize..].copy_from_slice(&memory.as_cow(from)?);
        let own = &mut GuestMemory::Unshared(buffer.bytes());
        let part = GuestPtr::new((0, 1));
        match offset {
            None => self.wasi.fd_write(own, fd, part).await,
            Some(offset) => self.wasi.fd_pwrite(own, fd, part, offset).await,
        }
    }
}

/// The first part that is not empty, which is all that wasmtime-wasi looks at, if it is too large.
fn large<T>(
    memory: &GuestMemory<'_>,
    mut parts: impl Iterator<Item = Result<T, wiggle::GuestError>>,
    part_of: impl Fn(&GuestMemory<'_>, T) -> Result<GuestPtr<[u8]>, wiggle::GuestError>,
) -> Result<Option<GuestPtr<[u8]>>> {
    let first = parts.find_map(|part| match part.and_then(|part| part_of(memory, part)) {
        Ok(part) if part.len() == 0 => None,
        found => Some(found),
    });
    Ok(first.transpose()?.filter(|part| part.len() > FILE_TRANSFER_BYTES_MAX))
}

/// A memory with one part, as `readv` and `writev` take it, and the bytes that it leads to.
struct OwnMemory {
    buffer: Vec<u8>,
    /// Where it begins: wiggle wants the host's addresses aligned, too.
    start: usize,
}

impl OwnMemory {
    fn new() -> Self {
        let length = (BYTES_AT + FILE_TRANSFER_BYTES_MAX) as usize;
        let buffer = vec![0; length + 8];
        let start = buffer.as_ptr().align_offset(8);
        let mut memory = Self { buffer, start };
        memory.bytes()[0..4].copy_from_slice(&BYTES_AT.to_le_bytes());
        memory.bytes()[4..8].copy_from_slice(&FILE_TRANSFER_BYTES_MAX.to_le_bytes());
        memory
    }

    fn bytes(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..][..(BYTES_AT + FILE_TRANSFER_BYTES_MAX) as usize]
    }
}
