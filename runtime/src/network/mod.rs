//! What a guest may reach of the network, and what it makes of that.
//!
//! ```text
//! Network ──▶ policy: may this name be asked for? may this address be sent to?   (pure)
//!    │           └── host, special: what rules match, which addresses are no one's
//!    ▼
//! Session: one run's budget, sockets and the addresses that its names stood for
//!    ├── lookup: names to addresses, by the host's resolver
//!    └── client, tls: requests over HTTP on the guest's behalf
//! ```
//!
//! Nothing here knows how a guest asks; `preview2` does. Every address is checked when it is used,
//! whatever it was called before: a name that stands for another address by now gets nobody further.

mod budget;
mod client;
mod host;
mod lookup;
mod own;
mod policy;
mod session;
mod special;
mod tls;

pub use host::{Host, HostName, Port, Protocol, Rule};
pub use policy::Network;
pub use tls::{Authorities, AuthoritiesError};

pub(crate) use budget::Way;
pub(crate) use client::{Answered, Client};
pub(crate) use lookup::LookupError;
pub(crate) use session::{NoSocket, OpenSocket, Session};
