//! Has images: from here if they are here, from their registry if they are not.
//!
//! ```text
//! name ─▶ policy ─▶ manifest ─▶ signatures ─▶ config ─▶ layers ─▶ unpacked ─▶ recorded ─▶ Image
//!                   └──────────── the digest that is verified is the one that is run ──────┘
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use crate::address::Named;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::{CONFIG_BYTES_MAX, MANIFEST_BYTES_MAX, NAMES_MAX, PULLS_MAX, STORE_BYTES_MAX};
use crate::login::{Keyring, Login};
use crate::manifest::{self, Manifest};
use crate::name::ImageName;
use crate::policy::Policy;
use crate::program::{Place, Plan, Program};
use crate::progress::Watcher;
use crate::registry::{Access, Fetch, Session, Transport};
use crate::signature;
use crate::store::{Entry, InUse, Kept, Origin, Shelf, size_of};
use crate::unpack::{Patience, ROOT, unpack};

/// Has images.
pub struct Puller {
    shelf: Shelf,
    transport: Transport,
    policy: Policy,
    turns: Semaphore,
    store_bytes_max: u64,
    /// Those that are being pulled: one name is pulled once at a time.
    busy: Mutex<HashMap<ImageName, Weak<tokio::sync::Mutex<()>>>>,
}

/// An image that can be run.
#[derive(Debug)]
pub struct Image {
    /// What its name stood for: a manifest, or an index of manifests.
    pub digest: Digest,
    /// The file that its module is in.
    pub module: PathBuf,
    /// What that file has.
    pub module_digest: Digest,
    /// The folder of its files, if it has any.
    pub root: Option<PathBuf>,
    /// How it wants to be run.
    pub program: Program,
    /// As it was sent.
    pub bytes: u64,
    /// Keeps it from being pruned.
    pub in_use: InUse,
}

/// What may be pulled, all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullLimits {
    /// Bytes that all images on the shelf may take.
    pub store_bytes_max: u64,
    /// Pulls that go on at a time; the next wait.
    pub pulls_max: usize,
}

impl Default for PullLimits {
    fn default() -> Self {
        Self { store_bytes_max: STORE_BYTES_MAX, pulls_max: PULLS_MAX }
    }
}

impl Puller {
    /// Keeps what it has pulled on `shelf`, asks public registries and those that are `named`, and
    /// takes what `policy` allows.
    pub fn new(shelf: Shelf, named: Named, policy: Policy) -> Self {
        let transport = Transport::new(named);
        let turns = Semaphore::new(PULLS_MAX);
        let (store_bytes_max, busy) = (STORE_BYTES_MAX, Mutex::default());
        Self { shelf, transport, policy, turns, store_bytes_max, busy }
    }

    /// The same, within `limits`.
    #[must_use]
    pub fn within(self, limits: PullLimits) -> Self {
        let turns = Semaphore::new(limits.pulls_max.max(1));
        Self { turns, store_bytes_max: limits.store_bytes_max, ..self }
    }

    /// Where it keeps what it has pulled.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The image that `name` stands for here, if it is here, the policy allows it, and the registry
    /// has given it to everybody or to one of `keyring`'s logins.
    pub async fn kept(&self, name: &ImageName, keyring: &Keyring) -> Result<Option<Image>> {
        if !matches!(self.shelf.names()?.get(name), Some(Entry::Image(_))) {
            return Ok(None);
        }
        // What has a name now is still here by the time that it is in use.
        let _no_pruning = self.shelf.pulling().await?;
        let names = self.shelf.names()?;
        let Some(Entry::Image(kept)) = names.get(name) else { return Ok(None) };
        if !kept.is_for(name, &keyring.logins_for(name)) {
            return Ok(None);
        }
        if kept.origin == Origin::Pulled {
            self.policy.allows(name)?;
            if !self.is_signed(name, &kept.digest) {
                return Ok(None);
            }
        }
        self.open(name, kept.clone()).await
    }

    /// The image that `name` stands for at its registry now; what is here of it is not fetched again.
    pub async fn pull(
        &self,
        name: &ImageName,
        keyring: &Keyring,
        watcher: &Watcher<'_>,
    ) -> Result<Image> {
        self.policy.allows(name)?;
        let one_at_a_time = self.busy_with(name);
        let _one = one_at_a_time.lock().await;
        let _turn = self.turns.acquire().await.expect("it must never be closed");
        let _pulling = self.shelf.pulling().await?;
        let logins = keyring.logins_for(name);
        let mut tries =
            if logins.is_empty() { vec![None] } else { logins.iter().map(Some).collect() };
        // Every login is tried in turn, as the kubelet does.
        let last = tries.pop().expect("one must be there");
        for login in tries {
            match self.pull_as(name, login, watcher).await {
                Err(error) if error.is_of_access() => {}
                ended => return ended,
            }
        }
        self.pull_as(name, last, watcher).await
    }

