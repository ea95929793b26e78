//! The file in which the node notes what it begins and what it says of its pods, so that its next
//! process knows, whether or not the API server was told.
//!
//! ```text
//! {"uid": "…", "record": {…}}     the newest line of a pod counts
//! {"uid": "…"}                    the pod is no more
//! ```
//!
//! A thread appends what is waiting, makes it durable with one sync, and answers. A line that a
//! crash has cut off was never answered, so it is dropped.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::limits::{JOURNAL_LINE_BYTES_MAX, JOURNAL_SLACK_BYTES};
use crate::record::Record;

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file can't be read or written.
    #[error("can't use the node's journal {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error("another mayfly is at work with the node's journal {}", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A line in the middle of it is none that this program has written.
    #[error("line {line} of the node's journal {} can't be read", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
}

/// One line, as it is read.
#[derive(Deserialize)]
struct Line {
    uid: String,
    #[serde(default)]
    record: Option<Record>,
}

/// The same, as it is written.
#[derive(Serialize)]
struct LineOf<'a> {
    uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a Record>,
}

impl LineOf<'_> {
    /// Its bytes, with the end of the line.
    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// What is to be noted, and who waits for it.
struct Note {
    uid: String,
    /// `None` if the pod is no more.
    record: Option<Arc<Record>>,
    done: oneshot::Sender<io::Result<()>>,
}

/// The journal of a node. Dropped, it ends with what it was given.
pub(crate) struct Journal {
    notes: mpsc::Sender<Note>,
}

/// The newest record of each pod, and how long its line is.
type Live = HashMap<String, (Arc<Record>, u64)>;

impl Journal {
    /// The journal in the file `path`, which is made if it is not there, and what is in it.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Arc<Record>>), JournalError> {
        let failed = |source| JournalError::File { path: path.to_owned(), source };
        // Another file takes the place of this one when it is written anew, so what is locked is
        // one that stays.
        let lock = lock(path)?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let mut file = options.open(path).map_err(failed)?;
        let (live, length) = read(&mut file, path)?;
        // What was cut off by a crash.
        file.set_len(length).map_err(failed)?;
        let records = live.values().map(|(record, _)| Arc::clone(record)).collect();
        let writer = Writer { path: path.to_owned(), file, length, live, _lock: lock };
        let (notes, waiting) = mpsc::channel();
        let thread = thread::Builder::new().name("journal".to_owned());
        thread.spawn(move || writer.run(&waiting)).map_err(failed)?;
        Ok((Self { notes }, records))
    }

    /// Notes the newest `record` of the pod `uid`, or that it is no more; the answer comes when that
    /// is durable. What is noted first is written first.
    pub(crate) fn note(
        &self,
        uid: &str,
        record: Option<Arc<Record>>,
    ) -> oneshot::Receiver<io::Result<()>> {
        let (done, answer) = oneshot::channel();
        // A thread that has ended lets go of the sender, and whoever waits is told so.
        let _ = self.notes.send(Note { uid: uid.to_owned(), record, done });
        answer
    }
}

