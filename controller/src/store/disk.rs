//! The line between the store and whatever keeps it on disk.
//!
//! Production has one disk, the files of `journal/`. The line is public so that a simulation can
//! be the disk: one that is slow or full, or keeps less than the last write when it is cut off.

use std::error::Error;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::api::{Key, Kind};

/// What went wrong, in the words of the operating system or of who keeps it.
pub type DiskError = Arc<dyn Error + Send + Sync>;

/// `error` as one that many may hold.
pub(super) fn shared(error: impl Error + Send + Sync + 'static) -> DiskError {
    Arc::new(error)
}

/// Keeps the newest version of every object.
pub trait Disk: Send {
    /// Where it keeps them, for messages.
    fn folder(&self) -> &Path;

    /// Everything that is kept.
    fn load(&mut self) -> Result<Loaded<'_>, DiskError>;

    /// Makes all of `rows` and `resource_version` durable, or none.
    ///
    /// After an error it is in doubt which, and nothing may be appended before
    /// [`reopen`](Self::reopen). A real disk blocks: the committer has a thread for it.
    fn append(
        &mut self,
        rows: &[Row],
        resource_version: u64,
    ) -> impl Future<Output = Result<(), DiskError>> + Send;

    /// After a batch was appended: it has put others in the place of the rows of these versions of
    /// objects, or has forgotten them. Each is told once; some never are.
    fn superseded(&mut self, _versions: &[u64]) {}

    /// Rows that it has held for longest, to be [rewritten](Self::rewrite) where they are what is visible,
    /// so that what they are in can go. A disk that does not grow by what is written again has none.
    fn oldest(&mut self) -> Vec<Old> {
        Vec::new()
    }

    /// Writes `rows` once more, as they are now: all of the [oldest](Self::oldest) that no batch has
    /// changed since. They are durable with the next batch, and need not be before. An error means the
    /// same as one of [`append`](Self::append).
    fn rewrite(&mut self, _rows: &[Row]) -> Result<(), DiskError> {
        Ok(())
    }

    /// Starts again after an error. Returns the resource version that is kept.
    fn reopen(&mut self) -> Result<u64, DiskError>;
}

/// What is to be kept of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its kind.
    pub kind: Kind,
    /// Its key.
    pub key: Key,
    /// Its newest version as JSON, or `None` to forget it.
    pub json: Option<Bytes>,
}

/// A row that has been kept for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Old {
    /// The kind of its object.
    pub kind: Kind,
    /// Its key.
    pub key: Key,
    /// The state that it was written with: the object is that of the row if it has not changed since.
    pub resource_version: u64,
}

/// An object as JSON, or why it can't be read.
pub type LoadedObject = Result<(Kind, Bytes), DiskError>;

/// What has been kept.
pub struct Loaded<'a> {
    /// The objects as JSON, in no particular order, one after the other as they are asked for: whoever
    /// has them all at once has them twice.
    pub objects: Box<dyn Iterator<Item = LoadedObject> + 'a>,
    /// The version of the state that they are.
    pub resource_version: u64,
}

impl Loaded<'_> {
    /// The same of a disk that reads all of them at once.
    pub fn at_once(objects: Vec<(Kind, Vec<u8>)>, resource_version: u64) -> Self {
        let objects = objects.into_iter().map(|(kind, json)| Ok((kind, json.into())));
        Self { objects: Box::new(objects), resource_version }
    }
}
