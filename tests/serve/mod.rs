//! `mayfly serve`, from outside: starting, stopping, and who gets in.

mod bad_requests;
pub(crate) mod client;
mod http2;
mod life;
mod log_level;
mod metrics;
mod traces;
mod users;
