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
    /// It asked for more than [`Limits::memory_bytes`](crate::Limits::memory_bytes).
    OutOfMemory,
    /// It printed more than [`Limits::output_bytes`](crate::Limits::output_bytes); all up to the
    /// limit was passed on.
    OutputExceeded,
    /// The caller cancelled it.
    Cancelled,
}

/// What a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Fuel, if it was counted.
    pub fuel: Option<u64>,
    /// The most that its memories and tables took at a time, in bytes.
    pub memory_bytes_peak: u64,
    /// From its start to its end.
    pub wall: Duration,
}
