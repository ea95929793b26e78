//! Compiled code, kept on disk between processes.
//!
//! ```text
//! artifact │ what it is of (17 bytes) │ checksum of all before (16) │ magic (8)
//! ```
//!
//! One file an artifact, named by what was compiled and with what, and by the form of the file, so that
//! mayflies of several versions have a folder together. The artifact stands at its beginning,
//! so that wasmtime can map it as it lies there; it is checked before, and a damaged one compiled anew.
//! The folder is private to us: whoever can write there could run code as us, so the checksum has to
//! stand up to accidents alone, and is a quick one (XXH3, 128 bits). A file is never written to once it
//! is there.
//!
//! When there is too much, what was not used for longest goes.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::process::geteuid;
use xxhash_rust::xxh3::Xxh3;

use crate::inspect::Kind;

/// Ends our files, with the version of their form.
const MAGIC: &[u8; 8] = b"mayfly\0\x03";

/// What their names end in: something else whenever what is in them would mean something else, such as
/// the memory that a run is said to take.
const SUFFIX: &str = "3.cwasm";

/// What is in a file behind the artifact.
const TAIL_BYTES: usize = ABOUT_BYTES + size_of::<u128>() + MAGIC.len();

const ABOUT_BYTES: usize = 1 + 2 * size_of::<u64>();

/// What is read of a file at a time: what a core has close by, so that it is not in memory as a whole,
/// whose pages the system would have to find first.
const READ_AT_ONCE: usize = 64 << 10;

/// What an artifact is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) kind: Kind,
    /// The length of the module or component.
    pub(crate) wasm_bytes: u64,
    /// See [`run_bytes`](crate::footprint::run_bytes).
    pub(crate) run_bytes: u64,
}

impl About {
    fn to_bytes(self) -> [u8; ABOUT_BYTES] {
        let mut bytes = [0; ABOUT_BYTES];
        bytes[0] = match self.kind {
            Kind::Module => 0,
            Kind::Component => 1,
        };
        bytes[1..9].copy_from_slice(&self.wasm_bytes.to_le_bytes());
        bytes[9..].copy_from_slice(&self.run_bytes.to_le_bytes());
        bytes
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let kind = match kind {
            0 => Kind::Module,
            1 => Kind::Component,
            _ => return None,
        };
        let (wasm_bytes, rest) = rest.split_first_chunk()?;
        let (wasm_bytes, run_bytes) =
            (u64::from_le_bytes(*wasm_bytes), u64::from_le_bytes(rest.try_into().ok()?));
        Some(Self { kind, wasm_bytes, run_bytes })
    }
}

/// An artifact that was kept, and found to be whole.
pub(crate) struct Kept {
    pub(crate) about: About,
    /// A file that begins with the artifact, and has some bytes behind it, which an ELF file may have.
    /// Another process may have put the same artifact in its place.
    pub(crate) path: PathBuf,
}

impl Kept {
    /// The artifact in memory, for where its file can't be mapped.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = fs::read(&self.path)?;
        bytes.truncate(bytes.len().saturating_sub(TAIL_BYTES));
        Ok(bytes)
    }
}

