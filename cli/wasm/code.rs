//! One image: the content of a file, compiled once for each way of metering it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::SystemTime;

use anyhow::Context;
use mayfly_runtime::{Digest, Engine, Metering, Module};
use tokio::sync::Mutex;

use super::kept::Kept;

/// One image.
pub(crate) struct Code {
    /// `sha256:…`, of its content.
    id: Arc<str>,
    path: PathBuf,
    stamp: Stamp,
    is_compiled: AtomicBool,
    /// Held while it is being compiled, or read from the cache.
    loading: Mutex<()>,
}

/// What changes when a file does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: SystemTime,
    length: u64,
}

impl Code {
    /// The module in the file at `path`, not compiled yet.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        // Before the content, so that a change in between is seen the next time.
        let stamp = Stamp::of(path)?;
        let id = mayfly_images::module_digest(path)?.as_str().into();
        let (is_compiled, loading) = (AtomicBool::new(false), Mutex::default());
        Ok(Self { id, path: path.to_owned(), stamp, is_compiled, loading })
    }

    /// `sha256:…`, of its content.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The size of its content.
    pub(crate) fn bytes(&self) -> u64 {
        self.stamp.length
    }

    /// Whether it is what the file at `path` has.
    pub(crate) fn is_still(&self, path: &Path) -> bool {
        self.path == path && Stamp::of(path).is_ok_and(|stamp| stamp == self.stamp)
    }

    /// Whether it can be run in one way at least.
    pub(crate) fn is_compiled(&self) -> bool {
        self.is_compiled.load(Relaxed)
    }

    /// The compiled module, which is `kept`; who comes while it is being compiled waits for it.
    pub(super) async fn module(
        &self,
        engine: &Engine,
        metering: Metering,
        kept: &Kept,
    ) -> Result<Module, String> {
        let key = (Arc::clone(&self.id), metering);
        if let Some(module) = kept.get(&key) {
            return Ok(module);
        }
        let _loading = self.loading.lock().await;
        if let Some(module) = kept.get(&key) {
            return Ok(module);
        }
        let module = self.compile(engine, metering).await;
        let module = module.map_err(|error| format!("{error:#}"))?;
        self.is_compiled.store(true, Relaxed);
        kept.keep(key, module.clone());
        Ok(module)
    }

    async fn compile(&self, engine: &Engine, metering: Metering) -> anyhow::Result<Module> {
        let name = || self.path.display().to_string();
        if let Some(digest) = Digest::parse(&self.id)
            && let Some(module) = engine.load_compiled(digest, metering).await.with_context(name)?
        {
            return Ok(module);
        }
        // Read again rather than kept: programs are large, and this happens once or twice.
        let bytes = mayfly_images::read_module(&self.path)?;
        let module = engine.load(bytes.into(), metering).await.with_context(name)?;
        anyhow::ensure!(
            module.digest().to_string() == *self.id,
            "{} has changed since it was pulled",
            self.path.display()
        );
        Ok(module)
    }
}

impl Stamp {
    /// That of the file at `path`.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        let unread = || format!("can't read {}", path.display());
        let metadata = fs::metadata(path).with_context(unread)?;
        // Of a pipe there is nothing to be read once more, and it may let everybody wait.
        anyhow::ensure!(metadata.is_file(), "{} is no file, as a module has to be", path.display());
        let modified = metadata.modified().with_context(unread)?;
        Ok(Self { modified, length: metadata.len() })
    }
}
