//! Runs one WebAssembly guest once, in a sandbox that has nothing it was not given.
//!
//! ```text
//! bytes ──▶ Engine::load ──▶ Module ─┐
//!                                    ├─▶ Sandbox::run ──▶ Outcome
//!             Guest, Limits, cancel ─┘        │
//!                                             └─▶ Output, as it is written
//! ```
//!
//! An [`Engine`] compiles and keeps code, a [`Module`] is a program that was checked and compiled
//! once, a [`Guest`] is what one run of it may see, [`Limits`] is what it may use, and an
//! [`Outcome`] is how it ended. A guest that fails is a value; `Err` means that the host did.
//!
//! This crate knows nothing of who asks for the run, or why: no manifests, no wire formats. It
//! listens nowhere; it connects where a [`Network`] lets a guest, on that guest's behalf alone.
//!
//! ```
//! use std::sync::Arc;
//!
//! use mayfly_runtime::{Capture, End, Engine, EngineSettings, Guest, Limits, Metering, Sandbox, Stream};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let wasm = wat::parse_str(
//!     r#"(module
//!          (import "wasi_snapshot_preview1" "fd_write"
//!            (func $fd_write (param i32 i32 i32 i32) (result i32)))
//!          (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
//!          (memory (export "memory") 1)
//!          (data (i32.const 8) "\10\00\00\00\06\00\00\00")
//!          (data (i32.const 16) "hello\n")
//!          (func (export "_start")
//!            (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))
//!            (call $proc_exit (i32.const 3))))"#,
//! )?;
//!
//! let engine = Engine::new(EngineSettings::default())?;
//! let module = engine.load(wasm.into(), Metering::Epochs).await?;
//! let sandbox = Sandbox::new(engine);
//!
//! let output = Arc::new(Capture::default());
//! let guest = Guest::new().args(["hello"]).output(output.clone());
//! let outcome = sandbox.run(&module, guest, Limits::default(), CancellationToken::new()).await?;
//!
//! assert_eq!(outcome.end, End::Exited(3));
//! assert_eq!(output.taken(Stream::Stdout), b"hello\n");
//! # Ok(())
//! # }
//! ```

mod account;
mod backend;
mod bucket;
mod cache;
mod command;
mod compile;
pub mod confine;
mod console;
mod descriptor;
mod device;
mod device_io;
mod engine;
mod error;
mod footprint;
mod guest;
mod inspect;
mod limits;
mod lookup;
mod memory;
mod meter;
mod module;
mod module_limits;
mod mount;
mod network;
mod outcome;
mod output;
mod path;
mod permits;
mod poll;
mod pool;
mod prepare;
mod preview1;
mod preview2;
mod readdir;
mod sandbox;
mod seeded;
mod share;
mod space;
mod stop;
mod stored;
mod storing;
mod ticker;
mod transfer;
mod tree;
mod turn;
mod world;

#[cfg(test)]
mod tests;

pub use compile::{Compiler, compile_for_parent};
pub use engine::{Engine, EngineSettings};
pub use error::{Error, ModuleError};
pub use guest::{Access, Guest, Mount, Stdin};
pub use inspect::imports;
pub use limits::Limits;
pub use meter::Meter;
pub use module::{Digest, Metering, Module};
pub use module_limits::ModuleLimits;
pub use network::{Authorities, AuthoritiesError, Host, HostName, Network, Port, Protocol, Rule};
pub use outcome::{End, MemoryUse, Outcome, Usage};
pub use output::{Capture, Discard, Output, Stream};
pub use sandbox::Sandbox;
pub use space::{SharedSpace, Space, SpaceLimits, WhenFull};
