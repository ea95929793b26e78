//! The real kubectl against a real server.
//!
//! It is the one on the PATH, or what `MAYFLY_KUBECTL` names; where there is none, a line says so
//! and nothing is compared.

mod alike;
mod commands;
mod deviations;
mod recorded;
mod session;
mod transcript;
