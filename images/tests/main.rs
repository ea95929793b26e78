//! Pulls from registries that are made up: honest ones, and those that mean harm.

#![expect(clippy::unwrap_used, reason = "what can't be set up fails its test")]

mod access;
mod fake;
mod honest;
mod hostile;
mod pruned;
mod signed;
