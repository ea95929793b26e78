//! Where a pod's files are on its node.
//!
//! ```text
//! root/pods/<namespace>_<name>_<uid>/<container>/<restart>.log       what it printed first,
//!                                               /<restart>.log.<n>   and then
//!                                               /<restart>.lost.log  before the run was lost
//!                                   /volumes.d/<volume>/             what it mounts
//!     /logs/segment-<n>                                              what many pods printed
//!     /removed/<n>                                                   what is on its way out
//! ```
//!
//! To make a directory costs the file system more than all else that a short pod costs its node. So a
//! pod has one only if it mounts something of its own, or prints much.

mod discard;
mod remove;

use std::io;
use std::path::{Path, PathBuf};

use super::runtime::PodIdentity;

pub(crate) use discard::{discard, discard_all, sweep};
pub use remove::remove;

/// The directory of one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodDirectory(PathBuf);

impl PodDirectory {
    /// The directory of `pod` under `root`, which need not exist yet.
    pub(crate) fn new(root: &Path, pod: &PodIdentity) -> io::Result<Self> {
        let name = format!("{}_{}_{}", pod.namespace, pod.name, pod.uid);
        Ok(Self(pods(root).join(component(&name)?)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What it is under.
    pub(crate) fn root(&self) -> &Path {
        self.0.ancestors().nth(2).unwrap_or(&self.0)
    }

    /// The directory of the same pod under another root.
    pub(crate) fn in_memory(&self, root: &Path) -> Self {
        Self(pods(root).join(self.0.file_name().unwrap_or_default()))
    }

    /// What `container` printed in its run after so many restarts: the first file of it.
    pub(crate) fn log(&self, container: &str, restart: u32) -> io::Result<PathBuf> {
        Ok(self.0.join(component(container)?).join(format!("{restart}.log")))
    }

    /// What it had printed in the same run when that was lost, and began once more.
    pub(crate) fn lost_log(&self, container: &str, restart: u32) -> io::Result<PathBuf> {
        Ok(self.0.join(component(container)?).join(format!("{restart}.lost.log")))
    }

    /// Where all volumes are.
    pub(crate) fn volumes(&self) -> PathBuf {
        // A container can't be called so: its name would have to be a DNS label without a dot.
        self.0.join("volumes.d")
    }

    /// The content of a volume.
    pub(crate) fn volume(&self, name: &str) -> io::Result<PathBuf> {
        Ok(self.volumes().join(component(name)?))
    }
}

/// The directory that holds the directories of pods.
pub(crate) fn pods(root: &Path) -> PathBuf {
    root.join("pods")
}

/// The directory that holds the logs that are small.
pub(crate) fn logs(root: &Path) -> PathBuf {
    root.join("logs")
}

/// The directory that holds what pods have left that is being removed.
pub(crate) fn removed(root: &Path) -> PathBuf {
    root.join("removed")
}

/// The uid that a directory's name ends with.
pub(crate) fn uid_of(directory_name: &str) -> Option<&str> {
    directory_name.rsplit_once('_').map(|(_, uid)| uid)
}

/// Admission has checked every name already. Should it fail, no name leads out of its directory.
fn component(name: &str) -> io::Result<&str> {
    let is_plain = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
    is_plain.then_some(name).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is no file name"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out() {
        let pod =
            |name: &str| PodIdentity { namespace: "ns".into(), name: name.into(), uid: "u".into() };
        let root = Path::new("/state");
        let directory = PodDirectory::new(root, &pod("p")).unwrap();
        assert_eq!(directory.root(), root);
        assert_eq!(directory.log("main", 2).unwrap(), Path::new("/state/pods/ns_p_u/main/2.log"));
        assert!(PodDirectory::new(root, &pod("../../etc")).is_err());
        for name in ["", ".", "..", "a/b", "/etc"] {
            assert!(directory.log(name, 0).is_err(), "{name:?}");
            assert!(directory.volume(name).is_err(), "{name:?}");
        }
    }
}
