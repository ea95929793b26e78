//! The folder that one run, or a server, keeps its state in.
//!
//! ```text
//! STATE/store/      objects, in a journal, for one process at a time
//! STATE/node/       what the pods have on disk: logs, volumes
//! STATE/images/     names for modules, of `mayfly image --state-dir STATE`
//! STATE/cache/      compiled code
//! STATE/tls/        the authorities of a server's certificates
//! STATE/pki/        what a node that has joined is known by, and knows its server by
//! STATE/kubeconfig  what clients of a server need
//! ```

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use jiff::SignedDuration;
use mayfly_controller::Settings;
use mayfly_controller::job::BackoffSettings;
use mayfly_controller::network::AllowedHosts;
use mayfly_controller::node::{
    BackoffCurve, HostPaths, LostRuns, NodeSettings, VolumeSettings, memory_root, remove_directory,
};
use mayfly_controller::podgc::TERMINATED_POD_GC_THRESHOLD;
use mayfly_runtime::Authorities;
use tempfile::TempDir;

use crate::args::{BackoffOptions, HostOptions};
use crate::limits::Limits;

/// The one node, which is this process.
pub(crate) const NODE_NAME: &str = "mayfly";

/// Where a run keeps its state, for good or for as long as it lasts.
pub(crate) struct StateFolder {
    path: PathBuf,
    /// Removed at the end, unless the user said where.
    temporary: Option<TempDir>,
    /// Where volumes in memory are, which go with it.
    memory: Option<PathBuf>,
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        let Some(temporary) = self.temporary.take() else { return };
        // Not by the standard library, which has a descriptor and some stack for each directory in
        // another: guests may have made a hundred thousand of them.
        if let Some(memory) = &self.memory {
            // The folder itself is not ours to remove once we are confined. The next node that has one
            // on this host does that, and looks for what could not be removed.
            for folder in ["pods", "removed"] {
                let _ = remove_directory(&memory.join(folder));
            }
        }
        let _ = remove_directory(&temporary.keep());
    }
}

impl StateFolder {
    /// The folder `path`, which is made if it is not there.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        // Secrets are among what is kept: nobody else on the host may look.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path.join("node"));
        made.with_context(|| format!("can't use the state folder {}", path.display()))?;
        let memory = memory_root(&path.join("node"));
        Ok(Self { path: path.to_owned(), temporary: None, memory })
    }

    /// A folder for this run alone. Volumes of medium `Memory` are in memory if it is known
    /// `with_memory` that there may be any.
    pub(crate) fn temporary(with_memory: bool) -> anyhow::Result<Self> {
        let temporary = tempfile::Builder::new()
            .prefix("mayfly-")
            .tempdir()
            .context("can't make a temporary folder for the pods")?;
        let path = temporary.path().to_owned();
        let memory = with_memory.then(|| memory_root(&path.join("node"))).flatten();
        Ok(Self { path, temporary: Some(temporary), memory })
    }

    /// Where everything is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Every folder that state is in, which is all that must be written to.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        [Some(&self.path), self.memory.as_ref()].into_iter().flatten().cloned().collect()
    }

    /// Where objects are kept, if they are.
    pub(crate) fn store(&self) -> Option<PathBuf> {
        self.temporary.is_none().then(|| self.path.join("store"))
    }

    /// How the control plane works on it, when pods may have `host` and what `limits` say.
    pub(crate) fn settings(
        &self,
        backoff: &BackoffOptions,
        host: OfHost,
        limits: &Limits,
    ) -> Settings {
        let (base, cap) = (backoff.backoff_base, backoff.backoff_max);
        Settings {
            backoff: BackoffSettings { base, cap: cap.max(base) },
            node: NodeSettings {
                // A process that was killed is no fault of its pods.
                lost_runs: LostRuns::RunAgain,
                restart_backoff: restarts(base, cap),
                ..self.node(NODE_NAME, host, limits)
            },
            root_ca: None,
            terminated_pod_gc_threshold: TERMINATED_POD_GC_THRESHOLD,
        }
    }

    /// How the node `name` works on it, in the same way.
    pub(crate) fn node(&self, name: &str, host: OfHost, limits: &Limits) -> NodeSettings {
        NodeSettings {
            host_paths: host.paths,
            allowed_hosts: host.hosts,
            capacity: limits.capacity.on_disk(&self.path),
            limits: limits.pods,
            volumes: VolumeSettings {
                entries: limits.volume_entries,
                memory_root: self.memory.clone(),
            },
            logs: limits.logs,
            disk: Some(limits.disk),
            ..NodeSettings::new(name, self.path.join("node"))
        }
    }

    /// What has to be removed when the process ends at once.
    pub(crate) fn to_remove(&self) -> Option<PathBuf> {
        self.temporary.as_ref().map(|folder| folder.path().to_owned())
    }
}

/// What pods may have of the host, and reach from it.
#[derive(Clone)]
pub(crate) struct OfHost {
    pub(crate) paths: HostPaths,
    pub(crate) hosts: AllowedHosts,
    /// Whose certificates are believed.
    pub(crate) authorities: Arc<Authorities>,
}

impl OfHost {
    /// What `options` let pods have.
    pub(crate) fn of(options: &HostOptions) -> anyhow::Result<Self> {
        let paths = HostPaths::allow(&options.host_paths).context("can't allow a --host-path")?;
        let mut hosts = AllowedHosts::default();
        for text in &options.allow_hosts {
            hosts.allow(text).with_context(|| format!("can't allow --allow-hosts {text}"))?;
        }
        Ok(Self { paths, hosts, authorities: Arc::new(authorities(options)?) })
    }
}

/// Whose certificates are believed, if `options` let pods reach anything.
fn authorities(options: &HostOptions) -> anyhow::Result<Authorities> {
    let Some(path) = options.ca_file.as_ref().filter(|_| !options.allow_hosts.is_empty()) else {
        return Ok(Authorities::default());
    };
    let read = std::fs::read(path).map_err(anyhow::Error::new);
    read.and_then(|pem| Ok(Authorities::with_pem(&pem)?))
        .with_context(|| format!("can't take the authorities in {}", path.display()))
}

/// How restarts of containers are delayed: as pods are, within Kubernetes' bound for restarts.
fn restarts(base: SignedDuration, cap: SignedDuration) -> BackoffCurve {
    let (base, cap) = (base.unsigned_abs(), cap.unsigned_abs());
    BackoffCurve { base, cap: cap.min(BackoffCurve::KUBELET.cap).max(base) }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

    use super::*;

    #[test]
    fn a_temporary_folder_goes_however_deep_guests_have_gone() {
        let state = StateFolder::temporary(false).expect("it must be made");
        let path = state.path().to_owned();
        let directory = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut at = openat(CWD, &path, directory, Mode::empty()).expect("it is there");
        for _ in 0..20_000 {
            mkdirat(&at, "d", Mode::from_raw_mode(0o755)).expect("it must be made");
            at = openat(&at, "d", directory, Mode::empty()).expect("it is there");
        }
        drop(at);
        drop(state);
        assert!(!path.exists());
    }
}
