//! The images of one state folder, by their names.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::blobs::Blobs;
use super::file::{make_folder, read_bounded, write_whole};
use super::names::{Entry, Kept, Names};
use super::trees::Trees;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::name::ImageName;

/// The largest file of names: as many as there may be, each with as many logins.
const NAMES_BYTES_MAX: u64 = 128 << 20;

/// The images of one state folder, which need not exist.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

/// An image is in use for as long as this is there.
#[derive(Debug)]
pub struct InUse {
    _locked: File,
}

impl Shelf {
    /// The images in the state folder `state`.
    pub fn of(state: &Path) -> Self {
        Self { folder: state.join("images") }
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every name.
    pub fn names(&self) -> Result<Names> {
        let path = self.names_path();
        let text = match read_bounded(&path, NAMES_BYTES_MAX) {
            Ok(text) => text,
            // A file stands in the way of the folder: nothing is kept there either.
            Err(Error::File { source, .. })
                if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(Names::new());
            }
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&text)
            .map_err(|error| Error::Damaged { path, why: error.to_string() })
    }

    /// Where the module with the content `digest` is, if the operator has added it.
    pub fn module(&self, digest: &Digest) -> PathBuf {
        self.folder.join("sha256").join(digest.hex()).with_extension("wasm")
    }

    /// Keeps the module `bytes`, and lets `name` stand for it.
    pub fn add(&self, name: ImageName, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        let _turn = self.lock()?;
        write_whole(&self.module(&digest), bytes)?;
        let mut names = self.names()?;
        let before = names.insert(name, Entry::Module(digest.clone()));
        self.write_names(&names)?;
        self.drop_unnamed(&names, before);
        Ok(digest)
    }

    /// Lets `name` stand for what `entry` makes of what it stood for.
    pub(crate) fn record(
        &self,
        name: &ImageName,
        entry: impl FnOnce(Option<&Entry>) -> Entry,
    ) -> Result<()> {
        let _turn = self.lock()?;
        let mut names = self.names()?;
        let before = names.get(name);
        let after = entry(before);
        if before == Some(&after) {
            return Ok(());
        }
        let before = names.insert(name.clone(), after);
        self.write_names(&names)?;
        self.drop_unnamed(&names, before);
        Ok(())
    }

