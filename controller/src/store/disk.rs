//! The line between the store and whatever keeps it on disk.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use crate::api::{Key, Kind};

/// What went wrong, in the words of the database or the operating system.
pub(super) type DiskError = Arc<dyn Error + Send + Sync>;

/// Keeps the newest version of every object.
pub(super) trait Disk: Send {
    /// Where it keeps them, for messages.
    fn folder(&self) -> &Path;

    /// Everything that is kept.
    fn load(&mut self) -> Result<Loaded, DiskError>;

    /// Makes all of `rows` and `resource_version` durable, or none.
    ///
    /// After an error it is in doubt which, and nothing may be appended before
    /// [`reopen`](Self::reopen).
    fn append(&mut self, rows: &[Row], resource_version: u64) -> Result<(), DiskError>;

    /// Starts again after an error. Returns the resource version that is kept.
    fn reopen(&mut self) -> Result<u64, DiskError>;
}

/// What is to be kept of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) key: Key,
    /// Its newest version as JSON, or `None` to forget it.
    pub(super) json: Option<Vec<u8>>,
}

/// What has been kept.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// The objects as JSON, in no particular order.
    pub(super) objects: Vec<(Kind, Vec<u8>)>,
    /// The version of the state that they are.
    pub(super) resource_version: u64,
}
