//! The folder that a store lives in: claimed by one process at a time, and of a known schema.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::OpenError;
use super::former;
use super::journal::Journal;
use super::schema::{DRAFT_FILE, FORMAT_FILE, FORMER_SCHEMA, Found, Schema};

const LOCK_FILE: &str = "lock";
const JOURNAL_FOLDER: &str = "journal";
/// Where objects were up to schema 2.
const FORMER_FOLDER: &str = "objects";

/// How long a folder that is in use is waited for. A process that was killed has it until the system
/// has taken back its memory, and whoever looks after it starts the next one at once.
const CLAIM_WITHIN: Duration = Duration::from_secs(2);
/// How long to wait before looking again.
const CLAIM_PAUSE: Duration = Duration::from_millis(10);

/// A claimed folder. The claim ends with the process, however that ends.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// What it was when it was claimed.
    found: Found,
    _lock: File,
}

impl Folder {
    /// Makes the folder if there is none, and claims it; waits for a moment for whoever has it. One
    /// that is newer than `schema` is refused, and one that has something else in it.
    pub(super) fn claim(path: &Path, schema: Schema) -> Result<Self, OpenError> {
        let not_usable = |source| OpenError::NotUsable { folder: path.into(), source };
        // Secrets are among the objects: nobody else on the host may look.
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(not_usable)?;
        if is_somebody_elses(path).map_err(not_usable)? {
            return Err(OpenError::UnknownFormat { folder: path.into(), found: None });
        }
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK_FILE))
            .map_err(not_usable)?;
        let until = Instant::now() + CLAIM_WITHIN;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    thread::sleep(CLAIM_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(OpenError::InUse { folder: path.into(), pid: read_pid(&mut lock) });
                }
                Err(TryLockError::Error(source)) => return Err(not_usable(source)),
            }
        }
        write_pid(&mut lock).map_err(not_usable)?;
        let found = schema.of_folder(path)?;
        Ok(Self { path: path.into(), found, _lock: lock })
    }

    /// The journal that is in here, with what a database has left for it, brought to the newest `schema`.
    pub(super) fn journal(&self, schema: Schema) -> Result<Journal, OpenError> {
        let unreadable = |source| OpenError::Unreadable { folder: self.path.clone(), source };
        let not_usable = |source| OpenError::NotUsable { folder: self.path.clone(), source };
        let (journal, former) = (self.path.join(JOURNAL_FOLDER), self.path.join(FORMER_FOLDER));
        let has_former = former.exists();
        let mut disk = match has_former && self.found.schema <= FORMER_SCHEMA {
            true => former::taken_over(&former, &journal).map_err(unreadable)?,
            false => Journal::open(&journal).map_err(unreadable)?,
        };
        schema.upgrade(&self.path, self.found.schema, &mut disk)?;
        if has_former {
            // From now on the folder is said to be of a schema that has none.
            fs::remove_dir_all(&former).map_err(not_usable)?;
        }
        Ok(disk)
    }

    /// An error unless it is of `schema` already.
    pub(super) fn needs_no_upgrade(&self, schema: Schema) -> Result<(), OpenError> {
        let Found { schema: found, writer } = &self.found;
        if *found == schema.version() {
            return Ok(());
        }
        let (folder, writer) = (self.path.clone(), writer.clone());
        Err(OpenError::Older { folder, schema: *found, writer })
    }
}

/// Whether the folder at `path` has something in it and does not say that it is ours.
fn is_somebody_elses(path: &Path) -> io::Result<bool> {
    let mut is_empty = true;
    for entry in fs::read_dir(path)? {
        // What a claim makes first; whoever made it may have been killed then. And what a new disk
        // has, and a home.
        let passed_over = [LOCK_FILE, DRAFT_FILE, "lost+found", ".cache"].map(OsStr::new);
        is_empty &= passed_over.contains(&&*entry?.file_name());
    }
    // Looked for last: another process may just have made both this and what has been seen.
    Ok(!is_empty && !path.join(FORMAT_FILE).exists())
}

/// For whoever finds the folder in use.
fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", std::process::id())
}

fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.rewind().ok()?;
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema::CURRENT;

    fn message(path: &Path) -> String {
        Folder::claim(path, CURRENT).unwrap_err().to_string()
    }

    #[test]
    fn one_process_claims_a_folder() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("made/here");
        let claimed = Folder::claim(&path, CURRENT).unwrap();
        let pid = std::process::id();
        let shown = path.display();
        assert_eq!(message(&path), format!("the state folder {shown} is in use by process {pid}"));
        let next = thread::spawn(move || Folder::claim(&path, CURRENT));
        drop(claimed);
        next.join().unwrap().unwrap();
    }

    #[test]
    fn what_is_newer_or_no_state_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let shown = folder.path().display();
        let says = |text: &str| fs::write(folder.path().join(FORMAT_FILE), text).unwrap();
        let newer = |writer: &str| {
            format!(
                "the state folder {shown} is of schema 900, written by {writer}, and this is mayfly \
                 {}, which knows schemas up to {}; start that one again, or a newer one (to go back \
                 for good, restore a backup that an older mayfly has made into another state folder)",
                env!("CARGO_PKG_VERSION"),
                CURRENT.version()
            )
        };
        says("900\n");
        assert_eq!(message(folder.path()), newer("a newer mayfly"));
        says("900 mayfly/9.0.0\n");
        assert_eq!(message(folder.path()), newer("mayfly 9.0.0"));
        says("from 1 to 900 mayfly/9.0.0\n");
        assert_eq!(message(folder.path()), newer("mayfly 9.0.0"));
        says("what is this\n");
        assert_eq!(
            message(folder.path()),
            format!("the state folder {shown} is of format what is this, which no mayfly writes")
        );
        fs::remove_file(folder.path().join(FORMAT_FILE)).unwrap();
        fs::create_dir(folder.path().join(JOURNAL_FOLDER)).unwrap();
        assert_eq!(
            message(folder.path()),
            format!("{shown} is not a state folder of mayfly, and not empty; name another one")
        );
    }

    #[test]
    fn what_is_somebody_elses_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let shown = folder.path().display();
        fs::write(folder.path().join("thesis.tex"), "x").unwrap();
        let names = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
        };
        assert_eq!(
            message(folder.path()),
            format!("{shown} is not a state folder of mayfly, and not empty; name another one")
        );
        assert_eq!(names(), ["thesis.tex"], "not even a lock is left");
        // A claim that was cut off leaves this much, and is no reason.
        fs::remove_file(folder.path().join("thesis.tex")).unwrap();
        fs::write(folder.path().join(LOCK_FILE), "").unwrap();
        fs::write(folder.path().join(DRAFT_FILE), "").unwrap();
        Folder::claim(folder.path(), CURRENT).unwrap();
    }

    #[test]
    fn a_file_is_no_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let shown = file.path().display();
        assert_eq!(message(file.path()), format!("the state folder {shown} can't be used"));
    }
}
