//! What can go wrong that is not the guest's doing, and why a file is no program for us.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a guest could not be run. A guest that ran and failed is an [`Outcome`](crate::Outcome).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host can't run WebAssembly as configured.
    #[error("can't set up the WebAssembly engine")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A folder that the engine was told to use can't be used.
    #[error("can't use {} as the folder for compiled code", path.display())]
    CacheFolder {
        /// As it was given.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A mount's host side can't be opened.
    #[error("can't mount {} at {guest}", host.display())]
    Mount {
        /// On the host.
        host: PathBuf,
        /// In the guest.
        guest: String,
        /// Why not.
        source: io::Error,
    },
    /// A path in the guest is not one.
    #[error("{what} must be an absolute path without `..`, and is {path:?}")]
    GuestPath {
        /// What it is for.
        what: &'static str,
        /// As it was given.
        path: String,
    },
    /// An argument or a variable can't be passed, since WASI ends strings with a zero byte.
    #[error("{what} must not contain a zero byte")]
    ZeroByte {
        /// Which one.
        what: String,
    },
    /// A name of a variable that can't be told from its value.
    #[error("a variable's name must not be empty or contain `=`, and is {0:?}")]
    VariableName(String),
    /// The working directory lies in a mount, and is not there or is not a directory.
    #[error("can't use {path} as the working directory: {detail}")]
    WorkingDir {
        /// In the guest.
        path: String,
        /// Why not.
        detail: String,
    },
    /// A fuel limit for a module that does not count fuel.
    #[error(
        "the module was not compiled to count fuel: load it with Metering::Fuel or Metering::Deterministic"
    )]
    NotMetered,
    /// The instance could not be made, for want of something of the host's.
    #[error("can't make an instance of the module")]
    Instantiate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a file can't be run as a module. Each message says what it is, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// It is something else.
    #[error(
        "not a WebAssembly module: {looks_like}; give a .wasm file built for wasm32-wasip1 or wasm32-wasip2"
    )]
    NotWebAssembly {
        /// What its first bytes look like.
        looks_like: String,
    },
    /// It is WebAssembly, in text.
    #[error(
        "WebAssembly in its text format, where the binary one is wanted: translate it with `wat2wasm` or `wasm-tools parse`"
    )]
    Text,
    /// It says it is of a version that there isn't.
    #[error(
        "a WebAssembly file of unknown version {0:#x}; modules are of version 1, components of 0x1000d"
    )]
    Version(u32),
    /// It ends in the middle.
    #[error("a WebAssembly {what} that is cut short, at {bytes} bytes; fetch or build it again")]
    Truncated {
        /// `module` or `component`, or `file` where that can't be told.
        what: &'static str,
        /// How long it is.
        bytes: u64,
    },
    /// It breaks the rules of WebAssembly, or uses a proposal that is not supported.
    #[error("not a valid WebAssembly {what}: {detail}")]
    Invalid {
        /// `module` or `component`.
        what: &'static str,
        /// Which rule, and where.
        detail: String,
    },
    /// It has no entry point.
    #[error(
        "a WebAssembly module without a function `_start`{hint}; build it as a command (a program with a `main`)"
    )]
    NoStart {
        /// What else it seems to be, with a leading comma and space, or nothing.
        hint: &'static str,
    },
    /// It wants functions that there are not.
    #[error("a WebAssembly module that imports what the sandbox does not have: {}; only wasi_snapshot_preview1 is there", .names.join(", "))]
    UnknownImports {
        /// As `module.name`, in order.
        names: Vec<String>,
    },
    /// It is a component that is no command.
    #[error(
        "a WebAssembly component that does not export wasi:cli/run{hint}; build it as a command (a program with a `main`) for wasm32-wasip2"
    )]
    NoRun {
        /// What else it seems to be, with a leading comma and space, or nothing.
        hint: &'static str,
    },
    /// It is a component that wants interfaces that there are not.
    #[error("a WebAssembly component that imports what the sandbox does not have: {}; only WASI 0.2 is there", .names.join(", "))]
    UnknownComponentImports {
        /// As `package/interface@version`, in order.
        names: Vec<String>,
    },
    /// It is larger than allowed.
    #[error(
        "a WebAssembly module of {bytes} bytes, where {bytes_max} are allowed; make it smaller (`wasm-opt -Os`, strip debug sections) or allow more"
    )]
    TooLarge {
        /// How long it is.
        bytes: u64,
        /// How long it may be.
        bytes_max: u64,
    },
    /// Compiling took longer than allowed.
    #[error("a WebAssembly module that was not compiled within {} s; make it smaller or allow more time", .0.as_secs_f64())]
    CompileDeadline(Duration),
    /// It has more of something than allowed.
    #[error(
        "a WebAssembly module with {found} {what}, where {max} are allowed; split it, or leave out what it does not need"
    )]
    OverLimit {
        /// Of what, in the plural.
        what: String,
        /// How much was found before the count was ended.
        found: u64,
        /// How much it may have.
        max: u64,
    },
    /// It was compiled already, by whom nobody knows.
    #[error(
        "code that was compiled already, which is never taken from outside; give the .wasm file that it was made of"
    )]
    Precompiled,
    /// The compiler needed more memory than allowed.
    #[error(
        "a WebAssembly module that takes more than {bytes_max} bytes of memory to compile; make it smaller (`wasm-opt -Os`) or allow more"
    )]
    CompilerMemory {
        /// What it may have.
        bytes_max: u64,
    },
    /// The compiler needed more processor time than allowed, on all processors together.
    #[error(
        "a WebAssembly module that takes more than {seconds_max} s of processor time to compile; make it smaller or allow more"
    )]
    CompilerCpu {
        /// What it may have.
        seconds_max: u64,
    },
    /// The compiler was ended since it asked the system for something. Whoever wrote the module may
    /// have got into it.
    #[error(
        "a WebAssembly module whose compiler did what a compiler may not, and was ended; don't trust it"
    )]
    CompilerForbidden,
    /// The compiler came to no end of its own.
    #[error("a WebAssembly module whose compiler {how}")]
    CompilerCrashed {
        /// What became of it, and what it said.
        how: String,
    },
    /// The compiler could not be started.
    #[error("can't start the compiler of WebAssembly modules")]
    Compiler(#[source] io::Error),
    /// The host could not compile it, through no fault of its own.
    #[error("can't compile the WebAssembly module")]
    Host(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What of a text of strangers is told: of a name in a module, or of what a compiler says of one. It
/// stops them from filling statuses and events; WebAssembly's names may have 100,000 bytes.
const TOLD_BYTES_MAX: usize = 1024;

/// Names that an error tells; a module that was built for another host may have hundreds.
pub(crate) const NAMES_TOLD_MAX: usize = 8;

/// As much of `text` as is told.
pub(crate) fn told(mut text: String) -> String {
    if text.len() > TOLD_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TOLD_BYTES_MAX));
        text.push('…');
    }
    text
}
