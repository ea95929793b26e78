//! Writes what one run of a container prints, line by line: to a segment with those of others while
//! it is small, then to a file, to the next, and so on.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::files::Files;
use super::reader::Place;
use super::small::Small;
use super::{LogLimits, LogMeter, Logs, Run, line};
use crate::limits::{LOG_LINE_BYTES_MAX, LOG_SMALL_BYTES_MAX};
use crate::node::runtime::{Output, Stream};

/// The log of one run of a container. It ends with [`finish`](Self::finish), or when dropped.
pub struct LogWriter {
    open: Mutex<Option<Open>>,
    logs: Logs,
    run: Arc<Run>,
}

struct Open {
    body: Body,
    /// The number of the file, and how long it is.
    place: Place,
    /// What each stream has printed since its last newline.
    unfinished: [Vec<u8>; 2],
    /// Followers wait on the other end; dropping it tells them that nothing more comes.
    growth: watch::Sender<()>,
    meter: Option<Arc<LogMeter>>,
}

/// Where a log is.
enum Body {
    /// In a segment, and here. `attempt` says how often the run had begun before.
    Small {
        text: Arc<Small>,
        attempt: u32,
    },
    Large {
        files: Files,
        file: File,
    },
}

impl LogWriter {
    /// A log that is empty, of an attempt at `run`.
    pub(super) fn new(
        logs: Logs,
        run: Arc<Run>,
        attempt: u32,
        meter: Option<Arc<LogMeter>>,
    ) -> Self {
        let open = Open {
            body: Body::Small { text: Arc::default(), attempt },
            place: Place::default(),
            unfinished: [Vec::new(), Vec::new()],
            growth: watch::channel(()).0,
            meter,
        };
        Self { open: Mutex::new(Some(open)), logs, run }
    }

    /// What it has, while it is small.
    pub(super) fn small(&self) -> Option<Arc<Small>> {
        match &self.lock().as_ref()?.body {
            Body::Small { text, .. } => Some(Arc::clone(text)),
            Body::Large { .. } => None,
        }
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
                let _ = self.append(&mut open, &lines);
            }
        }
        if let (Body::Small { attempt, .. }, 0) = (&open.body, open.place.offset) {
            // That there was nothing is to be known, too.
            let _ = self.logs.inner.segments.append(&self.run, *attempt, 0, &[]);
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
        let written = self.append(open, &lines);
        open.growth.send_replace(());
        written
    }
}

impl LogWriter {
    /// Adds `lines`, which are whole.
    fn append(&self, open: &mut Open, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let logs = &self.logs.inner;
        let length = open.place.offset + lines.len() as u64;
        match &open.body {
            Body::Small { text, attempt } if length <= LOG_SMALL_BYTES_MAX as u64 => {
                logs.segments.append(&self.run, *attempt, open.place.offset, lines)?;
                text.append(lines);
                open.grown(lines.len());
                return Ok(());
            }
            Body::Small { text, attempt } => {
                let (text, attempt) = (Arc::clone(text), *attempt);
                open.body = self.enlarge(&text)?;
                text.moved();
                logs.segments.moved(&self.run, attempt);
            }
            Body::Large { .. } => {}
        }
        open.append_to_files(lines, &logs.limits)
    }

    /// Gives the log that has `text` a file.
    fn enlarge(&self, text: &Small) -> io::Result<Body> {
        let files = self.logs.files(&self.run)?;
        self.logs.takes_files(&self.run);
        // What may be there is of a run that nobody knew of when this one began.
        files.remove_all();
        let bytes = text.read(0, u64::MAX).expect("it must not have moved before");
        let file = files.begin(&bytes)?;
        Ok(Body::Large { files, file })
    }
}

impl Open {
    fn grown(&mut self, bytes: usize) {
        self.place.offset += bytes as u64;
        if let Some(meter) = &self.meter {
            meter.grown(bytes as u64);
        }
    }

    /// Adds `lines`, which are whole, to as many files as that takes.
    fn append_to_files(&mut self, mut lines: &[u8], limits: &LogLimits) -> io::Result<()> {
        while !lines.is_empty() {
            let room = limits.file_bytes.saturating_sub(self.place.offset);
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let fitting = if lines.len() <= room { lines } else { whole_lines(&lines[..room]) };
            if fitting.is_empty() {
                self.rotate(limits)?;
                continue;
            }
            let Body::Large { file, .. } = &mut self.body else { return Ok(()) };
            if let Err(error) = file.write_all(fitting) {
                // A part of a line would make nonsense of the next one.
                let back = file.set_len(self.place.offset);
                let _ = back.and_then(|()| file.seek(SeekFrom::Start(self.place.offset)));
                return Err(error);
            }
            self.grown(fitting.len());
            lines = &lines[fitting.len()..];
        }
        Ok(())
    }

    fn rotate(&mut self, limits: &LogLimits) -> io::Result<()> {
        let Body::Large { files, file } = &mut self.body else { return Ok(()) };
        let number = self.place.number + 1;
        *file = files.create(number)?;
        self.place = Place { number, offset: 0 };
        if let Some(old) = number.checked_sub(limits.files) {
            let removed = files.remove(old);
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
