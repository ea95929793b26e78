//! The real binary, as a user meets it at a command line.

mod bad_input;
mod client;
mod host_path;
mod images;
mod limits;
mod manners;
mod network;
mod runs;
mod state;
mod storage;
mod usage;
mod waits;
