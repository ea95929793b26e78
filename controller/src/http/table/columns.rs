//! The columns of each kind's table, in order.
//!
//! Their names and descriptions are what an API server sends; a description is often that of the
//! field in the API's own documentation. Nothing here knows how a cell is made.

use serde::Serialize;

use crate::api::Kind;

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its head.
    pub name: &'static str,
    /// What its cells are said to be; strings, mostly.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// `name` for the one that names the object.
    pub format: &'static str,
    /// What it shows.
    pub description: &'static str,
    /// 0 if it is always shown, more if only on demand.
    pub priority: i32,
}

impl Column {
    const fn shown(name: &'static str, description: &'static str) -> Self {
        Self { name, type_: "string", format: "", description, priority: 0 }
    }

    const fn wide(name: &'static str, description: &'static str) -> Self {
        Self { priority: 1, ..Self::shown(name, description) }
    }
}

/// The columns of `kind`.
pub fn of(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Job => JOB,
        Kind::CronJob => CRON_JOB,
        Kind::Pod => POD,
        Kind::ConfigMap => CONFIG_MAP,
        Kind::Secret => SECRET,
        Kind::Event => EVENT,
        Kind::Node => NODE,
        Kind::Namespace => NAMESPACE,
        Kind::ServiceAccount => SERVICE_ACCOUNT,
        Kind::Lease => LEASE,
        Kind::ResourceQuota => RESOURCE_QUOTA,
        Kind::LimitRange => LIMIT_RANGE,
        Kind::CertificateSigningRequest => CERTIFICATE_SIGNING_REQUEST,
        Kind::PriorityClass => PRIORITY_CLASS,
    }
}

const NAME: Column = Column {
    format: "name",
    ..Column::shown(
        "Name",
        "Name must be unique within a namespace. Is required when creating resources, although some \
     resources may allow a client to request the generation of an appropriate name \
     automatically. Name is primarily intended for creation idempotence and configuration \
     definition. Cannot be updated. More info: \
     https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
    )
};

const AGE: Column = Column::shown(
    "Age",
    "CreationTimestamp is a timestamp representing the server time when this object was created. \
     It is not guaranteed to be set in happens-before order across separate operations. Clients \
     may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by \
     the system. Read-only. Null for lists. More info: \
     https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
);

const CONTAINERS: Column = Column::wide("Containers", "Names of each container in the template.");

const IMAGES: Column =
    Column::wide("Images", "Images referenced by each container in the template.");

const SELECTOR: Column = Column::wide(
    "Selector",
    "A label query over pods that should match the pod count. Normally, the system sets this \
     field for you. More info: \
     https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
);

const ADDRESSES: &str = "\
     List of addresses reachable to the node. Queried from cloud provider, if available. More info: https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is \
     declared as mergeable, but the merge key is not sufficiently unique, which can cause data \
     corruption when it is merged. Callers should instead use a full-replacement patch. See \
     https://pr.k8s.io/79391 for an example. Consumers should assume that addresses can change \
     during the lifetime of a Node. However, there are some exceptions where this may not be \
     possible, such as Pods that inherit a Node's address in its own status or consumers of the \
     downward API (status.hostIP).";

const SERVICE_ACCOUNT: &[Column] = &[NAME, AGE];

const RESOURCE_QUOTA: &[Column] = &[
    NAME,
    Column::shown(
        "Request",
        "Request represents a minimum amount of cpu/memory that a container may consume.",
    ),
    Column::shown(
        "Limit",
        "Limits control the maximum amount of cpu/memory that a container may use independent of \
         contention on the node.",
    ),
    AGE,
];

/// Kubernetes has no columns of its own for it, so they are those of any object.
const LIMIT_RANGE: &[Column] = &[NAME, Column { name: "Created At", type_: "date", ..AGE }];

const CERTIFICATE_SIGNING_REQUEST: &[Column] = &[
    NAME,
    AGE,
    Column::shown(
        "SignerName",
        "signerName indicates the requested signer, and is a qualified name.\n\nList/watch requests \
         for CertificateSigningRequests can filter on this field using a \
         \"spec.signerName=NAME\" fieldSelector.",
    ),
    Column::shown(
        "Requestor",
        "request contains an x509 certificate signing request encoded in a \"CERTIFICATE REQUEST\" \
         PEM block. When serialized as JSON or YAML, the data is additionally base64-encoded.",
    ),
    Column::shown(
        "RequestedDuration",
        "expirationSeconds is the requested duration of validity of the issued certificate.",
    ),
    Column::shown(
        "Condition",
        "conditions applied to the request. Known conditions are \"Approved\", \"Denied\", and \
         \"Failed\".",
    ),
];

