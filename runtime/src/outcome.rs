//! How a run ended.

use std::time::Duration;

/// How a run ended, and what it used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// What it used until then.
    pub usage: Usage,
    /// What it left in its termination log: at most 4096 bytes, the last ones. Empty if it wrote
    /// nothing there.
    pub termination_message: Vec<u8>,
}

/// How a run ended. Everything here is the guest's doing or the caller's wish, never an error of
/// the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It returned from `_start` (code 0) or called `proc_exit`, with any code of 32 bits.
    Exited(u32),
    /// It did what WebAssembly does not allow, such as reaching `unreachable`, which is also how a
    /// panic or an abort ends.
    Trapped {
        /// What it did, in a sentence without a full stop.
        reason: String,
        /// The guest's functions that led there, innermost first, one a line; may be empty.
        backtrace: String,
    },
    /// [`Limits::deadline`](crate::Limits::deadline) had passed.
    DeadlineExceeded,
    /// [`Limits::fuel`](crate::Limits::fuel) was used up.
    FuelExhausted,
    /// It asked for more than [`Limits::memory_bytes`](crate::Limits::memory_bytes), or for one memory
    /// or table of more than [`Limits::one_memory_bytes`](crate::Limits::one_memory_bytes).
    OutOfMemory(MemoryUse),
    /// It had more than [`Limits::memory_reserved_bytes`](crate::Limits::memory_reserved_bytes), or
    /// asked for it, when there was none left for all guests together:
    /// [`EngineSettings::memory_bytes_max`](crate::EngineSettings::memory_bytes_max).
    NoMemoryLeft,
    /// It printed more than [`Limits::output_bytes`](crate::Limits::output_bytes); all up to the
    /// limit was passed on.
    OutputExceeded,
    /// It sent and received more than [`Limits::network_bytes`](crate::Limits::network_bytes);
    /// nothing beyond the limit was passed on.
    NetworkExceeded,
    /// It stored more in a mount than its [`Space`](crate::Space) has, where that ends guests.
    SpaceExceeded,
    /// The caller cancelled it.
    Cancelled,
}

/// What a guest's memory is used for, by itself or by the host on its behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryUse {
    /// Its linear memories and tables.
    Memories,
    /// One of them, which was to have more than one may have.
    OneMemory,
    /// Its instances, the stack of its calls, and its world.
    Instance,
    /// Lists of directories.
    Directory,
    /// Buffers of sockets and of requests.
    Network,
    /// Files in a mount that is kept in memory.
    Files,
}

/// What a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How long it computed: on its thread, since it was instantiated.
    pub cpu: Duration,
    /// Fuel, if it was counted. It is known when the run is over.
    pub fuel: Option<u64>,
    /// What its memories, its tables and what the host holds for it take, in bytes: what
    /// [`Limits::memory_bytes`](crate::Limits::memory_bytes) bounds, whether it was touched or not.
    pub memory_bytes: u64,
    /// The most that they took at a time.
    pub memory_bytes_peak: u64,
    /// Bytes read from files in its mounts.
    pub file_bytes_read: u64,
    /// Bytes written to files in its mounts.
    pub file_bytes_written: u64,
    /// Bytes that it printed and that were taken, both streams together.
    pub printed_bytes: u64,
    /// Bytes that came to it over the network: what connections and datagrams held, and all that
    /// went over the wire for requests.
    pub network_bytes_received: u64,
    /// Bytes that it sent, counted likewise.
    pub network_bytes_sent: u64,
    /// From its start to its end; zero until then.
    pub wall: Duration,
}
