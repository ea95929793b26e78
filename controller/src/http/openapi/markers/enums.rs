//! The values that a field can have, where they are few and known, as `explain` shows them.

use serde_json::{Map, Value, json};

/// Marks `property`, which is the field `field` of the type `of`, with its values.
pub(super) fn mark(of: &str, field: &str, property: &mut Map<String, Value>) {
    let mut enums = ENUMS.iter();
    let found = enums.find(|(types, it, _)| *it == field && types.contains(&of));
    let Some((_, _, values)) = found else { return };
    match property.get_mut("items") {
        Some(item) => item["enum"] = json!(values),
        None => {
            property.insert("enum".to_owned(), json!(values));
        }
    }
}

/// Types, a field that they have, and its values, in the order of the alphabet.
const ENUMS: &[(&[&str], &str, &[&str])] = &[
    (&["JobSpec"], "completionMode", &["Indexed", "NonIndexed"]),
    (&["JobSpec"], "podReplacementPolicy", &["Failed", "TerminatingOrFailed"]),
    (&["PodFailurePolicyRule"], "action", &["Count", "FailIndex", "FailJob", "Ignore"]),
    (&["PodFailurePolicyOnExitCodesRequirement"], "operator", &["In", "NotIn"]),
    (&["CronJobSpec"], "concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
    (&["PodSpec"], "restartPolicy", &["Always", "Never", "OnFailure"]),
    (&["PodSpec"], "dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    (&["PodSpec"], "preemptionPolicy", &["Never", "PreemptLowerPriority"]),
    (&["PodStatus"], "phase", &["Failed", "Pending", "Running", "Succeeded", "Unknown"]),
    (&["PodStatus"], "qosClass", &["BestEffort", "Burstable", "Guaranteed"]),
    (&["NamespaceStatus"], "phase", &["Active", "Terminating"]),
    (&["NodeStatus"], "phase", &["Pending", "Running", "Terminated"]),
    (CONTAINERS, "terminationMessagePolicy", &["FallbackToLogsOnError", "File"]),
    (CONTAINERS, "imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
    (&["ContainerPort"], "protocol", &["SCTP", "TCP", "UDP"]),
    (&["VolumeMount"], "mountPropagation", &["Bidirectional", "HostToContainer", "None"]),
    (&["HTTPGetAction"], "scheme", &["HTTP", "HTTPS"]),
    (&["PodSecurityContext"], "fsGroupChangePolicy", &["Always", "OnRootMismatch"]),
    (&["PodSecurityContext"], "supplementalGroupsPolicy", &["Merge", "Strict"]),
    (&["SecurityContext"], "procMount", &["Default", "Unmasked"]),
    (
        &["SeccompProfile", "AppArmorProfile"],
        "type",
        &["Localhost", "RuntimeDefault", "Unconfined"],
    ),
    (&["Toleration"], "operator", &["Equal", "Exists", "Gt", "Lt"]),
    (&["Toleration", "Taint"], "effect", &["NoExecute", "NoSchedule", "PreferNoSchedule"]),
    (
        &["NodeSelectorRequirement"],
        "operator",
        &["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"],
    ),
    (&["TopologySpreadConstraint"], "whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"]),
    (&["TopologySpreadConstraint"], "nodeAffinityPolicy", &["Honor", "Ignore"]),
    (&["TopologySpreadConstraint"], "nodeTaintsPolicy", &["Honor", "Ignore"]),
    (
        &["HostPathVolumeSource"],
        "type",
        &[
            "",
            "BlockDevice",
            "CharDevice",
            "Directory",
            "DirectoryOrCreate",
            "File",
            "FileOrCreate",
            "Socket",
        ],
    ),
    (&["ImageVolumeSource"], "pullPolicy", &["Always", "IfNotPresent", "Never"]),
    (&["AzureDiskVolumeSource"], "cachingMode", &["None", "ReadOnly", "ReadWrite"]),
    (&["AzureDiskVolumeSource"], "kind", &["Dedicated", "Managed", "Shared"]),
    (
        &["PersistentVolumeClaimSpec"],
        "accessModes",
        &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"],
    ),
    (&["PersistentVolumeClaimSpec"], "volumeMode", &["Block", "Filesystem"]),
];

const CONTAINERS: &[&str] = &["Container", "EphemeralContainer"];