const PRIORITY_CLASS: &[Column] = &[
    NAME,
    Column {
        type_: "integer",
        ..Column::shown(
            "Value",
            "value represents the integer value of this priority class. This is the actual priority \
             that pods receive when they have the name of this class in their pod spec.",
        )
    },
    Column {
        type_: "boolean",
        ..Column::shown(
            "Global-Default",
            "globalDefault specifies whether this PriorityClass should be considered as the \
             default priority for pods that do not have any priority class. Only one \
             PriorityClass can be marked as `globalDefault`. However, if more than one \
             PriorityClasses exists with their `globalDefault` field set to true, the smallest \
             value of such global default PriorityClasses will be used as the default priority.",
        )
    },
    AGE,
    Column::shown(
        "PreemptionPolicy",
        "preemptionPolicy is the Policy for preempting pods with lower priority. One of Never, \
         PreemptLowerPriority. Defaults to PreemptLowerPriority if unset.",
    ),
];

const LEASE: &[Column] = &[
    NAME,
    Column::shown(
        "Holder",
        "holderIdentity contains the identity of the holder of a current lease. If Coordinated \
         Leader Election is used, the holder identity must be equal to the elected \
         LeaseCandidate.metadata.name field.",
    ),
    AGE,
];

const JOB: &[Column] = &[
    NAME,
    Column::shown("Status", "Status of the job."),
    Column::shown(
        "Completions",
        "The number of pods which reached phase Succeeded. The value increases monotonically for \
         a given spec. However, it may decrease in reaction to scale down of elastic indexed \
         jobs.",
    ),
    Column::shown("Duration", "Time required to complete the job."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const CRON_JOB: &[Column] = &[
    NAME,
    Column::shown(
        "Schedule",
        "The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron.",
    ),
    Column::shown(
        "Timezone",
        "The time zone name for the given schedule, see \
         https://en.wikipedia.org/wiki/List_of_tz_database_time_zones. If not specified, this \
         will default to the time zone of the kube-controller-manager process. The set of valid \
         time zone names and the time zone offset is loaded from the system-wide time zone \
         database by the API server during CronJob validation and the controller manager during \
         execution. If no system-wide time zone database can be found a bundled version of the \
         database is used instead. If the time zone name becomes invalid during the lifetime of \
         a CronJob or due to a change in host configuration, the controller will stop creating \
         new new Jobs and will create a system event with the reason UnknownTimeZone. More \
         information can be found in \
         https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones",
    ),
    Column {
        type_: "boolean",
        ..Column::shown(
            "Suspend",
            "This flag tells the controller to suspend subsequent executions, it does not apply to \
         already started executions.  Defaults to false.",
        )
    },
    Column {
        type_: "integer",
        ..Column::shown("Active", "A list of pointers to currently running jobs.")
    },
    Column::shown(
        "Last Schedule",
        "Information when was the last time the job was successfully scheduled.",
    ),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const POD: &[Column] = &[
    NAME,
    Column::shown("Ready", "The aggregate readiness state of this pod for accepting traffic."),
    Column::shown("Status", "The aggregate status of the containers in this pod."),
    Column::shown(
        "Restarts",
        "The number of times the containers in this pod have been restarted and when the last \
         container in this pod has restarted.",
    ),
    AGE,
    Column::wide(
        "IP",
        "podIP address allocated to the pod. Routable at least within the cluster. Empty if not \
         yet allocated.",
    ),
    Column::wide(
        "Node",
        "NodeName indicates in which node this pod is scheduled. If empty, this pod is a \
         candidate for scheduling by the scheduler defined in schedulerName. Once this field is \
         set, the kubelet for this node becomes responsible for the lifecycle of this pod. This \
         field should not be used to express a desire for the pod to be scheduled on a specific \
         node. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename",
    ),
    Column::wide(
        "Nominated Node",
        "nominatedNodeName is set only when this pod preempts other pods on the node, but it \
         cannot be scheduled right away as preemption victims receive their graceful termination \
         periods. This field does not guarantee that the pod will be scheduled on this node. \
         Scheduler may decide to place the pod elsewhere if other nodes become available sooner. \
         Scheduler may also decide to give the resources on this node to a higher priority pod \
         that is created after preemption. As a result, this field may be different than \
         PodSpec.nodeName when the pod is scheduled.",
    ),
    Column::wide(
        "Readiness Gates",
        "If specified, all readiness gates will be evaluated for pod readiness. A pod is ready \
         when all its containers are ready AND all conditions specified in the readiness gates \
         have status equal to \"True\" More info: \
         https://git.k8s.io/enhancements/keps/sig-network/580-pod-readiness-gates",
    ),
];

const EVENT: &[Column] = &[
    Column::shown(
        "Last Seen",
        "The time at which the most recent occurrence of this event was recorded.",
    ),
    Column::shown(
        "Type",
        "Type of this event (Normal, Warning), new types could be added in the future",
    ),
    Column::shown(
        "Reason",
        "This should be a short, machine understandable string that gives the reason for the \
         transition into the object's current status.",
    ),
    Column::shown("Object", "The object that this event is about."),
    Column::wide(
        "Subobject",
        "If referring to a piece of an object instead of an entire object, this string should \
         contain a valid JSON/Go field access statement, such as \
         desiredState.manifest.containers[2]. For example, if the object reference is to a \
         container within a pod, this would take on a value like: \"spec.containers{name}\" \
         (where \"name\" refers to the name of the container that triggered the event) or if no \
         container name is specified \"spec.containers[2]\" (container with index 2 in this \
         pod). This syntax is chosen only to have some well-defined way of referencing a part of \
         an object.",
    ),
    Column::wide(
        "Source",
        "The component reporting this event. Should be a short machine understandable string.",
    ),
    Column::shown("Message", "A human-readable description of the status of this operation."),
    Column::wide(
        "First Seen",
        "The time at which the event was first recorded. (Time of server receipt is in \
         TypeMeta.)",
    ),
    Column::wide("Count", "The number of times this event has occurred."),
    Column { priority: 1, ..NAME },
];

const NAMESPACE: &[Column] = &[NAME, Column::shown("Status", "The status of the namespace"), AGE];

const CONFIG_MAP: &[Column] = &[
    NAME,
    Column::shown(
        "Data",
        "Data contains the configuration data. Each key must consist of alphanumeric characters, \
         '-', '_' or '.'. Values with non-UTF-8 byte sequences must use the BinaryData field. \
         The keys stored in Data must not overlap with the keys in the BinaryData field, this is \
         enforced during validation process.",
    ),
    AGE,
];

const SECRET: &[Column] = &[
    NAME,
    Column::shown(
        "Type",
        "Used to facilitate programmatic handling of secret data. More info: \
         https://kubernetes.io/docs/concepts/configuration/secret/#secret-types",
    ),
    Column::shown(
        "Data",
        "Data contains the secret data. Each key must consist of alphanumeric characters, '-', \
         '_' or '.'. The serialized form of the secret data is a base64 encoded string, \
         representing the arbitrary (possibly non-string) data value here. Described in \
         https://tools.ietf.org/html/rfc4648#section-4",
    ),
    AGE,
];

const NODE: &[Column] = &[
    NAME,
    Column::shown("Status", "The status of the node"),
    Column::shown("Roles", "The roles of the node"),
    AGE,
    Column::shown("Version", "Kubelet Version reported by the node."),
    Column::wide("Internal-IP", ADDRESSES),
    Column::wide("External-IP", ADDRESSES),
    Column::wide(
        "OS-Image",
        "OS Image reported by the node from /etc/os-release (e.g. Debian GNU/Linux 7 (wheezy)).",
    ),
    Column::wide(
        "Kernel-Version",
        "Kernel Version reported by the node from 'uname -r' (e.g. 3.16.0-0.bpo.4-amd64).",
    ),
    Column::wide(
        "Container-Runtime",
        "ContainerRuntime Version reported by the node through runtime remote API (e.g. \
         containerd://1.4.2).",
    ),
];