    async fn pull_as(
        &self,
        name: &ImageName,
        login: Option<&Login>,
        watcher: &Watcher<'_>,
    ) -> Result<Image> {
        let session = Session::new(&self.transport, name, login, Access::Pull);
        let (bytes, digest) = session.manifest(name.version()).await?;
        self.verify(name, &digest, &session).await?;
        let (manifest_bytes, manifest_digest) =
            match manifest::Named::read(&bytes, &name.to_string())? {
                manifest::Named::Image(_) => (bytes.clone(), digest.clone()),
                manifest::Named::Index { chosen } => session.manifest(chosen.as_str()).await?,
            };
        let manifest = Manifest::read(&manifest_bytes, &name.to_string())?;
        let blobs = self.shelf.blobs();
        let fetch = |blob| Fetch { session: &session, blobs: &blobs, blob, watcher };
        self.has_room(name, &manifest)?;
        // An empty config has a digest all the same.
        fetch(&manifest.config).run().await?;
        let config = blobs.read(&manifest.config.digest, CONFIG_BYTES_MAX)?;
        let plan = Plan::of(&manifest, &config, &name.to_string())?;
        for layer in plan.layers() {
            fetch(layer).run().await?;
        }
        blobs.write(&bytes)?;
        blobs.write(&manifest_bytes)?;
        let kept = Kept {
            digest: digest.clone(),
            manifest: manifest_digest,
            origin: Origin::Pulled,
            public: false,
            logins: Vec::new(),
        };
        watcher(crate::progress::Progress::Unpacking);
        let image = self.open(name, kept.clone()).await?;
        let image =
            image.ok_or_else(|| Error::answer(name.to_string(), "it was removed meanwhile"))?;
        for name in [name.clone(), name.at(&digest)] {
            self.record(&name, &kept, login)?;
        }
        Ok(image)
    }

    /// Lets everybody have the image that `name` stands for here, whoever brought it.
    ///
    /// As images are that are on a Kubernetes node before any pod has asked for them.
    pub fn share(&self, name: &ImageName) -> Result<()> {
        let Some(Entry::Image(kept)) = self.shelf.names()?.remove(name) else { return Ok(()) };
        for name in [name.clone(), name.at(&kept.digest)] {
            self.record(&name, &kept, None)?;
        }
        Ok(())
    }

    /// Makes `kept` ready to run; `None` if something of it is missing.
    async fn open(&self, name: &ImageName, kept: Kept) -> Result<Option<Image>> {
        let (shelf, name) = (self.shelf.clone(), name.to_string());
        let store_bytes_max = self.store_bytes_max;
        let (patience, _waiting) = Patience::new();
        let opened = tokio::task::spawn_blocking(move || {
            open(&shelf, &name, &kept, store_bytes_max, &patience)
        });
        opened.await.expect("unpacking must not panic")
    }

    /// Remembers what `name` stands for, and whom the registry gave it to.
    fn record(&self, name: &ImageName, kept: &Kept, login: Option<&Login>) -> Result<()> {
        self.shelf.record(name, |before| {
            let mut kept = kept.clone();
            if let Some(Entry::Image(before)) = before
                && before.digest == kept.digest
            {
                kept.public = before.public;
                kept.logins.clone_from(&before.logins);
            }
            kept.given_to(name, login);
            Entry::Image(kept)
        })
    }

    fn has_room(&self, name: &ImageName, manifest: &Manifest) -> Result<()> {
        let names = self.shelf.names()?;
        if names.len() >= NAMES_MAX && !names.contains_key(name) {
            let limit = format!(
                "at most {NAMES_MAX} names are kept here; `mayfly image prune --all` forgets those \
                 that are not in use"
            );
            return Err(Error::limit(name.to_string(), limit));
        }
        let blobs = self.shelf.blobs();
        let missing = manifest.blobs().filter(|blob| !blobs.has(&blob.digest));
        let more = missing.map(|blob| blob.bytes).sum();
        fits(&self.shelf, more, self.store_bytes_max, &name.to_string())
    }

    /// Whether the signatures that are kept of `digest` are what the policy wants now.
    fn is_signed(&self, name: &ImageName, digest: &Digest) -> bool {
        let Some(wanted) = self.policy.signatures(name) else { return true };
        let kept = signature::read_kept(&self.shelf.signatures(digest));
        signature::check(&kept, &wanted, name, digest).is_ok()
    }

