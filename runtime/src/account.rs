//! What is known of a run when it is over, whatever kind of guest it was of.

use std::sync::Arc;

use crate::memory::MemoryMeter;
use crate::network::Session;

/// What a world keeps account of.
pub(crate) trait Account: Send + 'static {
    /// The memory that the guest takes.
    fn memory(&mut self) -> &mut MemoryMeter;

    /// What it left in its termination log.
    fn termination_message(&self) -> Vec<u8>;

    /// What it has of the network, if it has any means of using it.
    fn session(&self) -> Option<Arc<Session>> {
        None
    }
}
