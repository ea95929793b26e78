//! What a container may learn of its own pod: `fieldRef` and `resourceFieldRef`.
//!
//! Source: Kubernetes' documentation of the downward API. Pure.

use super::sources::ConfigError;
use crate::api::{Container, Pod, Quantity, ResourceFieldSelector};
use crate::quantity::Amount;

/// A pod, and what its node adds to what can be said of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Downward<'a> {
    pub(crate) pod: &'a Pod,
    /// `status.hostIP`.
    pub(crate) host_ip: &'a str,
    /// What a container without a limit may use: all that the node has.
    pub(crate) allocatable: Allocatable,
}

/// What a node has for its pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allocatable {
    pub(crate) cpu: Amount,
    pub(crate) memory: Amount,
    /// `ephemeral-storage`.
    pub(crate) storage: Amount,
}

impl Downward<'_> {
    /// The value of `fieldRef.fieldPath`.
    pub(crate) fn field(&self, path: &str) -> Result<String, ConfigError> {
        let metadata = &self.pod.metadata;
        let spec = self.pod.spec.as_ref();
        if let Some((map, key)) = subscript(path) {
            let map = match map {
                "metadata.labels" => &metadata.labels,
                "metadata.annotations" => &metadata.annotations,
                _ => return Err(unsupported(path)),
            };
            return Ok(map.as_ref().and_then(|map| map.get(key)).cloned().unwrap_or_default());
        }
        let value = match path {
            "metadata.name" => metadata.name.clone(),
            "metadata.namespace" => metadata.namespace.clone(),
            "metadata.uid" => metadata.uid.clone(),
            "metadata.labels" => Some(lines_of(metadata.labels.iter().flatten())),
            "metadata.annotations" => Some(lines_of(metadata.annotations.iter().flatten())),
            "spec.nodeName" => spec.and_then(|spec| spec.node_name.clone()),
            "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
            "status.hostIP" | "status.hostIPs" => Some(self.host_ip.to_owned()),
            // A pod has no network of its own, so no address either.
            "status.podIP" | "status.podIPs" => None,
            _ => return Err(unsupported(path)),
        };
        Ok(value.unwrap_or_default())
    }

    /// The value of `resourceFieldRef` in the environment or a volume; `own` is the container that
    /// is meant when it names none.
    pub(crate) fn resource(
        &self,
        selector: &ResourceFieldSelector,
        own: Option<&Container>,
    ) -> Result<String, ConfigError> {
        let container = match selector.container_name.as_deref() {
            None | Some("") => own,
            Some(name) => containers(self.pod).find(|container| container.name == name),
        };
        let container = container.ok_or_else(|| {
            let name = selector.container_name.as_deref().unwrap_or_default();
            ConfigError(format!("container {name} not found"))
        })?;
        let (kind, resource) = selector.resource.split_once('.').unwrap_or_default();
        let resources = container.resources.as_ref();
        let amount = match (kind, resource) {
            ("limits", "cpu" | "memory" | "ephemeral-storage") => {
                let limits = resources.and_then(|it| it.limits.as_ref());
                limits.and_then(|it| it.get(resource)).map_or(self.of_node(resource), Amount::of)
            }
            ("requests", "cpu" | "memory" | "ephemeral-storage") => {
                let requests = resources.and_then(|it| it.requests.as_ref());
                requests.and_then(|it| it.get(resource)).map_or(Amount::ZERO, Amount::of)
            }
            _ => {
                let resource = &selector.resource;
                return Err(ConfigError(format!("unsupported container resource : {resource}")));
            }
        };
        Ok(divided(amount, selector.divisor.as_ref(), resource).to_string())
    }

    fn of_node(&self, resource: &str) -> Amount {
        match resource {
            "cpu" => self.allocatable.cpu,
            "memory" => self.allocatable.memory,
            "ephemeral-storage" => self.allocatable.storage,
            _ => Amount::ZERO,
        }
    }
}

/// Every container of a pod, those that come first included.
pub(crate) fn containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers))
}

