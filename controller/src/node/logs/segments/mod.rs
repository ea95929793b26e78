//! Small logs, one after another in a few files that all pods of the node share.
//!
//! ```text
//! logs/segment-7   <record><record><record> …      full
//! logs/segment-8   <record><record>                grows
//! ```
//!
//! A file of its own for each log would cost the file system more than all else that a short pod
//! costs the node: what takes longest is to find a free inode. So what is printed is added to the
//! segment that grows, at once, and where it is is kept in memory; whoever starts anew reads the
//! segments through. What comes after a torn record is of no use, and nothing is written after it:
//! each process begins with a segment of its own.
//!
//! The logs of a pod that is no more are dead. A segment in which nothing lives is removed, and when
//! there are too many for what lives in them, that is copied out of the emptiest ones, a few of them
//! whenever a segment begins.

mod index;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Run;
use crate::limits::LOG_SEGMENT_BYTES_MAX;
use index::{Index, Log, Piece};
use record::{Head, Record};

/// How many times the bytes of what lives in full segments these may have.
const SPARSE_MAX: u64 = 4;

/// Full segments that there may be however little lives in them.
const SPARE_SEGMENTS: u64 = 4;

/// Segments that are copied out when one begins: more than the one that has become full, so that
/// they do not add up. Stops whoever prints meanwhile from waiting for all of them, and what is copied
/// from filling the segment that begins: of the emptiest ones, less than a quarter lives.
const THINNED_AT_ONCE: usize = 2;

/// The small logs of a node.
pub(super) struct Segments(Mutex<State>);

struct State {
    folder: PathBuf,
    index: Index,
    /// By their number: what is in each.
    segments: BTreeMap<u32, Segment>,
    /// The last one of them, if it is this process's.
    growing: Option<(u32, File)>,
    /// Room for the next record.
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
struct Segment {
    bytes: u64,
    /// Those of records that somebody may read.
    live: u64,
}

impl Segments {
    /// Those in `folder`, which need not be there; what of it can't be read is lost.
    pub(super) fn open(folder: PathBuf) -> Self {
        let (index, segments, buffer) = (Index::default(), BTreeMap::new(), Vec::new());
        let mut state = State { folder, index, segments, growing: None, buffer };
        if let Err(error) = state.scan() {
            let folder = state.folder.display();
            tracing::warn!(%folder, %error, "the logs of earlier pods can't be read");
        }
        Self(Mutex::new(state))
    }

    /// Takes note that `run` begins; gives how often it had begun before, and was lost. What it had
    /// printed in the last of these attempts is kept.
    pub(super) fn begin(&self, run: &Run) -> io::Result<u32> {
        let mut state = self.lock();
        let attempts = state.index.attempts(&run.pod.uid, &run.container, run.restart);
        let Some(lost) = attempts.first().map(|log| log.attempt) else { return Ok(0) };
        let attempt = lost.saturating_add(1);
        state.append(run, attempt, 0, &[])?;
        state.remove(&run.pod.uid, |log| {
            log.restart == run.restart && log.attempt < lost && *log.container == *run.container
        });
        Ok(attempt)
    }

    /// Adds `bytes`, which begin there in the log of an attempt at `run`.
    pub(super) fn append(
        &self,
        run: &Run,
        attempt: u32,
        from: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        let from = u32::try_from(from).expect("a small log must be small");
        self.lock().append(run, attempt, from, bytes)
    }

    /// What `run` has printed, if it is here.
    pub(super) fn read(&self, run: &Run) -> io::Result<Option<Vec<u8>>> {
        self.read_attempt(run, 0)
    }

    /// What it had printed before it began once more, if that is here.
    pub(super) fn read_lost(&self, run: &Run) -> io::Result<Option<Vec<u8>>> {
        self.read_attempt(run, 1)
    }

    fn read_attempt(&self, run: &Run, back: usize) -> io::Result<Option<Vec<u8>>> {
        let state = self.lock();
        let attempts = state.index.attempts(&run.pod.uid, &run.container, run.restart);
        let Some(log) = attempts.get(back) else { return Ok(None) };
        let parts = state.open(log)?;
        // Whoever prints need not wait until they are read: they stay as they are, even when removed.
        drop(state);
        read(&parts).map(Some)
    }

