//! The line between the node agent and whatever runs containers, as the CRI is in Kubernetes.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::inputs::Input;
use super::usage::Gauge;
use crate::api::{Kind, ObjectReference, Pod};
use crate::network::HostRule;

/// Runs containers.
///
/// A container that fails is a [`ContainerEnd`]; `Err` means that it could not be started.
pub trait PodRuntime: Send + Sync + 'static {
    /// Makes the image ready to run that `pull` names, or says why it can't be.
    ///
    /// A later call for the same name may give another image: names move, ids don't.
    fn pull(&self, pull: Pull) -> impl Future<Output = Result<Image, PullError>> + Send;

    /// Runs one container to its end.
    ///
    /// When `cancel` fires the container is ended within tens of milliseconds, and its end is
    /// returned with exit code 137. Dropping the future ends it as well.
    fn run(
        &self,
        container: Container,
        cancel: CancellationToken,
    ) -> impl Future<Output = Result<ContainerEnd, StartError>> + Send;

    /// Begins to keep account of what a pod stores within `limits`, and says so by `exceeded` once
    /// that is more; a container that is about to store more is ended. The directories need not be
    /// there yet. `None` if this runtime does not limit what is stored.
    fn storage(
        &self,
        limits: StorageLimits,
        exceeded: Arc<dyn Fn(StorageExceeded) + Send + Sync>,
    ) -> Option<Arc<dyn Storage>> {
        let _ = (limits, exceeded);
        None
    }
}

/// The account of what one pod stores, which its runtime keeps.
pub trait Storage: Any + Send + Sync {
    /// Counts what the node itself has stored for the pod, such as logs, as the pod's.
    fn keep(&self, bytes: u64);

    /// The node has removed what it had stored.
    fn release(&self, bytes: u64);
}

/// How much a pod may store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageLimits {
    /// In each of its volumes that its containers may write to.
    pub volumes: Vec<StoredVolume>,
    /// In bytes, in those on disk together with its logs.
    pub bytes_max: Option<u64>,
}

/// A volume that containers store things in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVolume {
    /// Its name in the pod.
    pub name: String,
    /// Where it is on the host.
    pub directory: PathBuf,
    /// How much may be in it.
    pub bytes_max: u64,
    /// How many files, directories and links may be in it. One more fails, and ends nothing.
    pub entries_max: u64,
    /// What it is kept in.
    pub medium: Medium,
}

/// What a volume is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// On disk: whoever stores more than there may be ends, and so does their pod.
    Disk,
    /// In memory: there is no space for more.
    Memory,
}

/// What has been exceeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageExceeded {
    /// What may be in this volume.
    Volume(String),
    /// What the pod may store in all.
    Pod,
    /// What this container may store by itself.
    Container(String),
}

/// An image that is to be made ready.
#[derive(Clone, Debug)]
pub struct Pull {
    /// As the pod names it.
    pub image: String,
    /// When to look for it elsewhere.
    pub policy: PullPolicy,
    /// Logins for the registries that images come from, to be tried in this order.
    pub logins: Vec<LoginFile>,
    /// Is told when the image has to be fetched, before it is.
    pub fetching: Arc<Notify>,
    /// Is told how long it took to compile the image, if somebody wants to know and it had to be.
    pub compiled: Option<Arc<OnceLock<Duration>>>,
}

impl Pull {
    /// The image `image`, for somebody who has no logins.
    pub fn new(image: impl Into<String>, policy: PullPolicy) -> Self {
        let (logins, fetching, compiled) = (Vec::new(), Arc::default(), None);
        Self { image: image.into(), policy, logins, fetching, compiled }
    }
}

/// Logins for registries, as Docker writes them into files. What is in them is the runtime's to
/// read.
#[derive(Clone, PartialEq, Eq)]
pub enum LoginFile {
    /// `config.json`: `.dockerconfigjson` of a Secret of type `kubernetes.io/dockerconfigjson`.
    ConfigJson(Vec<u8>),
    /// The older form: `.dockercfg` of a Secret of type `kubernetes.io/dockercfg`.
    Dockercfg(Vec<u8>),
}

/// Nobody is to read it in a log.
impl fmt::Debug for LoginFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginFile(…)")
    }
}

/// An image that is ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What it is, whatever it is called: `sha256:` and 64 hex digits, of its content or, after the
    /// name of its repository, of its manifest.
    pub id: String,
    /// Whether it was here before it was asked for.
    pub was_present: bool,
    /// Its size, as it was fetched.
    pub bytes: u64,
}

/// `imagePullPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    /// Look the name up each time.
    Always,
    /// Only if nothing is here under that name.
    IfNotPresent,
    /// What is here, or nothing.
    Never,
}

/// Why an image is not ready. The message of each is what a pod's status shows.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PullError {
    /// `ErrImageNeverPull`.
    #[error("Container image \"{image}\" is not present with pull policy of Never")]
    NeverPull {
        /// As the pod names it.
        image: String,
    },
    /// `ErrImageNeverPull`: it is here, and not for this pod.
    #[error(
        "Container image \"{image}\" is present with pull policy of Never but does not have the \
         proper credentials to access the image"
    )]
    NeverPullPrivate {
        /// As the pod names it.
        image: String,
    },
    /// `InvalidImageName`.
    #[error("Failed to apply default image tag \"{image}\": {detail}")]
    InvalidName {
        /// As the pod names it.
        image: String,
        /// What is wrong with it.
        detail: String,
    },
    /// `SignatureValidationFailed`: the operator wants it signed, and it is not.
    #[error("{0}")]
    Unsigned(String),
    /// `ErrImagePull`.
    #[error("{0}")]
    Failed(String),
}

