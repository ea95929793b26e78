//! Reads the log of one run of a container, file after file, and follows it while it grows.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::files::Files;
use super::line::{self, LogLine};
use super::small::Small;
use crate::api::Timestamp;
use crate::limits::LOG_FILES_MAX;
use crate::node::runtime::Stream;

/// Bytes that a reader takes from the file at once. Stops a large log from filling memory.
const CHUNK_BYTES: u64 = 64 * 1024;

/// Stands where lines are missing that went with their file before they were read.
const GAP: &str = "[mayfly: lines are missing here: they were dropped before they were read]\n";

/// Which lines to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Only so many of the last lines that are there already; all if `None`.
    pub tail_lines: Option<usize>,
    /// Only those printed then or later.
    pub since: Option<Timestamp>,
}

/// Where a line begins: the number of its file, and the offset in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) number: u32,
    pub(super) offset: u64,
}

/// What is read.
enum Source {
    /// A log that has outgrown no memory when it was last looked at.
    Small(Arc<Small>),
    File(File),
    /// A file that went before it was read.
    Gone,
}

/// Gives the lines of a log that are there.
pub(super) struct Reader {
    files: Files,
    source: Source,
    /// Up to where it has read.
    place: Place,
    /// Up to where it is to read, if not as far as there is something.
    end: Option<Place>,
    since: Option<Timestamp>,
    /// Read, with no newline yet.
    partial: Vec<u8>,
    lines: VecDeque<LogLine>,
    /// Whether the file before this one was gone when it was its turn.
    is_after_gap: bool,
}

impl Reader {
    /// Of a log that is in `files`, or is `small` so far.
    ///
    /// An error of kind `NotFound` if there is no such log.
    pub(super) fn open(
        files: Files,
        small: Option<Arc<Small>>,
        options: &ReadOptions,
    ) -> io::Result<Self> {
        let small = small.and_then(|small| {
            let bytes = small.read(0, u64::MAX)?;
            Some((bytes, Source::Small(small)))
        });
        let (source, place) = match small {
            Some((bytes, source)) => {
                let offset = match options.tail_lines.map(|it| tail_start(Cursor::new(bytes), it)) {
                    Some(start) => match start? {
                        TailStart::At(offset) => offset,
                        TailStart::Before { .. } => 0,
                    },
                    None => 0,
                };
                (source, Place { number: 0, offset })
            }
            None => first_file(&files, options)?,
        };
        let (partial, lines) = (Vec::new(), VecDeque::new());
        let since = options.since;
        Ok(Self { files, source, place, end: None, since, partial, lines, is_after_gap: false })
    }

    /// The same, which comes to its end where the log has its end now.
    pub(super) fn until_now(mut self) -> io::Result<Self> {
        let small = match &self.source {
            Source::Small(small) => small.length(),
            Source::File(_) | Source::Gone => None,
        };
        let end = match small {
            Some(offset) => Place { number: 0, offset },
            None => {
                let number = self.files.numbers()?.last().copied().unwrap_or(self.place.number);
                let offset = self.files.open(number)?.metadata()?.len();
                Place { number, offset }
            }
        };
        self.end = Some(end);
        Ok(self)
    }

    /// The next line that is there.
    pub(super) fn try_next(&mut self) -> io::Result<Option<LogLine>> {
        while self.lines.is_empty() && self.fill()? {}
        Ok(self.lines.pop_front())
    }

    /// The next line, if it has been read already and is of `stream`.
    pub(super) fn next_of(&mut self, stream: Stream) -> Option<LogLine> {
        self.lines.pop_front_if(|line| line.stream == stream)
    }

    /// Where the next line will be, if all before it has been taken.
    pub(super) fn place(&self) -> Option<Place> {
        (self.lines.is_empty() && self.partial.is_empty()).then_some(self.place)
    }

    /// Takes a chunk of the files; false at their end.
    fn fill(&mut self) -> io::Result<bool> {
        loop {
            if self.take_chunk()? {
                return Ok(true);
            }
            if matches!(self.source, Source::Small(_)) {
                return Ok(false);
            }
            let Some((number, file)) = self.files.after(self.place.number)? else {
                return Ok(false);
            };
            // It is complete only now that there is a next one.
            if self.take_chunk()? {
                return Ok(true);
            }
            self.is_after_gap |= number > self.place.number + 1;
            self.partial.clear();
            self.source = Source::File(file);
            self.place = Place { number, offset: 0 };
        }
    }

