//! The images that a state folder keeps: contents by digest, and the names that stand for them.
//!
//! ```text
//! STATE/images/names.json       {"docker.io/library/perl:latest": "sha256:…"}
//! STATE/images/sha256/….wasm    what is behind the digest
//! ```
//!
//! Every file appears whole or not at all, so that readers need no lock; writers take turns.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use mayfly_runtime::Digest;
use tempfile::NamedTempFile;

use super::name::ImageName;
use crate::places;

/// The digest of what each name stands for: `sha256:` and 64 hex digits.
pub(crate) type Names = BTreeMap<ImageName, String>;

/// Every folder that keeps images: those in the state folder `own` first, then those for everyone.
pub(crate) fn shelves(own: Option<&Path>) -> Vec<Shelf> {
    let mut folders: Vec<_> = own.map(ToOwned::to_owned).into_iter().collect();
    // Whoever has no home has no images there.
    folders.extend(places::shared_state_dir().ok().filter(|shared| Some(shared.as_path()) != own));
    folders.iter().map(|folder| Shelf::of(folder)).collect()
}

/// The images of one state folder, which need not exist.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// The images in the state folder `state`.
    pub(crate) fn of(state: &Path) -> Self {
        Self { folder: state.join("images") }
    }

    /// Where they are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every name.
    pub(crate) fn names(&self) -> anyhow::Result<Names> {
        let path = self.names_path();
        let text = match fs::read(&path) {
            Ok(text) => text,
            // A file stands in the way of the folder: nothing is kept there either.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(Names::new());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("can't read {}", path.display()));
            }
        };
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Where the content of `digest` is, if it is here.
    pub(crate) fn content(&self, digest: &str) -> PathBuf {
        self.folder.join("sha256").join(digest.trim_start_matches("sha256:")).with_extension("wasm")
    }

    /// Keeps `bytes`, and lets `name` stand for them.
    pub(crate) fn add(&self, name: ImageName, bytes: &[u8]) -> anyhow::Result<String> {
        let digest = Digest::of(bytes).to_string();
        let _turn = self.lock()?;
        let path = self.content(&digest);
        write_whole(&path, bytes)?;
        let mut names = self.names()?;
        let before = names.insert(name, digest.clone());
        self.write_names(&names)?;
        self.drop_unnamed(&names, before);
        Ok(digest)
    }

    /// Forgets `name`; false if it was not known.
    pub(crate) fn remove(&self, name: &ImageName) -> anyhow::Result<bool> {
        if !self.names()?.contains_key(name) {
            return Ok(false);
        }
        let _turn = self.lock()?;
        let mut names = self.names()?;
        let before = names.remove(name);
        self.write_names(&names)?;
        let was_known = before.is_some();
        self.drop_unnamed(&names, before);
        Ok(was_known)
    }

    /// Waits for its turn to write, which lasts as long as what is returned.
    fn lock(&self) -> anyhow::Result<File> {
        let path = self.folder.join("lock");
        fs::create_dir_all(&self.folder)
            .and_then(|()| File::create(&path))
            .and_then(|file| file.lock().map(|()| file))
            .with_context(|| format!("can't keep images in {}", self.folder.display()))
    }

    fn names_path(&self) -> PathBuf {
        self.folder.join("names.json")
    }

    fn write_names(&self, names: &Names) -> anyhow::Result<()> {
        write_whole(&self.names_path(), &serde_json::to_vec_pretty(names)?)
    }

    fn drop_unnamed(&self, names: &Names, digest: Option<String>) {
        if let Some(digest) = digest.filter(|digest| !names.values().any(|it| it == digest)) {
            // What stays behind costs room and nothing else; the next one to add it finds it.
            if let Err(error) = fs::remove_file(self.content(&digest)) {
                tracing::warn!(%digest, %error, "an image without a name could not be removed");
            }
        }
    }
}

/// Writes a file that appears under its name only when it is whole and on the disk.
fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        // The name is durable only when the folder is.
        File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_and_go_with_their_content() {
        let state = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(&state.path().join("not/there/yet"));
        let name = |text| ImageName::parse(text).unwrap();
        assert_eq!(shelf.names().unwrap(), Names::new());
        assert!(!shelf.remove(&name("a")).unwrap());

        let first = shelf.add(name("a"), b"one").unwrap();
        let same = shelf.add(name("b:2"), b"one").unwrap();
        assert_eq!(first, same);
        let second = shelf.add(name("a:latest"), b"two").unwrap();
        assert_eq!(fs::read(shelf.content(&first)).unwrap(), b"one", "b:2 still has it");
        assert_eq!(
            shelf.names().unwrap(),
            Names::from([(name("a"), second.clone()), (name("b:2"), first.clone())])
        );

        assert!(shelf.remove(&name("b:2")).unwrap());
        assert!(!shelf.content(&first).exists());
        assert!(shelf.content(&second).exists());
    }
}
