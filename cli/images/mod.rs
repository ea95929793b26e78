//! Finds the WebAssembly module that an image name stands for.
//!
//! ```text
//! --image NAME=FILE ─▶ names kept in a state folder ─▶ paths from the manifest ─▶ below --image-dir
//!                                                                       ─▶ registries
//! ```
//!
//! The first that knows the name has it. What the module is good for is not known here.

pub(crate) mod logins;
mod policy;
mod registries;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use mayfly_images::{Entry, ImageName, InvalidName, Origin, Shelf};

pub(crate) use policy::policy;
pub(crate) use registries::Registries;

use crate::args::{ImageOptions, NamedFile};
use crate::places;

/// Every folder that keeps images: those in the state folder `own` first, then those for everyone.
pub(crate) fn shelves(own: Option<&Path>) -> Vec<Shelf> {
    let mut folders: Vec<_> = own.map(ToOwned::to_owned).into_iter().collect();
    // Whoever has no home has no images there.
    folders.extend(places::shared_state_dir().ok().filter(|shared| Some(shared.as_path()) != own));
    folders.iter().map(|folder| Shelf::of(folder)).collect()
}

/// Everything that gives images to one run.
#[derive(Debug, Default)]
pub(crate) struct Images {
    given: BTreeMap<ImageName, PathBuf>,
    shelves: Vec<Shelf>,
    manifest_folders: Vec<PathBuf>,
    allowed_folders: Vec<PathBuf>,
}

/// Where an image was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The file that its module is in.
    File {
        /// Which.
        path: PathBuf,
        /// Whether it is kept under its name, so that it is here before anybody asks; a file that a
        /// path leads to is fetched each time.
        is_kept: bool,
    },
    /// The operator has built it under its name.
    Built,
}

/// Why an image was not found.
#[derive(Debug)]
pub(crate) enum Missing {
    /// It is neither a name nor the path of a file.
    Invalid(InvalidName),
    /// It is a name that nothing stands for.
    Unknown {
        /// As it was asked for.
        image: String,
        /// Every place, in order.
        looked_at: Vec<String>,
    },
    /// It is the path of different files, seen from different manifests.
    Ambiguous {
        /// As it was asked for.
        image: String,
        /// The files.
        files: Vec<PathBuf>,
    },
    /// A place could not be searched.
    Unreadable(anyhow::Error),
}

impl Images {
    /// Images of the files that `options` gives, then of `shelves`, then of files in the folders
    /// that it allows.
    pub(crate) fn new(options: &ImageOptions, shelves: Vec<Shelf>) -> anyhow::Result<Self> {
        let mut images = Self { shelves, ..Self::default() };
        for NamedFile { name, file } in &options.given {
            let name = ImageName::parse(name).with_context(|| {
                format!("--image {name}={}: this is no image name", file.display())
            })?;
            if let Some(before) = images.given.insert(name.clone(), file.clone()) {
                bail!(
                    "--image gives two files for {name}: {} and {}",
                    before.display(),
                    file.display()
                );
            }
        }
        for folder in &options.folders {
            let folder = folder
                .canonicalize()
                .with_context(|| format!("can't read --image-dir {}", folder.display()))?;
            images.allowed_folders.push(folder);
        }
        Ok(images)
    }

    /// Lets paths start from `folder`, too, which has a manifest in it.
    pub(crate) fn add_manifest_folder(&mut self, folder: &Path) {
        if !self.manifest_folders.iter().any(|known| known == folder) {
            self.manifest_folders.push(folder.to_owned());
        }
    }

    /// Finds what `image` stands for now.
    pub(crate) fn find(&self, image: &str) -> Result<Found, Missing> {
        let name = ImageName::parse(image);
        if let Ok(name) = &name
            && let Some(found) = self.find_name(name).map_err(Missing::Unreadable)?
        {
            return Ok(found);
        }
        if let Some(path) = self.find_path(image)? {
            return Ok(Found::File { path, is_kept: false });
        }
        match name {
            // A path is no name, and need not be one.
            Err(invalid) if !image.contains('/') => Err(Missing::Invalid(invalid)),
            _ => Err(Missing::Unknown { image: image.to_owned(), looked_at: self.places(image) }),
        }
    }

    fn find_name(&self, name: &ImageName) -> anyhow::Result<Option<Found>> {
        if let Some(file) = self.given.get(name) {
            return Ok(Some(Found::File { path: file.clone(), is_kept: true }));
        }
        for shelf in &self.shelves {
            let names = shelf.names()?;
            let path = match (names.get(name), name.digest()) {
                (Some(Entry::Module(digest)), _) => shelf.module(digest),
                (Some(Entry::Image(kept)), _) if kept.origin == Origin::Built => {
                    return Ok(Some(Found::Built));
                }
                (None, Some(digest)) => shelf.module(&digest),
                _ => continue,
            };
            if path.is_file() {
                return Ok(Some(Found::File { path, is_kept: true }));
            }
        }
        Ok(None)
    }

