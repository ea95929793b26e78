//! Servers with their state in etcd: what one of them has acknowledged is there again, whoever leads.
//!
//! Knows `mayfly serve` and `mayfly node`, the API, and a real etcd, where there is one.

mod emptied;
mod faults;
mod fences;
mod gate;
pub(crate) mod kit;
mod leaders;
mod one;
mod outages;
mod passed_on;
mod proxy;
mod restores;
