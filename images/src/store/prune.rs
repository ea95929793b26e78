//! Removes what nothing names and nobody runs.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::file::UNFINISHED;
use super::names::{Entry, Names, Origin};
use super::shelf::Shelf;
use super::trees::size_of;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::MANIFEST_BYTES_MAX;
use crate::manifest::Manifest;
use crate::name::ImageName;

/// What is to be removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prune {
    /// Also images from registries that have a name, if no process runs them.
    pub all: bool,
    /// Nothing; only say what would be.
    pub dry_run: bool,
}

/// What was removed, or would be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// Names of images from registries.
    pub names: Vec<ImageName>,
    /// Files and folders, relative to the folder of images, with their bytes.
    pub files: Vec<(PathBuf, u64)>,
}

impl Freed {
    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes).sum()
    }
}

impl Shelf {
    /// Removes what `prune` says, once nothing is being pulled.
    pub fn prune(&self, prune: Prune) -> Result<Freed> {
        let mut freed = Freed::default();
        if !self.folder().is_dir() {
            return Ok(freed);
        }
        let _alone = self.pruning()?;
        let _turn = self.lock()?;
        let mut names = self.names()?;
        let used = self.used();
        if prune.all {
            let is_idle = |entry: &Entry| match entry {
                Entry::Image(kept) => {
                    kept.origin == Origin::Pulled && !used.contains(&kept.manifest)
                }
                Entry::Module(_) => false,
            };
            freed.names =
                names.iter().filter(|(_, it)| is_idle(it)).map(|(name, _)| name.clone()).collect();
            names.retain(|_, entry| !is_idle(entry));
            if !prune.dry_run && !freed.names.is_empty() {
                self.write_names(&names)?;
            }
        }
        for path in self.unneeded(&names, &used)? {
            let bytes = if path.is_dir() {
                size_of(&path)
            } else {
                path.metadata().map_or(0, |metadata| metadata.len())
            };
            if !prune.dry_run {
                let removed =
                    if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(Error::file("remove", &path))?;
            }
            let relative = path.strip_prefix(self.folder()).unwrap_or(&path).to_owned();
            freed.files.push((relative, bytes));
        }
        Ok(freed)
    }

    /// The manifests that a process runs.
    fn used(&self) -> BTreeSet<Digest> {
        let files = files(&self.folder().join("uses"));
        let is_locked =
            |path: &PathBuf| File::open(path).is_ok_and(|file| file.try_lock().is_err());
        files.into_iter().filter(is_locked).filter_map(|path| digest_of(&path)).collect()
    }

    /// Everything that neither `names` nor `used` lead to.
    fn unneeded(&self, names: &Names, used: &BTreeSet<Digest>) -> Result<Vec<PathBuf>> {
        let (mut modules, mut roots, mut blobs) = (BTreeSet::new(), used.clone(), BTreeSet::new());
        let mut signed = BTreeSet::new();
        for entry in names.values() {
            match entry {
                Entry::Module(digest) => drop(modules.insert(digest.clone())),
                Entry::Image(kept) => {
                    roots.insert(kept.manifest.clone());
                    blobs.insert(kept.digest.clone());
                    signed.insert(kept.digest.clone());
                }
            }
        }
        for manifest in &roots {
            blobs.insert(manifest.clone());
            // One that can't be read is of no use, and neither is what it named.
            let bytes = self.blobs().read(manifest, MANIFEST_BYTES_MAX).unwrap_or_default();
            if let Ok(manifest) = Manifest::read(&bytes, "") {
                blobs.extend(manifest.blobs().map(|blob| blob.digest.clone()));
            }
        }
        let not_in = |folder: &str, needed: &BTreeSet<Digest>| {
            let files = files(&self.folder().join(folder)).into_iter();
            let needed = needed.clone();
            files
                .filter(move |path| digest_of(path).is_some_and(|digest| !needed.contains(&digest)))
        };
        let mut unneeded: Vec<_> = not_in("sha256", &modules).collect();
        unneeded.extend(not_in("blobs", &blobs));
        unneeded.extend(not_in("sources", &blobs));
        unneeded.extend(not_in("signatures", &signed));
        unneeded.extend(not_in("trees", &roots));
        unneeded.extend(not_in("uses", &roots));
        unneeded.extend(not_in("partial", &BTreeSet::new()));
        unneeded.extend(self.trees().unfinished()?);
        // Who wrote them has died: whoever writes now would have kept us waiting.
        let folders =
            ["", "sha256", "blobs", "sources", "signatures"].map(|name| self.folder().join(name));
        let written = folders.iter().flat_map(|folder| files(folder));
        unneeded.extend(written.filter(|path| is_unfinished(path)));
        Ok(unneeded)
    }
}

/// What is in `folder`, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Whether the file at `path` was being written when its process died.
fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes()))
}

/// The digest that a file is called by, whatever its extension.
fn digest_of(path: &Path) -> Option<Digest> {
    Digest::parse(&format!("sha256:{}", path.file_stem()?.to_str()?)).ok()
}
