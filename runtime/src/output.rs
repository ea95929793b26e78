//! Where a guest's standard output and standard error go.

use std::io;
use std::sync::{Mutex, PoisonError};

/// Which of its outputs a guest wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output, descriptor 1.
    Stdout,
    /// Standard error, descriptor 2.
    Stderr,
}

/// Takes what a guest prints, as it prints it.
///
/// It is called on the thread that runs the guest, so it should not block for long.
pub trait Output: Send + Sync + 'static {
    /// Takes `bytes`, whole or not at all.
    ///
    /// One call is one write of the guest, which may be part of a line or many lines. An error is
    /// what the guest's write returns to it (`EIO`); the guest goes on.
    fn write(&self, stream: Stream, bytes: &[u8]) -> io::Result<()>;
}

/// Throws away what is printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Output for Discard {
    fn write(&self, _stream: Stream, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps all that is printed, in memory; how much that may be is the run's limit.
#[derive(Debug, Default)]
pub struct Capture {
    writes: Mutex<Vec<(Stream, Vec<u8>)>>,
}

impl Capture {
    /// What was printed to `stream` up to now.
    pub fn taken(&self, stream: Stream) -> Vec<u8> {
        let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.iter().filter(|(to, _)| *to == stream).flat_map(|(_, bytes)| bytes.clone()).collect()
    }
}

impl Output for Capture {
    fn write(&self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.push((stream, bytes.to_vec()));
        Ok(())
    }
}
