//! Where volumes of medium `Memory` are kept.
//!
//! Kubernetes differs: it mounts a file system for each, which takes root. Here each is a directory
//! in the one that Linux has for shared memory, if that is there, and a directory on disk if not.

use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::statfs;
use rustix::process::geteuid;

/// The file system of memory that every Linux has.
const SHARED_MEMORY: &str = "/dev/shm";

/// What Linux calls that kind of file system (`TMPFS_MAGIC`).
const TMPFS: i64 = 0x0102_1994;

/// In each directory, the root that it belongs to.
const ROOT_FILE: &str = "root";

/// The directory for volumes in memory of the node whose files are under `root`; `None` if there is
/// no memory to be had as files.
///
/// It is told again by the same root, so that what a pod has stored outlives the node's process, and
/// goes with its pod. Those whose root is no more are removed.
pub fn memory_root(root: &Path) -> Option<PathBuf> {
    let memory = Path::new(SHARED_MEMORY);
    let kind = statfs(memory).ok()?.f_type;
    #[allow(clippy::useless_conversion, reason = "it is of another type on other machines")]
    if i64::from(kind) != TMPFS {
        return None;
    }
    sweep(memory);
    match own(memory, root) {
        Ok(folder) => Some(folder),
        Err(error) => {
            tracing::warn!(%error, "volumes of medium Memory are kept on disk");
            None
        }
    }
}

fn own(memory: &Path, root: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(root)?;
    let root = root.canonicalize()?;
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    let folder = memory.join(format!("mayfly-{}-{:016x}", geteuid().as_raw(), hasher.finish()));
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Anybody may make files there, and it must be nobody else's.
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != geteuid().as_raw() || found.mode() & 0o077 != 0 {
        return Err(io::Error::other(format!("{} is somebody else's", folder.display())));
    }
    fs::write(folder.join(ROOT_FILE), root.as_os_str().as_encoded_bytes())?;
    Ok(folder)
}

/// Removes what nodes have left whose root is no more.
fn sweep(memory: &Path) {
    let prefix = format!("mayfly-{}-", geteuid().as_raw());
    for entry in fs::read_dir(memory).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(&prefix) {
            continue;
        }
        let Ok(root) = fs::read_to_string(entry.path().join(ROOT_FILE)) else { continue };
        if !Path::new(&root).exists()
            && let Err(error) = crate::node::directory::remove(&entry.path())
        {
            tracing::warn!(path = %entry.path().display(), %error, "memory could not be freed");
        }
    }
}
