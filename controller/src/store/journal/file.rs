//! One file of the journal: how it is made, and what is found in it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use bytes::{Buf as _, Bytes};
use foldhash::fast::RandomState;

use super::record::{HEAD_BYTES, Place, Record};
use crate::store::disk::{LoadedObject, shared};

/// What each file begins with.
pub(super) const MARK: &[u8; 16] = b"mayfly journal1\n";

/// What is left to do where something of a journal is not there any more.
const REMEDY: &str = "restore a backup into another state folder";

/// The numbers of the files in `folder`, of which none may be missing.
pub(super) fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    match numbers.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
        None => Ok(numbers),
        Some(pair) => {
            let missing = path(folder, pair[0] + 1);
            Err(io::Error::other(format!("{} is missing; {REMEDY}", missing.display())))
        }
    }
}

pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:010}"))
}

/// A file without records, which is there for good when this returns. It has its size from the
/// beginning, so that a record changes nothing of it but what is in it.
pub(super) fn make(folder: &Path, number: u64, size: u64) -> io::Result<File> {
    let path = path(folder, number);
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    file.set_len(size)?;
    file.write_all_at(MARK, 0)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// Removes a file, for good when this returns: the next one must not go before it.
pub(super) fn remove(folder: &Path, number: u64) -> io::Result<()> {
    fs::remove_file(path(folder, number))?;
    File::open(folder)?.sync_all()
}

/// What is found in a file, up to its first record that is not whole.
pub(super) struct Contents {
    /// Where the last whole record ends; 0 if not even the mark is there.
    pub(super) end: u64,
    /// Whether something is behind it.
    pub(super) has_more: bool,
    /// Of the last one.
    pub(super) resource_version: Option<u64>,
}

impl Contents {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let bytes = Bytes::from(fs::read(path)?);
        if !bytes.starts_with(MARK) {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            return match MARK.starts_with(&bytes[..end]) {
                true => Ok(Self { end: 0, has_more: false, resource_version: None }),
                false => Err(damaged(path)),
            };
        }
        let (mut resource_version, mut end) = (None, MARK.len());
        while let Some((record, length)) = Record::first_of(&bytes.slice(end..)) {
            resource_version = Some(record.resource_version);
            end += length;
        }
        let has_more = bytes[end..].iter().any(|byte| *byte != 0);
        Ok(Self { end: end as u64, has_more, resource_version })
    }

    /// Drops what is behind the last whole record: it was being written when all stopped, and nobody
    /// was told that it is kept.
    pub(super) fn cut_off(&self, path: &Path, size: u64) -> io::Result<()> {
        if self.has_more {
            tracing::info!(path = %path.display(), "a batch that was cut off is dropped");
            cut_off(path, self.end, size)?;
        }
        Ok(())
    }
}

/// Has zeros behind `end` of the file at `path`.
pub(super) fn cut_off(path: &Path, end: u64, size: u64) -> io::Result<File> {
    let file = File::options().read(true).write(true).open(path)?;
    file.set_len(end)?;
    file.set_len(end.max(size))?;
    file.sync_all()?;
    Ok(file)
}

/// What the file at `path` has of objects that are not `seen`, which they are from then on.
pub(super) fn newest_of(
    path: &Path,
    seen: &mut HashSet<Box<[u8]>, RandomState>,
) -> io::Result<Vec<LoadedObject>> {
    let mut rest = Bytes::from(fs::read(path)?);
    if !rest.starts_with(MARK) {
        return Err(damaged(path));
    }
    rest.advance(MARK.len());
    let mut records = Vec::new();
    while let Some((record, length)) = Record::first_of(&rest) {
        records.push(record);
        rest.advance(length);
    }
    if rest.iter().any(|byte| *byte != 0) {
        return Err(damaged(path));
    }
    let mut objects = Vec::new();
    for record in records.iter().rev() {
        let places: Option<Vec<Place>> = record.places().collect();
        for place in places.ok_or_else(|| damaged(path))?.into_iter().rev() {
            if !seen.contains(place.name) {
                seen.insert(place.name.into());
                let kind = place.kind();
                objects.extend(place.json.map(|json| Ok((kind.map_err(shared)?, json))));
            }
        }
    }
    Ok(objects)
}

/// Reads the records of a file, one after the other.
pub(super) struct Reader {
    path: PathBuf,
    file: File,
}

impl Reader {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let (mut file, mut mark) = (File::open(&path)?, *MARK);
        file.read_exact(&mut mark)?;
        if mark == *MARK { Ok(Self { path, file }) } else { Err(damaged(&path)) }
    }

    /// The next one, and how long it is; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<(Record, usize)>> {
        let mut head = [0; HEAD_BYTES];
        match self.file.read_exact(&mut head) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let Some(length) = Record::length(head) else { return Ok(None) };
        let mut record = Vec::with_capacity(HEAD_BYTES);
        record.extend(head);
        // No more is taken than there is, whatever the head says.
        let left = self.file.metadata()?.len();
        record.reserve(usize::try_from(length.min(left)).unwrap_or_default());
        (&self.file).take(length).read_to_end(&mut record)?;
        Record::first_of(&record.into()).map(Some).ok_or_else(|| self.damaged())
    }

    pub(super) fn damaged(&self) -> io::Error {
        damaged(&self.path)
    }
}

pub(super) fn damaged(path: &Path) -> io::Error {
    io::Error::other(format!("{} is damaged; {REMEDY}", path.display()))
}