    /// At most so many bytes from its place on.
    fn read(&mut self, bytes_max: u64) -> io::Result<Vec<u8>> {
        if let Source::Small(small) = &self.source {
            if let Some(bytes) = small.read(self.place.offset, bytes_max) {
                return Ok(bytes);
            }
            self.source = match self.files.open(0) {
                Ok(mut file) => {
                    file.seek(SeekFrom::Start(self.place.offset))?;
                    Source::File(file)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.is_after_gap = true;
                    Source::Gone
                }
                Err(error) => return Err(error),
            };
        }
        let mut bytes = Vec::new();
        if let Source::File(file) = &self.source {
            file.take(bytes_max).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    fn take_chunk(&mut self) -> io::Result<bool> {
        let room = match self.end {
            Some(end) if self.place >= end => 0,
            Some(end) if self.place.number == end.number => end.offset - self.place.offset,
            _ => CHUNK_BYTES,
        };
        let chunk = self.read(room.min(CHUNK_BYTES))?;
        self.place.offset += chunk.len() as u64;
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let Some(text) = piece.strip_suffix(b"\n") else {
                self.partial.extend_from_slice(piece);
                continue;
            };
            self.partial.extend_from_slice(text);
            let parsed = line::parse(&self.partial);
            self.partial.clear();
            let wanted = |line: &LogLine| self.since.is_none_or(|since| line.at >= since);
            if let Some(line) = parsed.filter(wanted) {
                if std::mem::take(&mut self.is_after_gap) {
                    let bytes = GAP.as_bytes().to_vec();
                    self.lines.push_back(LogLine { at: line.at, stream: Stream::Stderr, bytes });
                }
                self.lines.push_back(line);
            }
        }
        Ok(!chunk.is_empty())
    }
}

/// Gives the lines of a log, those to come as well if it is asked to.
pub struct Follower {
    reader: Reader,
    /// Changes whenever the log has grown; `None` or closed once it can't any more.
    growth: Option<watch::Receiver<()>>,
}

impl Follower {
    pub(super) fn new(reader: Reader, growth: Option<watch::Receiver<()>>) -> Self {
        Self { reader, growth }
    }

    /// Of a log that has no lines, and won't have any.
    pub fn nothing() -> Self {
        let (files, source) = (Files::new(PathBuf::new()), Source::Small(Arc::default()));
        let (place, partial, lines) = (Place::default(), Vec::new(), VecDeque::new());
        let (end, since, is_after_gap) = (Some(place), None, false);
        Self::new(Reader { files, source, place, end, since, partial, lines, is_after_gap }, None)
    }

    /// The next line, when there is one; `None` after the last one of a run that is over.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> io::Result<Option<LogLine>> {
        loop {
            if let Some(line) = self.reader.lines.pop_front() {
                return Ok(Some(line));
            }
            if let Some(growth) = &mut self.growth {
                growth.mark_unchanged();
            }
            if self.reader.fill()? {
                // There may be many chunks of which no line is wanted.
                tokio::task::yield_now().await;
                continue;
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
        self.reader.try_next()
    }

    /// The next line, if it has been read already, along with those before it.
    pub fn take_next(&mut self) -> Option<LogLine> {
        self.reader.lines.pop_front()
    }
}

/// The file in which reading begins, and where in it.
fn first_file(files: &Files, options: &ReadOptions) -> io::Result<(Source, Place)> {
    let mut attempts = 0;
    loop {
        match start(files, options.tail_lines) {
            // The oldest file may go while it is looked for.
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < LOG_FILES_MAX => {
                attempts += 1;
            }
            started => {
                let (file, place) = started?;
                return Ok((Source::File(file), place));
            }
        }
    }
}

/// Where reading begins.
fn start(files: &Files, tail_lines: Option<usize>) -> io::Result<(File, Place)> {
    let numbers = files.numbers()?;
    let first = *numbers.first().ok_or(io::ErrorKind::NotFound)?;
    let Some(mut lines) = tail_lines else {
        return Ok((files.open(first)?, Place { number: first, offset: 0 }));
    };
    for number in numbers.into_iter().rev() {
        let mut file = files.open(number)?;
        let offset = match tail_start(&mut file, lines)? {
            TailStart::At(offset) => offset,
            TailStart::Before { .. } if number == first => 0,
            TailStart::Before { found } => {
                lines -= found;
                continue;
            }
        };
        file.seek(SeekFrom::Start(offset))?;
        return Ok((file, Place { number, offset }));
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Where the last lines of a log begin.
enum TailStart {
    /// In this file.
    At(u64),
    /// In one before it, which has all of them but those that were `found` here.
    Before { found: usize },
}

/// Where the last `lines` lines begin of a log that ends with `file`.
fn tail_start(mut file: impl Read + Seek, lines: usize) -> io::Result<TailStart> {
    let mut start = file.seek(SeekFrom::End(0))?;
    let mut found = 0;
    while start > 0 {
        let take = start.min(CHUNK_BYTES);
        start -= take;
        file.seek(SeekFrom::Start(start))?;
        let mut chunk = Vec::new();
        file.by_ref().take(take).read_to_end(&mut chunk)?;
        for (offset, _) in chunk.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            // The newline of the last of the lines before the tail.
            if found == lines {
                return Ok(TailStart::At(start + offset as u64 + 1));
            }
            found += 1;
        }
    }
    Ok(TailStart::Before { found })
}
