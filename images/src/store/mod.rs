//! What is kept of images in a state folder.
//!
//! ```text
//! STATE/images/names.json       what each name stands for
//! STATE/images/sha256/….wasm    modules that the operator added
//! STATE/images/blobs/…          what came from registries: manifests, configs, layers
//! STATE/images/partial/…        downloads that are under way, or were broken off
//! STATE/images/sources/…        which repositories have given us a blob
//! STATE/images/trees/…/root     layers, unpacked, by the manifest that they belong to
//! STATE/images/signatures/…     signatures that were good when they were fetched
//! STATE/images/uses/…           is locked for as long as a process runs the image
//! ```
//!
//! Every file appears whole or not at all, so that readers need no lock; writers take turns. What is
//! read has the digest that it is named by, or is refused.

mod blobs;
mod file;
mod names;
mod prune;
mod shelf;
mod sources;
mod trees;

pub(crate) use blobs::{Blobs, Partial};
pub(crate) use file::{read_bounded, write_whole};
pub use names::{Entry, Kept, Names, Origin};
pub use prune::{Freed, Prune};
pub use shelf::{InUse, Shelf};
pub(crate) use trees::size_of;