    /// Forgets `name`; false if it was not known. What came from a registry stays until it is pruned.
    pub fn remove(&self, name: &ImageName) -> Result<bool> {
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

    /// Keeps `kept` from being pruned while a process runs it.
    pub fn use_it(&self, kept: &Kept) -> Result<InUse> {
        let path = self.use_path(&kept.manifest);
        let locked = self.lock_file(&path).and_then(|file| file.lock_shared().map(|()| file));
        Ok(InUse { _locked: locked.map_err(Error::file("lock", &path))? })
    }

    pub(crate) fn blobs(&self) -> Blobs {
        Blobs::new(&self.folder)
    }

    pub(crate) fn trees(&self) -> Trees {
        Trees::new(&self.folder)
    }

    /// Where the signatures of `digest` are kept that were good when they were fetched.
    pub(crate) fn signatures(&self, digest: &Digest) -> PathBuf {
        self.folder.join("signatures").join(digest.hex()).with_extension("json")
    }

    /// Keeps pruning away while something is brought here that no name leads to yet.
    pub(crate) fn bringing(&self) -> Result<File> {
        let path = self.pulls_path();
        let locked = self.lock_file(&path).and_then(|file| file.lock_shared().map(|()| file));
        locked.map_err(Error::file("lock", path))
    }

    /// Keeps pruning away while a pull goes on.
    pub(crate) async fn pulling(&self) -> Result<File> {
        let shelf = self.clone();
        let locked = tokio::task::spawn_blocking(move || shelf.bringing());
        locked.await.expect("locking a file must not panic")
    }

    /// Waits until nothing is pulled.
    pub(crate) fn pruning(&self) -> Result<File> {
        let path = self.pulls_path();
        let locked = self.lock_file(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(Error::file("lock", path))
    }

    /// Waits for its turn to write, which lasts as long as what is returned.
    pub(super) fn lock(&self) -> Result<File> {
        let path = self.folder.join("lock");
        let locked = self.lock_file(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(Error::file("keep images in", &self.folder))
    }

    pub(super) fn lock_file(&self, path: &Path) -> std::io::Result<File> {
        make_folder(path.parent().unwrap_or(&self.folder))?;
        OpenOptions::new().create(true).truncate(false).write(true).open(path)
    }

    /// The file of names.
    pub fn names_path(&self) -> PathBuf {
        self.folder.join("names.json")
    }

    fn pulls_path(&self) -> PathBuf {
        self.folder.join("pulls")
    }

    pub(super) fn use_path(&self, manifest: &Digest) -> PathBuf {
        self.folder.join("uses").join(manifest.hex())
    }

    pub(super) fn write_names(&self, names: &Names) -> Result<()> {
        let text = serde_json::to_vec_pretty(names).expect("names must be writable as JSON");
        write_whole(&self.names_path(), &text)
    }

    fn drop_unnamed(&self, names: &Names, before: Option<Entry>) {
        let Some(entry @ Entry::Module(_)) = before else { return };
        if names.values().any(|it| *it == entry) {
            return;
        }
        let Entry::Module(digest) = entry else { return };
        // What stays behind costs room and nothing else; the next one to add it finds it.
        if let Err(error) = fs::remove_file(self.module(&digest)) {
            tracing::warn!(%digest, %error, "an image without a name could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::Login;
    use crate::store::Origin;

    fn name(text: &str) -> ImageName {
        ImageName::parse(text).unwrap()
    }

    #[test]
    fn names_come_and_go_with_their_content() {
        let state = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(&state.path().join("not/there/yet"));
        assert_eq!(shelf.names().unwrap(), Names::new());
        assert!(!shelf.remove(&name("a")).unwrap());

        let first = shelf.add(name("a"), b"one").unwrap();
        let same = shelf.add(name("b:2"), b"one").unwrap();
        assert_eq!(first, same);
        let second = shelf.add(name("a:latest"), b"two").unwrap();
        assert_eq!(fs::read(shelf.module(&first)).unwrap(), b"one", "b:2 still has it");
        assert_eq!(
            shelf.names().unwrap(),
            Names::from([
                (name("a"), Entry::Module(second.clone())),
                (name("b:2"), Entry::Module(first.clone()))
            ])
        );

        assert!(shelf.remove(&name("b:2")).unwrap());
        assert!(!shelf.module(&first).exists());
        assert!(shelf.module(&second).exists());
    }

    #[test]
    fn as_many_names_as_there_may_be_are_read() {
        let digest = Digest::of(b"");
        let kept = Kept {
            digest: digest.clone(),
            manifest: digest.clone(),
            origin: Origin::Pulled,
            public: false,
            logins: vec![digest.hex().to_owned(); crate::limits::LOGINS_REMEMBERED_MAX],
        };
        let longest = name(&format!("r.example/{}@{digest}", "x".repeat(245)));
        let names = Names::from([(longest, Entry::Image(kept))]);
        let one = serde_json::to_vec_pretty(&names).unwrap().len() as u64;
        assert!(one * crate::limits::NAMES_MAX as u64 <= NAMES_BYTES_MAX, "{one} bytes each");
    }

    #[test]
    fn names_that_were_kept_before_there_were_registries_are_read() {
        let state = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(state.path());
        let digest = Digest::of(b"old");
        fs::create_dir_all(shelf.folder()).unwrap();
        let json = format!(r#"{{"docker.io/library/perl:latest": "{digest}"}}"#);
        fs::write(shelf.folder().join("names.json"), json).unwrap();
        assert_eq!(shelf.names().unwrap()[&name("perl")], Entry::Module(digest));
    }

    #[test]
    fn an_image_is_for_those_whom_the_registry_gave_it() {
        let login = |password: &str| Login::Password {
            username: "me".to_owned(),
            password: password.to_owned(),
        };
        let digest = Digest::of(b"");
        let mut kept = Kept {
            digest: digest.clone(),
            manifest: digest,
            origin: Origin::Pulled,
            public: false,
            logins: Vec::new(),
        };
        let image = name("ghcr.io/me/private");
        assert!(!kept.is_for(&image, &[]));
        kept.given_to(&image, Some(&login("a")));
        assert!(kept.is_for(&image, &[login("b"), login("a")]));
        assert!(!kept.is_for(&image, &[login("b")]));
        assert!(!kept.is_for(&image, &[]));
        for number in 0..100 {
            kept.given_to(&image, Some(&login(&number.to_string())));
        }
        assert!(kept.is_for(&image, &[login("99")]));
        assert!(!kept.is_for(&image, &[login("a")]), "the oldest are asked for again");
        kept.given_to(&image, None);
        assert!(kept.is_for(&image, &[]));
    }
}
