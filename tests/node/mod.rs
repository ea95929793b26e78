//! `mayfly node`: hosts that join, as processes of their own, from outside.
//!
//! ```text
//! mayfly serve ◀── kubeconfigs of two nodes ── mayfly node, mayfly node
//!      ▲                                            └▶ guests ─▶ ledger
//!      └── Jobs, as a user
//! ```
//!
//! What guests have done is seen in the files that they leave in a shared folder; what is known of it,
//! through the API.

mod attached;
mod authorities;
mod drained;
mod hosts;
mod join;
mod joined;
mod kit;
mod outages;
mod shutdown;
