//! Blobs by their digest.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{make_folder, read_bounded, sync_folder, write_whole};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};

/// How long to wait before looking again whether somebody else's download has come.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// What came from registries, in one folder.
#[derive(Clone, Debug)]
pub(crate) struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// Those in the folder of images `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where `digest` is, if it is here.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.hex())
    }

    /// Whether it is here. What it has is looked at when it is read.
    pub(crate) fn has(&self, digest: &Digest) -> bool {
        self.length(digest).is_some()
    }

    /// How many bytes it has, if it is here.
    pub(crate) fn length(&self, digest: &Digest) -> Option<u64> {
        let metadata = fs::metadata(self.path(digest)).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// Looks at the content of `digest`; what is something else goes, to be fetched again.
    pub(crate) async fn inspect(&self, digest: &Digest) -> Result<()> {
        let (blobs, digest) = (self.clone(), digest.clone());
        let opened = tokio::task::spawn_blocking(move || blobs.open(&digest).map(drop));
        opened.await.expect("reading a file must not panic")
    }

    /// Opens `digest`, whose content is looked at first.
    pub(crate) fn open(&self, digest: &Digest) -> Result<File> {
        let path = self.path(digest);
        let mut file = File::open(&path).map_err(Error::file("read", &path))?;
        let found = Digest::of_reader(&mut file).map_err(Error::file("read", &path))?;
        self.verify(digest, found)?;
        file.seek(SeekFrom::Start(0)).map_err(Error::file("read", &path))?;
        Ok(file)
    }

    /// The content of `digest`, if it is no larger than `bytes_max`.
    pub(crate) fn read(&self, digest: &Digest, bytes_max: u64) -> Result<Vec<u8>> {
        let bytes = read_bounded(&self.path(digest), bytes_max)?;
        self.verify(digest, Digest::of(&bytes))?;
        Ok(bytes)
    }

    /// Keeps `bytes`.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        if !self.has(&digest) {
            write_whole(&self.path(&digest), bytes)?;
        }
        Ok(digest)
    }

    /// Begins or goes on with the download of `digest` from `repository`; `None` if it has come
    /// meanwhile. Waits while somebody else is at it.
    pub(crate) async fn begin(&self, digest: &Digest, repository: &str) -> Result<Option<Partial>> {
        loop {
            let (blobs, digest) = (self.clone(), digest.clone());
            let repository = repository.to_owned();
            let begun =
                tokio::task::spawn_blocking(move || Partial::open(blobs, digest, repository));
            match begun.await.expect("opening a file must not panic")? {
                Begun::Ours(partial) => return Ok(Some(*partial)),
                Begun::Here => return Ok(None),
                // Another process may be at it, so nobody can be woken; and a thread that waited
                // for as long as a download takes would be missing elsewhere.
                Begun::Anothers => tokio::time::sleep(LOCK_PAUSE).await,
            }
        }
    }

    /// The bytes of all of them, the unfinished as well.
    pub(crate) fn bytes(&self) -> u64 {
        let folders = ["blobs", "partial"].map(|name| self.folder.join(name));
        let files = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        files.filter_map(|file| file.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum()
    }

    fn verify(&self, expected: &Digest, found: Digest) -> Result<()> {
        if found == *expected {
            return Ok(());
        }
        let path = self.path(expected);
        // It is fetched again by whoever needs it next.
        let _is_gone = fs::remove_file(&path);
        Err(Error::Digest { what: path.display().to_string(), expected: expected.clone(), found })
    }
}

/// What comes of beginning a download.
enum Begun {
    /// It is ours to go on with.
    Ours(Box<Partial>),
    /// Somebody else is at it.
    Anothers,
    /// There is nothing to download any more.
    Here,
}

/// A download that is under way. Nobody else writes to it for as long as this is there; what has
/// come stays when it is dropped.
pub(crate) struct Partial {
    blobs: Blobs,
    digest: Digest,
    repository: String,
    path: PathBuf,
    file: File,
    length: u64,
    hasher: Hasher,
}

impl Partial {
    fn open(blobs: Blobs, digest: Digest, repository: String) -> Result<Begun> {
        let path = blobs.partial_path(&digest, &repository);
        let folder = path.parent().unwrap_or(&blobs.folder);
        make_folder(folder).map_err(Error::file("make", folder))?;
        loop {
            let file = OpenOptions::new().create(true).append(true).read(true).open(&path);
            let file = file.map_err(Error::file("write", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Begun::Anothers),
                Err(TryLockError::Error(error)) => return Err(Error::file("write", &path)(error)),
            }
            if blobs.is_from(&digest, &repository) {
                // Whoever brought it has moved the file away; one that we have made is of no use.
                let _is_gone = fs::remove_file(&path);
                return Ok(Begun::Here);
            }
            if is_at(&file, &path) {
                let (length, hasher) = (0, Hasher::default());
                let mut partial = Self { blobs, digest, repository, path, file, length, hasher };
                partial.reread()?;
                return Ok(Begun::Ours(Box::new(partial)));
            }
            // It was taken away between opening and locking.
        }
    }

    /// How much has come.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Forgets what has come.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(Error::file("write", &self.path))?;
        (self.length, self.hasher) = (0, Hasher::default());
        Ok(())
    }

    /// Adds `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::file("write", &self.path))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Keeps it as what it was to be; if it is something else, it is forgotten.
    pub(crate) fn finish(mut self) -> Result<()> {
        let found = std::mem::take(&mut self.hasher).finish();
        if found != self.digest {
            self.restart()?;
            let what = format!("blob {}", self.digest);
            return Err(Error::Digest { what, expected: self.digest.clone(), found });
        }
        // Before it is there: who has waited for it sees both.
        self.blobs.add_source(&self.digest, &self.repository)?;
        let target = self.blobs.path(&self.digest);
        let keep = || {
            self.file.sync_all()?;
            let folder = target.parent().unwrap_or(&target);
            make_folder(folder)?;
            fs::rename(&self.path, &target)?;
            sync_folder(folder)
        };
        keep().map_err(Error::file("write", &target))
    }

    /// Reads what an earlier download has left.
    fn reread(&mut self) -> Result<()> {
        let mut buffer = vec![0; 64 << 10];
        self.file.seek(SeekFrom::Start(0)).map_err(Error::file("read", &self.path))?;
        loop {
            match std::io::Read::read(&mut self.file, &mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    self.hasher.update(&buffer[..count]);
                    self.length += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::file("read", &self.path)(error)),
            }
        }
    }
}

/// Whether `path` still names `file`.
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let ours = file.metadata().map(|it| (it.dev(), it.ino()));
    let theirs = fs::metadata(path).map(|it| (it.dev(), it.ino()));
    matches!((ours, theirs), (Ok(ours), Ok(theirs)) if ours == theirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_anothers_download_holds_no_thread() {
        let state = tempfile::tempdir().unwrap();
        let (blobs, digest) = (Blobs::new(state.path()), Digest::of(b"x"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let first = blobs.begin(&digest, "r/x").await.unwrap().unwrap();
            let second = tokio::spawn({
                let (blobs, digest) = (blobs.clone(), digest.clone());
                async move { blobs.begin(&digest, "r/x").await }
            });
            tokio::task::yield_now().await;
            let others = tokio::task::spawn_blocking(|| ());
            let others = tokio::time::timeout(Duration::from_secs(60), others).await;
            drop(first);
            others.expect("the only thread must be free").unwrap();
            assert!(second.await.unwrap().unwrap().is_some());
        });
    }
}