/// `map['key']` as map and key.
fn subscript(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['")
}

fn unsupported(path: &str) -> ConfigError {
    ConfigError(format!("unsupported fieldPath: {path}"))
}

/// A map as a file of lines, `key="value"`, quoted as Go does.
fn lines_of<'a>(entries: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let lines: Vec<_> = entries.map(|(key, value)| format!("{key}={}", quoted(value))).collect();
    lines.join("\n")
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            control if control.is_ascii_control() => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// How many `divisor`s there are in `amount`, rounded up; one that is zero or absent is 1.
fn divided(amount: Amount, divisor: Option<&Quantity>, resource: &str) -> i64 {
    // CPU is counted in thousandths, everything else in whole units.
    let count = |amount: Amount| if resource == "cpu" { amount.millis() } else { amount.units() };
    let divisor = divisor.map(Amount::of).filter(|divisor| *divisor > Amount::ZERO);
    let divisor = count(divisor.unwrap_or(Amount::from_units(1))).max(1);
    let count = count(amount);
    count / divisor + i64::from(count % divisor > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::fixtures::{container_from, pod_from};

    #[test]
    fn fields_say_what_the_pod_says() {
        let pod = pod_from(
            r#"{"metadata": {"name": "p", "namespace": "ns", "uid": "u",
                "labels": {"app": "x", "batch.kubernetes.io/job-completion-index": "7"},
                "annotations": {"note": "say \"hi\"\n"}},
               "spec": {"nodeName": "here", "serviceAccountName": "sa", "containers": []}}"#,
        );
        let downward = Downward { pod: &pod, host_ip: "127.0.0.1", allocatable: <_>::default() };
        let check = |path: &str, expected: &str| {
            assert_eq!(downward.field(path).as_deref(), Ok(expected), "{path}");
        };
        check("metadata.name", "p");
        check("metadata.namespace", "ns");
        check("metadata.uid", "u");
        check("metadata.labels['batch.kubernetes.io/job-completion-index']", "7");
        check("metadata.labels['absent']", "");
        check("metadata.annotations['note']", "say \"hi\"\n");
        check("metadata.labels", "app=\"x\"\nbatch.kubernetes.io/job-completion-index=\"7\"");
        check("metadata.annotations", "note=\"say \\\"hi\\\"\\n\"");
        check("spec.nodeName", "here");
        check("spec.serviceAccountName", "sa");
        check("status.hostIP", "127.0.0.1");
        check("status.podIP", "");
        assert_eq!(
            downward.field("spec.nope").unwrap_err().to_string(),
            "unsupported fieldPath: spec.nope"
        );
    }

    #[test]
    fn resources_are_divided_and_rounded_up() {
        let pod = pod_from(r#"{"spec": {"containers": [{"name": "other"}]}}"#);
        let own = container_from(
            r#"{"name": "main", "resources": {
                "limits": {"cpu": "1500m", "memory": "100Mi"},
                "requests": {"cpu": "250m"}}}"#,
        );
        let allocatable = Allocatable {
            cpu: Amount::from_units(4),
            memory: Amount::from_units(8 << 30),
            storage: Amount::from_units(1 << 40),
        };
        let downward = Downward { pod: &pod, host_ip: "", allocatable };
        let check = |resource: &str, container: Option<&str>, divisor: &str, expected: &str| {
            let selector = ResourceFieldSelector {
                container_name: container.map(str::to_owned),
                divisor: Some(Quantity(divisor.into())),
                resource: resource.into(),
            };
            let value = downward.resource(&selector, Some(&own));
            assert_eq!(value.as_deref(), Ok(expected), "{resource} / {divisor}");
        };
        check("limits.cpu", None, "0", "2");
        check("limits.cpu", None, "1m", "1500");
        check("limits.memory", None, "1Mi", "100");
        check("limits.memory", None, "1Gi", "1");
        check("limits.memory", None, "1", "104857600");
        check("requests.cpu", None, "1", "1");
        check("requests.memory", None, "1", "0");
        check("limits.cpu", Some("other"), "1", "4");
        check("limits.memory", Some("other"), "1Gi", "8");
        check("limits.ephemeral-storage", Some("other"), "1Gi", "1024");
        check("requests.ephemeral-storage", Some("other"), "1", "0");
    }
}