    fn find_path(&self, image: &str) -> Result<Option<PathBuf>, Missing> {
        if !Path::new(image).is_absolute() {
            let mut files: Vec<PathBuf> = self
                .manifest_folders
                .iter()
                .map(|folder| folder.join(image))
                .filter(|path| path.is_file())
                .filter_map(|path| path.canonicalize().ok())
                .collect();
            files.sort();
            files.dedup();
            if files.len() > 1 {
                return Err(Missing::Ambiguous { image: image.to_owned(), files });
            }
            if let Some(file) = files.pop() {
                return Ok(Some(file));
            }
        }
        // The real path counts, so that neither `..` nor a link leads out of the folder.
        let is_allowed = |path: &PathBuf| {
            path.is_file() && self.allowed_folders.iter().any(|folder| path.starts_with(folder))
        };
        let real_paths =
            self.allowed_folders.iter().filter_map(|folder| folder.join(image).canonicalize().ok());
        Ok(real_paths.into_iter().find(is_allowed))
    }

    /// Where `image` was looked for, in words.
    fn places(&self, image: &str) -> Vec<String> {
        let mut places = vec!["--image".to_owned()];
        places.extend(
            self.shelves
                .iter()
                .map(|it| format!("`mayfly image list` ({})", it.folder().display())),
        );
        if !Path::new(image).is_absolute() {
            places.extend(
                self.manifest_folders.iter().map(|it| it.join(image).display().to_string()),
            );
        }
        places.extend(self.allowed_folders.iter().map(|it| it.join(image).display().to_string()));
        places
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(invalid) => write!(f, "{invalid}"),
            Self::Unreadable(error) => write!(f, "{error:#}"),
            Self::Ambiguous { image, files } => {
                let files: Vec<_> = files.iter().map(|it| it.display().to_string()).collect();
                write!(f, "{image} is more than one file: {}", files.join(" and "))
            }
            Self::Unknown { image, looked_at } => {
                write!(f, "no such image; looked at {}. ", looked_at.join(", then "))?;
                let Ok(name) = ImageName::parse(image) else {
                    return f.write_str(
                        "A path starts from the folder of the manifest, or lies below a folder \
                         that is given with --image-dir",
                    );
                };
                write!(f, "{}", Advice(&name))
            }
        }
    }
}

/// What to do about a name that nothing stands for.
pub(crate) struct Advice<'a>(pub(crate) &'a ImageName);

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0;
        // The command of the Kubernetes documentation, which everybody tries first.
        if name.is_perl() {
            f.write_str("The script examples/perl/build makes a Perl. ")?;
        }
        write!(f, "Give its module with --image {name}=FILE, or once and for all with ")?;
        write!(f, "`mayfly image add {name} FILE`")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_place_that_knows_a_name_has_it() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["manifests/deep", "allowed"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in ["given.wasm", "manifests/a.wasm", "allowed/b.wasm", "manifests/deep/kept"] {
            fs::write(root.join(file), file).unwrap();
        }
        let shelf = Shelf::of(&root);
        let digest = shelf.add(ImageName::parse("kept").unwrap(), b"kept").unwrap();
        let given = vec![NamedFile { name: "perl".into(), file: root.join("given.wasm") }];
        let options = ImageOptions {
            given,
            folders: vec![root.join("allowed")],
            registries: Vec::new(),
            policy: None,
            offline: true,
        };
        let mut images = Images::new(&options, vec![shelf.clone()]).unwrap();
        images.add_manifest_folder(&root.join("manifests"));

        let check = |image: &str, expect: Option<(&str, bool)>| {
            let found = images.find(image).ok().map(|found| match found {
                Found::File { path, is_kept } => (path, is_kept),
                Found::Built => panic!("nothing was built"),
            });
            assert_eq!(found, expect.map(|(path, kept)| (root.join(path), kept)), "{image}");
        };
        let kept = format!("images/sha256/{}.wasm", digest.hex());
        check("perl", Some(("given.wasm", true)));
        check("docker.io/library/perl:latest", Some(("given.wasm", true)));
        check("perl:5", None);
        check("kept", Some((&kept, true)));
        check(&format!("any@{digest}"), Some((&kept, true)));
        check("a.wasm", Some(("manifests/a.wasm", false)));
        check("./a.wasm", Some(("manifests/a.wasm", false)));
        check("deep/../a.wasm", Some(("manifests/a.wasm", false)));
        check("../given.wasm", Some(("given.wasm", false)));
        check("b.wasm", Some(("allowed/b.wasm", false)));
        check(root.join("allowed/b.wasm").to_str().unwrap(), Some(("allowed/b.wasm", false)));
        check(root.join("given.wasm").to_str().unwrap(), None);
        check("deep", None);
    }

    #[test]
    fn a_path_that_means_two_files_means_none() {
        let root = tempfile::tempdir().unwrap();
        let mut images = Images::default();
        for folder in ["one", "two"] {
            fs::create_dir(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("a.wasm"), folder).unwrap();
            images.add_manifest_folder(&root.path().join(folder));
        }
        assert!(matches!(images.find("a.wasm"), Err(Missing::Ambiguous { .. })));
    }
}
