//! From a module's bytes to compiled code: in this process, or in one that is made for it.
//!
//! ```text
//! Engine::load ─▶ in_child ─▶ request, module ─▶ stdin  ┐
//!                                                        ├ compile_for_parent: confined, then compile
//!      artifact ◀── in_child ◀── answer ◀─────── stdout ┘
//! ```
//!
//! A compiler is large, and reads what strangers wrote. In a process of its own it can be given
//! limits, and killed. What it makes is still run: that it is right is the compiler's to see to, and
//! no process can.

mod child;
mod parent;
mod wire;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::error::{ModuleError, told};
use crate::inspect::Kind;
use crate::module::Metering;
use crate::module_limits::ModuleLimits;

pub use child::compile_for_parent;
pub(crate) use parent::in_child;

/// Who compiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Compiler {
    /// This process, on a thread. It can't be stopped: one that is given up goes on until it is
    /// done, and has no limit of memory.
    #[default]
    InProcess,
    /// A process for each module, with limits, which is killed as soon as nobody waits for it.
    Child {
        /// A program that calls [`compile_for_parent`] when it is started with `args`, and that was
        /// built with this very version of this crate.
        program: PathBuf,
        /// How it is told to do so.
        args: Vec<OsString>,
    },
}

/// What is to be compiled, but for its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) kind: Kind,
    pub(crate) metering: Metering,
    pub(crate) limits: ModuleLimits,
}

/// Checks `wasm` and compiles it for `engine`, which must be set up for `work.metering`. Blocks for
/// as long as that takes.
pub(crate) fn compile(
    engine: &wasmtime::Engine,
    work: Work,
    wasm: &[u8],
) -> Result<Vec<u8>, ModuleError> {
    work.limits.check(wasm)?;
    let artifact = match work.kind {
        Kind::Module => engine.precompile_module(wasm),
        Kind::Component => engine.precompile_component(wasm),
    };
    artifact.map_err(|error| refusal(&error, work.kind, wasm))
}

fn refusal(error: &wasmtime::Error, kind: Kind, wasm: &[u8]) -> ModuleError {
    let (what, detail) = (kind.name(), format!("{error:#}"));
    if detail.contains("unexpected end") {
        return ModuleError::Truncated { what, bytes: wasm.len() as u64 };
    }
    ModuleError::Invalid { what, detail: told(detail) }
}