    /// Sees whether `digest` is signed, if the policy wants that.
    async fn verify(&self, name: &ImageName, digest: &Digest, session: &Session<'_>) -> Result<()> {
        let Some(wanted) = self.policy.signatures(name) else { return Ok(()) };
        let found = signature::fetch(session, name, digest).await?;
        signature::check(&found, &wanted, name, digest)
            .map_err(|why| Error::Policy { name: name.to_string(), why })?;
        signature::keep(&self.shelf.signatures(digest), &found)
    }

    fn busy_with(&self, name: &ImageName) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = busy.get(name).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        busy.insert(name.clone(), Arc::downgrade(&lock));
        lock
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }
}

/// Whether so many bytes more may be kept on `shelf`, for the image `what`.
fn fits(shelf: &Shelf, more: u64, store_bytes_max: u64, what: &str) -> Result<()> {
    let taken = || shelf.blobs().bytes() + shelf.trees().bytes();
    if more == 0 || taken().saturating_add(more) <= store_bytes_max {
        return Ok(());
    }
    let limit = format!(
        "all images from registries have at most {store_bytes_max} bytes here; `mayfly image \
         prune` frees what has no name, with --all also what is not in use"
    );
    Err(Error::limit(what, limit))
}

/// Makes `kept` ready to run; `None` if something of it is missing.
fn open(
    shelf: &Shelf,
    name: &str,
    kept: &Kept,
    store_bytes_max: u64,
    patience: &Patience,
) -> Result<Option<Image>> {
    let in_use = shelf.use_it(kept)?;
    let (blobs, trees) = (shelf.blobs(), shelf.trees());
    if !blobs.has(&kept.manifest) {
        return Ok(None);
    }
    let manifest = Manifest::read(&blobs.read(&kept.manifest, MANIFEST_BYTES_MAX)?, name)?;
    if !blobs.has(&manifest.config.digest) {
        return Ok(None);
    }
    let config = blobs.read(&manifest.config.digest, CONFIG_BYTES_MAX)?;
    let plan = Plan::of(&manifest, &config, name)?;
    let tree = match trees.about(&kept.manifest)? {
        Some(about) => Some(about),
        None if plan.layers().any(|layer| !blobs.has(&layer.digest)) => return Ok(None),
        None if plan.files.is_empty() => None,
        None => {
            let layers: Vec<_> =
                plan.files.iter().map(|(layer, form)| (layer.digest.clone(), *form)).collect();
            let entry = match &plan.module {
                Place::File(path) => Some((path.as_str(), plan.program.working_dir.as_deref())),
                Place::Layer(_) => None,
            };
            let unpack = |folder: &Path, patience: &Patience| {
                let module = unpack(&layers, &blobs, entry, folder, patience)?;
                // How large it becomes is not known before.
                if kept.origin == Origin::Pulled {
                    fits(shelf, size_of(folder), store_bytes_max, name)?;
                }
                Ok(module)
            };
            Some(trees.make(&kept.manifest, patience, unpack)?)
        }
    };
    let folder = trees.path(&kept.manifest);
    let (module, module_digest) =
        match (plan.module_digest(), tree.as_ref().and_then(|it| it.module.clone())) {
            (Some(digest), _) if blobs.has(digest) => (blobs.path(digest), digest.clone()),
            (None, Some((path, digest))) => (folder.join(path), digest),
            _ => return Ok(None),
        };
    Ok(Some(Image {
        digest: kept.digest.clone(),
        module,
        module_digest,
        root: tree.map(|_| folder.join(ROOT)),
        program: plan.program,
        bytes: manifest.bytes(),
        in_use,
    }))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use futures_util::poll;

    use super::*;
    use crate::build::{ModuleKind, Recipe};

    #[tokio::test]
    async fn what_is_pruned_while_it_is_looked_up_is_not_here() {
        let state = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(state.path());
        let recipe = Recipe {
            module: b"module",
            kind: ModuleKind::Module,
            file_name: "pi.wasm".to_owned(),
            files: Vec::new(),
            annotations: Vec::new(),
        };
        let name = ImageName::parse("pi").unwrap();
        shelf.build(&name, &recipe).unwrap();
        let puller = Puller::new(shelf.clone(), Named::default(), Policy::default());
        let nobody = Keyring::default();
        assert!(puller.kept(&name, &nobody).await.unwrap().is_some());

        let pruning = shelf.pruning().unwrap();
        let mut kept = pin!(puller.kept(&name, &nobody));
        assert!(matches!(poll!(&mut kept), Poll::Pending));
        shelf.remove(&name).unwrap();
        drop(pruning);
        assert!(kept.await.unwrap().is_none());
    }
}
