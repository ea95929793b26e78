//! Compiled code, kept on disk between processes.
//!
//! One file an artifact, named by what was compiled and with what. It begins with a digest of the
//! rest, so that a damaged file is found out before wasmtime maps it as code; it is then compiled
//! anew. The folder is private to us: whoever can write there could run code as us.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Tells our files, and the version of their form, from others.
const MAGIC: &[u8; 8] = b"mayfly\0\x01";
const HEADER_BYTES: usize = MAGIC.len() + 32;

/// A folder of compiled code.
#[derive(Debug)]
pub(crate) struct CodeCache {
    folder: PathBuf,
}

impl CodeCache {
    /// Uses `folder`, which is made, for its owner only, if it is not there.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The artifact that was kept under `key`, if it is there and whole.
    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.path(key);
        let mut file = match fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "can't read compiled code");
                return None;
            }
        };
        if !is_whole(&file) {
            tracing::warn!(path = %path.display(), "compiled code is damaged; compiling again");
            return None;
        }
        file.drain(..HEADER_BYTES);
        Some(file)
    }

    /// Keeps `artifact` under `key`, all at once. Failing to do so costs only time later on.
    pub(crate) fn put(&self, key: &str, artifact: &[u8]) {
        let path = self.path(key);
        if let Err(error) = self.write(&path, artifact) {
            tracing::warn!(path = %path.display(), %error, "can't keep compiled code");
        }
    }

    fn write(&self, path: &Path, artifact: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(&Sha256::digest(artifact))?;
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
    file.starts_with(MAGIC)
}

pub(crate) fn is_whole(file: &[u8]) -> bool {
    let Some(rest) = file.strip_prefix(MAGIC) else { return false };
    let Some((digest, artifact)) = rest.split_at_checked(32) else { return false };
    Sha256::digest(artifact).as_slice() == digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(&folder.path().join("code")).unwrap();
        assert_eq!(cache.get("a"), None);
        cache.put("a", b"artifact");
        assert_eq!(cache.get("a").as_deref(), Some(&b"artifact"[..]));

        let path = cache.path("a");
        let whole = fs::read(&path).unwrap();
        for damaged in [&whole[..0], &whole[..20], &whole[..whole.len() - 1]] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(cache.get("a"), None);
        }
        let mut flipped = whole;
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&path, flipped).unwrap();
        assert_eq!(cache.get("a"), None);
    }
}
