//! The Kubernetes API over HTTP: requests become operations of the store, what is stored becomes
//! answers.
//!
//! It admits and commits, and decides nothing of what a Job needs: controllers and the scheduler
//! are not known here. Nor are sockets: who serves it listens, encrypts and says who its users are.

mod absent;
mod accept;
pub mod access;
mod admit;
mod answer;
mod backup;
mod body;
mod counted;
mod discovery;
mod document;
mod elsewhere;
mod fields;
mod flags;
mod go;
pub mod kubelet;
mod metrics;
mod node;
mod openapi;
mod options;
mod patch;
mod path;
mod pod;
mod protobuf;
mod refusal;
mod reviews;
mod router;
mod schema;
mod selector;
mod sent;
pub mod status;
pub mod table;
mod target;
mod throttle;
mod times;
mod verbs;
mod versions;

pub use self::backup::{RESTORE, Restore};
pub use self::discovery::Health;
pub use self::elsewhere::{Duplex, Kubelets, Switched};
pub use self::flags::LogFilter;
pub use self::router::{Api, router};

#[cfg(test)]
mod tests;
