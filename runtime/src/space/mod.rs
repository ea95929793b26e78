//! What guests may store in a directory that they write to.
//!
//! ```text
//! a call that may grow ─▶ take an upper bound of it ──enough left──▶ the call
//!                                   └──not enough──▶ count what is there, set that right ─▶ again
//! ```
//!
//! How much a call will add is known only roughly: a write may lie over what is there already, and
//! what is removed may still be open. So more is taken than is used, and it is set right by counting
//! the directory whenever it seems to be full. What is stored is therefore never more than what is
//! taken, and a guest never meets a limit that it has not reached.
//!
//! What counts is what the file system says that files take, as `du` does, so holes cost nothing;
//! and [`ENTRY_BYTES`] for each name, so that empty files do.

mod amount;
mod charge;
mod count;
mod open_file;
mod shared;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Weak};

use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};

pub(crate) use amount::Amount;
use amount::Tally;
pub(crate) use charge::Charge;
use open_file::OpenFiles;
pub(crate) use open_file::{FileId, OpenFile};
pub use shared::SharedSpace;

use crate::memory::MemoryAccount;
use crate::stop::Stop;

/// What one name takes: an inode of ext4 has 256 bytes, and the longest name 264 in its directory.
///
/// Stops a guest from filling a disk with files that have nothing in them.
pub(crate) const ENTRY_BYTES: u64 = 512;

/// What a write may add when all is taken but not all is used, in bytes.
///
/// Then it can't be known whether it adds anything, so this much is let pass before the next count:
/// it is what may be stored beyond a limit for each write in progress, with two blocks that its ends
/// lie in.
pub(crate) const OVERSHOOT_MAX: u64 = 64 << 10;

/// Directories that are counted at a time. Stops guests that fill theirs again and again from using
/// all threads for blocking work.
static COUNTS: Semaphore = Semaphore::const_new(4);

/// How much may be stored in a directory, and what comes of trying to store more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceLimits {
    /// Bytes, as the file system counts them.
    pub bytes: u64,
    /// Files, directories and links. One more fails with `ENOSPC`, whatever [`full`](Self::full) is.
    ///
    /// Stops a guest from using up the inodes of a disk, and bounds how long counting takes.
    pub entries: u64,
    /// What comes of one byte more.
    pub full: WhenFull,
    /// Whether the directory is kept in memory. What a guest stores there counts as its
    /// [memory](crate::Limits::memory_bytes), too.
    pub in_memory: bool,
}

/// What comes of storing more than may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The guest's call fails with `ENOSPC`.
    Fail,
    /// The guest ends, with [`End::SpaceExceeded`](crate::End::SpaceExceeded).
    End,
}

/// The space of one directory of the host, for all guests that have it mounted.
///
/// Nobody else may write there.
pub struct Space {
    directory: PathBuf,
    limits: SpaceLimits,
    shared: Option<Arc<SharedSpace>>,
    /// An upper bound of what is stored.
    taken: Tally,
    /// What is taken by calls that are not over.
    in_flight: Tally,
    /// What was found when it was last counted.
    found: Tally,
    /// The size of a block of the file system.
    block: AtomicU64,
    /// Whether it has ever been counted; nothing can be taken before.
    is_counted: AtomicBool,
    /// Whether it was full when it was last counted, and nothing has been removed since.
    is_full: AtomicBool,
    /// The same of the names that may be.
    has_no_names_left: AtomicBool,
    /// Held while names come and go, and while they are counted.
    names: Arc<Mutex<()>>,
    open_files: OpenFiles,
    /// What runs are charged with, if it is kept in memory.
    charged: std::sync::Mutex<u64>,
    exceeded: Box<dyn Fn() + Send + Sync>,
}

/// Why something can't be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There is no space, and the guest is told so.
    NoSpace,
    /// There is more than there may be, and that ends the guest.
    Exceeded,
    /// It would be kept in memory, of which there is no more for the guest, and that ends it.
    NoMemory(Stop),
}

impl Full {
    /// Why the guest ends, if it does.
    pub(crate) fn stop(self) -> Option<Stop> {
        match self {
            Self::NoSpace => None,
            Self::Exceeded => Some(Stop::SpaceExceeded),
            Self::NoMemory(stop) => Some(stop),
        }
    }
}

/// What a call may store, until it is dropped: when the call is over.
pub(crate) struct Taken {
    space: Arc<Space>,
    amount: Amount,
    /// How many bytes it may write, if not all that it wanted to.
    pub(crate) bytes_max: Option<u64>,
}

