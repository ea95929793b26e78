//! The streams of our devices, which a component reads and writes.

use bytes::Bytes;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::{Rng, async_trait};

use super::world::{Shared, locked};
use crate::console::{Console, TerminationMessage, Unprinted};
use crate::limits::TRANSFER_BYTES_MAX;
use crate::output::Stream;

/// What a stream takes at a time. A guest that writes more without asking is stopped, as the
/// interface has it: the host would hold all of it until it is written.
pub(super) const WRITE_BYTES_MAX: usize = TRANSFER_BYTES_MAX as usize;

pub(super) fn check_length(bytes: &Bytes) -> StreamResult<()> {
    if bytes.len() > WRITE_BYTES_MAX {
        return Err(StreamError::trap("the guest wrote more to a stream than it may at a time"));
    }
    Ok(())
}

/// The guest's standard output or standard error.
pub(super) struct Printer {
    pub(super) console: Shared<Console>,
    pub(super) stream: Stream,
    /// How much the guest was told that it may write next.
    pub(super) permit: usize,
}

impl OutputStream for Printer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > std::mem::take(&mut self.permit) {
            return Err(StreamError::trap("the guest wrote more to a stream than it was told to"));
        }
        locked(&self.console).write(self.stream, &bytes).map_err(|unprinted| match unprinted {
            Unprinted::Lost => StreamError::LastOperationFailed(
                std::io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()).into(),
            ),
            Unprinted::Stop(stop) => StreamError::Trap(stop.into()),
        })
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let may_print = locked(&self.console).wait().is_zero();
        self.permit = if may_print { WRITE_BYTES_MAX } else { 0 };
        Ok(self.permit)
    }
}

#[async_trait]
impl Pollable for Printer {
    async fn ready(&mut self) {
        loop {
            let wait = locked(&self.console).wait();
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }
}

/// Takes the guest's termination message.
pub(super) struct Message(pub(super) Shared<TerminationMessage>);

impl OutputStream for Message {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        check_length(&bytes)?;
        locked(&self.0).write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[async_trait]
impl Pollable for Message {
    async fn ready(&mut self) {}
}

/// Swallows all.
pub(super) struct Sink;

impl OutputStream for Sink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        check_length(&bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

/// What is read from a device.
pub(super) enum DeviceInput {
    /// These bytes, then the end.
    Rest(Bytes),
    /// Zero bytes without end.
    Zeros,
    /// Random bytes without end.
    Random(Box<dyn Rng + Send>),
}

impl InputStream for DeviceInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let size = size.min(TRANSFER_BYTES_MAX as usize);
        match self {
            Self::Rest(bytes) if bytes.is_empty() => Err(StreamError::Closed),
            Self::Rest(bytes) => Ok(bytes.split_to(size.min(bytes.len()))),
            Self::Zeros => Ok(vec![0; size].into()),
            Self::Random(random) => {
                let mut bytes = vec![0; size];
                random.fill_bytes(&mut bytes);
                Ok(bytes.into())
            }
        }
    }
}

#[async_trait]
impl Pollable for DeviceInput {
    async fn ready(&mut self) {}
}
