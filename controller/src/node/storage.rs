//! What a pod may store on its node, and how it reads when it has stored more. Pure.
//!
//! Source: Kubernetes' documentation of local ephemeral storage, and the kubelet's words for an
//! eviction.

use std::path::Path;

use super::directory::PodDirectory;
use super::downward::containers;
use super::runtime::{Medium, StorageExceeded, StorageLimits, StoredVolume};
use super::settings::VolumeSettings;
use crate::api::{Container, Pod, Volume};
use crate::quantity::Amount;
use crate::quota::OperatorLimits;
use crate::resources;

/// What the pod may store, with its directories in `directory`: what it says, within what the
/// `operator` lets it.
pub(crate) fn limits(
    pod: &Pod,
    directory: &PodDirectory,
    settings: &VolumeSettings,
    operator: &OperatorLimits,
) -> StorageLimits {
    let Some(spec) = &pod.spec else { return StorageLimits::default() };
    let volumes = spec.volumes.iter().flatten().filter_map(|volume| {
        let (size, medium) = (size_limit(volume).and_then(positive), medium(volume));
        volume.empty_dir.as_ref()?;
        let bytes_max = match medium {
            Medium::Disk => operator.volume_bytes.grant(size),
            // As the kubelet sizes it: no more than the pod may have of memory.
            Medium::Memory => {
                let memory = memory_limit(pod);
                let granted = operator.memory_volume_bytes.grant(size.or(memory));
                granted.map(|bytes| bytes.min(memory.unwrap_or(u64::MAX)))
            }
        };
        Some(StoredVolume {
            name: volume.name.clone(),
            directory: folder(volume, directory, settings.memory_root.as_deref())?,
            bytes_max: bytes_max.unwrap_or(u64::MAX),
            entries_max: settings.entries,
            medium,
        })
    });
    let bytes_max = operator.ephemeral_storage_of_pod(spec).and_then(positive);
    StorageLimits { volumes: volumes.collect(), bytes_max }
}

/// What is said of how large it may become.
fn size_limit(volume: &Volume) -> Option<Amount> {
    volume.empty_dir.as_ref()?.size_limit.as_ref().map(Amount::of)
}

/// Where the content of `volume` is, if it has a name that a directory can have.
pub(crate) fn folder(
    volume: &Volume,
    directory: &PodDirectory,
    memory_root: Option<&Path>,
) -> Option<std::path::PathBuf> {
    let directory = match (medium(volume), memory_root) {
        (Medium::Memory, Some(root)) => directory.in_memory(root),
        _ => directory.clone(),
    };
    directory.volume(&volume.name).ok()
}

pub(crate) fn medium(volume: &Volume) -> Medium {
    let medium = volume.empty_dir.as_ref().and_then(|source| source.medium.as_deref());
    if medium == Some("Memory") { Medium::Memory } else { Medium::Disk }
}

/// The volumes of medium `Memory`, where a node has no memory to keep files in.
pub(crate) fn kept_on_disk(pod: &Pod) -> impl Iterator<Item = &str> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.filter(|it| medium(it) == Medium::Memory).map(|volume| volume.name.as_str())
}

/// `limits.ephemeral-storage` of `container`, in bytes.
pub(crate) fn container_limit(container: &Container, operator: &OperatorLimits) -> Option<u64> {
    operator.ephemeral_storage(container).and_then(positive)
}

/// What all containers may have of memory together, if each is limited.
fn memory_limit(pod: &Pod) -> Option<u64> {
    let spec = pod.spec.as_ref()?;
    let is_limited = |container: &Container| {
        let limits = container.resources.as_ref().and_then(|it| it.limits.as_ref());
        limits.is_some_and(|limits| limits.contains_key("memory"))
    };
    let sum = resources::limits(spec).get("memory").copied().and_then(positive);
    sum.filter(|_| containers(pod).all(is_limited))
}

/// A limit of zero is none, as in Kubernetes.
fn positive(amount: Amount) -> Option<u64> {
    u64::try_from(amount.units()).ok().filter(|bytes| *bytes > 0)
}

