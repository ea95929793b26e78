//! Why the store says no.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::api::{Key, Kind};

/// Why a transaction was not committed. Nothing of it is visible.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// There is an object of this kind and name already.
    #[error("{} \"{}\" already exists", kind.plural(), key.name)]
    AlreadyExists {
        /// Its kind.
        kind: Kind,
        /// Its key.
        key: Key,
    },
    /// There is no object of this kind and name to replace.
    #[error("{} \"{}\" not found", kind.plural(), key.name)]
    NotFound {
        /// Its kind.
        kind: Kind,
        /// Its key.
        key: Key,
    },
    /// The object is not the one that the transaction was made for.
    #[error("{} \"{}\" has been modified or deleted since it was read", kind.plural(), key.name)]
    Conflict {
        /// Its kind.
        kind: Kind,
        /// Its key.
        key: Key,
    },
    /// An object that was to be changed together with others says no.
    #[error("{why}")]
    Vetoed {
        /// Its kind.
        kind: Kind,
        /// Its key.
        key: Key,
        /// What it says.
        why: String,
    },
    /// The namespace in which something was to be made is on its way out.
    #[error("namespace {namespace} is being terminated")]
    Terminating {
        /// Its name.
        namespace: String,
    },
    /// The transaction has more operations than [`crate::limits::TRANSACTION_OPERATIONS_MAX`].
    #[error("a transaction of {operations} operations is too large")]
    TooLarge {
        /// How many it has.
        operations: usize,
    },
    /// The disk refused it: it is full, or broken. Later transactions try again.
    #[error("the change can't be kept in {}", folder.display())]
    Disk {
        /// Where it should have been kept.
        folder: PathBuf,
        /// What the operating system says, or who keeps it.
        source: Arc<dyn Error + Send + Sync>,
    },
}

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder can't be made, read or written.
    #[error("the state folder {} can't be used", folder.display())]
    NotUsable {
        /// Which one.
        folder: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process has it.
    #[error("the state folder {} is in use by {}", folder.display(), process(*pid))]
    InUse {
        /// Which one.
        folder: PathBuf,
        /// The process that has it, if it is known.
        pid: Option<u32>,
    },
    /// It is of a newer mayfly.
    #[error(
        "the state folder {} is of schema {schema}, written by {writer}, and this is mayfly {}, which \
         knows schemas up to {known}; start that one again, or a newer one (to go back for good, \
         restore a backup that an older mayfly has made into another state folder)",
        folder.display(), env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// Which one.
        folder: PathBuf,
        /// Its schema.
        schema: u32,
        /// Who says so.
        writer: String,
        /// The newest schema that is known here.
        known: u32,
    },
    /// It is of an older mayfly, and must stay so.
    #[error(
        "the state in {} is of schema {schema}, written by {writer}; back it up with the mayfly that \
         wrote it, or start this mayfly ({}) on it first",
        folder.display(), env!("CARGO_PKG_VERSION")
    )]
    Older {
        /// Which one.
        folder: PathBuf,
        /// Its schema.
        schema: u32,
        /// Who says so.
        writer: String,
    },
    /// It is no state, or of something else.
    #[error("{}", unknown_format(folder, found.as_deref()))]
    UnknownFormat {
        /// Which one.
        folder: PathBuf,
        /// What it says of its format.
        found: Option<String>,
    },
    /// What is kept in it can't be read.
    #[error("the state in {} can't be read", folder.display())]
    Unreadable {
        /// Where it is.
        folder: PathBuf,
        /// Which file, and why.
        source: Arc<dyn Error + Send + Sync>,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}

fn unknown_format(folder: &Path, found: Option<&str>) -> String {
    let folder = folder.display();
    match found {
        Some(found) => {
            format!("the state folder {folder} is of format {found}, which no mayfly writes")
        }
        None => {
            format!("{folder} is not a state folder of mayfly, and not empty; name another one")
        }
    }
}

/// What was asked for is no longer, or not yet, in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too old or unknown resource version: {after} (known: {oldest} to {newest})")]
pub struct Gone {
    /// What was asked for.
    pub after: u64,
    /// The oldest resource version that can be watched from.
    pub oldest: u64,
    /// The newest.
    pub newest: u64,
}
