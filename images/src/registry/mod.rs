//! Speaks to registries, as OCI's distribution specification has it.
//!
//! ```text
//! Session ── asks for manifests and blobs, with what proves who asks
//!    └ Transport ── which servers are asked at all, how long, and how often they may send us on
//! ```
//!
//! What a registry answers is a stranger's: bounded, checked, and shown without control characters.

mod answer;
mod challenge;
mod download;
mod guard;
mod session;
mod token;
mod transport;
mod upload;

pub(crate) use answer::printable;
pub(crate) use download::Fetch;
pub(crate) use session::{Access, Session};
pub(crate) use transport::Transport;
