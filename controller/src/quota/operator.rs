//! What the operator lets every pod have, in whatever namespace: defaults for what a pod does not
//! say, and bounds for what it does. Pure.
//!
//! A bound is held against a pod when it is made, as a LimitRange is. When a container is started
//! its limits are cut to the bounds once more, since a pod may have been made under others.

use crate::annotations::Annotations;
use crate::api::names::{FUEL, NETWORK_BYTES, OPEN_FILES, OUTPUT_BYTES};
use crate::api::{Container, Pod, PodSpec, Quantity, Volume};
use crate::limits::{MEMORY_VOLUME_BYTES_DEFAULT, VOLUME_BYTES_DEFAULT};
use crate::quantity::Amount;
use crate::resources::{Amounts, limits_by, requests_or};

/// The resource that files of a pod take on its node's disk.
const EPHEMERAL_STORAGE: &str = "ephemeral-storage";

/// The default and the maximum of one limit; `None` is without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// What a pod gets that does not say.
    pub default: Option<u64>,
    /// What a pod can get.
    pub max: Option<u64>,
}

impl Bound {
    /// What somebody gets who `asked` for that: no more than the maximum, and that where there is
    /// no default.
    pub fn grant(self, asked: Option<u64>) -> Option<u64> {
        match (asked.or(self.default), self.max) {
            (Some(granted), Some(max)) => Some(granted.min(max)),
            (granted, max) => granted.or(max),
        }
    }
}

/// What the operator lets every pod have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorLimits {
    /// `resources.limits.memory` of a container, in bytes.
    pub memory_bytes: Bound,
    /// What a container is counted with that says neither what memory it requests nor a limit, in
    /// bytes; `None` is its limit.
    pub memory_request_bytes: Option<u64>,
    /// `resources.limits.cpu` of a container, in thousandths of a core.
    pub cpu_millis: Bound,
    /// `resources.limits.ephemeral-storage` of a container, in bytes.
    pub ephemeral_storage_bytes: Bound,
    /// `sizeLimit` of an `emptyDir` on disk, in bytes.
    pub volume_bytes: Bound,
    /// `sizeLimit` of an `emptyDir` in memory, in bytes. Its pod's memory limits come before the
    /// default.
    pub memory_volume_bytes: Bound,
    /// `mayfly.dev/fuel`.
    pub fuel: Bound,
    /// `mayfly.dev/output-bytes`.
    pub output_bytes: Bound,
    /// `mayfly.dev/open-files`.
    pub open_files: Bound,
    /// `mayfly.dev/network-bytes`.
    pub network_bytes: Bound,
    /// `spec.activeDeadlineSeconds` of a pod.
    pub active_deadline_seconds: Bound,
}

impl Default for OperatorLimits {
    /// What holds when the operator says nothing.
    fn default() -> Self {
        let bound = |default, max| Bound { default: Some(default), max: Some(max) };
        Self {
            // CPython and Perl need some 50 MiB, and most guests 2 MiB. How much a host has bounds
            // what a pod can ask for.
            memory_bytes: Bound { default: Some(256 << 20), max: None },
            memory_request_bytes: None,
            cpu_millis: Bound::default(),
            ephemeral_storage_bytes: Bound::default(),
            volume_bytes: Bound { default: Some(VOLUME_BYTES_DEFAULT), max: None },
            memory_volume_bytes: Bound { default: Some(MEMORY_VOLUME_BYTES_DEFAULT), max: None },
            fuel: Bound::default(),
            // More than anybody reads, and ten minutes of printing as fast as is allowed.
            output_bytes: bound(1 << 30, 64 << 30),
            // Each is one of the process', which has a few thousand.
            open_files: bound(256, 1024),
            // What an image or a data set has; twice that takes a minute or two of a fast line.
            network_bytes: bound(1 << 30, 64 << 30),
            active_deadline_seconds: Bound::default(),
        }
    }
}

impl OperatorLimits {
    /// The memory that `container` may take, in bytes: what it says, or the default, or what it
    /// requests if that is more.
    pub fn memory_bytes(&self, container: &Container) -> Option<u64> {
        let requested = requested(container, "memory").map(bytes).unwrap_or_default();
        let limit = limited(container, "memory").map(bytes).filter(|bytes| *bytes > 0);
        let default = self.memory_bytes.default.map(|default| default.max(requested));
        Bound { default, ..self.memory_bytes }.grant(limit)
    }

