//! What a pod asks of a node. Pure.

use std::collections::BTreeMap;

use crate::api::{Container, Key, Pod, Resource, Timestamp};
use crate::quantity::Amount;

/// What a pod asks for. Pods of one template ask for the same, and are decided together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    /// `resources.requests`, by name, summed as Kubernetes does.
    pub(super) resources: BTreeMap<String, Amount>,
    /// `spec.nodeSelector`.
    pub(super) selector: BTreeMap<String, String>,
}

/// Where a pod stands with its scheduling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It waits for a node.
    Waiting,
    /// It takes up room on this node.
    Bound(String),
    /// It takes up nothing, or is none of our business.
    Indifferent,
}

/// A pod in the order in which pods are served: the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) created: Option<Timestamp>,
    pub(super) key: Key,
    pub(super) uid: String,
}

impl Turn {
    pub(super) fn of(pod: &Pod) -> Self {
        let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
        Self { created, key: pod.key(), uid: pod.uid().to_owned() }
    }
}

impl Standing {
    pub(super) fn of(pod: &Pod) -> Self {
        let Some(spec) = &pod.spec else { return Self::Indifferent };
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return Self::Indifferent;
        }
        if let Some(node) = spec.node_name.as_ref().filter(|node| !node.is_empty()) {
            return Self::Bound(node.clone());
        }
        // Kubernetes differs: whoever `schedulerName` names, there is no other scheduler here.
        let is_gated = spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty());
        let is_deleted = pod.metadata.deletion_timestamp.is_some();
        if is_gated || is_deleted { Self::Indifferent } else { Self::Waiting }
    }
}

impl Request {
    pub(super) fn of(pod: &Pod) -> Self {
        let Some(spec) = &pod.spec else { return Self::default() };
        let mut resources = sum(spec.containers.iter());
        // Init containers run one by one, each beside the sidecars before it; sidecars run on.
        let mut sidecars = BTreeMap::new();
        let mut highest = BTreeMap::new();
        for container in spec.init_containers.iter().flatten() {
            let own = sum(std::iter::once(container));
            if container.restart_policy.as_deref() == Some("Always") {
                add(&mut sidecars, &own);
                raise(&mut highest, &sidecars);
            } else {
                let mut beside = sidecars.clone();
                add(&mut beside, &own);
                raise(&mut highest, &beside);
            }
        }
        add(&mut resources, &sidecars);
        raise(&mut resources, &highest);
        let overhead = spec.overhead.iter().flatten();
        add(&mut resources, &overhead.map(|(name, it)| (name.clone(), Amount::of(it))).collect());
        resources.retain(|_, amount| *amount > Amount::ZERO);
        Self { resources, selector: spec.node_selector.clone().unwrap_or_default() }
    }
}

type Resources = BTreeMap<String, Amount>;

fn sum<'a>(containers: impl Iterator<Item = &'a Container>) -> Resources {
    let mut sum = Resources::new();
    for container in containers {
        let requests = container.resources.as_ref().and_then(|it| it.requests.as_ref());
        let requests = requests.into_iter().flatten();
        add(&mut sum, &requests.map(|(name, it)| (name.clone(), Amount::of(it))).collect());
    }
    sum
}

fn add(sum: &mut Resources, more: &Resources) {
    for (name, amount) in more {
        let sum = sum.entry(name.clone()).or_default();
        *sum = *sum + *amount;
    }
}

fn raise(highest: &mut Resources, to: &Resources) {
    for (name, amount) in to {
        let highest = highest.entry(name.clone()).or_default();
        *highest = (*highest).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_summed_as_kubernetes_does() {
        let check = |spec: &str, cpu_millis: i64| {
            let pod: Pod = serde_json::from_str(&format!(r#"{{"spec": {spec}}}"#)).unwrap();
            let cpu = Request::of(&pod).resources.get("cpu").copied().unwrap_or_default();
            assert_eq!(cpu.millis(), cpu_millis, "{spec}");
        };
        let container = |cpu: &str, more: &str| {
            format!(r#"{{"name": "c", "resources": {{"requests": {{"cpu": "{cpu}"}}}} {more}}}"#)
        };
        let always = r#", "restartPolicy": "Always""#;
        let pod = |init: &[String], main: &[String]| {
            let (init, main) = (init.join(","), main.join(","));
            format!(r#"{{"initContainers": [{init}], "containers": [{main}]}}"#)
        };
        check(&pod(&[], &[]), 0);
        check(&pod(&[], &[container("1", ""), container("500m", "")]), 1500);
        check(&pod(&[container("2", "")], &[container("1", "")]), 2000);
        check(&pod(&[container("1", ""), container("1", "")], &[container("1", "")]), 1000);
        check(&pod(&[container("1", always)], &[container("1", "")]), 2000);
        check(&pod(&[container("1", always), container("2", "")], &[container("1", "")]), 3000);
    }
}
