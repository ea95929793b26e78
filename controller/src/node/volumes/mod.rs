//! A pod's volumes, as directories of the host that its containers see.
//!
//! What is in them is decided first, and is pure ([`content`]); then it is written
//! ([`materialise`]); then each container gets its view ([`mounts`]). A volume of the host itself
//! is only looked up ([`HostPaths`]). No name and no link that a container has made leads out of its
//! volume.

mod beneath;
mod content;
mod host_path;
mod memory;
mod mounts;

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use super::directory;

pub(crate) use content::{Content, content};
pub use host_path::HostPaths;
pub use memory::memory_root;
pub(crate) use mounts::{make_working_dir, mounts};

/// Puts the content of a volume into the directory `volume`, where its containers will see it.
///
/// An `emptyDir` that is there already stays as it is: it lives as long as its pod.
pub(crate) fn materialise(volume: &Path, content: &Content) -> io::Result<()> {
    // Secrets are in here: nobody else on the host may look.
    let volumes = volume.parent().unwrap_or(volume);
    DirBuilder::new().recursive(true).mode(0o700).create(volumes)?;
    let Content::Files(files) = content else {
        return fs::create_dir_all(volume);
    };
    directory::remove(volume)?;
    fs::create_dir(volume)?;
    for file in files {
        let path = volume.join(content::relative(&file.path)?);
        write(&path, &file.bytes, file.mode)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)?;
    fs::set_permissions(path, Permissions::from_mode(mode & 0o777))
}

#[cfg(test)]
mod tests;
