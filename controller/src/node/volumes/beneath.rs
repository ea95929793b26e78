//! Making and looking at what is beneath a folder, where containers may have left symbolic links.
//!
//! Each part of a path is opened from the one before it, and a link is an error wherever it leads:
//! so nothing is made or seen outside, even while a container moves things about.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, mkdirat, open, openat, statat};
use rustix::io::Errno;

use super::content::relative;

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What is at `path` beneath `root`, which is an empty path for `root` itself; `None` if nothing is.
pub(super) fn kind_of(root: &Path, path: &Path) -> io::Result<Option<FileType>> {
    let Some((parent, name)) = split(path)? else { return Ok(Some(FileType::Directory)) };
    let mut at = enter(root)?;
    for part in parent {
        match step(&at, part) {
            Ok(next) => at = next,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    match statat(&at, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink => Err(is_link()),
            kind => Ok(Some(kind)),
        },
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes the directory `path` beneath `root`, with those that it is in. What is there stays as it
/// is, and need be no directory if it is the last part.
pub(super) fn make_directory(root: &Path, path: &Path) -> io::Result<()> {
    let Some((parent, name)) = split(path)? else { return Ok(()) };
    let mut at = enter(root)?;
    for part in parent {
        make(&at, part)?;
        at = step(&at, part)?;
    }
    make(&at, name)?;
    let found = statat(&at, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(found.st_mode).is_symlink() { Err(is_link()) } else { Ok(()) }
}

/// Makes the empty file `path` beneath `root`, in a directory that is there, unless there is one.
pub(super) fn make_file(root: &Path, path: &Path) -> io::Result<()> {
    let Some((parent, name)) = split(path)? else { return Ok(()) };
    let mut at = enter(root)?;
    for part in parent {
        at = step(&at, part)?;
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    match openat(&at, name, flags, Mode::from_raw_mode(0o644)) {
        Ok(_) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The directories that lead to `path`, and its own name; nothing if it is empty.
fn split(path: &Path) -> io::Result<Option<(impl Iterator<Item = &OsStr>, &OsStr)>> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let Some(name) = relative(path)?.file_name() else { return Ok(None) };
    let parent = path.parent().unwrap_or(Path::new(""));
    Ok(Some((parent.iter(), name)))
}

/// Opens `root`, which nobody but the operator has made: links in it are followed.
fn enter(root: &Path) -> io::Result<OwnedFd> {
    Ok(open(root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

fn step(at: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    openat(at, name, DIRECTORY, Mode::empty()).map_err(|error| {
        match statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode).is_symlink() => is_link(),
            _ => error.into(),
        }
    })
}

fn make(at: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match mkdirat(at, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn is_link() -> io::Error {
    io::Error::other("it leads through a symbolic link")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_made_or_seen_through_a_link() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("file"), "").unwrap();
        symlink(outside.path(), root.path().join("out")).unwrap();
        symlink("there", root.path().join("in")).unwrap();
        fs::create_dir(root.path().join("there")).unwrap();
        for path in ["out", "out/x", "in", "in/x", "out/file"] {
            let path = Path::new(path);
            for made in [make_directory(root.path(), path), kind_of(root.path(), path).map(drop)] {
                let error = made.expect_err("it must be refused").to_string();
                assert_eq!(error, "it leads through a symbolic link", "{}", path.display());
            }
        }
        make_file(root.path(), Path::new("out/x")).expect_err("it must be refused");
        for path in ["..", "../x", "a/../../x", "/x"] {
            make_directory(root.path(), Path::new(path)).expect_err("it must be refused");
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(root.path().join("there")).unwrap().count(), 0);
    }

    #[test]
    fn what_is_made_is_there_and_stays_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let (directory, file) = (Path::new("a/b"), Path::new("a/b/c"));
        let kind = |path| kind_of(root.path(), path).unwrap();
        assert_eq!(kind(file), None);
        assert_eq!(make_file(root.path(), file).unwrap_err().kind(), io::ErrorKind::NotFound);
        for _ in 0..2 {
            make_directory(root.path(), directory).unwrap();
            make_file(root.path(), file).unwrap();
            assert_eq!(kind(directory), Some(FileType::Directory));
            assert_eq!(kind(file), Some(FileType::RegularFile));
            fs::write(root.path().join(file), "kept").unwrap();
        }
        assert_eq!(fs::read(root.path().join(file)).unwrap(), b"kept");
        assert_eq!(kind(Path::new("")), Some(FileType::Directory));
    }
}