    /// Forgets what `run` has printed in one attempt: that is elsewhere now.
    pub(super) fn moved(&self, run: &Run, attempt: u32) {
        let mut state = self.lock();
        state.remove(&run.pod.uid, |log| {
            (log.restart, log.attempt) == (run.restart, attempt) && *log.container == *run.container
        });
        if attempt > 0 {
            // What is here of the attempt before it must go on to look like that. If it can't be
            // written, that is not found any more.
            let _ = state.append(run, attempt, 0, &[]);
        }
    }

    /// Forgets all that `run` has printed; gives how many bytes that were.
    pub(super) fn forget(&self, run: &Run) -> u64 {
        self.lock().remove(&run.pod.uid, |log| {
            log.restart == run.restart && *log.container == *run.container
        })
    }

    /// Forgets the logs of a pod.
    pub(super) fn forget_pod(&self, uid: &str) {
        self.lock().remove(uid, |_| true);
    }

    /// Forgets the logs of all pods but these.
    pub(super) fn forget_others(&self, uids: &HashSet<String>) {
        let mut state = self.lock();
        let others = state.index.uids().filter(|uid| !uids.contains(*uid));
        let others: Vec<String> = others.map(str::to_owned).collect();
        for uid in others {
            state.remove(&uid, |_| true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Finds what an earlier process has left.
    fn scan(&mut self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("segment-")?.parse().ok());
            let Some(number) = number else { continue };
            let content = match fs::read(path(&self.folder, number)) {
                Ok(content) => content,
                Err(error) => {
                    tracing::warn!(segment = number, %error, "a segment of logs can't be read");
                    continue;
                }
            };
            let bytes = content.len() as u64;
            self.segments.insert(number, Segment { bytes, live: 0 });
            for (at, record) in records(&content) {
                self.index.add(&record.head, Piece::of(&record, number, at));
            }
        }
        self.index.forget_old();
        for piece in self.index.logs().flat_map(|log| &log.pieces) {
            if let Some(segment) = self.segments.get_mut(&piece.segment) {
                segment.live += piece.bytes();
            }
        }
        self.remove_dead();
        Ok(())
    }

    fn append(&mut self, run: &Run, attempt: u32, from: u32, bytes: &[u8]) -> io::Result<()> {
        let head = Head::of(run, attempt, from)?;
        let grown = self.growing.as_ref().and_then(|(number, _)| self.segments.get(number));
        if grown.is_none_or(|segment| segment.bytes >= LOG_SEGMENT_BYTES_MAX) {
            self.begin_segment()?;
            self.thin_out();
        }
        self.write(&head, bytes)
    }

    /// Adds a record to the segment that grows.
    fn write(&mut self, head: &Head, body: &[u8]) -> io::Result<()> {
        // None does if what was copied into it just now could not be written.
        let (number, file) = self.growing.as_mut().ok_or(io::ErrorKind::StorageFull)?;
        let segment = self.segments.get_mut(number).expect("what grows must be known");
        self.buffer.clear();
        let head_bytes = head.write(body, &mut self.buffer);
        if let Err(error) = file.write_all(&self.buffer) {
            // What follows half a record would be lost with it.
            if file.set_len(segment.bytes).is_err() {
                self.growing = None;
            }
            return Err(error);
        }
        let at = u32::try_from(segment.bytes).expect("a segment must be short");
        let length = u32::try_from(body.len()).expect("a record must be short");
        segment.bytes += self.buffer.len() as u64;
        let piece = Piece { segment: *number, at, head_bytes, from: head.from, length };
        self.add(head, piece);
        Ok(())
    }

    fn add(&mut self, head: &Head, piece: Piece) {
        if let Some(segment) = self.segments.get_mut(&piece.segment) {
            segment.live += piece.bytes();
        }
        let useless = self.index.add(head, piece);
        useless.iter().for_each(|piece| self.kill(piece));
    }

    /// Removes what is `unwanted` of a pod's logs; gives how many bytes they had.
    fn remove(&mut self, uid: &str, unwanted: impl Fn(&Log) -> bool) -> u64 {
        let removed = self.index.remove(uid, unwanted);
        removed.iter().flat_map(|log| &log.pieces).for_each(|piece| self.kill(piece));
        removed.iter().map(Log::length).sum()
    }

    /// Nobody reads this any more.
    fn kill(&mut self, piece: &Piece) {
        let Some(segment) = self.segments.get_mut(&piece.segment) else { return };
        segment.live -= piece.bytes();
        let is_growing = self.growing.as_ref().is_some_and(|(number, _)| *number == piece.segment);
        if segment.live == 0 && !is_growing {
            self.remove_segment(piece.segment);
        }
    }

    fn remove_segment(&mut self, number: u32) {
        self.segments.remove(&number);
        // It costs only space if it stays, until somebody starts anew.
        let _ = fs::remove_file(path(&self.folder, number));
    }

    /// Removes the full segments in which nothing lives.
    fn remove_dead(&mut self) {
        let growing = self.growing.as_ref().map(|(number, _)| *number);
        let dead = self.segments.iter().filter(|(_, segment)| segment.live == 0);
        let dead: Vec<u32> = dead.map(|(number, _)| *number).collect();
        for number in dead.into_iter().filter(|number| Some(*number) != growing) {
            self.remove_segment(number);
        }
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut number = self.segments.last_key_value().map_or(0, |(number, _)| number + 1);
        let file = loop {
            match File::options().append(true).create_new(true).open(path(&self.folder, number)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                created => break created?,
            }
        };
        self.segments.insert(number, Segment::default());
        self.growing = Some((number, file));
        self.remove_dead();
        Ok(())
    }

    /// Copies what lives out of the emptiest of the full segments, if there are too many of them for
    /// what lives in all.
    fn thin_out(&mut self) {
        let growing = self.growing.as_ref().map(|(number, _)| *number);
        for _ in 0..THINNED_AT_ONCE {
            let full = self.segments.iter().filter(|(number, _)| Some(**number) != growing);
            let live: u64 = full.clone().map(|(_, segment)| segment.live).sum();
            let allowed = SPARSE_MAX * live / LOG_SEGMENT_BYTES_MAX + SPARE_SEGMENTS;
            let emptiest = full.clone().min_by_key(|(_, segment)| segment.live);
            let Some((number, _)) = emptiest.filter(|_| full.count() as u64 > allowed) else {
                return;
            };
            let number = *number;
            if let Err(error) = self.copy_out(number) {
                tracing::warn!(segment = number, %error, "a segment of logs can't be copied");
                return;
            }
            self.remove_segment(number);
        }
    }

    /// Writes anew the records of a segment that live.
    fn copy_out(&mut self, number: u32) -> io::Result<()> {
        let content = fs::read(path(&self.folder, number))?;
        for (at, record) in records(&content) {
            let log = self.index.get(&record.head);
            let mut pieces = log.into_iter().flat_map(|log| &log.pieces);
            if pieces.any(|piece| (piece.segment, piece.at) == (number, at)) {
                self.write(&record.head, record.body)?;
            }
        }
        Ok(())
    }

    /// Opens what a log is in: each segment, with the pieces that are to be read there.
    fn open(&self, log: &Log) -> io::Result<Vec<(File, Vec<Piece>)>> {
        let parts = log.pieces.chunk_by(|one, next| one.segment == next.segment);
        let opened = parts.map(|pieces| {
            let file = File::open(path(&self.folder, pieces[0].segment))?;
            io::Result::Ok((file, pieces.to_vec()))
        });
        opened.collect()
    }
}

fn read(parts: &[(File, Vec<Piece>)]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (file, pieces) in parts {
        for piece in pieces {
            let begin = bytes.len();
            bytes.resize(begin + piece.length as usize, 0);
            let at = u64::from(piece.at) + u64::from(piece.head_bytes);
            file.read_exact_at(&mut bytes[begin..], at)?;
        }
    }
    Ok(bytes)
}

fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("segment-{number}"))
}

/// The records of a segment, up to what is torn, and where each of them is.
fn records(content: &[u8]) -> impl Iterator<Item = (u32, Record<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let record = Record::first_of(&content[at..])?;
        let place = u32::try_from(at).ok()?;
        at += record.bytes();
        Some((place, record))
    })
}
