//! Names that Kubernetes gives: labels, annotations, finalizers, reasons.
//!
//! Source: the Kubernetes well-known labels and annotations, and the constants of batch/v1.

/// The condition of a node whose disk has no room for more.
pub const DISK_PRESSURE: &str = "DiskPressure";

/// Finalizer: keeps a Job's pod until its end has been counted.
pub const JOB_TRACKING_FINALIZER: &str = "batch.kubernetes.io/job-tracking";
/// Label and annotation: which index a pod of an Indexed Job is.
pub const JOB_COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// Environment variable of the same.
pub const JOB_COMPLETION_INDEX_ENV: &str = "JOB_COMPLETION_INDEX";
/// Annotation: how often this index has failed before this pod.
pub const JOB_INDEX_FAILURE_COUNT: &str = "batch.kubernetes.io/job-index-failure-count";
/// Annotation: how many failures of this index the pod failure policy ignored.
pub const JOB_INDEX_IGNORED_FAILURE_COUNT: &str =
    "batch.kubernetes.io/job-index-ignored-failure-count";
/// Label: the name of the Job that made a pod.
pub const JOB_NAME: &str = "batch.kubernetes.io/job-name";
/// Label: the same, as it was called before it had a prefix.
pub const JOB_NAME_LEGACY: &str = "job-name";
/// Label: the uid of the Job that made a pod.
pub const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";
/// Label: the same, as it was called before it had a prefix.
pub const CONTROLLER_UID_LEGACY: &str = "controller-uid";
/// The value of `spec.managedBy` that means us.
pub const JOB_CONTROLLER: &str = "kubernetes.io/job-controller";
/// Annotation: when a Job that a CronJob has made was due.
pub const CRONJOB_SCHEDULED_TIMESTAMP: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// Annotation: `manual`, of a Job that was made of a CronJob by hand.
pub const CRONJOB_INSTANTIATE: &str = "cronjob.kubernetes.io/instantiate";
/// Annotation of a pod: how many WebAssembly instructions it may execute, exactly.
pub const FUEL: &str = "mayfly.dev/fuel";
/// Annotation of a pod: how many bytes one run of a container of it may print.
pub const OUTPUT_BYTES: &str = "mayfly.dev/output-bytes";
/// Annotation of a pod: how many files a container of it may have open.
pub const OPEN_FILES: &str = "mayfly.dev/open-files";
/// Annotation of a pod: its containers' clocks and random numbers come from this seed.
pub const DETERMINISTIC: &str = "mayfly.dev/deterministic";
/// Annotation of a pod: the hosts that its containers reach, as `host[:port][/protocol]`.
pub const ALLOW_HOSTS: &str = "mayfly.dev/allow-hosts";
/// Annotation of a pod: how many bytes one run of a container of it may send and receive.
pub const NETWORK_BYTES: &str = "mayfly.dev/network-bytes";
/// In the spec of a namespace: it waits until nothing is in it any more.
pub const NAMESPACE_FINALIZER: &str = "kubernetes";
/// Finalizer: the object waits until its dependents are gone.
pub const FOREGROUND_DELETION: &str = "foregroundDeletion";
/// Finalizer: the object waits until its dependents are its no more.
pub const ORPHAN: &str = "orphan";
/// The version that we say we are: that of the Kubernetes whose API this is, and our own.
pub const VERSION: &str = concat!("v1.36.2+mayfly-", env!("CARGO_PKG_VERSION"));
/// Annotation of a Job or a pod: what it is a part of, as the header `traceparent` of W3C's Trace
/// Context says it.
pub const TRACEPARENT: &str = "mayfly.dev/traceparent";
/// Annotation that a node gives itself: the authority (PEM) of the certificate that it shows to whoever
/// asks its kubelet's endpoints.
pub const KUBELET_AUTHORITY: &str = "mayfly.dev/kubelet-authority";
/// The signer of the certificates with which nodes come to the API server.
pub const KUBELET_CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";
/// The signer of the certificates that nodes show to the API server.
pub const KUBELET_SERVING_SIGNER: &str = "kubernetes.io/kubelet-serving";
/// With what the names of the annotations begin by which the node tells what a pod has used.
pub const USAGE_PREFIX: &str = "mayfly.dev/usage-";
/// Annotation that the node gives a pod: the seconds that all ended runs of its containers
/// computed.
pub const USAGE_CPU_SECONDS: &str = "mayfly.dev/usage-cpu-seconds";
/// Annotation that the node gives a pod: the most memory that one of these runs had at a time,
/// in bytes.
pub const USAGE_MEMORY_PEAK_BYTES: &str = "mayfly.dev/usage-memory-peak-bytes";
/// Annotation that the node gives a pod: the instructions that they executed, if the pod has
/// them counted ([`FUEL`]).
pub const USAGE_FUEL: &str = "mayfly.dev/usage-fuel";
/// Annotation that the node gives a pod: the bytes that they read from files in volumes.
pub const USAGE_FILE_READ_BYTES: &str = "mayfly.dev/usage-file-read-bytes";
/// Annotation that the node gives a pod: the bytes that they wrote to them.
pub const USAGE_FILE_WRITTEN_BYTES: &str = "mayfly.dev/usage-file-written-bytes";
/// Annotation that the node gives a pod: the bytes that they printed.
pub const USAGE_PRINTED_BYTES: &str = "mayfly.dev/usage-printed-bytes";
/// Annotation that the node gives a pod: the bytes that they received over the network, if they
/// used it.
pub const USAGE_NETWORK_RECEIVED_BYTES: &str = "mayfly.dev/usage-network-received-bytes";
/// Annotation that the node gives a pod: the bytes that they sent over it.
pub const USAGE_NETWORK_SENT_BYTES: &str = "mayfly.dev/usage-network-sent-bytes";
/// Annotation that the node gives a pod: how many runs are not among them, since a crash of the
/// server has hidden their end.
pub const USAGE_RUNS_UNKNOWN: &str = "mayfly.dev/usage-runs-unknown";
