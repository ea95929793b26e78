//! Files that are open, which take space even when they have no name any more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::WeakSpace;

/// Tells the files of one file system from each other.
pub(crate) type FileId = u64;

/// A file that guests have open. It is let go of when the last of them closes it.
pub(crate) struct OpenFile {
    /// What it takes at most, if it has no name; zero if it has one, and is found by it.
    nameless: AtomicU64,
    space: WeakSpace,
}

impl OpenFile {
    /// It has been written to.
    pub(crate) fn grown(&self, bytes: u64) {
        let add = |taken: u64| (taken > 0).then(|| taken.saturating_add(bytes));
        let _ = self.nameless.fetch_update(SeqCst, SeqCst, add);
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if self.nameless.load(SeqCst) > 0
            && let Some(space) = self.space.upgrade()
        {
            space.note_removal();
        }
    }
}

/// All that are open in one space.
#[derive(Default)]
pub(super) struct OpenFiles(Mutex<HashMap<FileId, Weak<OpenFile>>>);

impl OpenFiles {
    pub(super) fn open(&self, file: FileId, space: WeakSpace) -> Arc<OpenFile> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = files.get(&file).and_then(Weak::upgrade) {
            return open;
        }
        // Those that are closed leave an entry each; they go before the map would grow for them.
        if files.len() == files.capacity() {
            files.retain(|_, file| file.strong_count() > 0);
        }
        let open = Arc::new(OpenFile { nameless: AtomicU64::new(0), space });
        files.insert(file, Arc::downgrade(&open));
        open
    }

    /// A file has lost its last name; it takes `bytes` at most.
    pub(super) fn unlinked(&self, file: FileId, bytes: u64) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The next file of that number is another one.
        if let Some(open) = files.remove(&file).and_then(|file| file.upgrade()) {
            open.nameless.store(bytes.max(1), SeqCst);
            files.insert(file, Arc::downgrade(&open));
        }
    }

    /// What those without a name take at most.
    pub(super) fn nameless(&self) -> u64 {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = files.values().filter_map(Weak::upgrade);
        open.map(|file| file.nameless.load(SeqCst)).fold(0, u64::saturating_add)
    }
}
