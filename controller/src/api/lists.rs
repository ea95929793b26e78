//! How the lists, maps and structures of the wire types are merged: facts of Kubernetes' API.
//!
//! Two things read them, and they do not agree everywhere: strategic merge patches (a strategy and
//! one merge key a list) and server-side apply, whose field ownership knows sets, lists of items
//! with several keys, and what belongs together as one. What is not named here is replaced as a
//! whole if it is a list, and merged if it is a map or a structure.

use ListType::{Atomic, Map, Set};
use PatchStrategy::{MergeBy, MergeByRetaining, MergeValues, Replace};

/// How server-side apply owns a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// As one.
    Atomic,
    /// Item by item; an item is its own key.
    Set,
    /// Item by item; these fields tell the items apart.
    Map(&'static [&'static str]),
}

/// What a strategic merge patch does to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchStrategy {
    /// The list of the patch takes its place.
    Replace,
    /// Its items are added to those that are there.
    MergeValues,
    /// Items are merged with those that have the same value of this field.
    MergeBy(&'static str),
    /// The same, and a patch may say which fields of an item stay (`patchStrategy: retainKeys`).
    MergeByRetaining(&'static str),
}

/// What is true of one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListFacts {
    /// The structure that it is a field of, without its group: `PodSpec`.
    pub of: &'static str,
    /// The field, as it is written: `containers`.
    pub field: &'static str,
    /// How it is owned.
    pub list_type: ListType,
    /// How it is patched.
    pub strategy: PatchStrategy,
}

const fn list(
    of: &'static str,
    field: &'static str,
    list_type: ListType,
    strategy: PatchStrategy,
) -> ListFacts {
    ListFacts { of, field, list_type, strategy }
}

/// Every list that is not simply replaced.
const LISTS: &[ListFacts] = &[
    list("ObjectMeta", "ownerReferences", Map(&["uid"]), MergeBy("uid")),
    list("ObjectMeta", "finalizers", Set, MergeValues),
    list("JobStatus", "conditions", Atomic, MergeBy("type")),
    list("PodFailurePolicyOnExitCodesRequirement", "values", Set, Replace),
    list("UncountedTerminatedPods", "failed", Set, Replace),
    list("UncountedTerminatedPods", "succeeded", Set, Replace),
    list("PodSpec", "containers", Map(&["name"]), MergeBy("name")),
    list("PodSpec", "initContainers", Map(&["name"]), MergeBy("name")),
    list("PodSpec", "ephemeralContainers", Map(&["name"]), MergeBy("name")),
    list("PodSpec", "volumes", Map(&["name"]), MergeByRetaining("name")),
    list("PodSpec", "resourceClaims", Map(&["name"]), MergeByRetaining("name")),
    list("PodSpec", "imagePullSecrets", Map(&["name"]), MergeBy("name")),
    list("PodSpec", "schedulingGates", Map(&["name"]), MergeBy("name")),
    list("PodSpec", "hostAliases", Map(&["ip"]), MergeBy("ip")),
    list(
        "PodSpec",
        "topologySpreadConstraints",
        Map(&["topologyKey", "whenUnsatisfiable"]),
        MergeBy("topologyKey"),
    ),
    list("Container", "ports", Map(&["containerPort", "protocol"]), MergeBy("containerPort")),
    list("Container", "env", Map(&["name"]), MergeBy("name")),
    list("Container", "volumeMounts", Map(&["mountPath"]), MergeBy("mountPath")),
    list("Container", "volumeDevices", Map(&["devicePath"]), MergeBy("devicePath")),
    list(
        "EphemeralContainer",
        "ports",
        Map(&["containerPort", "protocol"]),
        MergeBy("containerPort"),
    ),
    list("EphemeralContainer", "env", Map(&["name"]), MergeBy("name")),
    list("EphemeralContainer", "volumeMounts", Map(&["mountPath"]), MergeBy("mountPath")),
    list("EphemeralContainer", "volumeDevices", Map(&["devicePath"]), MergeBy("devicePath")),
    list("ContainerRestartRuleOnExitCodes", "values", Set, Replace),
    list("ContainerStatus", "allocatedResourcesStatus", Map(&["name"]), MergeBy("name")),
    list("ContainerStatus", "volumeMounts", Map(&["mountPath"]), MergeBy("mountPath")),
    list("ResourceRequirements", "claims", Map(&["name"]), Replace),
    list("ResourceStatus", "resources", Map(&["resourceID"]), Replace),
    list("PodStatus", "conditions", Map(&["type"]), MergeBy("type")),
    list("PodStatus", "hostIPs", Atomic, MergeBy("ip")),
    list("PodStatus", "podIPs", Map(&["ip"]), MergeBy("ip")),
    list("PodStatus", "resourceClaimStatuses", Map(&["name"]), MergeByRetaining("name")),
    list("ServiceAccount", "secrets", Map(&["name"]), MergeBy("name")),
    list("NamespaceStatus", "conditions", Map(&["type"]), MergeBy("type")),
    list("NodeSpec", "podCIDRs", Set, MergeValues),
    list("NodeStatus", "addresses", Map(&["type"]), MergeBy("type")),
    list("CertificateSigningRequestStatus", "conditions", Map(&["type"]), Replace),
    list("NodeStatus", "conditions", Map(&["type"]), MergeBy("type")),
];

