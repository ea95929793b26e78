//! What can go wrong between a name and a module.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use crate::digest::{Digest, InvalidDigest};
use crate::name::InvalidName;

/// Why an image can't be had, or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no name.
    #[error("\"{name}\" is no image name")]
    Name {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        source: InvalidName,
    },
    /// The image policy says no.
    #[error("the image policy does not allow {name}: {why}")]
    Policy {
        /// The image.
        name: String,
        /// Which rule, and what it wants.
        why: String,
    },
    /// A registry has no such thing, or does not show it to us.
    #[error("{what}: {complaint}")]
    Refused {
        /// What was asked for.
        what: String,
        /// HTTP's status.
        status: u16,
        /// In the registry's own words.
        complaint: String,
    },
    /// A request came to nothing.
    #[error("can't ask {url}")]
    Request {
        /// Without its query, which may hold secrets.
        url: String,
        /// What went wrong.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A place that is not asked.
    #[error("{0}")]
    Address(#[from] crate::address::NotAllowed),
    /// A registry says what it may not.
    #[error("{what}: {why}")]
    Answer {
        /// What was asked for.
        what: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// Something is larger, longer or slower than it may be.
    #[error("{what}: {limit}")]
    Limit {
        /// What was being done.
        what: String,
        /// Which limit, with its value.
        limit: String,
    },
    /// Content is not what its digest says.
    #[error("{what} is not what its digest says: {expected} was wanted, {found} came")]
    Digest {
        /// What was read.
        what: String,
        /// As it was named.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// A digest that is none, or of a kind that is not known.
    #[error("{what}")]
    DigestForm {
        /// Where it stands.
        what: String,
        /// What is wrong with it.
        source: InvalidDigest,
    },
    /// It is an image, and holds no WebAssembly that could be run.
    #[error("{0}")]
    NoModule(String),
    /// A layer can't be unpacked.
    #[error("layer {layer}: {why}")]
    Layer {
        /// Which.
        layer: Digest,
        /// What is wrong with it.
        why: String,
    },
    /// A file of logins is none.
    #[error("{0}")]
    Logins(String),
    /// A file can't be read or written.
    #[error("can't {what} {}", path.display())]
    File {
        /// What was being done: a verb.
        what: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of ours has been changed by somebody else.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// What comes of it, or why nothing does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of doing `what` to the file at `path`, for `map_err`.
    pub(crate) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }

    pub(crate) fn answer(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Answer { what: what.into(), why: why.into() }
    }

    pub(crate) fn limit(what: impl Into<String>, limit: impl Into<String>) -> Self {
        Self::Limit { what: what.into(), limit: limit.into() }
    }

    /// Whether other credentials could make a difference.
    pub(crate) fn is_of_access(&self) -> bool {
        // Registries say 404 of what they don't show.
        matches!(self, Self::Refused { status: 401 | 403 | 404, .. })
    }

    /// Whether there is no such thing where it was looked for.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}
