//! The folder that a store lives in: claimed by one process at a time, and of a known format.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::OpenError;

/// How the folder is laid out. One more for each change that an older mayfly can't read.
const FORMAT: u32 = 1;
const FORMAT_FILE: &str = "format";
const LOCK_FILE: &str = "lock";
const DATABASE_FOLDER: &str = "objects";

/// How long a folder that is in use is waited for. A process that was killed has it until the system
/// has taken back its memory, and whoever looks after it starts the next one at once.
const CLAIM_WITHIN: Duration = Duration::from_secs(2);
/// How long to wait before looking again.
const CLAIM_PAUSE: Duration = Duration::from_millis(10);

/// A claimed folder. The claim ends with the process, however that ends.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if there is none, and claims it; waits for a moment for whoever has it.
    pub(super) fn claim(path: &Path) -> Result<Self, OpenError> {
        let not_usable = |source| OpenError::NotUsable { folder: path.into(), source };
        // Secrets are among the objects: nobody else on the host may look.
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(not_usable)?;
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
        check_format(path)?;
        Ok(Self { path: path.into(), _lock: lock })
    }

    /// Where the database is.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FOLDER)
    }
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

/// Refuses a folder of another format, and writes ours to a new one.
fn check_format(path: &Path) -> Result<(), OpenError> {
    let not_usable = |source| OpenError::NotUsable { folder: path.into(), source };
    let file = path.join(FORMAT_FILE);
    let found = match fs::read_to_string(&file) {
        Ok(found) => found.trim().to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if path.join(DATABASE_FOLDER).exists() {
                return Err(OpenError::UnknownFormat { folder: path.into(), found: None });
            }
            return write_format(path, &file).map_err(not_usable);
        }
        Err(error) => return Err(not_usable(error)),
    };
    if found == FORMAT.to_string() {
        return Ok(());
    }
    Err(OpenError::UnknownFormat { folder: path.into(), found: Some(found) })
}

/// Under another name first, so that a crash leaves either no format or all of it.
fn write_format(path: &Path, file: &Path) -> io::Result<()> {
    let draft = path.join("format.new");
    let mut out = File::create(&draft)?;
    writeln!(out, "{FORMAT}")?;
    out.sync_all()?;
    fs::rename(draft, file)?;
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &Path) -> String {
        Folder::claim(path).unwrap_err().to_string()
    }

    #[test]
    fn one_process_claims_a_folder() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("made/here");
        let claimed = Folder::claim(&path).unwrap();
        let pid = std::process::id();
        let shown = path.display();
        assert_eq!(message(&path), format!("the state folder {shown} is in use by process {pid}"));
        let next = thread::spawn(move || Folder::claim(&path));
        drop(claimed);
        next.join().unwrap().unwrap();
    }

    #[test]
    fn another_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let shown = folder.path().display();
        fs::write(folder.path().join(FORMAT_FILE), "2\n").unwrap();
        assert_eq!(
            message(folder.path()),
            format!("the state folder {shown} is of format 2, which this mayfly can't read")
        );
        fs::remove_file(folder.path().join(FORMAT_FILE)).unwrap();
        fs::create_dir(folder.path().join(DATABASE_FOLDER)).unwrap();
        assert_eq!(message(folder.path()), format!("{shown} is not a state folder of mayfly"));
    }

    #[test]
    fn a_file_is_no_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let shown = file.path().display();
        assert_eq!(message(file.path()), format!("the state folder {shown} can't be used"));
    }
}
