//! Takes from this process what it does not need, so that whoever gets into it has little.
//!
//! ```text
//! every process     no new privileges, no core dumps, no capabilities but those over files
//! system calls      confine_calls: those of administrators, debuggers and kernel features are refused
//! files             confine_files: what is read, changed and executed lies below folders that are named
//! memory            hide_memory: no other process of the same user looks in
//! ```
//!
//! Nothing here can be undone, and all of it holds for children, too. It must be called before the
//! process has threads: files are confined for the calling thread and those that it starts.
//! Which folders a process needs is for whoever calls to say. Linux does the work, by seccomp and
//! landlock; a kernel that lacks one of them is told of, and the rest holds.

mod calls;
mod compiler;
mod files;

use std::io;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

pub use calls::confine_calls;
pub(crate) use compiler::{CompilerBounds, confine_compiler};
pub use files::{Extent, Files, confine_files};

/// The capabilities that a process of root keeps: over files, which may belong to anybody, and to
/// listen at a low port. A process of any other user has none anyway.
const CAPABILITIES_KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Why a process could not be confined.
#[derive(Debug, thiserror::Error)]
pub enum Unconfined {
    /// The kernel has no seccomp, or refuses it.
    #[error("system calls can't be refused")]
    Calls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The kernel has landlock, and refuses it.
    #[error("files can't be confined")]
    Files(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The kernel refuses what every kernel has.
    #[error("{what} can't be given up")]
    Process {
        /// What should have been.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// Gives up new privileges (as by executing a setuid program), core dumps, and whatever capabilities
/// the process has but those over files.
pub fn confine_process() -> Result<(), Unconfined> {
    let given_up =
        |what| move |error: rustix::io::Errno| Unconfined::Process { what, source: error.into() };
    rustix::thread::set_no_new_privs(true).map_err(given_up("new privileges"))?;
    lower(Resource::Core, 0).map_err(given_up("core dumps"))?;
    keep_capabilities(CAPABILITIES_KEPT).map_err(given_up("capabilities"))
}

/// Keeps other processes of the same user from looking into the memory of this one, as a debugger
/// does, and the system from writing it to a file when it crashes.
///
/// The process itself can't open some of its own files in `/proc` any more unless it is root's, so
/// this comes when an [`Engine`](crate::Engine) is there, which has opened what it needs.
pub fn hide_memory() -> Result<(), Unconfined> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| Unconfined::Process { what: "being looked into", source: error.into() })
}

/// Lowers a limit of the system's for good; one that is lower already stays.
fn lower(resource: Resource, to: u64) -> Result<(), rustix::io::Errno> {
    lower_in_steps(resource, to, to)
}

/// The same for a limit that is told of at `first` and enforced at `last`.
fn lower_in_steps(resource: Resource, first: u64, last: u64) -> Result<(), rustix::io::Errno> {
    let maximum = getrlimit(resource).maximum;
    let within = |to: u64| Some(maximum.map_or(to, |maximum| maximum.min(to)));
    setrlimit(resource, Rlimit { current: within(first), maximum: within(last) })
}

/// Gives up every capability but those of `kept` that the process has.
fn keep_capabilities(kept: CapabilitySet) -> Result<(), rustix::io::Errno> {
    let now = capabilities(None)?;
    let left = CapabilitySets {
        effective: now.effective & kept,
        permitted: now.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    if now == left { Ok(()) } else { set_capabilities(None, left) }
}
