//! What a node is told of itself when it starts, and how it describes itself to the control plane.

use std::path::PathBuf;

use super::backoff::BackoffCurve;
use super::capacity::NodeCapacity;
use super::disk::DiskReserve;
use super::logs::LogLimits;
use super::volumes::HostPaths;
use crate::api::names::DISK_PRESSURE;
use crate::api::{
    Node, NodeAddress, NodeCondition, NodeStatus, NodeSystemInfo, ObjectMeta, Time, Timestamp,
    names,
};
use crate::limits::VOLUME_ENTRIES_MAX;
use crate::network::AllowedHosts;
use crate::quota::OperatorLimits;
use crate::trace::Tracer;

/// How an agent works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// The node's name: it runs the pods whose `spec.nodeName` says so.
    pub name: String,
    /// The directory that holds everything of its pods. It must belong to this node alone.
    pub root: PathBuf,
    /// `status.hostIP` of its pods.
    pub host_ip: String,
    /// What it has for its pods.
    pub capacity: NodeCapacity,
    /// How containers that crash are delayed.
    pub restart_backoff: BackoffCurve,
    /// How images that can't be had are delayed.
    pub image_backoff: BackoffCurve,
    /// What becomes of runs that were going on when an earlier process of this node ended.
    pub lost_runs: LostRuns,
    /// What becomes of its pods when it is told to stop.
    pub shutdown: Shutdown,
    /// What of this host its pods may have as `hostPath` volumes.
    pub host_paths: HostPaths,
    /// What the operator lets its pods have.
    pub limits: OperatorLimits,
    /// The hosts that its pods may ask for.
    pub allowed_hosts: AllowedHosts,
    /// How its pods' volumes are kept.
    pub volumes: VolumeSettings,
    /// How much is kept of what its containers print.
    pub logs: LogLimits,
    /// What must be left of the disk that `root` is on; `None` does not look at it.
    pub disk: Option<DiskReserve>,
    /// Where goes what is done for its pods, step by step.
    pub tracer: Tracer,
}

/// How volumes are kept, whatever their pods say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSettings {
    /// Files, directories and links in an `emptyDir`.
    pub entries: u64,
    /// The directory for those in memory, such as [`memory_root`](super::memory_root) gives it. They
    /// are on disk if there is none.
    pub memory_root: Option<PathBuf>,
}

impl Default for VolumeSettings {
    fn default() -> Self {
        Self { entries: VOLUME_ENTRIES_MAX, memory_root: None }
    }
}

impl NodeSettings {
    /// Kubernetes' defaults for a node called `name` that has all of this host.
    pub fn new(name: impl Into<String>, root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            name: name.into(),
            host_ip: "127.0.0.1".to_owned(),
            capacity: NodeCapacity::of_host(),
            restart_backoff: BackoffCurve::KUBELET,
            image_backoff: BackoffCurve::KUBELET,
            root,
            lost_runs: LostRuns::Count,
            shutdown: Shutdown::default(),
            host_paths: HostPaths::default(),
            limits: OperatorLimits::default(),
            allowed_hosts: AllowedHosts::default(),
            volumes: VolumeSettings::default(),
            logs: LogLimits::default(),
            disk: None,
            tracer: Tracer::default(),
        }
    }
}

/// What becomes of a run that was going on when the node's process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LostRuns {
    /// It has ended, as after the restart of a node in Kubernetes. Its container is restarted if the
    /// pod's policy says so; otherwise the pod has failed, with the condition `DisruptionTarget`. A
    /// Job counts either against its `backoffLimit`, unless its `podFailurePolicy` ignores
    /// disruptions.
    #[default]
    Count,
    /// It runs once more, in the same pod, as if it had not begun: nothing is counted. The program
    /// may have done part of its work before, whatever the pod's policy says of restarts, as
    /// Kubernetes warns of every Job. A pod that no controller has made is as with
    /// [`Count`](Self::Count): it is nobody's to be made anew.
    RunAgain,
}

/// What becomes of the pods of a node that is told to stop. What runs ends in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shutdown {
    /// Nothing is said of it: the node's next process finds what ran, and does with it as
    /// [`LostRuns`] says.
    #[default]
    LeavePods,
    /// They have failed, and it is said why, as at the graceful shutdown of a node in Kubernetes. So
    /// whoever has made them makes others at once.
    EndPods,
}

/// The first line of a file of this host; empty if it can't be read, which is no reason to have no
/// node.
fn line_of(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// What the host's system calls itself.
fn os_image() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or_default().trim_matches('"').to_owned()
}

/// What a node says of how it is, in the kubelet's words.
fn conditions(now: Timestamp, is_disk_short: bool) -> Vec<NodeCondition> {
    let disk = match is_disk_short {
        true => (DISK_PRESSURE, "True", "KubeletHasDiskPressure", "disk pressure"),
        false => (DISK_PRESSURE, "False", "KubeletHasNoDiskPressure", "no disk pressure"),
    };
    let all = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "sufficient memory available"),
        disk,
        ("PIDPressure", "False", "KubeletHasSufficientPID", "sufficient PID available"),
        ("Ready", "True", "KubeletReady", ""),
    ];
    let condition = |(type_, status, reason, what): (&str, &str, &str, &str)| NodeCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(match what {
            "" => "kubelet is posting ready status".to_owned(),
            what => format!("kubelet has {what}"),
        }),
        last_heartbeat_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    };
    all.into_iter().map(condition).collect()
}

/// How the node describes itself at `now`, when its disk is short or is not.
pub(crate) fn describe(settings: &NodeSettings, now: Timestamp, is_disk_short: bool) -> Node {
    let [capacity, allocatable] = settings.capacity.quantities();
    let address = |type_: &str, address: &str| NodeAddress {
        address: address.to_owned(),
        type_: type_.to_owned(),
    };
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let version = env!("CARGO_PKG_VERSION");
    // What manifests select nodes by: a guest needs none of it, and must not be kept away for it.
    let labels = [
        ("kubernetes.io/arch", architecture),
        ("kubernetes.io/hostname", &settings.name),
        ("kubernetes.io/os", "linux"),
    ];
    let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    Node {
        metadata: ObjectMeta {
            name: Some(settings.name.clone()),
            labels: Some(labels.collect()),
            ..ObjectMeta::default()
        },
        spec: None,
        status: Some(NodeStatus {
            addresses: Some(vec![
                address("InternalIP", &settings.host_ip),
                address("Hostname", &settings.name),
            ]),
            allocatable: Some(allocatable),
            capacity: Some(capacity),
            conditions: Some(conditions(now, is_disk_short)),
            node_info: Some(NodeSystemInfo {
                architecture: architecture.to_owned(),
                container_runtime_version: format!("mayfly://{version}"),
                kubelet_version: names::VERSION.to_owned(),
                operating_system: "linux".to_owned(),
                boot_id: line_of("/proc/sys/kernel/random/boot_id"),
                kernel_version: line_of("/proc/sys/kernel/osrelease"),
                machine_id: line_of("/etc/machine-id"),
                os_image: os_image(),
                ..NodeSystemInfo::default()
            }),
            ..NodeStatus::default()
        }),
    }
}
