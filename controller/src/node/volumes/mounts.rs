//! A container's view of its pod's volumes.

use std::path::PathBuf;

use super::host_path::{HostPaths, Place};
use super::{beneath, content};
use crate::api::{Container, PodSpec, Volume, VolumeMount};
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
    host_paths: &HostPaths,
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
        let Place { folder, mut below } = place(volume, pod, host_paths)?;
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
        let mount_path = mount.mount_path.clone();
        mounts.push(Mount { host_path: folder, below, mount_path, access });
    }
    Ok(mounts)
}

/// Where `volume` is.
fn place(
    volume: &Volume,
    pod: &PodDirectory,
    host_paths: &HostPaths,
) -> Result<Place, ConfigError> {
    if let Some(source) = &volume.host_path {
        return host_paths.find(&source.path);
    }
    let folder = pod.volume(&volume.name).map_err(|error| ConfigError(error.to_string()))?;
    Ok(Place { folder, below: PathBuf::new() })
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