    /// The memory that a node sets aside for `container`, in bytes.
    ///
    /// Kubernetes differs: there, one that says nothing of memory is counted with none, and the
    /// kernel ends somebody when the node has no more.
    pub fn memory_request_bytes(&self, container: &Container) -> u64 {
        let said = requested(container, "memory").or_else(|| limited(container, "memory"));
        said.map(bytes)
            .or(self.memory_request_bytes)
            .or_else(|| self.memory_bytes(container))
            .unwrap_or_default()
    }

    /// What a node sets aside for a pod, by the names of resources: what it requests, and memory for
    /// those of its containers that do not say.
    pub fn requests(&self, spec: &PodSpec) -> Amounts {
        requests_or(spec, |container| {
            let memory = Amount::from_units(self.memory_request_bytes(container));
            Amounts::from([("memory".to_owned(), memory)])
        })
    }

    /// The share of a core that `container` may have, in thousandths.
    pub fn cpu_millis(&self, container: &Container) -> Option<u64> {
        let limit = limited(container, "cpu").map(millis).filter(|millis| *millis > 0);
        self.cpu_millis.grant(limit)
    }

    /// What `container` and its logs may store on its node's disk. Zero is not a limit, as in
    /// Kubernetes.
    pub fn ephemeral_storage(&self, container: &Container) -> Option<Amount> {
        let said = limited(container, EPHEMERAL_STORAGE).filter(|said| bytes(*said) > 0);
        let granted = self.ephemeral_storage_bytes.grant(said.map(bytes))?;
        // In its own words, where it has what it says.
        said.filter(|said| bytes(*said) == granted).or_else(|| Amount::parse(&in_bytes(granted)))
    }

    /// What the containers of a pod may store there together; those without a limit add nothing.
    pub fn ephemeral_storage_of_pod(&self, spec: &PodSpec) -> Option<Amount> {
        let sum = limits_by(spec, |container| {
            let own = self.ephemeral_storage(container);
            own.map(|amount| (EPHEMERAL_STORAGE.to_owned(), amount)).into_iter().collect()
        });
        sum.get(EPHEMERAL_STORAGE).copied().filter(|sum| bytes(*sum) > 0)
    }

    /// Whether `pod` keeps to the bounds; if not, where it does not, in a LimitRange's words.
    pub fn check(&self, pod: &Pod) -> Result<(), String> {
        let empty = PodSpec::default();
        let spec = pod.spec.as_deref().unwrap_or(&empty);
        let annotations = Annotations::of(&pod.metadata);
        let mut complaints = Vec::new();
        for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
            self.check_container(container, &mut complaints);
        }
        for volume in spec.volumes.iter().flatten() {
            self.check_volume(volume, &mut complaints);
        }
        for (name, bound, asked) in [
            (FUEL, self.fuel, annotations.fuel),
            (OUTPUT_BYTES, self.output_bytes, annotations.output_bytes),
            (OPEN_FILES, self.open_files, annotations.open_files),
            (NETWORK_BYTES, self.network_bytes, annotations.network_bytes),
        ] {
            complaints.extend(above(name, "Container", bound.max, ("limit", asked), plain));
        }
        let seconds = spec.active_deadline_seconds.and_then(|it| u64::try_from(it).ok());
        let max = self.active_deadline_seconds.max;
        complaints.extend(above("activeDeadlineSeconds", "Pod", max, ("limit", seconds), plain));
        match &complaints[..] {
            [] => Ok(()),
            [one] => Err(one.clone()),
            several => Err(format!("[{}]", several.join(", "))),
        }
    }

    fn check_container(&self, container: &Container, complaints: &mut Vec<String>) {
        let mut hold = |name, max, parse: fn(Amount) -> u64, show: fn(u64) -> String| {
            let limit = limited(container, name).map(parse);
            let request = requested(container, name).map(parse);
            let told = above(name, "Container", max, ("limit", limit), show);
            let told = told.or_else(|| above(name, "Container", max, ("request", request), show));
            complaints.extend(told);
        };
        hold("memory", self.memory_bytes.max, bytes, in_bytes);
        hold("cpu", self.cpu_millis.max, millis, in_millis);
        hold(EPHEMERAL_STORAGE, self.ephemeral_storage_bytes.max, bytes, in_bytes);
    }

    fn check_volume(&self, volume: &Volume, complaints: &mut Vec<String>) {
        let Some(source) = &volume.empty_dir else { return };
        let bound = match source.medium.as_deref() {
            Some("Memory") => self.memory_volume_bytes,
            _ => self.volume_bytes,
        };
        let size = source.size_limit.as_ref().map(|size| bytes(Amount::of(size)));
        let told = above("emptyDir.sizeLimit", "Volume", bound.max, ("limit", size), in_bytes);
        complaints.extend(told);
    }
}

