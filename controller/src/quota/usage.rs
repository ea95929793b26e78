//! What one object takes of the quotas in its namespace. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::scope::PodFacts;
use crate::api::{Container, Kind, Object, Pod, SignedDuration, Timestamp};
use crate::quantity::Amount;
use crate::resources::{self, Amounts};

/// Resources of which, where a quota bounds them, each container must say how much it wants.
const SAID_BY_CONTAINERS: &[&str] =
    &["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// What else pods take of a quota by a name without a domain.
const OF_PODS: &[&str] = &[
    "pods",
    "count/pods",
    "ephemeral-storage",
    "requests.ephemeral-storage",
    "limits.ephemeral-storage",
];

/// Objects that are counted by a name without `count/` as well.
const ALSO_BARE: &[Kind] = &[Kind::ConfigMap, Kind::Secret, Kind::ResourceQuota];

/// What one object takes of the quotas in its namespace.
#[derive(Clone, Debug)]
pub struct Usage {
    /// By the names that quotas have for it.
    pub amounts: Amounts,
    /// What scopes see of a pod.
    pub(super) pod: Option<PodFacts>,
    /// By resource the containers that do not say how much of it they want.
    pub(super) unsaid: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Usage {
    /// What `object` takes at `now`. Events take nothing.
    pub fn of(object: &Object, now: Timestamp) -> Self {
        match object {
            Object::Pod(pod) => Self::of_pod(pod, is_given_up(pod, now)),
            Object::Event(_) => Self::counted(&[]),
            other => {
                let kind = other.kind();
                let count = format!("count/{}", kind.resource());
                let bare = ALSO_BARE.contains(&kind).then(|| kind.plural().to_owned());
                Self::counted(&[Some(count), bare])
            }
        }
    }

    /// What `pod` takes once it is made.
    pub fn of_new(pod: &Pod) -> Self {
        Self::of_pod(pod, false)
    }

    fn counted(names: &[Option<String>]) -> Self {
        let one = Amount::from_units(1);
        let amounts = names.iter().flatten().map(|name| (name.clone(), one)).collect();
        Self { amounts, pod: None, unsaid: BTreeMap::new() }
    }

    /// What `pod` takes. One that has ended, or is given up, is still an object, and no more.
    pub(super) fn of_pod(pod: &Pod, is_given_up: bool) -> Self {
        let mut usage = Self::counted(&[Some("count/pods".to_owned())]);
        usage.pod = Some(PodFacts::of(pod));
        if has_ended(pod) || is_given_up {
            return usage;
        }
        usage.amounts.insert("pods".to_owned(), Amount::from_units(1));
        let Some(spec) = &pod.spec else { return usage };
        for (name, amount) in resources::requests(spec) {
            if !name.contains('/') || name.contains("kubernetes.io/") {
                usage.amounts.insert(name.clone(), amount);
            }
            usage.amounts.insert(format!("requests.{name}"), amount);
        }
        for (name, amount) in resources::limits(spec) {
            usage.amounts.insert(format!("limits.{name}"), amount);
        }
        let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        for container in containers {
            for resource in SAID_BY_CONTAINERS.iter().filter(|it| !says(container, it)) {
                usage.unsaid.entry(resource).or_default().insert(container.name.clone());
            }
        }
        usage
    }

    /// Whether a bound on `resource` concerns objects of this sort, however much this one takes.
    pub(super) fn concerns(&self, resource: &str) -> bool {
        if self.pod.is_none() {
            return self.amounts.contains_key(resource);
        }
        SAID_BY_CONTAINERS.contains(&resource)
            || OF_PODS.contains(&resource)
            || resource.starts_with("hugepages-")
            || resource
                .strip_prefix("requests.")
                .is_some_and(|rest| rest.starts_with("hugepages-") || rest.contains('/'))
    }
}

/// Whether `container` says how much of `resource` it wants. A limit alone is a request as well.
fn says(container: &Container, resource: &str) -> bool {
    let resources = container.resources.as_ref();
    let limits = resources.and_then(|it| it.limits.as_ref());
    let requests = resources.and_then(|it| it.requests.as_ref());
    let name = resource.strip_prefix("limits.").or_else(|| resource.strip_prefix("requests."));
    let name = name.unwrap_or(resource);
    let is_limited = limits.is_some_and(|it| it.contains_key(name));
    is_limited
        || (!resource.starts_with("limits.") && requests.is_some_and(|it| it.contains_key(name)))
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// When a pod that is being deleted is given up: its grace period once more after it should be gone.
/// What its node does not end, for being lost, is not to block those who need its room.
pub(super) fn given_up_at(pod: &Pod) -> Option<Timestamp> {
    let deleted = pod.metadata.deletion_timestamp.as_ref()?.0;
    let grace = pod.metadata.deletion_grace_period_seconds?;
    Some(deleted.saturating_add(SignedDuration::from_secs(grace)).unwrap_or(Timestamp::MAX))
}

fn is_given_up(pod: &Pod, now: Timestamp) -> bool {
    given_up_at(pod).is_some_and(|at| at < now)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn usage(pod: Value, second: i64) -> String {
        let pod: Pod = serde_json::from_value(pod).expect("must be a pod");
        let now = Timestamp::from_second(second).expect("must be a time");
        let usage = Usage::of(&Object::Pod(Arc::new(pod)), now);
        let amounts = usage.amounts.iter().map(|(name, amount)| format!("{name}={amount}"));
        amounts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_pod_takes_what_it_asks_for_until_it_ends() {
        let spec = json!({"containers": [{"name": "c", "resources": {
            "requests": {"cpu": "500m", "example.com/gpu": "1"}, "limits": {"memory": "64Mi"},
        }}]});
        let of = |status: Value, metadata: Value, second| {
            usage(json!({"metadata": metadata, "spec": spec, "status": status}), second)
        };
        let all = "count/pods=1 cpu=500m limits.memory=64Mi memory=64Mi pods=1 requests.cpu=500m \
                   requests.example.com/gpu=1 requests.memory=64Mi";
        assert_eq!(of(json!({"phase": "Running"}), json!({}), 0), all);
        assert_eq!(of(json!({"phase": "Failed"}), json!({}), 0), "count/pods=1");
        let deleting =
            json!({"deletionTimestamp": "1970-01-01T00:01:00Z", "deletionGracePeriodSeconds": 30});
        assert_eq!(of(json!({}), deleting.clone(), 90), all);
        assert_eq!(of(json!({}), deleting, 91), "count/pods=1");
    }

    #[test]
    fn others_are_counted_and_events_are_not() {
        let check = |object: Object, expect: &[&str]| {
            let usage = Usage::of(&object, Timestamp::UNIX_EPOCH);
            assert_eq!(usage.amounts.keys().collect::<Vec<_>>(), expect);
        };
        check(Object::Job(Arc::default()), &["count/jobs.batch"]);
        check(Object::ConfigMap(Arc::default()), &["configmaps", "count/configmaps"]);
        check(Object::Lease(Arc::default()), &["count/leases.coordination.k8s.io"]);
        check(Object::Event(Arc::default()), &[]);
    }

    #[test]
    fn containers_say_what_they_want() {
        let check = |resources: Value, expect: &[&str]| {
            let pod = json!({"spec": {"containers": [{"name": "c", "resources": resources}]}});
            let pod = serde_json::from_value(pod).expect("must be a pod");
            let unsaid = Usage::of_pod(&pod, false).unsaid;
            assert_eq!(unsaid.keys().copied().collect::<Vec<_>>(), expect);
        };
        check(json!({}), &{
            let mut all = SAID_BY_CONTAINERS.to_vec();
            all.sort_unstable();
            all
        });
        check(json!({"limits": {"cpu": "1"}, "requests": {"memory": "1"}}), &["limits.memory"]);
    }
}
