//! What a descriptor has to do with the space of the mount that it lies in, whatever kind of guest
//! has it.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use crate::guest::Access;
use crate::memory::MemoryAccount;
use crate::space::{Amount, Charge, FileId, Full, OpenFile, Space, Taken};

/// A target that is longer has a block of its own in ext4; others keep it in the inode.
const SHORT_TARGET_BYTES: usize = 60;

/// The space that something in a mount takes, and the file that it is, if it is one.
#[derive(Clone)]
pub(crate) struct Stored {
    space: Arc<Space>,
    access: Access,
    /// What the run is charged with for it, if it is kept in memory.
    charge: Option<Arc<Charge>>,
    file: Option<Arc<OpenFile>>,
    /// Whether writes go to the end, wherever they should go.
    pub(crate) appends: bool,
}

/// Held while a name comes or goes.
pub(crate) struct Naming {
    space: Arc<Space>,
    _taken: Option<Taken>,
    _names: OwnedMutexGuard<()>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) file: FileId,
    pub(crate) links: u64,
    pub(crate) size: u64,
}

impl Stored {
    /// All of `space`, for the run whose memory `account` counts.
    pub(crate) fn new(space: Arc<Space>, access: Access, account: &MemoryAccount) -> Self {
        let charge = space.charge(account);
        Self { space, access, charge, file: None, appends: false }
    }

    /// A file that has been opened in it. While its names are held.
    pub(crate) fn file(&self, file: FileId, appends: bool) -> Self {
        Self { file: Some(self.space.opened(file)), appends, ..self.clone() }
    }

    /// Whether it is a file that can be written to.
    pub(crate) fn is_growing(&self) -> bool {
        self.file.is_some() && self.access == Access::ReadWrite
    }

    /// Takes what writing `length` bytes at `offset` may add, for as long as that goes on.
    pub(crate) async fn write(&self, offset: u64, length: u64) -> Result<Taken, Full> {
        let offset = (!self.appends).then_some(offset);
        let taken = self.take(self.space.written(offset, length)).await?;
        if let Some(file) = &self.file {
            file.grown(taken.bytes());
        }
        Ok(taken)
    }

    async fn take(&self, amount: Amount) -> Result<Taken, Full> {
        let taken = self.space.take(amount).await?;
        if let Some(charge) = &self.charge {
            charge.took(taken.bytes()).await.map_err(Full::NoMemory)?;
        }
        Ok(taken)
    }

    /// Takes `amount` and holds the names.
    async fn naming(&self, amount: Amount) -> Result<Naming, Full> {
        let is_taken = self.access == Access::ReadWrite && amount != Amount::default();
        let taken = if is_taken { Some(self.take(amount).await?) } else { None };
        let names = self.space.names().await;
        Ok(Naming { space: Arc::clone(&self.space), _taken: taken, _names: names })
    }

    /// For opening a file, or removing a name.
    pub(crate) async fn name(&self) -> Result<Naming, Full> {
        self.naming(Amount::default()).await
    }

    /// For a new file, or a new name of one.
    pub(crate) async fn new_name(&self) -> Result<Naming, Full> {
        self.naming(Space::NAME).await
    }

    /// For a new directory.
    pub(crate) async fn new_directory(&self) -> Result<Naming, Full> {
        self.naming(self.space.name_and_block()).await
    }

    /// For a new symbolic link to a target of that length.
    pub(crate) async fn new_link(&self, target_bytes: usize) -> Result<Naming, Full> {
        let is_short = target_bytes < SHORT_TARGET_BYTES;
        self.naming(if is_short { Space::NAME } else { self.space.name_and_block() }).await
    }

    /// For another name in place of one.
    pub(crate) async fn other_name(&self) -> Result<Naming, Full> {
        self.naming(Space::MOVED).await
    }

    /// What has been stored may be less now.
    pub(crate) fn note_removal(&self) {
        self.space.note_removal();
    }
}

impl Naming {
    /// A name has been removed that stood for `named`.
    pub(crate) fn removed(&self, named: Option<Named>) {
        self.space.note_removal();
        if let Some(Named { file, links, size }) = named {
            self.space.unlinked(file, links, size);
        }
    }
}

/// Whether files may be moved and linked from one to the other. Between spaces it would have to be
/// counted what that moves, and no system does it between two file systems.
pub(crate) fn is_same(a: Option<&Stored>, b: Option<&Stored>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(&a.space, &b.space),
        _ => false,
    }
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").field("space", &self.space).finish_non_exhaustive()
    }
}
