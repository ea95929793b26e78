//! Compiled code, kept on disk between processes.
//!
//! One file an artifact, named by what was compiled and with what. It begins with a checksum of the
//! rest, so that a damaged file is found out before wasmtime maps it as code; it is then compiled
//! anew. The folder is private to us: whoever can write there could run code as us, so the checksum
//! has to stand up to accidents alone, and is a quick one (XXH3, 128 bits).
//!
//! When there is too much, what was not used for longest goes.

use std::fs::{self, File, FileTimes};
use std::io::{self, Write as _};
use std::ops::Deref;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::process::geteuid;
use xxhash_rust::xxh3::xxh3_128;

/// Tells our files, and the version of their form, from others.
const MAGIC: &[u8; 8] = b"mayfly\0\x02";
const CHECKSUM_BYTES: usize = size_of::<u128>();

/// An artifact that was kept.
pub(crate) struct Kept(Vec<u8>);

impl Deref for Kept {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[MAGIC.len() + CHECKSUM_BYTES..]
    }
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
        let file = match fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "can't read compiled code");
                return None;
            }
        };
        if is_ours(&file) && !file.starts_with(MAGIC) {
            return None; // of another version
        }
        if !is_whole(&file) {
            tracing::warn!(path = %path.display(), "compiled code is damaged; compiling again");
            return None;
        }
        // It would only go sooner without.
        let used = FileTimes::new().set_accessed(SystemTime::now());
        let _ = File::open(&path).and_then(|file| file.set_times(used));
        Some(Kept(file))
    }

    /// Keeps `artifact` under `key`, all at once. Failing to do so costs only time later on.
    pub(crate) fn put(&self, key: &str, artifact: &[u8]) {
        let path = self.path(key);
        if let Err(error) = self.write(&path, artifact) {
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

    fn write(&self, path: &Path, artifact: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(&xxh3_128(artifact).to_le_bytes())?;
        file.write_all(artifact)?;
        file.persist(path)?;
        Ok(())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.cwasm"))
    }
}

/// Whether `file` was kept in such a folder, or was made to look so.
pub(crate) fn is_ours(file: &[u8]) -> bool {
    // Of whatever version.
    file.starts_with(&MAGIC[..MAGIC.len() - 1])
}

pub(crate) fn is_whole(file: &[u8]) -> bool {
    let Some(rest) = file.strip_prefix(MAGIC) else { return false };
    let Some((checksum, artifact)) = rest.split_first_chunk() else { return false };
    u128::from_le_bytes(*checksum) == xxh3_128(artifact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(&folder.path().join("code"), u64::MAX).unwrap();
        assert!(cache.get("a").is_none());
        cache.put("a", b"artifact");
        assert_eq!(cache.get("a").as_deref(), Some(&b"artifact"[..]));

        let path = cache.path("a");
        let whole = fs::read(&path).unwrap();
        for damaged in [&whole[..0], &whole[..20], &whole[..whole.len() - 1]] {
            fs::write(&path, damaged).unwrap();
            assert!(cache.get("a").is_none());
        }
        let mut flipped = whole;
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&path, flipped).unwrap();
        assert!(cache.get("a").is_none());
    }

    #[test]
    fn what_was_not_used_for_longest_goes_when_there_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(folder.path(), 2500).unwrap();
        let is_there = || ["a", "b", "c"].map(|key| cache.path(key).exists());
        for (key, age) in [("a", 100), ("b", 50)] {
            cache.put(key, &[0; 1000]);
            let then = SystemTime::now() - std::time::Duration::from_secs(age);
            let file = File::open(cache.path(key)).unwrap();
            file.set_times(FileTimes::new().set_accessed(then)).unwrap();
        }
        assert!(cache.get("a").is_some());
        cache.put("c", &[0; 1000]);
        assert_eq!(is_there(), [true, false, true]);
        cache.put("b", &[0; 3000]);
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
