//! A log that is small so far, in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a small log has, shared by who writes it and who reads it.
#[derive(Debug, Default)]
pub(super) struct Small(Mutex<Text>);

#[derive(Debug, Default)]
struct Text {
    bytes: Vec<u8>,
    /// Whether it has become too large, and is in files.
    has_moved: bool,
}

impl Small {
    /// One that has `bytes`, and won't grow.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self(Mutex::new(Text { bytes, has_moved: false }))
    }

    pub(super) fn append(&self, bytes: &[u8]) {
        self.lock().bytes.extend_from_slice(bytes);
    }

    /// All of it is in files now, where it goes on.
    pub(super) fn moved(&self) {
        *self.lock() = Text { bytes: Vec::new(), has_moved: true };
    }

    /// At most so many bytes of it from `offset` on; `None` if they are in files now.
    pub(super) fn read(&self, offset: u64, bytes_max: u64) -> Option<Vec<u8>> {
        let text = self.lock();
        let place =
            |at: u64| usize::try_from(at).map_or(text.bytes.len(), |at| at.min(text.bytes.len()));
        let (begin, end) = (place(offset), place(offset.saturating_add(bytes_max)));
        (!text.has_moved).then(|| text.bytes[begin..end].to_vec())
    }

    /// How long it is; `None` if it is in files now.
    pub(super) fn length(&self) -> Option<u64> {
        let text = self.lock();
        (!text.has_moved).then_some(text.bytes.len() as u64)
    }

    fn lock(&self) -> MutexGuard<'_, Text> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
