//! The streams of files in mounts, with a limit on how many there are and on what they store.
//!
//! wasmtime-wasi takes all that it is given and writes it on another thread. So what that may be is
//! checked here, and where it takes space that has to be looked for, it waits here until there is.

use bytes::Bytes;
use rustix::io::Errno;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use super::handle::StreamPermit;
use super::stream::{WRITE_BYTES_MAX, check_length};
use crate::meter::Meter;
use crate::space::{Full, Taken};
use crate::stored::Stored;

/// What a stream counts as memory: what waits for space, and what wasmtime-wasi reads or writes.
pub(super) const STREAM_MEMORY_BYTES: u64 = 2 * WRITE_BYTES_MAX as u64;

/// wasmtime-wasi's stream that reads a file.
pub(super) struct FileInput {
    pub(super) stream: DynInputStream,
    pub(super) meter: Meter,
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(super) permit: StreamPermit,
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
    pub(super) permit: StreamPermit,
    pub(super) store: Option<Store>,
}

/// What a stream that takes space keeps account of.
pub(super) struct Store {
    stored: Stored,
    /// Where it writes next.
    position: u64,
    state: State,
    /// What wasmtime-wasi is writing may take so much.
    taken: Option<Taken>,
}

enum State {
    /// Nothing waits.
    Idle,
    /// This waits for space.
    Waiting(Bytes),
    /// Something could not be written, and the guest does not know it yet.
    Failed(StreamError),
}

impl Store {
    /// What a stream to `stored` from `position` on keeps; nothing if it can't store anything.
    pub(super) fn new(mut stored: Stored, position: Option<u64>) -> Option<Self> {
        stored.appends = position.is_none();
        let position = position.unwrap_or_default();
        stored.is_growing().then_some(Self { stored, position, state: State::Idle, taken: None })
    }
}

impl FileOutput {
    /// Writes what waits for space, as far as that goes, when there is some.
    ///
    /// Dropping the future loses nothing: a guest that waits for several things does so.
    async fn advance(&mut self) {
        let Some(store) = &mut self.store else { return };
        while let State::Waiting(bytes) = &mut store.state {
            // A part of it may be on its way.
            self.stream.ready().await;
            store.taken = None;
            let granted = match self.stream.check_write() {
                Ok(_) => store.stored.write(store.position, bytes.len() as u64).await,
                Err(error) => {
                    store.state = State::Failed(error);
                    return;
                }
            };
            match granted {
                Ok(taken) => {
                    let most = taken.bytes_max.and_then(|max| usize::try_from(max).ok());
                    let part = bytes.split_to(most.unwrap_or(usize::MAX).min(bytes.len()));
                    let length = part.len() as u64;
                    let is_all = bytes.is_empty();
                    match self.stream.write(part) {
                        Ok(()) if is_all => store.state = State::Idle,
                        Ok(()) => {}
                        Err(error) => store.state = State::Failed(error),
                    }
                    store.position = store.position.saturating_add(length);
                    store.taken = Some(taken);
                    self.meter.wrote(length);
                }
                Err(full) => store.state = State::Failed(failed(full)),
            }
        }
    }

    /// What has failed, if anything has.
    fn failure(&mut self) -> StreamResult<()> {
        let Some(store) = &mut self.store else { return Ok(()) };
        if !matches!(store.state, State::Failed(_)) {
            return Ok(());
        }
        match std::mem::replace(&mut store.state, State::Idle) {
            State::Failed(error) => Err(error),
            _ => Ok(()),
        }
    }

    fn is_waiting(&self) -> bool {
        self.store.as_ref().is_some_and(|store| matches!(store.state, State::Waiting(_)))
    }
}

fn failed(full: Full) -> StreamError {
    match full.stop() {
        None => {
            let error = std::io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
            StreamError::LastOperationFailed(error.into())
        }
        Some(stop) => StreamError::Trap(stop.into()),
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
            store.taken = None;
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
        self.advance().await;
        self.stream.ready().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::sync::{Arc, Mutex};

    use tokio::sync::{Notify, Semaphore};

    use super::*;
    use crate::guest::Access;
    use crate::memory::MemoryAccount;
    use crate::outcome::MemoryUse;
    use crate::space::{Space, SpaceLimits, WhenFull};

    /// Takes what is written, and then is not ready until somebody has waited in vain.
    #[derive(Clone, Default)]
    struct Slow {
        taken: Arc<Mutex<Vec<u8>>>,
        is_busy: Arc<AtomicBool>,
        is_waited_for: Arc<Notify>,
    }

    impl OutputStream for Slow {
        fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
            self.taken.lock().unwrap().extend_from_slice(&bytes);
            self.is_busy.store(true, SeqCst);
            Ok(())
        }

        fn flush(&mut self) -> StreamResult<()> {
            Ok(())
        }

        fn check_write(&mut self) -> StreamResult<usize> {
            Ok(if self.is_busy.load(SeqCst) { 0 } else { WRITE_BYTES_MAX })
        }
    }

    #[async_trait]
    impl Pollable for Slow {
        async fn ready(&mut self) {
            if self.is_busy.swap(false, SeqCst) {
                self.is_waited_for.notify_one();
                std::future::pending::<()>().await;
            }
        }
    }

    #[tokio::test]
    async fn who_gives_up_waiting_loses_nothing_of_what_was_written() {
        const BYTES: usize = 40 << 10;
        let folder = tempfile::tempdir().unwrap();
        // Room for a part of it at a time.
        let (full, in_memory) = (WhenFull::Fail, true);
        let limits = SpaceLimits { bytes: 16 << 10, entries: 10, full, in_memory };
        let memory = MemoryAccount::alone(1 << 20);
        let space = Space::new(folder.path(), limits, None, || {});
        let stored = Stored::new(space, Access::ReadWrite, &memory).file(1, false);
        let (slow, permits) = (Slow::default(), Arc::new(Semaphore::new(1)));
        let mut output = FileOutput {
            stream: Box::new(slow.clone()),
            meter: Meter::new(),
            permit: StreamPermit {
                _stream: permits.try_acquire_owned().unwrap(),
                _file: None,
                _held: memory.hold(STREAM_MEMORY_BYTES, MemoryUse::Files).unwrap(),
            },
            store: Store::new(stored, Some(0)),
        };
        output.write(vec![b'x'; BYTES].into()).unwrap();
        let mut given_up = 0;
        while output.check_write().unwrap() == 0 {
            tokio::select! {
                () = output.ready() => {}
                () = slow.is_waited_for.notified() => given_up += 1,
            }
        }
        assert!(given_up > 1, "{given_up}");
        assert_eq!(slow.taken.lock().unwrap().len(), BYTES);
    }
}
