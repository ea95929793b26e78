//! Makes a folder of an image's layers, whose author is a stranger.
//!
//! ```text
//! layer ─▶ Inflate ─▶ Entries ─▶ Tree ─▶ folder
//!          bounds     bounds     what is where; nothing is written by a stranger's path
//! ```
//!
//! The tree is kept in memory and has no file system below it: contents lie under numbers until
//! everything is known, directories and files are made of it then, and links last of all. So no
//! path is ever opened that a link could lead astray.

mod entries;
mod folder;
mod inflate;
mod path;
mod patience;
mod tree;

use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::{FILES_MAX, UNPACKED_BYTES_MAX};
use crate::media::Compression;
use crate::store::{Blobs, Shelf};
use entries::{Entries, Entry};
use inflate::Inflate;
pub(crate) use patience::Patience;
use tree::Tree;

/// The folder, in the one that is made, that the files are in.
pub(crate) const ROOT: &str = "root";

/// Makes the folder `target`, which must be empty, of `layers`, the lowest first; gives the
/// path below `target` of the file that `entry` names in them. It goes on as long as `patience` lasts.
pub(crate) fn unpack(
    layers: &[(Digest, Compression)],
    blobs: &Blobs,
    entry: Option<(&str, Option<&str>)>,
    target: &Path,
    patience: &Patience,
) -> Result<Option<PathBuf>> {
    let contents = target.join("contents");
    fs::create_dir(&contents).map_err(Error::file("make", &contents))?;
    let mut unpacking =
        Unpacking { tree: Tree::default(), contents: contents.clone(), files: 0, bytes: 0 };
    for (digest, compression) in layers {
        let file = blobs.open(digest)?;
        let compressed = file.metadata().map_err(Error::file("read", blobs.path(digest)))?.len();
        let left = UNPACKED_BYTES_MAX - unpacking.bytes;
        let file = BufReader::new(file);
        let reader = Inflate::new(file, *compression, compressed, left, patience.clone());
        let reader = reader.map_err(|error| layer_error(digest, &error))?;
        unpacking.layer(reader, digest, patience)?;
    }
    let root = target.join(ROOT);
    folder::make(&unpacking.tree, &contents, &root, patience)?;
    fs::remove_dir_all(&contents).map_err(Error::file("remove", &contents))?;
    let Some((entry, working_dir)) = entry else { return Ok(None) };
    let path = unpacking.tree.file(entry, working_dir).ok_or_else(|| {
        let entry = crate::registry::printable(entry);
        Error::NoModule(format!("its entrypoint {entry} is no file in its layers"))
    })?;
    Ok(Some(Path::new(ROOT).join(path)))
}

/// Makes the folder `target`, which must be empty, of `layers` as they are sent, the lowest first.
/// They are kept in the state folder `state` meanwhile.
pub fn unpack_layers(layers: &[Vec<u8>], state: &Path, target: &Path) -> Result<()> {
    let blobs = Shelf::of(state).blobs();
    let layers: Result<Vec<_>> =
        layers.iter().map(|layer| Ok((blobs.write(layer)?, Compression::None))).collect();
    let (patience, _waiting) = Patience::new();
    unpack(&layers?, &blobs, None, target, &patience.begun()).map(drop)
}

struct Unpacking {
    tree: Tree,
    contents: PathBuf,
    files: usize,
    bytes: u64,
}

impl Unpacking {
    fn layer(&mut self, reader: Inflate, digest: &Digest, patience: &Patience) -> Result<()> {
        self.tree.begin_layer();
        let mut entries = Entries::new(reader);
        while let Some(entry) = entries.next().map_err(|error| layer_error(digest, &error))? {
            // Entries of no size are read by the thousand at a time.
            patience.check().map_err(|error| layer_error(digest, &error))?;
            self.files += 1;
            if self.files > FILES_MAX {
                let limit = format!("an image has at most {FILES_MAX} files");
                return Err(Error::limit(format!("layer {digest}"), limit));
            }
            self.entry(entry, &mut entries).map_err(|error| layer_error(digest, &error))?;
        }
        // What stands after the archive's end is sent and must be paid for, too.
        let reader = entries.into_reader();
        self.bytes += reader.finish().map_err(|error| layer_error(digest, &error))?;
        Ok(())
    }

    fn entry(&mut self, entry: Entry, entries: &mut Entries) -> std::io::Result<()> {
        match entry {
            Entry::Directory { path } => self.tree.directory(&path),
            Entry::File { path, bytes } => {
                let number = self.tree.new_content();
                let content = folder::content(&self.contents, number);
                let mut file = fs::File::create_new(content)?;
                let copied = std::io::copy(&mut entries.content().take(bytes), &mut file)?;
                if copied < bytes {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                self.tree.file_at(&path, number)
            }
            Entry::Link { path, target } => self.tree.link(&path, &target),
            Entry::HardLink { path, target } => self.tree.hard_link(&path, &target),
            Entry::Whiteout { path } => {
                self.tree.whiteout(&path);
                Ok(())
            }
            Entry::Opaque { path } => {
                self.tree.opaque(&path);
                Ok(())
            }
        }
    }
}

fn layer_error(layer: &Digest, error: &std::io::Error) -> Error {
    Error::Layer { layer: layer.clone(), why: crate::registry::printable(&error.to_string()) }
}

#[cfg(test)]
mod tests;