/// Everything that one run of a container is given. What is not here it does not have.
#[derive(Clone)]
pub struct Container {
    /// The pod it belongs to.
    pub pod: PodIdentity,
    /// Its name in the pod.
    pub name: String,
    /// How often it has been restarted before this run.
    pub restart_count: u32,
    /// What to run: [`Image::id`].
    pub image_id: String,
    /// The whole argument vector; empty means what the image says.
    pub command: Vec<String>,
    /// Arguments after [`command`](Self::command), or after what the image says.
    pub args: Vec<String>,
    /// Environment, in order, names unique.
    pub env: Vec<(String, String)>,
    /// Directory that relative paths start from, absolute in the guest.
    pub working_dir: Option<String>,
    /// Directories and files of the host that it sees.
    pub mounts: Vec<Mount>,
    /// The account of what its pod stores, as [`PodRuntime::storage`] gave it.
    pub storage: Option<Arc<dyn Storage>>,
    /// What it may use.
    pub limits: ResourceLimits,
    /// `mayfly.dev/deterministic`: the seed of its clocks and random numbers, if they are to be the
    /// same on every run.
    pub deterministic: Option<String>,
    /// What it reaches.
    pub network: Network,
    /// What its requests over HTTP carry, by name, unless they say it themselves.
    pub request_headers: Vec<(String, String)>,
    /// Whether it has a standard input.
    pub stdin: Stdin,
    /// Where its output goes.
    pub output: Arc<dyn Output>,
    /// What the runtime shows its usage by: while it runs, and for the last time when it has ended.
    pub gauge: Gauge,
    /// The path at which it writes its termination message: `/dev/termination-log` if the pod does
    /// not say. The runtime keeps the end of that, and nothing of it is in the log.
    pub termination_log: String,
}

/// Which pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodIdentity {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
}

impl PodIdentity {
    /// That of `pod`.
    pub fn of(pod: &Pod) -> Self {
        let metadata = &pod.metadata;
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
        }
    }

    /// What an event about it, or about the part of it at `field_path`, refers to.
    pub fn reference(&self, field_path: Option<String>) -> ObjectReference {
        ObjectReference {
            api_version: Some(Kind::Pod.api_version().to_owned()),
            kind: Some(Kind::Pod.name().to_owned()),
            namespace: Some(self.namespace.clone()),
            name: Some(self.name.clone()),
            uid: Some(self.uid.clone()),
            resource_version: None,
            field_path,
        }
    }
}

/// A directory or file of the host that a container sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The name of the volume in the pod.
    pub volume: String,
    /// On the host. No container can write to the directory that it is in.
    pub host_path: PathBuf,
    /// What of it is seen: relative, without `..`; empty for all of it. Containers can write there,
    /// so the runtime must follow no symbolic link on the way.
    pub below: PathBuf,
    /// In the container, absolute.
    pub mount_path: String,
    /// What it may do there.
    pub access: MountAccess,
}

/// What a container may do in a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountAccess {
    /// Read.
    ReadOnly,
    /// Read, write, make and remove.
    ReadWrite,
}

/// What a container may use; `None` is the runtime's own default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourceLimits {
    /// `resources.limits.memory`, in bytes.
    pub memory_bytes: Option<u64>,
    /// What of that is set aside for it, in bytes, whatever others take: `resources.requests.memory`.
    pub memory_reserved_bytes: u64,
    /// `resources.limits.cpu`, in thousandths of a core.
    pub cpu_millis: Option<u64>,
    /// The annotation `mayfly.dev/fuel`, in instructions.
    pub fuel: Option<u64>,
    /// The annotation `mayfly.dev/output-bytes`.
    pub output_bytes: Option<u64>,
    /// The annotation `mayfly.dev/open-files`.
    pub open_files: Option<u64>,
    /// The annotation `mayfly.dev/network-bytes`.
    pub network_bytes: Option<u64>,
}

/// The hosts that a container reaches: those that are both asked for and allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The annotation `mayfly.dev/allow-hosts`.
    pub asked: Vec<HostRule>,
    /// What the operator lets pods of its namespace have.
    pub allowed: Vec<HostRule>,
}

/// A container's standard input.
#[derive(Clone)]
pub enum Stdin {
    /// At its end from the start.
    Closed,
    /// `stdin: true`: open, and silent until somebody attaches and types.
    Open(Input),
}

/// Which of its outputs a container wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Takes what a container prints.
pub trait Output: Send + Sync + 'static {
    /// Takes `bytes`, whole or not at all. An error ends the container's output, not the container.
    fn write(&self, stream: Stream, bytes: &[u8]) -> io::Result<()>;
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerEnd {
    /// Its exit code.
    pub exit_code: i32,
    /// A CamelCase word for it: `Completed`, `Error`, `OOMKilled`, `FuelExhausted` …
    pub reason: String,
    /// What a person should know of it, such as why it trapped.
    pub message: Option<String>,
    /// What it wrote to its termination log: the last bytes of it, as many as a message may have.
    pub termination_log: Vec<u8>,
}

/// Why a container could not be started. It ends with `StartError` and exit code 128.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);