/// Structures that have one owner, whatever is in them.
const ATOMIC_STRUCTURES: &[&str] = &[
    "ConfigMapKeySelector",
    "FileKeySelector",
    "LabelSelector",
    "LocalObjectReference",
    "NodeSelector",
    "NodeSelectorTerm",
    "ObjectFieldSelector",
    "ObjectReference",
    "OwnerReference",
    "ResourceFieldSelector",
    "SecretKeySelector",
    "TypedLocalObjectReference",
];

/// Maps that have one owner, whatever is in them.
const ATOMIC_MAPS: &[(&str, &str)] = &[("PodSpec", "nodeSelector")];

/// What a key of a list's items is where it is not said.
const KEY_DEFAULTS: &[(&str, &str)] = &[("protocol", "TCP")];

/// What is true of the list `field` of the structure `of`.
pub fn list_facts(of: &str, field: &str) -> ListFacts {
    let mut known = LISTS.iter().filter(|it| it.of == of && it.field == field);
    known.next().copied().unwrap_or(list("", "", Atomic, Replace))
}

/// Whether the structure `name` has one owner.
pub fn is_atomic_structure(name: &str) -> bool {
    ATOMIC_STRUCTURES.contains(&name)
}

/// Whether the map `field` of the structure `of` has one owner.
pub fn is_atomic_map(of: &str, field: &str) -> bool {
    ATOMIC_MAPS.contains(&(of, field))
}

/// What the key `field` of a list's items is where it is not said, if it may be left out.
pub fn key_default(field: &str) -> Option<&'static str> {
    KEY_DEFAULTS.iter().find(|(name, _)| *name == field).map(|(_, value)| *value)
}

/// Every structure that something is said of here.
#[cfg(test)]
pub(crate) fn structures_named() -> impl Iterator<Item = &'static str> {
    let of_lists = LISTS.iter().map(|facts| facts.of);
    of_lists.chain(ATOMIC_STRUCTURES.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_ways_of_merging_differ_where_kubernetes_differs() {
        let check = |of: &str, field: &str, list_type: ListType, strategy: PatchStrategy| {
            let facts = list_facts(of, field);
            assert_eq!((facts.list_type, facts.strategy), (list_type, strategy), "{of}.{field}");
        };
        let ports = Map(&["containerPort", "protocol"]);
        check("Container", "ports", ports, MergeBy("containerPort"));
        check("JobStatus", "conditions", Atomic, MergeBy("type"));
        check("ServiceAccount", "imagePullSecrets", Atomic, Replace);
        check("PodSpec", "imagePullSecrets", Map(&["name"]), MergeBy("name"));
        check("PodSpec", "tolerations", Atomic, Replace);
        check("Container", "command", Atomic, Replace);
    }
}