fn lock(path: &Path) -> Result<File, JournalError> {
    let failed = |source| JournalError::File { path: path.to_owned(), source };
    let file = File::create(path.with_extension("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// What is in `file`, and how much of it is whole.
fn read(file: &mut File, path: &Path) -> Result<(Live, u64), JournalError> {
    let failed = |source| JournalError::File { path: path.to_owned(), source };
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut reader = BufReader::new(&*file);
    let (mut live, mut length, mut number) = (Live::new(), 0, 0);
    let mut broken = None;
    loop {
        let mut bytes = Vec::new();
        let mut limited = reader.by_ref().take(JOURNAL_LINE_BYTES_MAX as u64);
        if limited.read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            return Ok((live, length));
        }
        number += 1;
        // Only the last line may be broken.
        if let Some(line) = broken {
            return Err(JournalError::Corrupt { path: path.to_owned(), line });
        }
        match serde_json::from_slice::<Line>(&bytes) {
            Ok(line) if bytes.ends_with(b"\n") => {
                length += bytes.len() as u64;
                fold(&mut live, line.uid, line.record.map(Arc::new), bytes.len() as u64);
            }
            _ => broken = Some(number),
        }
    }
}

fn fold(live: &mut Live, uid: String, record: Option<Arc<Record>>, bytes: u64) {
    match record {
        Some(record) => drop(live.insert(uid, (record, bytes))),
        None => drop(live.remove(&uid)),
    }
}

/// The thread's own.
struct Writer {
    path: PathBuf,
    file: File,
    /// How much of the file is whole.
    length: u64,
    live: Live,
    _lock: File,
}

impl Writer {
    fn run(mut self, waiting: &mpsc::Receiver<Note>) {
        while let Ok(first) = waiting.recv() {
            let notes: Vec<Note> = std::iter::once(first).chain(waiting.try_iter()).collect();
            let written = self.append(&notes);
            if let Err(error) = &written {
                tracing::error!(%error, path = %self.path.display(), "can't write the journal");
            }
            for Note { done, .. } in notes {
                let answer = written.as_ref().map_or_else(|error| Err(again(error)), |()| Ok(()));
                // Whoever has asked may not wait any more.
                let _ = done.send(answer);
            }
            let live: u64 = self.live.values().map(|(_, bytes)| bytes).sum();
            if self.length > 2 * live + JOURNAL_SLACK_BYTES
                && let Err(error) = self.rewrite()
            {
                tracing::warn!(%error, path = %self.path.display(), "the journal grows on");
            }
        }
    }

    /// Appends all of `notes`, or nothing.
    fn append(&mut self, notes: &[Note]) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut lengths = Vec::with_capacity(notes.len());
        for note in notes {
            let line = LineOf { uid: &note.uid, record: note.record.as_deref() }.bytes()?;
            lengths.push(line.len() as u64);
            bytes.extend(line);
        }
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What is there of it must not stand before what is written next.
            self.forget_unwritten()?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        for (note, bytes) in notes.iter().zip(lengths) {
            fold(&mut self.live, note.uid.clone(), note.record.clone(), bytes);
        }
        Ok(())
    }

    /// Cuts off what is not whole, and goes on before it.
    fn forget_unwritten(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length)).map(drop)
    }

    /// Writes what counts into a file that takes the place of this one.
    fn rewrite(&mut self) -> io::Result<()> {
        let next = self.path.with_extension("next");
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(true).open(&next)?;
        let mut length = 0;
        for (uid, (record, _)) in &self.live {
            let bytes = LineOf { uid, record: Some(record) }.bytes()?;
            file.write_all(&bytes)?;
            length += bytes.len() as u64;
        }
        file.sync_all()?;
        std::fs::rename(&next, &self.path)?;
        // From here on this is the journal, whatever else may fail.
        (self.file, self.length) = (file, length);
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// The same error for everyone who waits.
fn again(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(uid: &str, reason: &str) -> Arc<Record> {
        let json = serde_json::json!({
            "namespace": "ns", "name": uid, "uid": uid, "status": {"reason": reason},
        });
        Arc::new(serde_json::from_value(json).expect("must be a record"))
    }

    fn note(journal: &Journal, uid: &str, record: Option<Arc<Record>>) {
        journal.note(uid, record).blocking_recv().unwrap().unwrap();
    }

    /// Opened again as soon as the last one's thread has let go of it.
    fn reopen(path: &Path) -> (Journal, Vec<Arc<Record>>) {
        loop {
            match Journal::open(path) {
                Err(JournalError::InUse { .. }) => thread::yield_now(),
                result => return result.unwrap(),
            }
        }
    }

    #[test]
    fn the_newest_record_of_each_pod_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (journal, records) = Journal::open(&path).unwrap();
        assert!(records.is_empty());
        note(&journal, "a", Some(record("a", "first")));
        note(&journal, "b", Some(record("b", "only")));
        note(&journal, "a", Some(record("a", "second")));
        note(&journal, "b", None);
        assert!(matches!(Journal::open(&path), Err(JournalError::InUse { .. })));
        drop(journal);
        let (_journal, records) = reopen(&path);
        assert_eq!(records, [record("a", "second")]);
    }

    #[test]
    fn what_a_crash_has_cut_off_is_dropped_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (journal, _) = Journal::open(&path).unwrap();
        note(&journal, "a", Some(record("a", "kept")));
        drop(journal);
        drop(reopen(&path));
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            let mut bytes = whole.clone();
            bytes.extend_from_slice(&whole[..cut]);
            std::fs::write(&path, &bytes).unwrap();
            let (journal, records) = reopen(&path);
            assert_eq!(records, [record("a", "kept")], "{cut}");
            note(&journal, "a", Some(record("a", "next")));
            drop(journal);
            assert_eq!(reopen(&path).1, [record("a", "next")], "{cut}");
            std::fs::write(&path, &whole).unwrap();
        }
        std::fs::write(&path, [b"{}\n".as_slice(), &whole].concat()).unwrap();
        let corrupt = loop {
            match Journal::open(&path) {
                Err(JournalError::InUse { .. }) => thread::yield_now(),
                result => break result.err().unwrap(),
            }
        };
        assert!(matches!(corrupt, JournalError::Corrupt { line: 1, .. }), "{corrupt}");
    }

    #[test]
    fn it_is_written_anew_when_most_of_it_counts_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (journal, _) = Journal::open(&path).unwrap();
        let long = "x".repeat(usize::try_from(JOURNAL_SLACK_BYTES).unwrap() / 4);
        for _ in 0..20 {
            note(&journal, "a", Some(record("a", &long)));
        }
        note(&journal, "a", Some(record("a", "last")));
        drop(journal);
        let (journal, records) = reopen(&path);
        assert_eq!(records, [record("a", "last")]);
        drop(journal);
        assert!(std::fs::metadata(&path).unwrap().len() <= 3 * JOURNAL_SLACK_BYTES);
    }

    #[test]
    fn what_could_not_be_written_leaves_no_hole_after_it_was_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (file, _lock) = (File::create(&path).unwrap(), lock(&path).unwrap());
        let mut writer = Writer { path: path.clone(), file, length: 0, live: Live::new(), _lock };
        let one = |name: &str| {
            let (done, _) = oneshot::channel();
            Note { uid: name.to_owned(), record: Some(record(name, "kept")), done }
        };
        writer.append(&[one("a")]).unwrap();
        writer.rewrite().unwrap();
        // As a disk that is full takes the beginning of it.
        writer.file.write_all(b"half").unwrap();
        writer.forget_unwritten().unwrap();
        writer.append(&[one("b")]).unwrap();
        drop(writer);
        let mut records = reopen(&path).1;
        records.sort_by_key(|record| record.uid.clone());
        assert_eq!(records, [record("a", "kept"), record("b", "kept")]);
    }
}