impl Space {
    /// The space of `directory`, which need not be there before a guest writes to it, and may have
    /// something in it. `shared` bounds it together with others.
    ///
    /// `exceeded` is called once more has been found than may be, if that ends guests; it must not
    /// block.
    pub fn new(
        directory: impl Into<PathBuf>,
        limits: SpaceLimits,
        shared: Option<Arc<SharedSpace>>,
        exceeded: impl Fn() + Send + Sync + 'static,
    ) -> Arc<Self> {
        let space = Arc::new(Self {
            directory: directory.into(),
            limits,
            shared,
            taken: Tally::default(),
            in_flight: Tally::default(),
            found: Tally::default(),
            block: AtomicU64::new(count::BLOCK_BYTES_MIN),
            is_counted: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            has_no_names_left: AtomicBool::new(false),
            names: Arc::default(),
            open_files: OpenFiles::default(),
            charged: std::sync::Mutex::default(),
            exceeded: Box::new(exceeded),
        });
        if let Some(shared) = &space.shared {
            shared.join(Arc::downgrade(&space));
        }
        space
    }

    /// Bytes that are stored in it, at most; nothing before a guest has written to it.
    pub fn used(&self) -> u64 {
        self.taken.get().bytes
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Begins to charge a run with what it stores here, if that is memory.
    pub(crate) fn charge(self: &Arc<Self>, account: &MemoryAccount) -> Option<Arc<Charge>> {
        self.limits.in_memory.then(|| Charge::begin(self, account))
    }

    /// Takes `amount`, once it is sure that there is as much.
    pub(crate) async fn take(self: &Arc<Self>, amount: Amount) -> Result<Taken, Full> {
        if let Some(taken) = self.try_take(amount) {
            return Ok(taken);
        }
        // Counting again would find the same, however often the guest tries.
        if (self.is_full.load(SeqCst) && self.limits.full == WhenFull::Fail)
            || (amount.entries > 0 && self.has_no_names_left.load(SeqCst))
        {
            return Err(Full::NoSpace);
        }
        self.count().await?;
        if let Some(taken) = self.try_take(amount) {
            return Ok(taken);
        }
        if let Some(shared) = &self.shared {
            shared.count().await?;
            if let Some(taken) = self.try_take(amount) {
                return Ok(taken);
            }
        }
        self.take_the_rest(amount)
    }

    /// Takes a part, where what is there is no more than may be, but might be with all of it.
    fn take_the_rest(self: &Arc<Self>, amount: Amount) -> Result<Taken, Full> {
        let found = self.found.get();
        let flying = self.in_flight.get().entries;
        if amount.entries > 0 && found.entries + flying + amount.entries > self.limits.entries {
            self.has_no_names_left.store(true, SeqCst);
            return Err(Full::NoSpace);
        }
        let left = match &self.shared {
            None => self.limits.bytes.checked_sub(found.bytes),
            Some(shared) => shared
                .left()
                .and_then(|left| Some(left.min(self.limits.bytes.checked_sub(found.bytes)?))),
        };
        let Some(left) = left else { return Err(self.is_exceeded(found.bytes)) };
        // What remains may be less than a block, and the write need not add one.
        let part = left.clamp(self.block(), OVERSHOOT_MAX.max(self.block()));
        let bytes_max = (amount.bytes > part).then_some(part);
        let amount = Amount { bytes: amount.bytes.min(part + 2 * self.block()), ..amount };
        self.in_flight.add(amount);
        self.taken.add(amount);
        if let Some(shared) = &self.shared {
            shared.add(amount.bytes);
        }
        Ok(Taken { space: Arc::clone(self), amount, bytes_max })
    }

    fn is_exceeded(&self, found: u64) -> Full {
        self.is_full.store(true, SeqCst);
        if self.limits.full == WhenFull::Fail {
            return Full::NoSpace;
        }
        if found > self.limits.bytes {
            (self.exceeded)();
        } else if let Some(shared) = &self.shared {
            shared.tell();
        }
        Full::Exceeded
    }

    /// Takes `amount`, if there is as much for all that is known.
    fn try_take(self: &Arc<Self>, amount: Amount) -> Option<Taken> {
        if !self.is_counted.load(SeqCst) {
            return None;
        }
        // In this order, so that whoever counts meanwhile sees it at least once.
        self.in_flight.add(amount);
        let shared = self.shared.as_ref();
        if shared.is_none_or(|shared| shared.try_add(amount.bytes)) {
            let max = Amount { bytes: self.limits.bytes, entries: self.limits.entries };
            if self.taken.try_add(amount, max) {
                return Some(Taken { space: Arc::clone(self), amount, bytes_max: None });
            }
            if let Some(shared) = shared {
                shared.remove(amount.bytes);
            }
        }
        self.in_flight.remove(amount);
        None
    }

    /// Counts what is there, and sets right what is taken.
    async fn count(&self) -> Result<(), Full> {
        let names = Arc::clone(&self.names).lock_owned().await;
        let turn = COUNTS.acquire().await.map_err(|_| Full::NoSpace)?;
        let before = self.taken.get();
        let flying = self.in_flight.get();
        let (directory, entries_max) = (self.directory.clone(), self.limits.entries);
        let counting = move || {
            // Whoever waits for it may be gone by then: names must not change all the same, and no
            // more than so many may count.
            let _held = (names, turn);
            count::count(&directory, entries_max)
        };
        let counted = tokio::task::spawn_blocking(counting).await;
        let counted = counted.unwrap_or_else(|error| Err(io::Error::other(error)));
        let counted = counted.map_err(|error| {
            let directory = self.directory.display();
            tracing::warn!(%directory, %error, "what is stored can't be counted");
            Full::NoSpace
        })?;
        let Amount { bytes, entries } = counted.amount;
        let found = Amount { bytes: bytes.saturating_add(self.open_files.nameless()), entries };
        self.block.store(counted.block, SeqCst);
        self.found.set(found);
        self.note_removal();
        let change = self.taken.correct(before, found.plus(flying));
        if let Some(shared) = &self.shared {
            shared.correct(change);
        }
        self.is_counted.store(true, SeqCst);
        Ok(())
    }

    /// Waits until no name comes or goes, and keeps others from it.
    pub(crate) async fn names(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.names).lock_owned().await
    }

