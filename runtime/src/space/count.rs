//! Counts what is stored below a directory, as `du` does.
//!
//! One directory is open at a time, however deep they lie: the way back is `..`, and it is checked
//! that it leads where it came from. Nothing is followed, so nothing outside is seen.

use std::collections::HashSet;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, statat};
use rustix::io::Errno;

use super::{Amount, ENTRY_BYTES};

/// Blocks are never smaller, whatever a file system says.
pub(super) const BLOCK_BYTES_MIN: u64 = 4096;

/// Nor are they larger: what says so means something else by it.
const BLOCK_BYTES_MAX: u64 = 1 << 20;

/// The unit in which Linux tells what a file takes.
const UNIT: u64 = 512;

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What was counted.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) amount: Amount,
    /// The size of a block of the file system.
    pub(super) block: u64,
}

/// One directory on the way down.
struct Level {
    identity: (u64, u64),
    /// What is still to be entered.
    directories: Vec<CString>,
}

/// Counts what is below `root`; fails if there are far more than `entries_max` names.
pub(super) fn count(root: &Path, entries_max: u64) -> io::Result<Counted> {
    let mut at = open(root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let found = fstat(&at)?;
    let block = u64::try_from(found.st_blksize).unwrap_or_default();
    let mut counter = Counter { entries_max, ..Counter::default() };
    let mut levels = vec![counter.enter(&at, &found)?];
    while let Some(level) = levels.last_mut() {
        if let Some(name) = level.directories.pop() {
            at = match openat(&at, &name, DIRECTORY, Mode::empty()) {
                Ok(directory) => directory,
                // It is gone, or something else has its name.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
                Err(error) => return Err(error.into()),
            };
            levels.push(counter.enter(&at, &fstat(&at)?)?);
            continue;
        }
        levels.pop();
        if let Some(above) = levels.last() {
            at = openat(&at, c"..", DIRECTORY, Mode::empty())?;
            if identity(&fstat(&at)?) != above.identity {
                return Err(io::Error::other("a directory has been moved meanwhile"));
            }
        }
    }
    let amount = Amount { bytes: counter.bytes, entries: counter.entries };
    Ok(Counted { amount, block: block.clamp(BLOCK_BYTES_MIN, BLOCK_BYTES_MAX) })
}

#[derive(Default)]
struct Counter {
    bytes: u64,
    entries: u64,
    entries_max: u64,
    /// Files of several names, which take their space once.
    linked: HashSet<(u64, u64)>,
}

impl Counter {
    /// Counts the directory `at`, and what is in it but for its directories.
    fn enter(&mut self, at: &OwnedFd, found: &Stat) -> io::Result<Level> {
        self.bytes += taken(found);
        let mut directories = Vec::new();
        for entry in Dir::read_from(at)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            self.entries += 1;
            self.bytes += ENTRY_BYTES;
            // A few more are there where guests make some at once.
            if self.entries > self.entries_max.saturating_mul(2).saturating_add(1000) {
                return Err(io::Error::other("there are too many files"));
            }
            match statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) if FileType::from_raw_mode(found.st_mode).is_dir() => {
                    directories.push(name.to_owned());
                }
                Ok(found) => {
                    if found.st_nlink < 2 || self.linked.insert(identity(&found)) {
                        self.bytes += taken(&found);
                    }
                }
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Level { identity: identity(found), directories })
    }
}

fn taken(found: &Stat) -> u64 {
    u64::try_from(found.st_blocks).unwrap_or_default().saturating_mul(UNIT)
}

fn identity(found: &Stat) -> (u64, u64) {
    (found.st_dev, found.st_ino)
}
