//! The disk: a journal of batches. Nothing else knows what its files look like.
//!
//! ```text
//! 0000000007  0000000008  0000000009     file:    mark (16) │ record │ record … │ zeros
//!  the oldest ─▶ what is newest ─▶ end    record:  length (8) │ CRC-32 (4) │ resource version (8) │ rows
//!   is removed                           row:     kind, namespace, name │ JSON, or none to forget it
//! ```
//!
//! All that is kept is in memory as well, so nothing is ever looked for here: a batch is one record at
//! the end, durable by one `fdatasync`, and only a start reads it all. What has been written again, or
//! is gone, goes with the oldest file, whose other rows are written to the end before. `former.rs` has
//! what was here before, and `benches/database` says why not one of the databases there are.

mod file;
mod record;

use std::collections::{HashSet, VecDeque};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};

use foldhash::fast::RandomState;

use self::file::{Contents, MARK, Reader, cut_off, make, newest_of, numbers, path, remove};
use self::record::Record;
use super::disk::{Disk, DiskError, Loaded, Old, Row, shared};
use crate::limits::{
    JOURNAL_BUFFER_BYTES_MAX, JOURNAL_BYTES_MIN, JOURNAL_FILE_BYTES, JOURNAL_REWRITTEN_MAX,
};

/// Of what is written, how much may be written once more for the sake of removing the oldest file: one
/// in so many bytes. So all files have at most five times what is kept, as `1 / (1 + PART)` of the
/// oldest is what still has to be kept then.
const REWRITTEN_PART: u64 = 4;

/// Rows there are for each that may be newest, before the oldest file is emptied: in all files, or in
/// that one. Most files have nothing that is newest when they are the oldest, if they are let be.
const WORN: u64 = 3;
const FILE_WORN: u64 = 16;

/// Batches of rows in files, one after the other.
pub(super) struct Journal {
    folder: PathBuf,
    sizes: Sizes,
    /// By number, without a gap. The last one is written to.
    files: VecDeque<Numbered>,
    head: File,
    /// Where the next record goes in it.
    end: u64,
    /// Up to where it is durable.
    durable: u64,
    resource_version: u64,
    /// What a record is put together in.
    buffer: Vec<u8>,
    emptying: Emptying,
}

/// How large it is.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// A file, but for its last record.
    pub(super) file: u64,
    /// All files, before the oldest is emptied.
    pub(super) least: u64,
}

struct Numbered {
    number: u64,
    bytes: u64,
    /// What is known of its rows; nothing of those that an earlier process has written.
    rows: Option<Rows>,
}

/// The rows of a file.
struct Rows {
    /// The versions of the state that its batches have made: all after this, up to that.
    after: u64,
    upto: u64,
    /// Objects that it has.
    count: u64,
    /// Those of them that may be newest. It is never fewer than there are: a row that was rewritten is
    /// taken for that for ever.
    newest: u64,
    /// How many of them were rewritten, and which these are, if they are few.
    rewritten: u64,
    again: Vec<Old>,
}

impl Rows {
    /// Whether what may be newest is known without a look at the file.
    fn are_known(&self) -> bool {
        self.newest == self.rewritten && self.again.len() as u64 == self.rewritten
    }
}

impl Numbered {
    /// One without records, after those up to the version `after` of the state.
    fn new(number: u64, after: u64) -> Self {
        let (count, newest, rewritten) = (0, 0, 0);
        let rows = Rows { after, upto: after, count, newest, rewritten, again: Vec::new() };
        Self { number, bytes: MARK.len() as u64, rows: Some(rows) }
    }
}

/// How far the oldest file is on its way out.
#[derive(Default)]
struct Emptying {
    /// The file, read up to where what is newest has been written again.
    reader: Option<Reader>,
    /// Bytes that have been written since the last look, and bytes that may be written again.
    written: u64,
    allowed: u64,
    progress: Progress,
    /// It can't be read or removed, so it stays.
    is_stuck: bool,
}

#[derive(Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Underway,
    /// All that it has and is newest was written to the end, and may not be durable there.
    Read,
    /// It is.
    Removable,
}

impl Journal {
    /// The journal in `folder`, which is made if there is none.
    pub(super) fn open(folder: &Path) -> Result<Self, DiskError> {
        Self::sized(folder, Sizes { file: JOURNAL_FILE_BYTES, least: JOURNAL_BYTES_MIN })
    }

    /// The same of other sizes.
    pub(super) fn sized(folder: &Path, sizes: Sizes) -> Result<Self, DiskError> {
        Self::at(folder, sizes).map_err(shared)
    }

