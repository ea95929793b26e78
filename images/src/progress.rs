//! What somebody who waits for an image is told.

use crate::digest::Digest;

/// How far something has come.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// So many bytes of a blob are here.
    Downloading {
        /// Which blob.
        digest: &'a Digest,
        /// How much of it.
        at: u64,
        /// Its size.
        of: u64,
    },
    /// A blob is here, and is what its digest says.
    Downloaded {
        /// Which blob.
        digest: &'a Digest,
    },
    /// A blob is at the registry.
    Uploaded {
        /// Which blob.
        digest: &'a Digest,
    },
    /// The layers of an image are being unpacked.
    Unpacking,
}

/// Is told.
pub type Watcher<'a> = dyn Fn(Progress<'_>) + Send + Sync + 'a;

/// Tells nobody.
pub fn silent(_progress: Progress<'_>) {}
