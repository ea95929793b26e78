//! The reasons for which our own host functions end a guest.
//!
//! They travel through wasmtime as errors, because that is the only way out of a guest's call.

use crate::outcome::MemoryUse;

/// Why a host function ended the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// It called `proc_exit`.
    #[error("the guest exited with code {0}")]
    Exit(u32),
    /// It asked for more memory than it may have.
    #[error("the guest asked for more memory than it may have")]
    OutOfMemory(MemoryUse),
    /// It asked for memory that it may have, when there was none left.
    #[error("the guest asked for memory when there was none left")]
    NoMemoryLeft,
    /// It printed more than it may.
    #[error("the guest printed more than it may")]
    OutputExceeded,
    /// It sent or received more than it may.
    #[error("the guest sent or received more than it may")]
    NetworkExceeded,
    /// It stored more than it may.
    #[error("the guest stored more than it may")]
    SpaceExceeded,
}
