//! Volumes of type `hostPath`: what of the host its operator lets pods see.
//!
//! ```text
//! hostPath.path ─▶ below an allowed folder? ─▶ (that folder, the rest) ─▶ looked at, or made
//! ```
//!
//! Pods may write there, so the rest is never a path to be followed blindly: whoever opens it does
//! so from the folder on, and follows no link.
//!
//! Kubernetes differs: it lets a pod have any path of the host, and follows links on it.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::beneath;
use crate::api::HostPathVolumeSource;
use crate::node::sources::ConfigError;

/// The folders of a host below which pods may have `hostPath` volumes. None, unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostPaths {
    folders: Vec<Folder>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Folder {
    /// As manifests may name it: absolute.
    named: PathBuf,
    /// The same without links.
    real: PathBuf,
}

/// A place of the host that a pod may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// An allowed folder.
    pub(crate) folder: PathBuf,
    /// Where below it; may be empty.
    pub(crate) below: PathBuf,
}

impl HostPaths {
    /// Allows what is in the directories `folders`, all of which must be there.
    pub fn allow(folders: impl IntoIterator<Item = impl AsRef<Path>>) -> io::Result<Self> {
        let folder = |folder: &Path| {
            let (named, real) = (std::path::absolute(folder)?, folder.canonicalize()?);
            match real.is_dir() {
                true => Ok(Folder { named, real }),
                false => Err(io::ErrorKind::NotADirectory.into()),
            }
        };
        let named = |error: io::Error, folder: &Path| {
            io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
        };
        let folders = folders.into_iter().map(|it| {
            let it = it.as_ref();
            folder(it).map_err(|error| named(error, it))
        });
        Ok(Self { folders: folders.collect::<io::Result<_>>()? })
    }

    /// Says why a pod may not have `path`, if it may not.
    pub fn check(&self, path: &str) -> Result<(), String> {
        self.find(path).map(drop).map_err(|error| error.to_string())
    }

    /// The place that `path` of a manifest means, if it is allowed.
    pub(crate) fn find(&self, path: &str) -> Result<Place, ConfigError> {
        let given = Path::new(path);
        // `..` and a path that is not absolute are below nothing.
        let is_plain = given.components().all(|part| part != std::path::Component::ParentDir);
        let real = self.folders.iter().filter(|_| is_plain).find_map(|folder| {
            let below = given.strip_prefix(&folder.named).or(given.strip_prefix(&folder.real));
            Some(folder.real.join(below.ok()?))
        });
        // The outermost: a folder in another one may have been moved about by who has the other.
        let place = real.and_then(|real| {
            let around = self.folders.iter().filter(|folder| real.starts_with(&folder.real));
            let folder = &around.min_by_key(|folder| folder.real.as_os_str().len())?.real;
            let below = real.strip_prefix(folder).ok()?.components().collect();
            Some(Place { folder: folder.clone(), below })
        });
        place.ok_or_else(|| ConfigError(self.refusal(path)))
    }

    fn refusal(&self, path: &str) -> String {
        if self.folders.is_empty() {
            return format!(
                "hostPath {path} is not allowed: this node gives pods no path of its host unless its \
                 operator allows a folder with --host-path"
            );
        }
        let folders: Vec<_> =
            self.folders.iter().map(|it| it.named.display().to_string()).collect();
        format!(
            "hostPath {path} is not allowed: this node gives pods only what is below {}, which its \
             operator allows with --host-path",
            folders.join(", ")
        )
    }

    /// Looks whether what `source` wants is there, or makes it, as its type says.
    pub(crate) fn prepare(&self, source: &HostPathVolumeSource) -> Result<(), ConfigError> {
        let Place { folder, below } = self.find(&source.path)?;
        let failed = |error: io::Error| ConfigError(format!("hostPath {}: {error}", source.path));
        let type_ = source.type_.as_deref().unwrap_or_default();
        match type_ {
            // With no type the kubelet looks at nothing, and the container runtime makes a directory
            // if there is nothing.
            "" | "DirectoryOrCreate" => beneath::make_directory(&folder, &below),
            "FileOrCreate" => beneath::make_file(&folder, &below),
            _ => Ok(()),
        }
        .map_err(failed)?;
        let found = beneath::kind_of(&folder, &below).map_err(failed)?;
        let (wanted, word) = match type_ {
            "Directory" | "DirectoryOrCreate" => (Some(FileType::Directory), "directory"),
            "File" | "FileOrCreate" => (Some(FileType::RegularFile), "file"),
            "" => (None, ""),
            _ => {
                return Err(ConfigError(format!(
                    "hostPath type {type_} is one that this node has not"
                )));
            }
        };
        match wanted {
            Some(wanted) if found != Some(wanted) => Err(ConfigError(format!(
                "hostPath type check failed: {} is not a {word}",
                source.path
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
