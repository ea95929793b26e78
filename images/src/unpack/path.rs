//! Paths as they stand in an archive.

use std::io;

use crate::limits::{FILE_NAME_BYTES_MAX, PATH_BYTES_MAX, PATH_NAMES_MAX};
use crate::registry::printable;

/// The names on the way to a file from the top of the image; empty for the top itself.
pub(crate) type Names = Vec<String>;

/// The names in `path`, which may begin at the root and may not lead out of it.
pub(crate) fn names(path: &str) -> io::Result<Names> {
    let mut names = Vec::new();
    check(path)?;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(wrong(path, "it has .. in it")),
            name => names.push(name.to_owned()),
        }
    }
    Ok(names)
}

/// Refuses what no file system could hold.
pub(crate) fn check(path: &str) -> io::Result<()> {
    if path.len() > PATH_BYTES_MAX {
        return Err(wrong(path, &format!("it is longer than {PATH_BYTES_MAX} bytes")));
    }
    if path.contains('\0') {
        return Err(wrong(path, "it has a NUL in it"));
    }
    if path.split('/').any(|name| name.len() > FILE_NAME_BYTES_MAX) {
        let why = format!("a name in it is longer than {FILE_NAME_BYTES_MAX} bytes");
        return Err(wrong(path, &why));
    }
    check_depth(path, path.split('/').filter(|name| !matches!(*name, "" | ".")).count())
}

/// Refuses more names than a path may have, which for `path` are so many.
pub(crate) fn check_depth(path: &str, names: usize) -> io::Result<()> {
    if names > PATH_NAMES_MAX {
        return Err(wrong(path, &format!("it has more than {PATH_NAMES_MAX} names in it")));
    }
    Ok(())
}

/// A refusal of `path`.
pub(crate) fn wrong(path: &str, why: &str) -> io::Error {
    let shown: String = path.chars().take(100).collect();
    io::Error::other(format!("the path {} is not taken: {why}", printable(&shown)))
}
