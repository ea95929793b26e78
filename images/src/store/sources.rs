//! Which repositories have given us what.
//!
//! A content is kept once, whoever names it. But whoever knows its digest need not be somebody to
//! whom its registry would give it: an image of one's own can name a layer of another's. So it is
//! fetched once from each repository that it is said to be in, and what has come of it from there
//! is kept apart until it is whole.

use std::path::PathBuf;

use super::blobs::Blobs;
use super::file::{read_bounded, write_whole};
use crate::digest::Digest;
use crate::error::Result;
use crate::limits::SOURCES_REMEMBERED_MAX;

/// What the file of one content has at most: names have 255 bytes.
const SOURCES_BYTES_MAX: u64 = 32 << 10;
/// How much of a repository's digest is in the names of files.
const MARK_LENGTH: usize = 16;

impl Blobs {
    /// Whether `digest` is here, and `repository` has given it to us.
    pub(crate) fn is_from(&self, digest: &Digest, repository: &str) -> bool {
        self.has(digest) && self.sources(digest).iter().any(|source| source == repository)
    }

    /// Remembers that `repository` has given us `digest`. Of two that do so at once, one may be
    /// forgotten, and is asked again.
    pub(super) fn add_source(&self, digest: &Digest, repository: &str) -> Result<()> {
        let mut sources = self.sources(digest);
        sources.retain(|source| source != repository);
        sources.push(repository.to_owned());
        let surplus = sources.len().saturating_sub(SOURCES_REMEMBERED_MAX);
        sources.drain(..surplus);
        let json = serde_json::to_vec(&sources).expect("names must be writable as JSON");
        write_whole(&self.sources_path(digest), &json)
    }

    /// Where what `repository` has given of `digest` is until it is whole.
    pub(super) fn partial_path(&self, digest: &Digest, repository: &str) -> PathBuf {
        let mark = Digest::of(repository.as_bytes());
        let name = format!("{}.{}", digest.hex(), &mark.hex()[..MARK_LENGTH]);
        self.folder().join("partial").join(name)
    }

    /// None if they can't be read: they are asked again then.
    fn sources(&self, digest: &Digest) -> Vec<String> {
        let json = read_bounded(&self.sources_path(digest), SOURCES_BYTES_MAX).unwrap_or_default();
        serde_json::from_slice(&json).unwrap_or_default()
    }

    fn sources_path(&self, digest: &Digest) -> PathBuf {
        self.folder().join("sources").join(digest.hex()).with_extension("json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Shelf;

    #[test]
    fn so_many_repositories_are_remembered_and_the_oldest_are_asked_again() {
        let state = tempfile::tempdir().unwrap();
        let blobs = Shelf::of(state.path()).blobs();
        let digest = blobs.write(b"content").unwrap();
        assert!(!blobs.is_from(&digest, "r/0"));
        for number in 0..SOURCES_REMEMBERED_MAX {
            blobs.add_source(&digest, &format!("r/{number}")).unwrap();
        }
        blobs.add_source(&digest, "r/0").unwrap();
        blobs.add_source(&digest, "r/new").unwrap();
        let is_from = |repository| blobs.is_from(&digest, repository);
        assert!(is_from("r/0") && !is_from("r/1") && is_from("r/2") && is_from("r/new"));
        assert!(!blobs.is_from(&Digest::of(b"nothing"), "r/0"));
    }
}
