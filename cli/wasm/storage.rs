//! What a pod stores: its volumes as the sandbox's spaces.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use mayfly_controller::node::{Medium, Storage, StorageExceeded, StorageLimits, StoredVolume};
use mayfly_runtime::{SharedSpace, Space, SpaceLimits, WhenFull};

/// The account of what one pod stores.
pub(super) struct PodSpaces {
    /// By the name of the volume.
    spaces: HashMap<String, Arc<Space>>,
    /// All on disk, with what the node keeps, if that is limited.
    all: Option<Arc<SharedSpace>>,
}

impl PodSpaces {
    pub(super) fn new(
        limits: StorageLimits,
        exceeded: &Arc<dyn Fn(StorageExceeded) + Send + Sync>,
    ) -> Self {
        let all = limits.bytes_max.map(|bytes_max| {
            let exceeded = Arc::clone(exceeded);
            SharedSpace::new(bytes_max, move || exceeded(StorageExceeded::Pod))
        });
        let space = |volume: StoredVolume| {
            let StoredVolume { name, directory, bytes_max: bytes, entries_max: entries, medium } =
                volume;
            let (full, shared) = match medium {
                Medium::Disk => (WhenFull::End, all.clone()),
                Medium::Memory => (WhenFull::Fail, None),
            };
            let (exceeded, told) = (Arc::clone(exceeded), name.clone());
            let exceeded = move || exceeded(StorageExceeded::Volume(told.clone()));
            let in_memory = medium == Medium::Memory;
            let limits = SpaceLimits { bytes, entries, full, in_memory };
            (name, Space::new(directory, limits, shared, exceeded))
        };
        Self { spaces: limits.volumes.into_iter().map(space).collect(), all }
    }

    /// The space of a volume, in the account that [`new`](Self::new) has begun.
    pub(super) fn of(storage: Option<&Arc<dyn Storage>>, volume: &str) -> Option<Arc<Space>> {
        let storage: &dyn Any = storage?.as_ref();
        let pod = storage.downcast_ref::<Self>().expect("an account must be of this runtime");
        pod.spaces.get(volume).cloned()
    }
}

impl Storage for PodSpaces {
    fn keep(&self, bytes: u64) {
        if let Some(all) = &self.all {
            all.keep(bytes);
        }
    }

    fn release(&self, bytes: u64) {
        if let Some(all) = &self.all {
            all.release(bytes);
        }
    }
}
