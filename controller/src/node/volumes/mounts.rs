//! A container's view of its pod's volumes.

use std::path::{Path, PathBuf};

use super::host_path::{HostPaths, Place};
use super::{beneath, content};
use crate::api::{Container, PodSpec, Volume, VolumeMount};
use crate::node::directory::PodDirectory;
use crate::node::env::Environment;
use crate::node::expand::expand;
use crate::node::runtime::{Mount, MountAccess};
use crate::node::sources::ConfigError;
use crate::node::storage;

/// What `container` sees of the volumes of its pod, which are there by now.
pub(crate) fn mounts(
    container: &Container,
    spec: &PodSpec,
    environment: &Environment,
    pod: &PodDirectory,
    (host_paths, memory_root): (&HostPaths, Option<&Path>),
) -> Result<Vec<Mount>, ConfigError> {
    let mut mounts = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        let volume = spec.volumes.iter().flatten().find(|volume| volume.name == mount.name);
        let volume = volume.ok_or_else(|| {
            ConfigError(format!(
                "volume \"{}\" of container {} not found",
                mount.name, container.name
            ))
        })?;
        let Place { folder, mut below } = place(volume, pod, (host_paths, memory_root))?;
        if let Some(sub_path) = sub_path(mount, environment)? {
            let inside = content::relative(&sub_path);
            let made = inside.and_then(|inside| {
                below.push(inside);
                beneath::make_directory(&folder, &below)
            });
            made.map_err(|error| {
                ConfigError(format!(
                    "failed to prepare subPath for volumeMount \"{}\" of container \"{}\": {error}",
                    mount.name, container.name
                ))
            })?;
        }
        let is_writable = volume.empty_dir.is_some() || volume.host_path.is_some();
        let is_writable = is_writable && mount.read_only != Some(true);
        let access = if is_writable { MountAccess::ReadWrite } else { MountAccess::ReadOnly };
        let mount_path = absolute(&mount.mount_path);
        let volume = volume.name.clone();
        mounts.push(Mount { volume, host_path: folder, below, mount_path, access });
    }
    Ok(mounts)
}

/// Makes the directory that a container begins in, if it lies in one of its `mounts` where it may
/// write; container runtimes for Kubernetes do so.
///
/// What can't be made, such as what leads through a link, is left as it is: if nothing can be entered
/// there, the runtime says so.
pub(crate) fn make_working_dir(directory: &str, mounts: &[Mount]) {
    let directory = absolute(directory);
    let below = |mount: &Mount| {
        let rest = directory.strip_prefix(mount.mount_path.trim_end_matches('/'))?;
        rest.strip_prefix('/').map(|rest| (mount.mount_path.len(), rest.to_owned()))
    };
    let lies_in = mounts.iter().filter_map(|mount| Some((below(mount)?, mount)));
    // The innermost is the one that the container sees there.
    let Some(((_, rest), mount)) = lies_in.max_by_key(|((length, _), _)| *length) else { return };
    if mount.access == MountAccess::ReadWrite {
        let _ = beneath::make_directory(&mount.host_path, &mount.below.join(rest));
    }
}

/// Where `volume` is.
fn place(
    volume: &Volume,
    pod: &PodDirectory,
    (host_paths, memory_root): (&HostPaths, Option<&Path>),
) -> Result<Place, ConfigError> {
    if let Some(source) = &volume.host_path {
        return host_paths.find(&source.path);
    }
    let folder = storage::folder(volume, pod, memory_root);
    let folder =
        folder.ok_or_else(|| ConfigError(format!("volume \"{}\" has no place", volume.name)))?;
    Ok(Place { folder, below: PathBuf::new() })
}

/// A path as container runtimes for Kubernetes take it: from the root on, and without detours.
fn absolute(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn sub_path(mount: &VolumeMount, environment: &Environment) -> Result<Option<String>, ConfigError> {
    if let Some(path) = mount.sub_path.as_ref().filter(|path| !path.is_empty()) {
        return Ok(Some(path.clone()));
    }
    let Some(text) = mount.sub_path_expr.as_ref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let missing = std::cell::Cell::new(false);
    let path = expand(text, |name| {
        let value = environment.get(name);
        missing.set(missing.get() || value.is_none());
        value
    });
    if missing.get() {
        return Err(ConfigError(format!("missing value for \"{text}\"")));
    }
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_working_directory_is_made_where_its_container_may_write() {
        let root = tempfile::tempdir().unwrap();
        let mount = |name: &str, below: &str, mount_path: &str, access| {
            let host_path = root.path().join(name);
            std::fs::create_dir_all(host_path.join(below)).unwrap();
            let (below, mount_path) = (PathBuf::from(below), mount_path.to_owned());
            Mount { volume: name.to_owned(), host_path, below, mount_path, access }
        };
        let mounts = [
            mount("all", "", "/", MountAccess::ReadOnly),
            mount("data", "sub", "/data", MountAccess::ReadWrite),
            mount("inner", "", "/data/inner", MountAccess::ReadOnly),
        ];
        std::os::unix::fs::symlink(root.path(), root.path().join("data/sub/out")).unwrap();
        for (directory, made) in [
            ("/data/a/b", Some("data/sub/a/b")),
            ("data/c/../d/", Some("data/sub/d")),
            ("/database", None),
            ("/data", None),
            ("/work", None),
            ("/data/inner/x", None),
            ("/data/out/x", None),
            ("/data/../../x", None),
        ] {
            let entries = || walk(root.path());
            let before = entries();
            make_working_dir(directory, &mounts);
            match made {
                Some(made) => assert!(root.path().join(made).is_dir(), "{directory}"),
                None => assert_eq!(entries(), before, "{directory}"),
            }
        }
    }

    /// Everything beneath `directory`, by its path; links are not followed.
    fn walk(directory: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                found.extend(walk(&entry.path()));
            }
            found.push(entry.path());
        }
        found.sort();
        found
    }

    #[test]
    fn a_mount_path_is_from_the_root_on() {
        for (path, expected) in
            [("/a/b", "/a/b"), ("a/b", "/a/b"), ("/a//b/./", "/a/b"), ("/a/../b", "/b"), ("/", "/")]
        {
            assert_eq!(absolute(path), expected, "{path}");
        }
    }
}
