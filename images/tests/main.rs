//! Pulls from registries that are made up: honest ones, and those that mean harm.

mod access;
mod fake;
mod honest;
mod hostile;
mod pruned;
mod signed;
