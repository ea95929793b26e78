//! The promises of mayfly, in one test binary.

mod guests;
