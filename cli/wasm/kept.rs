//! Compiled modules that are kept in memory for their next run.
//!
//! Those that run are in memory anyway, each once. A server lives long and sees many images, so of
//! the others only so many stay; what is needed again comes from the cache on disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mayfly_runtime::{Metering, Module};

/// Code of all that are kept, in bytes. Stops whoever names many images from filling memory. A Perl
/// has 100 MB, and most programs a few.
const KEPT_BYTES_MAX: u64 = 1 << 30;

/// What a module takes in memory beside its code, roughly.
const MODULE_BYTES: u64 = 64 << 10;

/// A module, by the digest of its content and how it is metered.
pub(super) type Key = (Arc<str>, Metering);

/// The modules that are kept.
pub(super) struct Kept {
    bytes_max: u64,
    modules: Mutex<Modules>,
}

#[derive(Default)]
struct Modules {
    bytes: u64,
    /// How often one was asked for or added: what the time is here.
    now: u64,
    modules: HashMap<Key, Entry>,
}

struct Entry {
    module: Module,
    bytes: u64,
    used_at: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { bytes_max: KEPT_BYTES_MAX, modules: Mutex::default() }
    }
}

impl Kept {
    /// The module of `key`, if it is still there.
    pub(super) fn get(&self, key: &Key) -> Option<Module> {
        let mut modules = self.lock();
        modules.now += 1;
        let now = modules.now;
        let entry = modules.modules.get_mut(key)?;
        entry.used_at = now;
        Some(entry.module.clone())
    }

    /// Keeps `module`, and lets go of those that were not used for longest, if that is too much.
    pub(super) fn keep(&self, key: Key, module: Module) {
        let bytes = module.code_bytes().saturating_add(MODULE_BYTES);
        let mut modules = self.lock();
        modules.now += 1;
        let entry = Entry { module, bytes, used_at: modules.now };
        modules.bytes += bytes;
        if let Some(before) = modules.modules.insert(key, entry) {
            modules.bytes -= before.bytes;
        }
        while modules.bytes > self.bytes_max {
            let oldest = modules.modules.iter().min_by_key(|(_, entry)| entry.used_at);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            modules.bytes -= modules.modules.remove(&oldest).map_or(0, |entry| entry.bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Modules> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use mayfly_runtime::{Engine, EngineSettings};

    use super::*;

    #[tokio::test]
    async fn those_that_were_not_used_for_longest_go() {
        let engine = Engine::new(EngineSettings::default()).expect("an engine");
        let start = "\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x0a\x01\x06_start\0\0\
                     \x0a\x04\x01\x02\0\x0b";
        let module = engine.load(start.as_bytes().into(), Metering::Epochs).await;
        let module = module.expect("it must be a module");
        let one = module.code_bytes() + MODULE_BYTES;
        let kept = Kept { bytes_max: 2 * one, modules: Mutex::default() };
        let key = |name: &str| (Arc::from(name), Metering::Epochs);
        for name in ["a", "b"] {
            kept.keep(key(name), module.clone());
        }
        assert!(kept.get(&key("a")).is_some());
        kept.keep(key("c"), module.clone());
        kept.keep(key("c"), module.clone());
        let is_there = ["a", "b", "c"].map(|name| kept.get(&key(name)).is_some());
        assert_eq!(is_there, [true, false, true]);
        assert_eq!(kept.lock().bytes, 2 * one);
    }
}
