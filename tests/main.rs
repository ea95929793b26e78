//! The promises of mayfly, in one test binary.

mod conformance;
mod guests;