/// Why the pod is evicted. The space at the end is the kubelet's.
pub(crate) fn message(pod: &Pod, exceeded: &StorageExceeded, operator: &OperatorLimits) -> String {
    match exceeded {
        StorageExceeded::Volume(name) => {
            let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
            let limit = volumes
                .filter(|volume| volume.name == *name)
                .find_map(size_limit)
                .filter(|limit| *limit > Amount::ZERO);
            match limit {
                Some(limit) => {
                    format!("Usage of EmptyDir volume \"{name}\" exceeds the limit \"{limit}\". ")
                }
                // Kubernetes differs: there, such a volume has no limit but the node's disk.
                None => format!(
                    "Usage of EmptyDir volume \"{name}\" exceeds the node's default limit for volumes \
                     without a sizeLimit. "
                ),
            }
        }
        StorageExceeded::Pod => {
            let spec = pod.spec.as_ref();
            let limit = spec.and_then(|spec| operator.ephemeral_storage_of_pod(spec));
            let limit = limit.unwrap_or_default();
            format!(
                "Pod ephemeral local storage usage exceeds the total limit of containers {limit}. "
            )
        }
        StorageExceeded::Container(name) => {
            let container = containers(pod).find(|container| container.name == *name);
            let limit = container.and_then(|container| operator.ephemeral_storage(container));
            let limit = limit.unwrap_or_default();
            format!("Container {name} exceeded its local ephemeral storage limit \"{limit}\". ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::fixtures::pod_from;
    use crate::node::runtime::PodIdentity;
    use crate::quota::Bound;

    fn settings() -> VolumeSettings {
        VolumeSettings { entries: 7, memory_root: Some("/memory".into()) }
    }

    fn operator() -> OperatorLimits {
        let bound = |default, max| Bound { default: Some(default), max: Some(max) };
        OperatorLimits {
            volume_bytes: bound(1000, 4 << 20),
            memory_volume_bytes: bound(500, 4096),
            ..OperatorLimits::default()
        }
    }

    #[test]
    fn each_volume_and_the_pod_have_their_limit() {
        let identity = PodIdentity { namespace: "n".into(), name: "p".into(), uid: "u".into() };
        let directory = PodDirectory::new(Path::new("/state"), &identity).unwrap();
        let check = |volume: &str, limits: &[&str], expected: (&str, u64), total: Option<u64>| {
            let containers: Vec<_> = limits
                .iter()
                .map(|limits| {
                    format!(r#"{{"name": "c", "resources": {{"limits": {{{limits}}}}}}}"#)
                })
                .collect();
            let pod = pod_from(&format!(
                r#"{{"spec": {{"volumes": [{{"name": "v", "emptyDir": {{{volume}}}}}],
                    "containers": [{}]}}}}"#,
                containers.join(",")
            ));
            let found = super::limits(&pod, &directory, &settings(), &operator());
            let (path, bytes_max) = expected;
            let [found_volume] = &found.volumes[..] else { panic!("{found:?}") };
            assert_eq!(found_volume.directory, Path::new(path), "{volume}");
            let amounts = (found_volume.bytes_max, found_volume.entries_max, found.bytes_max);
            assert_eq!(amounts, (bytes_max, 7, total), "{volume} {limits:?}");
        };
        let (disk, memory) = ("/state/pods/n_p_u/volumes.d/v", "/memory/pods/n_p_u/volumes.d/v");
        let in_memory = r#""medium": "Memory""#;
        check("", &[""], (disk, 1000), None);
        check(r#""sizeLimit": "0""#, &[""], (disk, 1000), None);
        check(r#""sizeLimit": "1Mi""#, &[""], (disk, 1 << 20), None);
        // A pod that was made when there was no such maximum.
        check(r#""sizeLimit": "5Mi""#, &[""], (disk, 4 << 20), None);
        check(in_memory, &[r#""memory": "1Mi""#], (memory, 4096), None);
        check(in_memory, &[""], (memory, 500), None);
        check(in_memory, &[r#""memory": "1Ki""#, r#""memory": "2Ki""#], (memory, 3072), None);
        check(in_memory, &[r#""memory": "1Ki""#, ""], (memory, 500), None);
        let sized = r#""medium": "Memory", "sizeLimit": "2Ki""#;
        check(sized, &[""], (memory, 2048), None);
        check(sized, &[r#""memory": "1Ki""#], (memory, 1024), None);
        let ephemeral = r#""ephemeral-storage": "1Mi""#;
        check("", &[ephemeral, ephemeral, ""], (disk, 1000), Some(2 << 20));
    }

    #[test]
    fn an_eviction_reads_as_the_kubelets() {
        let pod = pod_from(
            r#"{"spec": {"volumes": [
                    {"name": "v", "emptyDir": {"sizeLimit": "1024Ki"}}, {"name": "w", "emptyDir": {}}],
                "containers": [
                    {"name": "a", "resources": {"limits": {"ephemeral-storage": "1Mi"}}},
                    {"name": "b", "resources": {"limits": {"ephemeral-storage": "3Mi"}}}]}}"#,
        );
        let check = |exceeded: StorageExceeded, expected: &str| {
            assert_eq!(message(&pod, &exceeded, &OperatorLimits::default()), expected);
        };
        check(
            StorageExceeded::Volume("v".into()),
            "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ",
        );
        check(
            StorageExceeded::Volume("w".into()),
            "Usage of EmptyDir volume \"w\" exceeds the node's default limit for volumes without a \
             sizeLimit. ",
        );
        check(
            StorageExceeded::Pod,
            "Pod ephemeral local storage usage exceeds the total limit of containers 4Mi. ",
        );
        check(
            StorageExceeded::Container("b".into()),
            "Container b exceeded its local ephemeral storage limit \"3Mi\". ",
        );
    }
}
