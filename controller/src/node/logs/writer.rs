//! Writes what one run of a container prints, line by line, to a file; then to the next, and so on.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::files::Files;
use super::reader::Place;
use super::{LogLimits, LogMeter, Logs, Run, line};
use crate::limits::LOG_LINE_BYTES_MAX;
use crate::node::runtime::{Output, Stream};

/// The log of one run of a container. It ends with [`finish`](Self::finish), or when dropped.
pub struct LogWriter {
    open: Mutex<Option<Open>>,
    logs: Logs,
    run: Run,
}

struct Open {
    files: Files,
    file: File,
    /// The number of the file, and how long it is.
    place: Place,
    /// What each stream has printed since its last newline.
    unfinished: [Vec<u8>; 2],
    /// Followers wait on the other end; dropping it tells them that nothing more comes.
    growth: watch::Sender<()>,
    meter: Option<Arc<LogMeter>>,
    limits: LogLimits,
}

impl LogWriter {
    pub(super) fn create(
        logs: Logs,
        run: Run,
        files: Files,
        meter: Option<Arc<LogMeter>>,
    ) -> io::Result<Self> {
        let open = Open {
            file: files.create(0)?,
            files,
            place: Place::default(),
            unfinished: [Vec::new(), Vec::new()],
            growth: watch::channel(()).0,
            meter,
            limits: logs.inner.limits,
        };
        Ok(Self { open: Mutex::new(Some(open)), logs, run })
    }

    /// Writes out what has had no newline yet, and lets followers come to their end.
    pub fn finish(&self) {
        // Who asks meanwhile whether there is more to come waits until all of it is there.
        let mut guard = self.lock();
        let Some(mut open) = guard.take() else { return };
        let now = self.logs.inner.clock.now();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(&mut open.unfinished[stream as usize]);
            if !rest.is_empty() {
                let mut lines = Vec::new();
                line::format(&mut lines, now, stream, false, &rest);
                // Nobody is left to be told that the disk is full.
                let _ = open.append(&lines);
            }
        }
        drop(guard);
        self.logs.forget(&self.run, self);
    }

    /// What tells that it has grown; `None` if it won't any more.
    pub(super) fn growth(&self) -> Option<watch::Receiver<()>> {
        self.lock().as_ref().map(|open| open.growth.subscribe())
    }

    /// Waits until nobody is told any more.
    #[cfg(test)]
    pub(super) async fn unfollowed(&self) {
        let growth = self.lock().as_ref().map(|open| open.growth.clone());
        if let Some(growth) = growth {
            growth.closed().await;
        }
    }

    /// What has been printed since the last newline, but for what has been `shown` of it by one who
    /// has read up to `place`; nothing if there is more in the files.
    pub(super) fn unfinished(
        &self,
        place: Place,
        shown: &mut [usize; 2],
    ) -> Option<(Stream, Vec<u8>)> {
        let guard = self.lock();
        let open = guard.as_ref().filter(|open| open.place == place)?;
        [Stream::Stdout, Stream::Stderr].into_iter().find_map(|stream| {
            let (printed, shown) = (&open.unfinished[stream as usize], &mut shown[stream as usize]);
            let new = printed.get(*shown..).filter(|new| !new.is_empty())?.to_vec();
            *shown = printed.len();
            Some((stream, new))
        })
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
        let now = self.logs.inner.clock.now();
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
        let written = open.append(&lines);
        open.growth.send_replace(());
        written
    }
}

impl Open {
    /// Adds `lines`, which are whole, to as many files as that takes.
    fn append(&mut self, mut lines: &[u8]) -> io::Result<()> {
        while !lines.is_empty() {
            let room = self.limits.file_bytes.saturating_sub(self.place.offset);
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let fitting = if lines.len() <= room { lines } else { whole_lines(&lines[..room]) };
            if fitting.is_empty() {
                self.rotate()?;
                continue;
            }
            if let Err(error) = self.file.write_all(fitting) {
                // A part of a line would make nonsense of the next one.
                let back = self.file.set_len(self.place.offset);
                let _ = back.and_then(|()| self.file.seek(SeekFrom::Start(self.place.offset)));
                return Err(error);
            }
            self.place.offset += fitting.len() as u64;
            if let Some(meter) = &self.meter {
                meter.grown(fitting.len() as u64);
            }
            lines = &lines[fitting.len()..];
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let number = self.place.number + 1;
        self.file = self.files.create(number)?;
        self.place = Place { number, offset: 0 };
        if let Some(old) = number.checked_sub(self.limits.files) {
            let removed = self.files.remove(old);
            if let Some(meter) = &self.meter {
                meter.shrunk(removed);
            }
        }
        Ok(())
    }
}

fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    &bytes[..end]
}
