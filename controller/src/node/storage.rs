//! What a pod may store on its node, and how it reads when it has stored more. Pure.
//!
//! Source: Kubernetes' documentation of local ephemeral storage, and the kubelet's words for an
//! eviction.

use std::path::Path;

use super::directory::PodDirectory;
use super::downward::containers;
use super::runtime::{Medium, StorageExceeded, StorageLimits, StoredVolume};
use super::settings::StorageDefaults;
use crate::api::{Pod, Volume};
use crate::quantity::Amount;
use crate::resources;

/// The resource that files of a pod take on its node's disk.
const EPHEMERAL_STORAGE: &str = "ephemeral-storage";

/// What the pod may store, with its directories in `directory`.
pub(crate) fn limits(
    pod: &Pod,
    directory: &PodDirectory,
    defaults: &StorageDefaults,
) -> StorageLimits {
    let Some(spec) = &pod.spec else { return StorageLimits::default() };
    let volumes = spec.volumes.iter().flatten().filter_map(|volume| {
        let source = volume.empty_dir.as_ref()?;
        let medium = medium(volume);
        let size = source.size_limit.as_ref().map(Amount::of).and_then(positive);
        let bytes_max = match medium {
            Medium::Disk => size.unwrap_or(defaults.volume_bytes),
            // As the kubelet sizes it: no more than the pod may have of memory.
            Medium::Memory => {
                let memory = memory_limit(pod);
                let size = size.or(memory).unwrap_or(defaults.memory_volume_bytes);
                size.min(memory.unwrap_or(u64::MAX))
            }
        };
        Some(StoredVolume {
            name: volume.name.clone(),
            directory: folder(volume, directory, defaults.memory_root.as_deref())?,
            bytes_max,
            entries_max: defaults.volume_entries,
            medium,
        })
    });
    StorageLimits { volumes: volumes.collect(), bytes_max: pod_limit(pod) }
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

/// `limits.ephemeral-storage` of the container at `index`, in bytes.
pub(crate) fn container_limit(pod: &Pod, index: usize) -> Option<u64> {
    let resources = containers(pod).nth(index)?.resources.as_ref()?;
    resources.limits.as_ref()?.get(EPHEMERAL_STORAGE).map(Amount::of).and_then(positive)
}

/// The sum of what its containers are limited to; those that are not add nothing.
fn pod_limit(pod: &Pod) -> Option<u64> {
    let limits = resources::limits(pod.spec.as_ref()?);
    limits.get(EPHEMERAL_STORAGE).copied().and_then(positive)
}

/// What all containers may have of memory together, if each is limited.
fn memory_limit(pod: &Pod) -> Option<u64> {
    let spec = pod.spec.as_ref()?;
    let is_limited = |container: &crate::api::Container| {
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
pub(crate) fn message(pod: &Pod, exceeded: &StorageExceeded) -> String {
    match exceeded {
        StorageExceeded::Volume(name) => {
            let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
            let limit = volumes
                .filter(|volume| volume.name == *name)
                .find_map(|volume| volume.empty_dir.as_ref()?.size_limit.as_ref())
                .map(Amount::of)
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
            let limits = pod.spec.as_ref().map(resources::limits).unwrap_or_default();
            let limit = limits.get(EPHEMERAL_STORAGE).copied().unwrap_or_default();
            format!(
                "Pod ephemeral local storage usage exceeds the total limit of containers {limit}. "
            )
        }
        StorageExceeded::Container(name) => {
            let container = containers(pod).find(|container| container.name == *name);
            let limits =
                container.and_then(|it| it.resources.as_ref()).and_then(|it| it.limits.as_ref());
            let limit = limits.and_then(|limits| limits.get(EPHEMERAL_STORAGE)).map(Amount::of);
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

    fn defaults() -> StorageDefaults {
        StorageDefaults {
            volume_bytes: 1000,
            volume_entries: 7,
            memory_volume_bytes: 500,
            memory_root: Some("/memory".into()),
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
            let found = super::limits(&pod, &directory, &defaults());
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
            assert_eq!(message(&pod, &exceeded), expected);
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
