//! Why the store says no.

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
    /// The transaction has more operations than [`crate::limits::TRANSACTION_OPERATIONS_MAX`].
    #[error("a transaction of {operations} operations is too large")]
    TooLarge {
        /// How many it has.
        operations: usize,
    },
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
