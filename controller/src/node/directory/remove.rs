//! Removes a directory with all that is in it, whatever guests have made of it.
//!
//! However deep directories lie in each other, two are open at a time: what is in a directory is
//! unlinked, and the directories in it are moved to the top, where their turn comes. No link is
//! followed. Two may remove the same, and then either may be the one that does.

use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, RenameFlags, openat, renameat_with, unlinkat};
use rustix::io::Errno;

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Removes the directory at `path` with all that is in it, however deep that is; it is no failure if
/// it is not there. Blocks, for as long as somebody goes on making things in it.
pub fn remove(path: &Path) -> io::Result<()> {
    let top = match openat(CWD, path, DIRECTORY, Mode::empty()) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut moved = 0;
    while !is_emptied(&top, &mut moved)? {}
    match unlinkat(CWD, path, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes what is in `top`, once; says whether nothing was.
fn is_emptied(top: &OwnedFd, moved: &mut u64) -> io::Result<bool> {
    let mut is_empty = true;
    for entry in Dir::read_from(top)? {
        let entry = match entry {
            // Another has removed all of it.
            Err(Errno::NOENT) => return Ok(true),
            entry => entry?,
        };
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        is_empty = false;
        if !is_removed(top, name)? {
            lift(top, name, moved)?;
        }
    }
    Ok(is_empty)
}

/// Whether `name` is gone: it is not if it is a directory that has something in it.
fn is_removed(at: &OwnedFd, name: &CStr) -> io::Result<bool> {
    for flags in [AtFlags::empty(), AtFlags::REMOVEDIR] {
        match unlinkat(at, name, flags) {
            Ok(()) | Err(Errno::NOENT) => return Ok(true),
            Err(Errno::ISDIR | Errno::PERM | Errno::NOTEMPTY | Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// Empties the directory `name` of `top`, and removes it: those in it are moved to `top`.
fn lift(top: &OwnedFd, name: &CStr, moved: &mut u64) -> io::Result<()> {
    let directory = match openat(top, name, DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        directory => directory?,
    };
    for entry in Dir::read_from(&directory)? {
        let entry = match entry {
            Err(Errno::NOENT) => return Ok(()),
            entry => entry?,
        };
        let child = entry.file_name();
        if child == c"." || child == c".." || is_removed(&directory, child)? {
            continue;
        }
        loop {
            *moved += 1;
            let place = format!(".removed-{moved}");
            match renameat_with(&directory, child, top, &place, RenameFlags::NOREPLACE) {
                Ok(()) | Err(Errno::NOENT) => break,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    // What was missed, as happens in a directory that changes while it is read, has its turn later.
    is_removed(top, name).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::mkdirat;

    use super::*;

    #[test]
    fn what_is_there_goes_and_what_links_lead_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
        fs::create_dir_all(root.join("a/b/c")).unwrap();
        fs::create_dir_all(root.join(".removed-1/x")).unwrap();
        fs::create_dir(&outside).unwrap();
        for file in ["file", "a/file", "a/b/c/file"] {
            fs::write(root.join(file), "x").unwrap();
        }
        fs::write(outside.join("kept"), "x").unwrap();
        symlink(&outside, root.join("a/link")).unwrap();
        remove(&root).unwrap();
        assert!(!root.exists());
        assert!(outside.join("kept").exists());
        remove(&root).unwrap();
    }

    #[test]
    fn depth_takes_no_descriptors_and_no_stack() {
        const DEPTH: usize = 20_000;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        let mut at = openat(CWD, &root, DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..DEPTH {
            mkdirat(&at, "d", Mode::from_raw_mode(0o755)).unwrap();
            at = openat(&at, "d", DIRECTORY, Mode::empty()).unwrap();
        }
        drop(at);
        remove(&root).unwrap();
        assert!(!root.exists());
    }
}
