//! Layers that have been unpacked.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::file::{make_folder, read_bounded, sync_folder, write_whole};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::unpack::Patience;

/// What the file about a tree has at most.
const ABOUT_BYTES_MAX: u64 = 64 << 10;
/// What a file or folder takes up besides its content, about: a block. Stops images that consist of
/// nothing else from costing nothing.
const ENTRY_BYTES: u64 = 4096;
/// How folders are called that are not trees yet.
const UNFINISHED: &str = "unpacking-";
/// How long to wait before looking again whether it is one's turn.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Layers that have been unpacked, in one folder.
#[derive(Clone, Debug)]
pub(crate) struct Trees {
    folder: PathBuf,
}

/// What is known of one tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The module in it: where, and what it is.
    pub(crate) module: Option<(PathBuf, Digest)>,
    /// What everything in it takes up.
    pub(crate) bytes: u64,
}

impl Trees {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.join("trees") }
    }

    /// Where the layers of `manifest` are, if they are unpacked.
    pub(crate) fn path(&self, manifest: &Digest) -> PathBuf {
        self.folder.join(manifest.hex())
    }

    /// What is known of the layers of `manifest`, if they are unpacked.
    pub(crate) fn about(&self, manifest: &Digest) -> Result<Option<About>> {
        let path = self.path(manifest).join("about.json");
        match read_bounded(&path, ABOUT_BYTES_MAX) {
            Ok(json) => serde_json::from_slice(&json)
                .map(Some)
                .map_err(|error| Error::Damaged { path, why: error.to_string() }),
            Err(_) if !path.exists() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Has `unpack` fill a folder for the layers of `manifest`, unless it is there. One is unpacked
    /// at a time; who comes meanwhile waits, as long as `patience` lasts, and begins with all of the
    /// time that an image may take.
    pub(crate) fn make(
        &self,
        manifest: &Digest,
        patience: &Patience,
        unpack: impl FnOnce(&Path, &Patience) -> Result<Option<PathBuf>>,
    ) -> Result<About> {
        let _turn = self.lock(patience)?;
        let patience = patience.begun();
        if let Some(about) = self.about(manifest)? {
            return Ok(about);
        }
        self.sweep();
        let folder = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&self.folder);
        let folder = folder.map_err(Error::file("make a folder in", &self.folder))?;
        let module = match unpack(folder.path(), &patience)? {
            Some(path) => {
                let file = folder.path().join(&path);
                let digest = File::open(&file).and_then(Digest::of_reader);
                Some((path, digest.map_err(Error::file("read", &file))?))
            }
            None => None,
        };
        let about = About { module, bytes: size_of(folder.path()) };
        let json = serde_json::to_vec(&about).expect("it must be writable as JSON");
        write_whole(&folder.path().join("about.json"), &json)?;
        let target = self.path(manifest);
        fs::rename(folder.path(), &target)
            .and_then(|()| sync_folder(&self.folder))
            .map_err(Error::file("write", &target))?;
        // It is another's now.
        let _moved = folder.keep();
        Ok(about)
    }

    /// The bytes of all of them.
    pub(crate) fn bytes(&self) -> u64 {
        self.all().iter().filter_map(|it| self.about(it).ok()?).map(|about| about.bytes).sum()
    }

    /// The manifests whose layers are unpacked.
    pub(crate) fn all(&self) -> Vec<Digest> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                Digest::parse(&format!("sha256:{}", entry.file_name().to_str()?)).ok()
            })
            .collect()
    }

    /// What was being unpacked when its process died.
    pub(super) fn unfinished(&self) -> Result<Vec<PathBuf>> {
        let (patience, _waiting) = Patience::new();
        let _turn = self.lock(&patience)?;
        Ok(self.left_over())
    }

    /// Removes what was being unpacked when its process died. Only for who has the turn.
    fn sweep(&self) {
        for folder in self.left_over() {
            // It costs room and nothing else; the next one tries again.
            if let Err(error) = fs::remove_dir_all(&folder) {
                tracing::warn!(folder = %folder.display(), %error, "what is left of an image");
            }
        }
    }

    fn left_over(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let is_unfinished = |path: &PathBuf| {
            path.file_name().and_then(|it| it.to_str()).is_some_and(|it| it.starts_with(UNFINISHED))
        };
        entries.map(|entry| entry.path()).filter(is_unfinished).collect()
    }

    /// Waits for one's turn. Another process may have it, so nobody can be woken.
    fn lock(&self, patience: &Patience) -> Result<File> {
        let path = self.folder.join("lock");
        let lock = || -> io::Result<File> {
            make_folder(&self.folder)?;
            let file = File::create(&path)?;
            loop {
                match file.try_lock() {
                    Ok(()) => return Ok(file),
                    Err(TryLockError::Error(error)) => return Err(error),
                    Err(TryLockError::WouldBlock) => patience.check()?,
                }
                thread::sleep(LOCK_PAUSE);
            }
        };
        lock().map_err(Error::file("lock", &path))
    }
}

/// The bytes of everything in `folder`, with what its files and folders cost however little they
/// have in them; links are not followed.
pub(crate) fn size_of(folder: &Path) -> u64 {
    let mut folders = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            bytes += ENTRY_BYTES;
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_takes_up_room_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b/c")).unwrap();
        fs::write(folder.path().join("a/file"), [0; 10]).unwrap();
        assert_eq!(size_of(folder.path()), 4 * ENTRY_BYTES + 10);
    }
}
