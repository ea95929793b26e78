//! Writes what one run of a container prints, line by line, up to a limit.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::line;
use crate::api::Timestamp;
use crate::clock::Clock;
use crate::limits::{LOG_BYTES_MAX, LOG_LINE_BYTES_MAX};
use crate::node::runtime::{Output, Stream};

/// The log of one run of a container. It ends with [`finish`](Self::finish), or when dropped.
pub struct LogWriter {
    open: Mutex<Option<Open>>,
    clock: Clock,
}

struct Open {
    file: File,
    /// Bytes that the log may still grow by.
    left: usize,
    /// What each stream has printed since its last newline.
    unfinished: [Vec<u8>; 2],
    /// Followers wait on the other end; dropping it tells them that nothing more comes.
    growth: watch::Sender<()>,
}

impl LogWriter {
    pub(super) fn create(path: &Path, clock: Clock, growth: watch::Sender<()>) -> io::Result<Self> {
        let unfinished = [Vec::new(), Vec::new()];
        let open = Open { file: File::create(path)?, left: LOG_BYTES_MAX, unfinished, growth };
        Ok(Self { open: Mutex::new(Some(open)), clock })
    }

    /// Writes out what has had no newline yet, and lets followers come to their end.
    pub fn finish(&self) {
        let Some(mut open) = self.lock().take() else { return };
        let now = self.clock.now();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(&mut open.unfinished[stream as usize]);
            if !rest.is_empty() {
                let mut lines = Vec::new();
                line::format(&mut lines, now, stream, false, &rest);
                // Nobody is left to be told that the disk is full.
                let _ = open.append(&lines, now);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Output for LogWriter {
    fn write(&self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let mut guard = self.lock();
        let open = guard.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let now = self.clock.now();
        let mut lines = Vec::with_capacity(bytes.len() + 64);
        let unfinished = &mut open.unfinished[stream as usize];
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n");
            unfinished.extend_from_slice(text.unwrap_or(piece));
            while unfinished.len() > LOG_LINE_BYTES_MAX {
                let rest = unfinished.split_off(LOG_LINE_BYTES_MAX);
                line::format(&mut lines, now, stream, false, unfinished);
                *unfinished = rest;
            }
            if text.is_some() {
                line::format(&mut lines, now, stream, true, unfinished);
                unfinished.clear();
            }
        }
        open.append(&lines, now)
    }
}

impl Open {
    fn append(&mut self, lines: &[u8], now: Timestamp) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.left == 0 {
            return Err(full());
        }
        let fits = lines.len() <= self.left;
        let kept = if fits { lines } else { whole_lines(&lines[..self.left]) };
        self.file.write_all(kept)?;
        self.left -= kept.len();
        if !fits {
            self.left = 0;
            let text =
                format!("[mayfly: the log ends here, at its limit of {LOG_BYTES_MAX} bytes]");
            let mut notice = Vec::new();
            line::format(&mut notice, now, Stream::Stderr, true, text.as_bytes());
            self.file.write_all(&notice)?;
        }
        self.growth.send_replace(());
        if fits { Ok(()) } else { Err(full()) }
    }
}

fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    &bytes[..end]
}

fn full() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "the log is at its limit")
}
