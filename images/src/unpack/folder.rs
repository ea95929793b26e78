//! Makes a folder of a tree.
//!
//! Every name below the folder is ours until the last step: directories are made and contents moved
//! while there is no link anywhere, so no path can lead out of it. Links come last, and are
//! written so that they stay in the folder wherever that is.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Patience;
use super::path::Names;
use super::tree::{Tree, What, resolve};
use crate::error::{Error, Result};

/// Where the content `number` lies until everything is known.
pub(crate) fn content(contents: &Path, number: u64) -> PathBuf {
    contents.join(number.to_string())
}

/// Makes the folder `root` of `tree`, whose files are in `contents`.
pub(crate) fn make(tree: &Tree, contents: &Path, root: &Path, patience: &Patience) -> Result<()> {
    fs::create_dir(root).map_err(Error::file("make", root))?;
    for (path, what) in tree.nodes() {
        patience.check().map_err(Error::file("make", root))?;
        let place = below(root, path);
        match what {
            What::Directory => fs::create_dir(&place).map_err(Error::file("make", &place))?,
            // A hard link costs nothing, and another name may want the same.
            What::File(number) => fs::hard_link(content(contents, *number), &place)
                .map_err(Error::file("make", &place))?,
            What::Link(_) => {}
        }
    }
    for (path, what) in tree.nodes() {
        patience.check().map_err(Error::file("make", root))?;
        if let What::Link(target) = what {
            let place = below(root, path);
            tree.check_link(path)
                .map_err(|error| Error::answer("its layers", error.to_string()))?;
            symlink(relative(path, target), &place).map_err(Error::file("make", &place))?;
        }
    }
    // One call for everything: a crash leaves the folder whole or without its name.
    let folder = File::open(root).map_err(Error::file("read", root))?;
    rustix::fs::syncfs(&folder).map_err(|error| Error::file("write", root)(error.into()))
}

fn below(root: &Path, path: &Names) -> PathBuf {
    path.iter().fold(root.to_owned(), |place, name| place.join(name))
}

/// The target of a link at `path`, from the directory that the link is in.
fn relative(path: &Names, target: &str) -> String {
    let directory = &path[..path.len() - 1];
    if !target.starts_with('/') {
        return target.to_owned();
    }
    let there = resolve(directory, target).unwrap_or_default();
    let up = vec![".."; directory.len()];
    let parts: Vec<_> = up.into_iter().chain(there.iter().map(String::as_str)).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}
