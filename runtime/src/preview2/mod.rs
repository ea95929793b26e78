//! WASI preview 2 as a component sees it.
//!
//! ```text
//! component ─▶ link: what it may import ─┬▶ wasmtime-wasi: clocks, random, streams, pollables
//!                                        ├▶ world: exit, output, preopens
//!                                        ├▶ seeded: waiting, where clocks come from a seed
//!                                        ├▶ files, listing ─▶ mounts (wasmtime-wasi), /dev (ours)
//!                                        └▶ network, tcp, udp, http ─▶ crate::network
//! ```
//!
//! Files are done as for preview 1: what lies in a mount goes to wasmtime-wasi, which keeps it
//! inside, and what we make up is done here. Nothing here opens a file of the host by itself, and
//! nothing is connected to before `crate::network` has agreed to the address.

mod connects;
mod device;
mod file_stream;
mod files;
mod handle;
mod http;
mod link;
mod listing;
mod network;
mod seeded;
mod storing;
mod stream;
mod tcp;
mod udp;
mod world;

pub(crate) use link::{link, linker};
pub(crate) use world::World;
