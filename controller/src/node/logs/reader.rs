//! Reads the log of one run of a container, and follows it while it grows.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use tokio::sync::watch;

use super::line::{self, LogLine};
use crate::api::Timestamp;

/// Bytes that a reader takes from the file at once. Stops a large log from filling memory.
const CHUNK_BYTES: u64 = 64 * 1024;

/// Which lines to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Only so many of the last lines that are there already; all if `None`.
    pub tail_lines: Option<usize>,
    /// Only those printed then or later.
    pub since: Option<Timestamp>,
}

/// Gives the lines of a log, those to come as well.
pub struct Follower {
    file: File,
    /// Changes whenever the file has grown; `None` or closed once it can't any more.
    growth: Option<watch::Receiver<()>>,
    since: Option<Timestamp>,
    /// Read, with no newline yet.
    partial: Vec<u8>,
    lines: VecDeque<LogLine>,
}

impl Follower {
    pub(super) fn new(
        mut file: File,
        growth: Option<watch::Receiver<()>>,
        options: &ReadOptions,
    ) -> io::Result<Self> {
        if let Some(lines) = options.tail_lines {
            let start = tail_start(&mut file, lines)?;
            file.seek(SeekFrom::Start(start))?;
        }
        let (partial, lines) = (Vec::new(), VecDeque::new());
        Ok(Self { file, growth, since: options.since, partial, lines })
    }

    /// The next line, when there is one; `None` after the last one of a run that is over.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> io::Result<Option<LogLine>> {
        loop {
            if let Some(growth) = &mut self.growth {
                growth.mark_unchanged();
            }
            if let Some(line) = self.try_next()? {
                return Ok(Some(line));
            }
            let Some(growth) = &mut self.growth else { return Ok(None) };
            if growth.changed().await.is_err() {
                // What was written before the end is still to be read.
                self.growth = None;
            }
        }
    }

    /// The next line, if it is there already.
    pub fn try_next(&mut self) -> io::Result<Option<LogLine>> {
        while self.lines.is_empty() && self.fill()? {}
        Ok(self.lines.pop_front())
    }

    /// Takes a chunk of the file; false at its end.
    fn fill(&mut self) -> io::Result<bool> {
        let mut chunk = Vec::new();
        if (&self.file).take(CHUNK_BYTES).read_to_end(&mut chunk)? == 0 {
            return Ok(false);
        }
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let Some(text) = piece.strip_suffix(b"\n") else {
                self.partial.extend_from_slice(piece);
                continue;
            };
            self.partial.extend_from_slice(text);
            let parsed = line::parse(&self.partial);
            self.partial.clear();
            let wanted = |line: &LogLine| self.since.is_none_or(|since| line.at >= since);
            self.lines.extend(parsed.filter(wanted));
        }
        Ok(true)
    }
}

/// Where the last `lines` lines of a file begin.
fn tail_start(file: &mut File, lines: usize) -> io::Result<u64> {
    let mut start = file.seek(SeekFrom::End(0))?;
    let mut newlines = 0;
    while start > 0 {
        let take = start.min(CHUNK_BYTES);
        start -= take;
        file.seek(SeekFrom::Start(start))?;
        let mut chunk = Vec::new();
        (&*file).take(take).read_to_end(&mut chunk)?;
        for (offset, _) in chunk.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            // The newline of the last of the lines before the tail.
            if newlines == lines {
                return Ok(start + offset as u64 + 1);
            }
            newlines += 1;
        }
    }
    Ok(0)
}
