//! What a container prints from now on, as it prints it: a line need not be whole to be seen.
//!
//! Lines are read from the log, which keeps those that are waited for; only what has had no newline
//! yet is asked of the writer. So whoever is slow costs no memory and holds nobody up.

use std::io;
use std::sync::{Arc, Weak};

use tokio::sync::watch;

use super::reader::Reader;
use super::writer::LogWriter;
use crate::limits::LOG_CHUNK_BYTES;
use crate::node::runtime::Stream;

/// Gives what one run of a container prints from now on, beginning with the line that it is in.
pub struct Attached {
    reader: Reader,
    writer: Weak<LogWriter>,
    /// Changes whenever something is printed; `None` or closed once nothing can be any more.
    growth: Option<watch::Receiver<()>>,
    /// How much of the line that it is in has been given, of each stream.
    shown: [usize; 2],
}

impl Attached {
    pub(super) fn new(
        reader: Reader,
        writer: &Arc<LogWriter>,
        growth: watch::Receiver<()>,
    ) -> Self {
        Self { reader, writer: Arc::downgrade(writer), growth: Some(growth), shown: [0, 0] }
    }

    /// What is printed next, when it is; `None` once the run is over.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> io::Result<Option<(Stream, Vec<u8>)>> {
        loop {
            if let Some(growth) = &mut self.growth {
                growth.mark_unchanged();
            }
            if let Some(printed) = self.try_next()? {
                return Ok(Some(printed));
            }
            let Some(growth) = &mut self.growth else { return Ok(None) };
            if growth.changed().await.is_err() {
                // What was printed before the end is still to be read.
                self.growth = None;
            }
        }
    }

    fn try_next(&mut self) -> io::Result<Option<(Stream, Vec<u8>)>> {
        while let Some(line) = self.reader.try_next()? {
            let (stream, mut bytes) = (line.stream, line.bytes);
            let shown = std::mem::take(&mut self.shown[stream as usize]);
            bytes.drain(..shown.min(bytes.len()));
            while bytes.len() < LOG_CHUNK_BYTES
                && let Some(line) = self.reader.next_of(stream)
            {
                bytes.extend_from_slice(&line.bytes);
            }
            if !bytes.is_empty() {
                return Ok(Some((stream, bytes)));
            }
        }
        let (Some(writer), Some(place)) = (self.writer.upgrade(), self.reader.place()) else {
            return Ok(None);
        };
        Ok(writer.unfinished(place, &mut self.shown))
    }
}
