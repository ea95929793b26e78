//! The streams of files in mounts, with a limit on how many there are and on what they store.
//!
//! wasmtime-wasi takes all that it is given and writes it on another thread. So what that may be is
//! checked here, and where it takes space that has to be looked for, it waits here until there is.

use bytes::Bytes;
use rustix::io::Errno;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use super::stream::{WRITE_BYTES_MAX, check_length};
use crate::meter::Meter;
use crate::space::{Full, Taken};
use crate::stop::Stop;
use crate::stored::Stored;

/// wasmtime-wasi's stream that reads a file.
pub(super) struct FileInput {
    pub(super) stream: DynInputStream,
    pub(super) meter: Meter,
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(super) permit: OwnedSemaphorePermit,
    #[expect(dead_code, reason = "the file is open for as long as it is there")]
    pub(super) stored: Option<Stored>,
}

#[async_trait]
impl InputStream for FileInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.stream.read(size)?;
        self.meter.read(bytes.len() as u64);
        Ok(bytes)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.stream.blocking_read(size).await?;
        self.meter.read(bytes.len() as u64);
        Ok(bytes)
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[async_trait]
impl Pollable for FileInput {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

/// wasmtime-wasi's stream that writes a file.
pub(super) struct FileOutput {
    pub(super) stream: DynOutputStream,
    pub(super) meter: Meter,
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) store: Option<Store>,
}

/// What a stream that takes space keeps account of.
pub(super) struct Store {
    stored: Stored,
    /// Where it writes next.
    position: u64,
    state: State,
}

enum State {
    /// Nothing is under way.
    Idle,
    /// This waits for space.
    Waiting(Bytes),
    /// wasmtime-wasi writes it.
    Writing { _taken: Taken },
    /// It could not be written.
    Failed(Full),
}

impl Store {
    /// What a stream to `stored` from `position` on keeps; nothing if it can't store anything.
    pub(super) fn new(mut stored: Stored, position: Option<u64>) -> Option<Self> {
        stored.appends = position.is_none();
        let position = position.unwrap_or_default();
        stored.is_growing().then_some(Self { stored, position, state: State::Idle })
    }
}

impl FileOutput {
    /// Writes what waits for space, as far as that goes, when there is some.
    async fn advance(&mut self) -> Result<(), StreamError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        while let State::Waiting(bytes) = &mut store.state {
            match store.stored.write(store.position, bytes.len() as u64).await {
                Ok(taken) => {
                    let State::Waiting(mut bytes) =
                        std::mem::replace(&mut store.state, State::Idle)
                    else {
                        unreachable!("nobody else has the stream")
                    };
                    let most = taken.bytes_max.and_then(|max| usize::try_from(max).ok());
                    let rest = bytes.split_off(most.unwrap_or(usize::MAX).min(bytes.len()));
                    store.position = store.position.saturating_add(bytes.len() as u64);
                    self.meter.wrote(bytes.len() as u64);
                    self.stream.write(bytes)?;
                    if rest.is_empty() {
                        store.state = State::Writing { _taken: taken };
                    } else {
                        self.stream.ready().await;
                        self.stream.check_write()?;
                        store.state = State::Waiting(rest);
                    }
                }
                Err(full) => store.state = State::Failed(full),
            }
        }
        Ok(())
    }

    /// What has failed, if anything has.
    fn failure(&mut self) -> StreamResult<()> {
        let Some(store) = &mut self.store else { return Ok(()) };
        if !matches!(store.state, State::Failed(_)) {
            return Ok(());
        }
        match std::mem::replace(&mut store.state, State::Idle) {
            State::Failed(full) => Err(failed(full)),
            _ => Ok(()),
        }
    }

    fn is_waiting(&self) -> bool {
        self.store.as_ref().is_some_and(|store| matches!(store.state, State::Waiting(_)))
    }
}

fn failed(full: Full) -> StreamError {
    match full {
        Full::NoSpace => {
            let error = std::io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
            StreamError::LastOperationFailed(error.into())
        }
        Full::Exceeded => StreamError::Trap(Stop::SpaceExceeded.into()),
    }
}

#[async_trait]
impl OutputStream for FileOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        check_length(&bytes)?;
        let Some(store) = &mut self.store else {
            let length = bytes.len() as u64;
            self.stream.write(bytes)?;
            self.meter.wrote(length);
            return Ok(());
        };
        if matches!(store.state, State::Waiting(_)) {
            return Err(StreamError::trap("the guest wrote to a stream that was not ready"));
        }
        store.state = State::Waiting(bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.failure()?;
        self.stream.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.failure()?;
        if self.is_waiting() {
            return Ok(0);
        }
        let room = self.stream.check_write()?.min(WRITE_BYTES_MAX);
        if let Some(store) = self.store.as_mut().filter(|_| room > 0) {
            store.state = State::Idle;
        }
        Ok(room)
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        check_length(&bytes)?;
        if self.store.is_none() {
            let length = bytes.len() as u64;
            self.stream.blocking_write_and_flush(bytes).await?;
            self.meter.wrote(length);
            return Ok(());
        }
        self.ready().await;
        self.check_write()?;
        self.write(bytes)?;
        self.ready().await;
        self.check_write()?;
        Ok(())
    }

    async fn cancel(&mut self) {
        self.store = None;
        self.stream.cancel().await;
    }
}

#[async_trait]
impl Pollable for FileOutput {
    async fn ready(&mut self) {
        // What fails here is told by the next call.
        let _ = self.advance().await;
        self.stream.ready().await;
    }
}