    fn at(folder: &Path, sizes: Sizes) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        if let Some(around) = folder.parent() {
            File::open(around)?.sync_all()?;
        }
        let mut files = VecDeque::new();
        let numbers = numbers(folder)?;
        for number in numbers.iter().copied() {
            let bytes = fs::metadata(path(folder, number))?.len();
            files.push_back(Numbered { number, bytes, rows: None });
        }
        let mut version = None;
        let mut end = 0;
        // The last one may have nothing yet. Others are whole: a file is durable before the next.
        for (place, number) in numbers.iter().rev().enumerate() {
            let found = Contents::read(&path(folder, *number))?;
            if place == 0 {
                end = found.end;
                found.cut_off(&path(folder, *number), sizes.file)?;
            }
            version = found.resource_version;
            if version.is_some() {
                break;
            }
        }
        let resource_version = version.unwrap_or_default();
        let head = if end > 0
            && let Some(last) = files.back_mut()
        {
            last.bytes = end;
            File::options().read(true).write(true).open(path(folder, last.number))?
        } else {
            // Also in the place of one that was cut off while it was made.
            let number = files.pop_back().map_or(1, |last| last.number);
            let head = make(folder, number, sizes.file)?;
            end = MARK.len() as u64;
            files.push_back(Numbered::new(number, resource_version));
            head
        };
        Ok(Self {
            folder: folder.into(),
            sizes,
            files,
            head,
            end,
            durable: end,
            resource_version,
            buffer: Vec::new(),
            emptying: Emptying::default(),
        })
    }

    /// Adds a record at the end, which is not durable yet. Gives its length in bytes.
    fn write(&mut self, rows: &[Row], resource_version: u64) -> io::Result<u64> {
        if self.end >= self.sizes.file {
            self.begin_next()?;
        }
        self.buffer.clear();
        Record::write(rows, resource_version, &mut self.buffer);
        let written = self.head.write_all_at(&self.buffer, self.end);
        let bytes = self.buffer.len() as u64;
        // Some batch was very large, and the next ones need not be.
        self.buffer.shrink_to(JOURNAL_BUFFER_BYTES_MAX);
        written?;
        self.end += bytes;
        if let Some(last) = self.files.back_mut() {
            last.bytes = self.end;
            if let Some(known) = &mut last.rows {
                let count = rows.iter().filter(|row| row.json.is_some()).count() as u64;
                known.count += count;
                known.newest += count;
            }
        }
        Ok(bytes)
    }

    fn begin_next(&mut self) -> io::Result<()> {
        let number = self.files.back().map_or(1, |last| last.number + 1);
        self.head.set_len(self.end)?;
        self.head.sync_all()?;
        self.durable = self.end;
        self.head = make(&self.folder, number, self.sizes.file)?;
        self.end = MARK.len() as u64;
        self.durable = self.end;
        self.files.push_back(Numbered::new(number, self.resource_version));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.head.sync_data()?;
        self.durable = self.end;
        if self.emptying.progress == Progress::Read {
            self.emptying.progress = Progress::Removable;
        }
        Ok(())
    }

    fn remove_oldest(&mut self) -> io::Result<()> {
        let Some(oldest) = self.files.front() else { return Ok(()) };
        remove(&self.folder, oldest.number)?;
        self.files.pop_front();
        self.emptying.reader = None;
        self.emptying.progress = Progress::Underway;
        Ok(())
    }

    /// Removes the oldest files that have nothing that is newest.
    fn remove_spent(&mut self) -> io::Result<()> {
        while self.files.len() > 1
            && let Some(oldest) = self.files.front()
        {
            let is_spent = oldest.rows.as_ref().is_some_and(|rows| rows.newest == 0);
            if !is_spent && self.emptying.progress != Progress::Removable {
                break;
            }
            self.remove_oldest()?;
        }
        Ok(())
    }

    /// Whether it is time to empty the oldest file: so much is not newest, of all or of what it has.
    fn is_due(&self) -> bool {
        let bytes: u64 = self.files.iter().map(|file| file.bytes).sum();
        if bytes <= self.sizes.least || self.files.len() < 2 || self.emptying.allowed == 0 {
            return false;
        }
        let known = || self.files.iter().filter_map(|file| file.rows.as_ref());
        let (all, newest) =
            known().fold((0, 0), |(all, newest), rows| (all + rows.count, newest + rows.newest));
        let oldest = self.files.front().and_then(|file| file.rows.as_ref());
        newest * WORN <= all || oldest.is_none_or(|it| it.newest * FILE_WORN <= it.count)
    }

    /// The rows of the oldest file that come next, but for what they forget: that was older still.
    fn next_oldest(&mut self) -> io::Result<Vec<Old>> {
        let mut rows = Vec::new();
        // Whatever it was, it is not tried with each batch again.
        if self.emptying.is_stuck {
            return Ok(rows);
        }
        self.remove_spent()?;
        let mut bytes = 2 * std::mem::take(&mut self.emptying.written);
        if !self.is_due() || self.emptying.progress == Progress::Read {
            return Ok(rows);
        }
        let Some(oldest) = self.files.front_mut() else { return Ok(rows) };
        if let Some(known) = oldest.rows.as_mut().filter(|rows| rows.are_known()) {
            self.emptying.progress = Progress::Read;
            return Ok(std::mem::take(&mut known.again));
        }
        let reader = match &mut self.emptying.reader {
            Some(reader) => reader,
            none => none.insert(Reader::open(path(&self.folder, oldest.number))?),
        };
        while bytes > 0 {
            let Some((record, read)) = reader.next()? else {
                self.emptying.progress = Progress::Read;
                break;
            };
            bytes = bytes.saturating_sub(read as u64);
            for place in record.places() {
                let place = place.ok_or_else(|| reader.damaged())?;
                if place.json.is_some() {
                    let Row { kind, key, .. } = place.row().map_err(io::Error::other)?;
                    rows.push(Old { kind, key, resource_version: record.resource_version });
                }
            }
        }
        Ok(rows)
    }
}

