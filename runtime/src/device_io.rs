//! Reading, writing and seeking of the devices.

use wasmtime_wasi::p1::types::{
    CiovecArray, Errno, Error, Filedelta, Filesize, Filestat, IovecArray, Size, Whence,
};
use wasmtime_wasi::{Rng, thread_rng};
use wiggle::{GuestMemory, GuestPtr};

use crate::console::Unprinted;
use crate::device::Device;
use crate::limits::TRANSFER_BYTES_MAX;
use crate::output::Stream;
use crate::world::World;

type Result<T, E = Error> = std::result::Result<T, E>;

/// Parts that one call may read into or write from: Linux' own limit.
const PARTS_MAX: u32 = 1024;

impl World {
    pub(crate) fn device_filestat(&self, device: Device) -> Filestat {
        device.filestat(self.termination.bytes().len() as u64)
    }

    /// What `ftruncate` does.
    pub(crate) fn device_set_size(&mut self, device: Device, size: Filesize) -> Result<()> {
        match (device, size) {
            (Device::TerminationLog, 0) => {
                self.termination.clear();
                Ok(())
            }
            _ => Err(Errno::Inval.into()),
        }
    }

    /// Where a seek ends up. The endless devices have but one place, which is the start.
    pub(crate) fn device_seek(
        &self,
        device: Device,
        position: Filesize,
        offset: Filedelta,
        whence: Whence,
    ) -> Result<Filesize> {
        device.check_seekable()?;
        if device != Device::TerminationLog {
            return Ok(0);
        }
        let from = match whence {
            Whence::Set => 0,
            Whence::Cur => position,
            Whence::End => self.termination.bytes().len() as u64,
        };
        from.checked_add_signed(offset).ok_or_else(|| Errno::Inval.into())
    }

    /// Reads from `device`, the termination log from `position` on.
    pub(crate) fn device_read(
        &mut self,
        memory: &mut GuestMemory<'_>,
        device: Device,
        iovs: IovecArray,
        position: Filesize,
    ) -> Result<Size> {
        match device {
            Device::Null => Ok(0),
            // Standard input is wasmtime-wasi's, and read by whoever calls this.
            Device::Stdin | Device::Stdout | Device::Stderr => Err(Errno::Badf.into()),
            Device::Zero => {
                let part = first_part(memory, iovs)?;
                fill(memory, part, |slice| slice.fill(0))
            }
            Device::Random => {
                let part = first_part(memory, iovs)?;
                let random = self.random_source();
                fill(memory, part, |slice| random.fill_bytes(slice))
            }
            Device::TerminationLog => {
                let part = first_part(memory, iovs)?;
                let start = usize::try_from(position)?.min(self.termination.bytes().len());
                let rest = &self.termination.bytes()[start..];
                let length = rest.len().min(part.len() as usize);
                let read = u32::try_from(length)?;
                let part = part.get_range(0..read).ok_or(Errno::Overflow)?;
                memory.copy_from_slice(&rest[..length], part)?;
                Ok(read)
            }
        }
    }

    /// Writes to `device`; what it can't take in one call is left to the next. Printing waits until
    /// the guest may print more.
    pub(crate) async fn device_write(
        &mut self,
        memory: &mut GuestMemory<'_>,
        device: Device,
        ciovs: CiovecArray,
    ) -> Result<Size> {
        let bytes = match device {
            Device::Stdin => return Err(Errno::Badf.into()),
            Device::Null | Device::Zero | Device::Random => return total(memory, ciovs),
            _ => gather(memory, ciovs)?,
        };
        match device {
            Device::Stdout => self.print(Stream::Stdout, &bytes).await?,
            Device::Stderr => self.print(Stream::Stderr, &bytes).await?,
            _ => self.termination.write(&bytes),
        }
        Ok(bytes.len().try_into()?)
    }

    async fn print(&mut self, stream: Stream, bytes: &[u8]) -> Result<()> {
        loop {
            let wait = self.console.wait();
            if wait.is_zero() {
                break;
            }
            tokio::time::sleep(wait).await;
        }
        self.console.write(stream, bytes).map_err(|unprinted| match unprinted {
            Unprinted::Lost => Errno::Io.into(),
            Unprinted::Stop(stop) => Error::trap(stop.into()),
        })
    }

    fn random_source(&mut self) -> &mut (dyn Rng + Send) {
        let seeded = &mut self.seeded;
        self.random
            .get_or_insert_with(|| match seeded {
                Some(seeded) => Box::new(seeded.random()),
                None => thread_rng(),
            })
            .as_mut()
    }

    /// Fills a buffer of the guest's with random bytes.
    pub(crate) fn random(
        &mut self,
        memory: &mut GuestMemory<'_>,
        buffer: GuestPtr<u8>,
        length: Size,
    ) -> Result<()> {
        if length > self.limits.random_bytes {
            return Err(Errno::Inval.into());
        }
        let random = self.random_source();
        fill(memory, buffer.as_array(length), |slice| random.fill_bytes(slice))?;
        Ok(())
    }
}

fn fill(
    memory: &mut GuestMemory<'_>,
    part: GuestPtr<[u8]>,
    with: impl FnOnce(&mut [u8]),
) -> Result<Size> {
    // Memories that guests share among threads are not enabled.
    let slice = memory.as_slice_mut(part)?.ok_or(Errno::Notsup)?;
    with(slice);
    Ok(part.len())
}

pub(crate) fn check_parts(parts: u32) -> Result<()> {
    if parts > PARTS_MAX { Err(Errno::Inval.into()) } else { Ok(()) }
}

/// The first part that is not empty; reading may always give less than was asked for.
fn first_part(memory: &GuestMemory<'_>, iovs: IovecArray) -> Result<GuestPtr<[u8]>> {
    check_parts(iovs.len())?;
    for iov in iovs.iter() {
        let iov = memory.read(iov?)?;
        if iov.buf_len > 0 {
            return Ok(iov.buf.as_array(iov.buf_len.min(TRANSFER_BYTES_MAX)));
        }
    }
    Ok(GuestPtr::new((0, 0)))
}

/// How long all parts are together, without looking at what is in them.
fn total(memory: &GuestMemory<'_>, ciovs: CiovecArray) -> Result<Size> {
    check_parts(ciovs.len())?;
    let mut total: Size = 0;
    for ciov in ciovs.iter() {
        total = total.checked_add(memory.read(ciov?)?.buf_len).ok_or(Errno::Inval)?;
    }
    Ok(total)
}

/// All parts in one piece, so that a line written in parts arrives as a line.
fn gather(memory: &GuestMemory<'_>, ciovs: CiovecArray) -> Result<Vec<u8>> {
    check_parts(ciovs.len())?;
    let mut bytes = Vec::new();
    for ciov in ciovs.iter() {
        let ciov = memory.read(ciov?)?;
        let room = TRANSFER_BYTES_MAX - u32::try_from(bytes.len())?;
        let part = ciov.buf.as_array(ciov.buf_len.min(room));
        bytes.extend_from_slice(&memory.as_cow(part)?);
        if ciov.buf_len >= room {
            break;
        }
    }
    Ok(bytes)
}
