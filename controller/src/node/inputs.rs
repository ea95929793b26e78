//! The standard inputs of containers that have one, while they run.
//!
//! ```text
//! whoever is attached ──▶ Typing ──▶ a bounded pipe ──▶ Input ──▶ the container reads
//! ```
//!
//! Source: `stdin` and `stdinOnce` of a container. Kubernetes differs: one client at a time has a
//! container's input, where several would have to take turns at each byte.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWriteExt as _, DuplexStream, ReadBuf};

use super::logs::Run;
use crate::limits::INPUT_BYTES_MAX;

/// The inputs of one node's containers. A clone is the same.
#[derive(Clone, Default)]
pub struct Inputs {
    open: Arc<Mutex<HashMap<Run, Arc<Far>>>>,
}

/// What a container reads: silent until somebody types, at its end once nobody can any more. A clone
/// reads the same bytes.
#[derive(Clone)]
pub struct Input(Arc<Mutex<DuplexStream>>);

/// The end of a container's input that is typed into.
struct Far {
    /// `stdinOnce`: the first client that leaves closes it.
    is_once: bool,
    /// `None` while a client has it, and once it is closed.
    pipe: Mutex<Option<DuplexStream>>,
}

/// Keeps the input of a run open until it is dropped.
pub(super) struct OpenInput {
    inputs: Inputs,
    run: Run,
    far: Arc<Far>,
}

/// A container's input in the hands of a client. Dropped, it is the next one's, or closed if the
/// container says `stdinOnce`.
pub struct Typing {
    far: Arc<Far>,
    pipe: Option<DuplexStream>,
}

/// Why there is no input to type into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoInput {
    /// The container has none, or does not run.
    Absent,
    /// It has been closed.
    Closed,
    /// Another client has it.
    Taken,
}

impl Inputs {
    /// Opens the input of `run`, which has not begun.
    pub(super) fn open(&self, run: &Run, is_once: bool) -> (Input, OpenInput) {
        let (near, far) = tokio::io::duplex(INPUT_BYTES_MAX);
        let far = Arc::new(Far { is_once, pipe: Mutex::new(Some(far)) });
        self.lock().insert(run.clone(), Arc::clone(&far));
        let open = OpenInput { inputs: self.clone(), run: run.clone(), far };
        (Input(Arc::new(Mutex::new(near))), open)
    }

    /// Takes the input of `run` to type into it.
    pub fn take(&self, run: &Run) -> Result<Typing, NoInput> {
        let far = self.lock().get(run).cloned().ok_or(NoInput::Absent)?;
        let pipe = far.pipe().take();
        match pipe {
            Some(pipe) => Ok(Typing { far, pipe: Some(pipe) }),
            // Whoever had it first may still have it, or be gone: it is over for everybody else.
            None if far.is_once => Err(NoInput::Closed),
            None => Err(NoInput::Taken),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Run, Arc<Far>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Far {
    fn pipe(&self) -> MutexGuard<'_, Option<DuplexStream>> {
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenInput {
    fn drop(&mut self) {
        let mut open = self.inputs.lock();
        // The same run may have begun once more meanwhile.
        if open.get(&self.run).is_some_and(|far| Arc::ptr_eq(far, &self.far)) {
            open.remove(&self.run);
        }
    }
}

impl Typing {
    /// Types as many of `bytes` as there is room for, at least one, as soon as there is; gives how
    /// many. An error once nobody reads them any more.
    ///
    /// Dropping the future loses nothing.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let pipe = self.pipe.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        pipe.write(bytes).await
    }

    /// The client has no more to type. The container sees that only if it says `stdinOnce`: if not,
    /// another client may have more.
    pub fn end(&mut self) {
        if self.far.is_once {
            self.pipe = None;
        }
    }
}

impl Drop for Typing {
    fn drop(&mut self) {
        self.end();
        if let Some(pipe) = self.pipe.take() {
            *self.far.pipe() = Some(pipe);
        }
    }
}

impl AsyncRead for Input {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pipe = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *pipe).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::node::PodIdentity;

    fn run() -> Run {
        let pod = PodIdentity { namespace: "ns".into(), name: "p".into(), uid: "u".into() };
        Run { pod, container: "main".into(), restart: 0 }
    }

    async fn type_into(inputs: &Inputs, text: &str) -> Result<(), NoInput> {
        let mut typing = inputs.take(&run())?;
        assert!(inputs.take(&run()).is_err(), "it is taken");
        assert_eq!(typing.write(text.as_bytes()).await.unwrap(), text.len());
        typing.end();
        Ok(())
    }

    #[tokio::test]
    async fn an_input_goes_from_one_client_to_the_next() {
        let inputs = Inputs::default();
        let (mut input, open) = inputs.open(&run(), false);
        type_into(&inputs, "one ").await.unwrap();
        type_into(&inputs, "two").await.unwrap();
        let mut read = [0; 7];
        input.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"one two");
        drop(open);
        assert_eq!(type_into(&inputs, "late").await, Err(NoInput::Absent));
        assert_eq!(input.read(&mut read).await.unwrap(), 0, "nobody can type any more");
    }

    #[tokio::test]
    async fn with_stdin_once_the_first_client_closes_it() {
        let inputs = Inputs::default();
        let (mut input, _open) = inputs.open(&run(), true);
        type_into(&inputs, "all").await.unwrap();
        let mut read = String::new();
        input.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "all");
        assert_eq!(type_into(&inputs, "more").await, Err(NoInput::Closed));
    }

    #[tokio::test]
    async fn what_is_not_read_waits_at_the_sender() {
        let inputs = Inputs::default();
        let (input, _open) = inputs.open(&run(), false);
        let mut typing = inputs.take(&run()).unwrap();
        let flood = vec![b'x'; 2 * INPUT_BYTES_MAX];
        assert_eq!(typing.write(&flood).await.unwrap(), INPUT_BYTES_MAX);
        tokio::select! {
            biased;
            _ = typing.write(&flood) => panic!("the pipe must be full"),
            () = tokio::task::yield_now() => {}
        }
        drop(input);
        assert_eq!(typing.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