/// What `file` has, if it is whole.
fn about_whole(mut file: &File) -> io::Result<Option<About>> {
    let length = file.metadata()?.len();
    let Some(artifact_bytes) = length.checked_sub(TAIL_BYTES as u64) else { return Ok(None) };
    let mut hasher = Xxh3::new();
    let mut artifact = file.take(artifact_bytes);
    let mut buffer = vec![0; READ_AT_ONCE.min(length as usize)];
    loop {
        match artifact.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    let mut tail = [0; TAIL_BYTES];
    file.read_exact(&mut tail)?;
    let (about, rest) = tail.split_at(ABOUT_BYTES);
    let (checksum, magic) = rest.split_at(size_of::<u128>());
    hasher.update(about);
    let is_whole = magic == MAGIC && hasher.digest128().to_le_bytes() == checksum;
    Ok(About::of(about).filter(|_| is_whole))
}

/// A folder of compiled code.
#[derive(Debug)]
pub(crate) struct CodeCache {
    folder: PathBuf,
    bytes_max: u64,
}

impl CodeCache {
    /// Uses `folder`, which is made, for its owner only, if it is not there. It must be ours, and
    /// nobody else may write to it. What is in it has no more than `bytes_max`.
    pub(crate) fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let found = fs::metadata(folder)?;
        if found.uid() != geteuid().as_raw() || found.mode() & 0o022 != 0 {
            let message = "others can write to it; make it yours alone (chmod 700)";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(Self { folder: folder.to_owned(), bytes_max })
    }

    /// The artifact that was kept under `key`, if it is there and whole.
    pub(crate) fn get(&self, key: &str) -> Option<Kept> {
        let path = self.path(key);
        let found = File::open(&path).and_then(|file| Ok((about_whole(&file)?, file)));
        let (about, file) = match found {
            Ok((Some(about), file)) => (about, file),
            Ok((None, _)) => {
                tracing::warn!(path = %path.display(), "compiled code is damaged; compiling again");
                return None;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "can't read compiled code");
                return None;
            }
        };
        // It would only go sooner without.
        let _ = file.set_times(FileTimes::new().set_accessed(SystemTime::now()));
        Some(Kept { about, path })
    }

    /// Keeps `artifact` under `key`, all at once. Failing to do so costs only time later on.
    pub(crate) fn put(&self, key: &str, about: About, artifact: &[u8]) {
        let path = self.path(key);
        if let Err(error) = self.write(&path, about, artifact) {
            tracing::warn!(path = %path.display(), %error, "can't keep compiled code");
        }
        if let Err(error) = self.make_room() {
            tracing::warn!(folder = %self.folder.display(), %error, "can't remove compiled code");
        }
    }

    /// Removes what was not used for longest, until there is no more than there may be.
    fn make_room(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another process may have removed it.
            let Ok(found) = entry.metadata() else { continue };
            files.push((found.accessed()?, found.len(), entry.path()));
        }
        let mut bytes: u64 = files.iter().map(|(_, length, _)| length).sum();
        if bytes <= self.bytes_max {
            return Ok(());
        }
        files.sort();
        for (_, length, path) in files {
            if bytes <= self.bytes_max {
                break;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => bytes -= length,
            }
        }
        Ok(())
    }

    fn write(&self, path: &Path, about: About, artifact: &[u8]) -> io::Result<()> {
        let (mut hasher, about) = (Xxh3::new(), about.to_bytes());
        hasher.update(artifact);
        hasher.update(&about);
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(artifact)?;
        file.write_all(&about)?;
        file.write_all(&hasher.digest128().to_le_bytes())?;
        file.write_all(MAGIC)?;
        file.persist(path)?;
        Ok(())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}-{SUFFIX}"))
    }
}

/// Whether `file` was kept in such a folder in a form before the third, or was made to look so: there
/// the magic stood at the beginning. Since then, one is an artifact of wasmtime to whoever reads it.
pub(crate) fn is_ours(file: &[u8]) -> bool {
    file.starts_with(&MAGIC[..MAGIC.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About = About { kind: Kind::Component, wasm_bytes: 7, run_bytes: 1 << 40 };

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(&folder.path().join("code"), u64::MAX).unwrap();
        let get = || cache.get("a").map(|kept| (kept.about, kept.read().unwrap()));
        assert_eq!(get(), None);
        for artifact in [&b"artifact"[..], &[], &vec![1; 2 * READ_AT_ONCE + 1]] {
            cache.put("a", ABOUT, artifact);
            assert_eq!(get(), Some((ABOUT, artifact.to_vec())));

            let path = cache.path("a");
            let whole = fs::read(&path).unwrap();
            for length in [0, 20, whole.len() - 1] {
                fs::write(&path, &whole[..length]).unwrap();
                assert_eq!(get(), None, "{length} of {}", whole.len());
            }
            for from_end in [1, 2, 9, 25, 42] {
                let mut flipped = whole.clone();
                let Some(at) = whole.len().checked_sub(from_end) else { continue };
                flipped[at] ^= 1;
                fs::write(&path, flipped).unwrap();
                assert_eq!(get(), None, "the byte {from_end} before the end of {}", whole.len());
            }
        }
    }

    #[test]
    fn what_was_not_used_for_longest_goes_when_there_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(folder.path(), 2500).unwrap();
        let is_there = || ["a", "b", "c"].map(|key| cache.path(key).exists());
        for (key, age) in [("a", 100), ("b", 50)] {
            cache.put(key, ABOUT, &[0; 1000]);
            let then = SystemTime::now() - std::time::Duration::from_secs(age);
            let file = File::open(cache.path(key)).unwrap();
            file.set_times(FileTimes::new().set_accessed(then)).unwrap();
        }
        assert!(cache.get("a").is_some());
        cache.put("c", ABOUT, &[0; 1000]);
        assert_eq!(is_there(), [true, false, true]);
        cache.put("b", ABOUT, &[0; 3000]);
        assert_eq!(is_there(), [false; 3], "it is too much by itself");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        for (mode, is_used) in [(0o700, true), (0o755, true), (0o770, false), (0o702, false)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(CodeCache::open(folder.path(), 1).is_ok(), is_used, "{mode:o}");
        }
    }
}
