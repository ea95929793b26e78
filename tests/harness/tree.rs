//! What lies in a folder, to be held against what lies in another.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything below a folder, by its path from there.
pub(crate) type Tree = BTreeMap<PathBuf, Entry>;

/// What a path leads to.
#[derive(PartialEq, Eq)]
pub(crate) enum Entry {
    Folder,
    Link(PathBuf),
    File(Vec<u8>),
}

/// Everything below `folder`.
pub(crate) fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).expect("the folder must be there") {
            let path = entry.expect("it must be readable").path();
            let kind = fs::symlink_metadata(&path).expect("it must be there").file_type();
            let entry = if kind.is_dir() {
                folders.push(path.clone());
                Entry::Folder
            } else if kind.is_symlink() {
                Entry::Link(fs::read_link(&path).expect("it is a link"))
            } else {
                Entry::File(fs::read(&path).expect("it must be readable"))
            };
            let name = path.strip_prefix(folder).expect("it is below").to_owned();
            found.insert(name, entry);
        }
    }
    found
}

/// Copies what lies in one folder, and folders below it, into another.
pub(crate) fn copy(from: &Path, to: &Path) {
    for (name, entry) in tree(from) {
        let to = to.join(name);
        let made = match entry {
            Entry::Folder => fs::create_dir_all(&to),
            Entry::Link(target) => std::os::unix::fs::symlink(target, &to),
            Entry::File(bytes) => fs::write(&to, bytes),
        };
        made.unwrap_or_else(|error| panic!("{}: {error}", to.display()));
    }
}

impl fmt::Debug for Entry {
    /// The text of files, as far as somebody reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str("folder"),
            Self::Link(target) => write!(f, "link to {}", target.display()),
            Self::File(bytes) => {
                let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1000)]);
                write!(f, "{} bytes: {text:?}", bytes.len())
            }
        }
    }
}
