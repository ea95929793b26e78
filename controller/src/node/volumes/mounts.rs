//! A container's view of its pod's volumes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::content::relative;
use crate::api::{Container, PodSpec, VolumeMount};
use crate::node::directory::PodDirectory;
use crate::node::env::Environment;
use crate::node::expand::expand;
use crate::node::runtime::{Mount, MountAccess};
use crate::node::sources::ConfigError;

/// What `container` sees of the volumes of its pod, which are there by now.
pub(crate) fn mounts(
    container: &Container,
    spec: &PodSpec,
    environment: &Environment,
    pod: &PodDirectory,
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
        let root = pod.volume(&volume.name).map_err(|error| ConfigError(error.to_string()))?;
        let host_path = match sub_path(mount, environment)? {
            None => root,
            Some(sub_path) => within(&root, &sub_path).map_err(|error| {
                ConfigError(format!(
                    "failed to prepare subPath for volumeMount \"{}\" of container \"{}\": {error}",
                    mount.name, container.name
                ))
            })?,
        };
        let is_writable = volume.empty_dir.is_some() && mount.read_only != Some(true);
        let access = if is_writable { MountAccess::ReadWrite } else { MountAccess::ReadOnly };
        mounts.push(Mount { host_path, mount_path: mount.mount_path.clone(), access });
    }
    Ok(mounts)
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

/// `sub_path` of `root`, made if it is not there.
///
/// A container may have left links in the volume, so none is followed.
fn within(root: &Path, sub_path: &str) -> io::Result<PathBuf> {
    let mut path = root.to_owned();
    for part in relative(sub_path)?.components() {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {
                return Err(io::Error::other("it leads through a symbolic link"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&path)?,
            Err(error) => return Err(error),
        }
    }
    Ok(path)
}