impl Disk for Journal {
    fn folder(&self) -> &Path {
        &self.folder
    }

    /// From the newest row to the oldest, so that the first of an object is the one that counts.
    fn load(&mut self) -> Result<Loaded<'_>, DiskError> {
        let mut seen: HashSet<Box<[u8]>, RandomState> = HashSet::default();
        let newest_first = self.files.iter().rev();
        let files = newest_first.map(|file| path(&self.folder, file.number));
        let objects = files.flat_map(move |path| match newest_of(&path, &mut seen) {
            Ok(objects) => objects,
            Err(error) => vec![Err(shared(error))],
        });
        Ok(Loaded { objects: Box::new(objects), resource_version: self.resource_version })
    }

    async fn append(&mut self, rows: &[Row], resource_version: u64) -> Result<(), DiskError> {
        let bytes = self.write(rows, resource_version).map_err(shared)?;
        self.sync().map_err(shared)?;
        if let Some(last) = self.files.back_mut() {
            match &mut last.rows {
                Some(rows) if resource_version > self.resource_version => {
                    rows.upto = resource_version;
                }
                // Not of a batch: which of its rows are newest, nobody would tell.
                rows => *rows = None,
            }
        }
        self.resource_version = resource_version;
        self.emptying.written += bytes;
        self.emptying.allowed += bytes / REWRITTEN_PART;
        Ok(())
    }

    fn superseded(&mut self, versions: &[u64]) {
        for version in versions {
            let upto = |file: &Numbered| file.rows.as_ref().map_or(0, |rows| rows.upto);
            let place = self.files.partition_point(|file| upto(file) < *version);
            let rows = self.files.get_mut(place).and_then(|file| file.rows.as_mut());
            if let Some(rows) = rows.filter(|rows| (rows.after + 1..=rows.upto).contains(version)) {
                rows.newest = rows.newest.saturating_sub(1);
            }
        }
    }

    fn oldest(&mut self) -> Vec<Old> {
        self.next_oldest().unwrap_or_else(|error| {
            let folder = self.folder.display();
            tracing::warn!(%error, %folder, "the oldest file of the journal can't go");
            self.emptying = Emptying { is_stuck: true, ..Emptying::default() };
            Vec::new()
        })
    }

    fn rewrite(&mut self, rows: &[Row]) -> Result<(), DiskError> {
        if rows.is_empty() {
            return Ok(());
        }
        let resource_version = self.resource_version;
        let bytes = self.write(rows, resource_version).map_err(shared)?;
        self.emptying.allowed = self.emptying.allowed.saturating_sub(bytes);
        if let Some(known) = self.files.back_mut().and_then(|last| last.rows.as_mut()) {
            known.rewritten += rows.len() as u64;
            if known.again.len() + rows.len() <= JOURNAL_REWRITTEN_MAX {
                let old =
                    |row: &Row| Old { kind: row.kind, key: row.key.clone(), resource_version };
                known.again.extend(rows.iter().map(old));
            }
        }
        Ok(())
    }

    /// What was not made durable is cut off.
    fn reopen(&mut self) -> Result<u64, DiskError> {
        let number = self.files.back().map_or(1, |last| last.number);
        let path = path(&self.folder, number);
        self.head = cut_off(&path, self.durable, self.sizes.file).map_err(shared)?;
        self.end = self.durable;
        if let Some(last) = self.files.back_mut() {
            last.bytes = self.end;
        }
        self.emptying = Emptying::default();
        Ok(self.resource_version)
    }
}
