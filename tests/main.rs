//! The promises of mayfly, in one test binary.

mod cli;
mod conformance;
mod guests;
mod harness;
mod sandbox;
