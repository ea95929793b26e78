//! What a pod asks for, and what it is limited to: the sums over its containers. Pure.
//!
//! Source: Kubernetes' documentation of init containers and sidecars (how their resources count).

use std::collections::BTreeMap;

use crate::api::{Container, PodSpec, Quantity};
use crate::quantity::Amount;

/// Amounts by the names of their resources.
pub type Amounts = BTreeMap<String, Amount>;

/// The requests of a pod, with what running it costs. A container that does not say what it asks
/// for asks for its limit.
pub fn requests(spec: &PodSpec) -> Amounts {
    requests_or(spec, |_| Amounts::new())
}

/// The same, where a container that says neither asks for what `unsaid` gives.
pub fn requests_or(spec: &PodSpec, unsaid: impl Fn(&Container) -> Amounts) -> Amounts {
    let mut sum = total(spec, |container| {
        let mut own = unsaid(container);
        own.extend(amounts(container.resources.as_ref().and_then(|it| it.limits.as_ref())));
        own.extend(amounts(container.resources.as_ref().and_then(|it| it.requests.as_ref())));
        own
    });
    add(&mut sum, &amounts(spec.overhead.as_ref()));
    sum
}

/// The limits of a pod. A container that has none adds nothing.
pub fn limits(spec: &PodSpec) -> Amounts {
    limits_by(spec, |container| {
        amounts(container.resources.as_ref().and_then(|it| it.limits.as_ref()))
    })
}

/// The same, where each container's limits are what `of` gives.
pub fn limits_by(spec: &PodSpec, of: impl Fn(&Container) -> Amounts) -> Amounts {
    let mut sum = total(spec, of);
    let mut overhead = amounts(spec.overhead.as_ref());
    overhead.retain(|name, _| sum.contains_key(name));
    add(&mut sum, &overhead);
    sum
}

/// A list of a wire type.
pub fn amounts(list: Option<&BTreeMap<String, Quantity>>) -> Amounts {
    list.into_iter().flatten().map(|(name, it)| (name.clone(), Amount::of(it))).collect()
}

/// Adds `more` to `sum`.
pub fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = sum.entry(name.clone()).or_default();
        *sum = *sum + *amount;
    }
}

fn total(spec: &PodSpec, of: impl Fn(&Container) -> Amounts) -> Amounts {
    let mut sum = Amounts::new();
    for container in &spec.containers {
        add(&mut sum, &of(container));
    }
    // Init containers run one by one, each beside the sidecars before it; sidecars run on.
    let mut sidecars = Amounts::new();
    let mut highest = Amounts::new();
    for container in spec.init_containers.iter().flatten() {
        let own = of(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sidecars, &own);
            raise(&mut highest, &sidecars);
        } else {
            let mut beside = sidecars.clone();
            add(&mut beside, &own);
            raise(&mut highest, &beside);
        }
    }
    add(&mut sum, &sidecars);
    raise(&mut sum, &highest);
    sum
}

fn raise(highest: &mut Amounts, to: &Amounts) {
    for (name, amount) in to {
        let highest = highest.entry(name.clone()).or_default();
        *highest = (*highest).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_summed_as_kubernetes_does() {
        let check = |spec: &str, requests_millis: i64, limits_millis: i64| {
            let spec: PodSpec = serde_json::from_str(spec).expect("must be a pod's spec");
            let cpu = |sum: Amounts| sum.get("cpu").copied().unwrap_or_default().millis();
            assert_eq!(cpu(requests(&spec)), requests_millis, "{spec:?}");
            assert_eq!(cpu(limits(&spec)), limits_millis, "{spec:?}");
        };
        let container = |request: &str, limit: &str, more: &str| {
            let field = |name: &str, cpu: &str| match cpu {
                "" => format!(r#""{name}": {{}}"#),
                cpu => format!(r#""{name}": {{"cpu": "{cpu}"}}"#),
            };
            let (requests, limits) = (field("requests", request), field("limits", limit));
            format!(r#"{{"name": "c", "resources": {{{requests}, {limits}}} {more}}}"#)
        };
        let always = r#", "restartPolicy": "Always""#;
        let pod = |init: &[String], main: &[String]| {
            let (init, main) = (init.join(","), main.join(","));
            format!(r#"{{"initContainers": [{init}], "containers": [{main}]}}"#)
        };
        check(&pod(&[], &[]), 0, 0);
        check(&pod(&[], &[container("1", "2", ""), container("500m", "", "")]), 1500, 2000);
        check(&pod(&[container("2", "3", "")], &[container("1", "1", "")]), 2000, 3000);
        check(&pod(&[container("1", "", always)], &[container("1", "", "")]), 2000, 0);
        check(
            &pod(
                &[container("1", "1", always), container("2", "2", "")],
                &[container("1", "1", "")],
            ),
            3000,
            3000,
        );
        // What is not asked for is the limit.
        check(&pod(&[], &[container("", "1", "")]), 1000, 1000);
        check(
            r#"{"containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}], "overhead": {"cpu": "1", "memory": "1"}}"#,
            2000,
            2000,
        );
    }
}