    /// Something may be less than it was.
    pub(crate) fn note_removal(&self) {
        self.is_full.store(false, SeqCst);
        self.has_no_names_left.store(false, SeqCst);
    }

    /// A file has been opened. While names are held.
    pub(crate) fn opened(self: &Arc<Self>, file: FileId) -> Arc<OpenFile> {
        self.open_files.open(file, Arc::downgrade(self))
    }

    /// A name of a file has been removed, which had so many, and was so large. While names are held.
    pub(crate) fn unlinked(&self, file: FileId, links: u64, size: u64) {
        self.note_removal();
        if links <= 1 {
            // What it takes is no more than all that is there, however large it says it is.
            let size = size.saturating_add(2 * self.block()).min(self.taken.get().bytes);
            self.open_files.unlinked(file, size.saturating_add(self.in_flight.get().bytes));
        }
    }

    pub(crate) fn block(&self) -> u64 {
        self.block.load(SeqCst)
    }

    /// What is taken by writing `length` bytes at `offset`, or at the end if there is none.
    pub(crate) fn written(&self, offset: Option<u64>, length: u64) -> Amount {
        let block = self.block();
        let blocks = match offset {
            _ if length == 0 => 0,
            Some(offset) => {
                let last = offset.saturating_add(length - 1) / block;
                last - offset / block + 1
            }
            None => length.div_ceil(block) + 1,
        };
        Amount { bytes: blocks.saturating_mul(block), entries: 0 }
    }

    /// What is taken by a new name of a file.
    pub(crate) const NAME: Amount = Amount { bytes: ENTRY_BYTES, entries: 1 };

    /// What is taken by a name in another directory.
    pub(crate) const MOVED: Amount = Amount { bytes: ENTRY_BYTES, entries: 0 };

    /// What is taken by a new directory, or by a link with a long target.
    pub(crate) fn name_and_block(&self) -> Amount {
        Amount { bytes: ENTRY_BYTES + self.block(), entries: 1 }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.remove(self.taken.get().bytes);
        }
    }
}

impl std::fmt::Debug for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Space")
            .field("directory", &self.directory)
            .field("limits", &self.limits)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

impl Taken {
    /// How many bytes may be added, at most.
    pub(crate) fn bytes(&self) -> u64 {
        self.amount.bytes
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.space.in_flight.remove(self.amount);
    }
}

/// A space that may be gone.
type WeakSpace = Weak<Space>;
