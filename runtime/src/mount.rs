//! The host's side of a mount, opened so that no link that a guest has planted leads us astray.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, open, openat, statat};

use crate::guest::Mount;

/// What a mount is of. What has been opened stays so for as long as this is there, and its path with
/// it.
pub(crate) struct HostSide {
    /// The directory that is mounted, or that the mounted file is in.
    pub(crate) directory: PathBuf,
    /// The file's name there, if it is a file.
    pub(crate) file: Option<String>,
    _open: Option<OwnedFd>,
}

impl HostSide {
    /// Opens what `mount` is of.
    pub(crate) fn open(mount: &Mount) -> io::Result<Self> {
        let Some(name) = mount.below.file_name() else { return Self::named(&mount.host) };
        let parent = mount.below.parent().unwrap_or(Path::new(""));
        let parent = enter(&mount.host, parent)?;
        match openat(&parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(directory) => {
                Ok(Self { directory: path_of(&directory), file: None, _open: Some(directory) })
            }
            Err(error) => {
                let found = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
                match FileType::from_raw_mode(found.st_mode) {
                    FileType::RegularFile => Ok(Self {
                        directory: path_of(&parent),
                        file: Some(text(name)?),
                        _open: Some(parent),
                    }),
                    FileType::Symlink => Err(is_link(name)),
                    _ => Err(error.into()),
                }
            }
        }
    }

    /// What has this name, links followed.
    fn named(host: &Path) -> io::Result<Self> {
        if std::fs::metadata(host)?.is_dir() {
            return Ok(Self { directory: host.to_owned(), file: None, _open: None });
        }
        let name = host.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let directory = host.parent().unwrap_or(host).to_owned();
        Ok(Self { directory, file: Some(text(name)?), _open: None })
    }
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// Opens the directory `below` of `host`, part by part, so that nothing between is a link.
fn enter(host: &Path, below: &Path) -> io::Result<OwnedFd> {
    let mut at = open(host, DIRECTORY, Mode::empty())?;
    for part in below.components() {
        let Component::Normal(name) = part else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it leads out of its mount"));
        };
        at = openat(&at, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).map_err(|error| {
            match statat(&at, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) if FileType::from_raw_mode(found.st_mode).is_symlink() => is_link(name),
                _ => error.into(),
            }
        })?;
    }
    Ok(at)
}

/// A path that names what is open, whatever becomes of the names that it was opened by.
fn path_of(open: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()))
}

fn is_link(name: &OsStr) -> io::Error {
    io::Error::other(format!("{} is a symbolic link", name.display()))
}

fn text(name: &OsStr) -> io::Result<String> {
    name.to_str().map(str::to_owned).ok_or_else(|| io::ErrorKind::InvalidFilename.into())
}