/// What is said if what is `asked` for, as this word has it, is above `max`.
fn above(
    name: &str,
    of: &str,
    max: Option<u64>,
    (word, asked): (&str, Option<u64>),
    show: fn(u64) -> String,
) -> Option<String> {
    let (max, asked) = (max?, asked?);
    (asked > max).then(|| {
        let (max, asked) = (show(max), show(asked));
        format!("maximum {name} usage per {of} is {max}, but {word} is {asked}")
    })
}

fn limited(container: &Container, name: &str) -> Option<Amount> {
    let limits = container.resources.as_ref()?.limits.as_ref()?;
    limits.get(name).map(Amount::of)
}

fn requested(container: &Container, name: &str) -> Option<Amount> {
    let requests = container.resources.as_ref()?.requests.as_ref()?;
    requests.get(name).map(Amount::of)
}

fn bytes(amount: Amount) -> u64 {
    u64::try_from(amount.units()).unwrap_or_default()
}

fn millis(amount: Amount) -> u64 {
    u64::try_from(amount.millis()).unwrap_or_default()
}

fn plain(number: u64) -> String {
    number.to_string()
}

/// So many bytes in the largest unit of which they are a whole number.
fn in_bytes(bytes: u64) -> String {
    let units = [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let whole = units.into_iter().find(|(_, bits)| bytes > 0 && bytes.is_multiple_of(1 << bits));
    whole.map_or_else(|| bytes.to_string(), |(unit, bits)| format!("{}{unit}", bytes >> bits))
}

fn in_millis(millis: u64) -> String {
    Amount::of(&Quantity(format!("{millis}m"))).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(annotations: &Value, resources: &Value, deadline: Option<i64>) -> Pod {
        let spec = json!({
            "activeDeadlineSeconds": deadline,
            "containers": [{"name": "c", "resources": resources}],
        });
        let pod = json!({"metadata": {"annotations": annotations}, "spec": spec});
        serde_json::from_value(pod).expect("must be a pod")
    }

    fn bounded() -> OperatorLimits {
        let most = |max| Bound { default: None, max: Some(max) };
        OperatorLimits {
            memory_bytes: Bound { default: Some(64 << 20), max: Some(1 << 30) },
            cpu_millis: most(500),
            ephemeral_storage_bytes: Bound { default: Some(1 << 20), max: Some(1 << 30) },
            volume_bytes: most(1 << 30),
            memory_volume_bytes: most(1 << 20),
            fuel: most(1000),
            active_deadline_seconds: most(60),
            ..OperatorLimits::default()
        }
    }

    #[test]
    fn what_is_not_said_has_a_default_and_nothing_is_above_the_maximum() {
        let check = |default, max, asked, expect| {
            assert_eq!(
                Bound { default, max }.grant(asked),
                expect,
                "{default:?} {max:?} {asked:?}"
            );
        };
        check(None, None, None, None);
        check(None, None, Some(5), Some(5));
        check(Some(3), None, None, Some(3));
        check(Some(3), Some(4), None, Some(3));
        check(Some(3), Some(4), Some(5), Some(4));
        check(None, Some(4), None, Some(4));
        check(None, Some(4), Some(2), Some(2));
    }

    #[test]
    fn memory_is_what_is_said_or_requested_or_the_default() {
        let check = |resources: Value, limit: u64, request: u64| {
            let spec = pod(&json!({}), &resources, None).spec.expect("a spec");
            let container = &spec.containers[0];
            let limits = bounded();
            let found = (limits.memory_bytes(container), limits.memory_request_bytes(container));
            assert_eq!(found, (Some(limit << 20), request << 20), "{resources}");
        };
        check(json!({}), 64, 64);
        check(json!({"limits": {"memory": "128Mi"}}), 128, 128);
        check(json!({"limits": {"memory": "128Mi"}, "requests": {"memory": "1Mi"}}), 128, 1);
        check(json!({"requests": {"memory": "1Mi"}}), 64, 1);
        check(json!({"requests": {"memory": "100Mi"}}), 100, 100);
        check(json!({"limits": {"memory": "4Gi"}}), 1024, 4096);
        let limits = OperatorLimits { memory_request_bytes: Some(5), ..bounded() };
        assert_eq!(limits.memory_request_bytes(&Container::default()), 5);
    }

    #[test]
    fn what_is_above_a_maximum_is_refused_in_a_limit_ranges_words() {
        let check = |annotations: Value, resources: Value, deadline, expect: Result<(), &str>| {
            let found = bounded().check(&pod(&annotations, &resources, deadline));
            assert_eq!(found, expect.map_err(str::to_owned));
        };
        check(json!({}), json!({}), None, Ok(()));
        check(
            json!({"mayfly.dev/fuel": "1000", "mayfly.dev/open-files": "1024"}),
            json!({"limits": {"memory": "1Gi", "cpu": "0.5"}}),
            Some(60),
            Ok(()),
        );
        check(
            json!({}),
            json!({"limits": {"memory": "2Gi"}, "requests": {"memory": "2Gi"}}),
            None,
            Err("maximum memory usage per Container is 1Gi, but limit is 2Gi"),
        );
        check(
            json!({}),
            json!({"requests": {"cpu": "1"}}),
            None,
            Err("maximum cpu usage per Container is 500m, but request is 1"),
        );
        check(
            json!({"mayfly.dev/fuel": "1001", "mayfly.dev/output-bytes": "1Ti"}),
            json!({}),
            Some(61),
            Err(
                "[maximum mayfly.dev/fuel usage per Container is 1000, but limit is 1001, maximum \
                 mayfly.dev/output-bytes usage per Container is 68719476736, but limit is \
                 1099511627776, maximum activeDeadlineSeconds usage per Pod is 60, but limit is 61]",
            ),
        );
    }
    #[test]
    fn a_volume_above_its_maximum_is_refused_whatever_it_is_kept_in() {
        let check = |volume: Value, expect: Result<(), &str>| {
            let mut pod = pod(&json!({}), &json!({}), None);
            let volume = json!({"name": "v", "emptyDir": volume});
            let volume = serde_json::from_value(volume).expect("must be a volume");
            pod.spec.as_mut().expect("a spec").volumes = Some(vec![volume]);
            assert_eq!(bounded().check(&pod), expect.map_err(str::to_owned));
        };
        let in_memory = |size: &str| json!({"medium": "Memory", "sizeLimit": size});
        check(json!({}), Ok(()));
        check(json!({"sizeLimit": "1Gi"}), Ok(()));
        check(in_memory("1Mi"), Ok(()));
        check(
            json!({"sizeLimit": "2Gi"}),
            Err("maximum emptyDir.sizeLimit usage per Volume is 1Gi, but limit is 2Gi"),
        );
        check(
            in_memory("2Mi"),
            Err("maximum emptyDir.sizeLimit usage per Volume is 1Mi, but limit is 2Mi"),
        );
    }

    #[test]
    fn what_a_container_may_store_is_what_it_says_or_the_default() {
        let check = |limit: Value, expect: &str| {
            let pod = pod(&json!({}), &json!({"limits": limit}), None);
            let spec = pod.spec.expect("a spec");
            let found = bounded().ephemeral_storage(&spec.containers[0]).map(|it| it.to_string());
            assert_eq!(found.as_deref(), Some(expect));
            let sum = bounded().ephemeral_storage_of_pod(&spec).map(|it| it.to_string());
            assert_eq!(sum.as_deref(), Some(expect));
        };
        check(json!({}), "1Mi");
        check(json!({"ephemeral-storage": "0"}), "1Mi");
        check(json!({"ephemeral-storage": "5M"}), "5M");
        check(json!({"ephemeral-storage": "2Gi"}), "1Gi");
        let without = OperatorLimits::default().ephemeral_storage(&Container::default());
        assert_eq!(without, None);
    }
}
