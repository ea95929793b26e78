//! Where WebAssembly modules come from: OCI registries, and a store of what was pulled.
//!
//! ```text
//!            ┌─ policy, signatures          who may be asked for what, and by whom it is signed
//! name ─▶ puller ─▶ registry ─▶ store       names, blobs by digest, unpacked layers
//!            └─ program, unpack             what of it is run, and with which files
//! ```
//!
//! It knows neither Kubernetes nor wasmtime. Registries, what they send and whoever names an image
//! are strangers: every size, count, path and address is bounded or checked, and what is kept has
//! the digest that it is named by.

mod address;
mod build;
mod digest;
mod error;
mod inspect;
pub mod limits;
mod login;
mod manifest;
mod media;
mod name;
mod policy;
mod program;
mod progress;
mod puller;
mod push;
mod registry;
mod signature;
mod store;
mod unpack;

pub use address::{Host, Named, NotAllowed};
pub use build::{ModuleKind, Recipe, module_digest, read_module};
pub use digest::{Digest, InvalidDigest};
pub use error::{Error, Result};
pub use inspect::{About, Part};
pub use login::{Keyring, Login};
pub use name::{ImageName, InvalidName};
pub use policy::{Document as PolicyDocument, Policy};
pub use program::Program;
pub use progress::{Progress, Watcher, silent};
pub use puller::{Image, PullLimits, Puller};
pub use store::{Entry, Freed, InUse, Kept, Names, Origin, Prune, Shelf};
pub use unpack::unpack_layers;
