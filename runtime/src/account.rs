//! What is known of a run when it is over, whatever kind of guest it was of.

use crate::memory::MemoryMeter;

/// What a world keeps account of.
pub(crate) trait Account: Send + 'static {
    /// The memory that the guest takes.
    fn memory(&mut self) -> &mut MemoryMeter;

    /// What it left in its termination log.
    fn termination_message(&self) -> Vec<u8>;
}
