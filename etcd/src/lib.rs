//! State in etcd, for several servers of which one leads.
//!
//! ```text
//! candidate ─▶ lease + key ─▶ session ─┬▶ disk: every write says "while I lead, and on what I wrote last"
//!     ▲                                └▶ lost: no renewal in time, another leader, another state
//!     └──────────────── stands again ◀────┘
//! ```
//!
//! etcd is asked over its gateway for JSON, which every etcd from 3.4 on has beside gRPC. Nothing here
//! decides what is in the state, nor what a server does that does not lead.

mod address;
mod agreement;
mod client;
mod clock;
mod disk;
mod election;
mod error;
#[cfg(test)]
mod fake;
mod format;
mod layout;
mod limits;
mod memory;
mod pages;
mod record;
mod session;
mod wire;

pub use address::{Address, AddressError, Prefix};
pub use agreement::Agreement;
pub use client::{Client, Credentials};
pub use disk::EtcdDisk;
pub use election::{Candidate, Leader};
pub use error::{Error, Result};
pub use limits::{LEASE_SECONDS, LEASE_SECONDS_MAX, LEASE_SECONDS_MIN};
pub use session::Session;
