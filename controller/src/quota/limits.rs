//! What LimitRanges make of a pod: defaults for what its containers do not say, and a refusal where
//! they say too much or too little. Pure.
//!
//! Source: Kubernetes' admission plugin LimitRanger.

use std::collections::BTreeMap;

use crate::api::{Container, LimitRange, LimitRangeItem, Pod, PodSpec, Quantity};
use crate::quantity::Amount;
use crate::resources::{self, Amounts, amounts};

/// Annotation: which resources of which containers were not said by whoever made the pod.
const SET: &str = "kubernetes.io/limit-ranger";

/// Gives the containers of `pod` what they do not say and `range` has defaults for.
pub(super) fn default(range: &LimitRange, pod: &mut Pod) {
    let (mut limits, mut requests) = (BTreeMap::new(), BTreeMap::new());
    for item in items(range).iter().filter(|item| item.type_ == "Container") {
        limits.extend(item.default.clone().unwrap_or_default());
        requests.extend(item.default_request.clone().unwrap_or_default());
    }
    if limits.is_empty() && requests.is_empty() {
        return;
    }
    let mut set = Vec::new();
    let spec: &mut PodSpec = pod.spec.get_or_insert_default();
    for container in &mut spec.containers {
        fill(container, "container", &requests, &limits, &mut set);
    }
    for container in spec.init_containers.iter_mut().flatten() {
        fill(container, "init container", &requests, &limits, &mut set);
    }
    if !set.is_empty() {
        let annotations = pod.metadata.annotations.get_or_insert_default();
        let text = format!("LimitRanger plugin set: {}", set.join("; "));
        annotations.insert(SET.to_owned(), text);
    }
}

type Defaults = BTreeMap<String, Quantity>;

fn fill(
    container: &mut Container,
    what: &str,
    requests: &Defaults,
    limits: &Defaults,
    set: &mut Vec<String>,
) {
    let resources = container.resources.get_or_insert_default();
    // What is limited and not asked for is asked for: that comes before any default.
    if let Some(own) = resources.limits.clone() {
        let into = resources.requests.get_or_insert_default();
        own.into_iter().for_each(|(name, limit)| {
            into.entry(name).or_insert(limit);
        });
    }
    for (into, defaults, word) in
        [(&mut resources.requests, requests, "request"), (&mut resources.limits, limits, "limit")]
    {
        let into = into.get_or_insert_default();
        let missing = defaults.iter().filter(|(name, _)| !into.contains_key(*name));
        let missing: Vec<_> = missing.map(|(name, it)| (name.clone(), it.clone())).collect();
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
            set.push(format!("{} {word} for {what} {}", names.join(", "), container.name));
        }
        into.extend(missing);
    }
    for list in [&mut resources.requests, &mut resources.limits] {
        list.take_if(|list| list.is_empty());
    }
}

/// Whether `pod` keeps to `range`; if not, where it does not.
pub(super) fn check(range: &LimitRange, pod: &Pod) -> Result<(), String> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let mut complaints = Vec::new();
    for item in items(range) {
        match item.type_.as_str() {
            "Container" => {
                let containers =
                    spec.containers.iter().chain(spec.init_containers.iter().flatten());
                for container in containers {
                    Asked::by_container(container).hold_against(item, &mut complaints);
                }
            }
            "Pod" => Asked::by_pod(spec).hold_against(item, &mut complaints),
            _ => {}
        }
    }
    match &complaints[..] {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}

fn items(range: &LimitRange) -> &[LimitRangeItem] {
    range.spec.as_ref().map(|spec| spec.limits.as_slice()).unwrap_or_default()
}

/// What is asked for and limited, by a container or by a pod.
struct Asked {
    requests: Amounts,
    limits: Amounts,
}

impl Asked {
    fn by_container(container: &Container) -> Self {
        let resources = container.resources.as_ref();
        Self {
            requests: amounts(resources.and_then(|it| it.requests.as_ref())),
            limits: amounts(resources.and_then(|it| it.limits.as_ref())),
        }
    }

    fn by_pod(spec: &PodSpec) -> Self {
        Self { requests: resources::requests(spec), limits: resources::limits(spec) }
    }

    fn hold_against(&self, item: &LimitRangeItem, complaints: &mut Vec<String>) {
        let of = &item.type_;
        for (name, min) in amounts(item.min.as_ref()) {
            let usage = format!("minimum {name} usage per {of} is {min}");
            match (self.requests.get(&name), self.limits.get(&name)) {
                (None, _) => complaints.push(format!("{usage}.  No request is specified")),
                (Some(request), _) if *request < min => {
                    complaints.push(format!("{usage}, but request is {request}"));
                }
                (_, Some(limit)) if *limit < min => {
                    complaints.push(format!("{usage}, but limit is {limit}"));
                }
                _ => {}
            }
        }
        for (name, max) in amounts(item.max.as_ref()) {
            let usage = format!("maximum {name} usage per {of} is {max}");
            match (self.requests.get(&name), self.limits.get(&name)) {
                (_, None) => complaints.push(format!("{usage}.  No limit is specified")),
                (_, Some(limit)) if *limit > max => {
                    complaints.push(format!("{usage}, but limit is {limit}"));
                }
                (Some(request), _) if *request > max => {
                    complaints.push(format!("{usage}, but request is {request}"));
                }
                _ => {}
            }
        }
        for (name, most) in amounts(item.max_limit_request_ratio.as_ref()) {
            let ratio = format!("{name} max limit to request ratio per {of} is {most}");
            let asked = |amounts: &Amounts| {
                amounts.get(&name).copied().filter(|amount| *amount > Amount::ZERO)
            };
            match (asked(&self.requests), asked(&self.limits)) {
                (None, _) => {
                    let why = "no request is specified or request is 0";
                    complaints.push(format!("{ratio}, but {why}"));
                }
                (_, None) => {
                    complaints.push(format!("{ratio}, but no limit is specified or limit is 0"));
                }
                (Some(request), Some(limit)) => {
                    let given = quotient(limit, request);
                    if given > quotient(most, Amount::from_units(1)) {
                        complaints.push(format!("{ratio}, but provided ratio is {given:.6}"));
                    }
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio is compared as Kubernetes does")]
fn quotient(dividend: Amount, divisor: Amount) -> f64 {
    dividend.millis() as f64 / divisor.millis() as f64
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn range(limit: &Value) -> LimitRange {
        let range = json!({"metadata": {"name": "l"}, "spec": {"limits": [limit]}});
        serde_json::from_value(range).expect("must be a LimitRange")
    }

    fn pod(resources: &Value) -> Pod {
        let container = json!({"name": "c", "resources": resources});
        let pod = json!({"spec": {"containers": [container]}});
        serde_json::from_value(pod).expect("must be a pod")
    }

    #[test]
    fn containers_get_what_they_do_not_say() {
        let check = |resources: Value, expect: Value, told: Option<&str>| {
            let limit = json!({
                "type": "Container", "default": {"cpu": "2", "memory": "2Gi"},
                "defaultRequest": {"cpu": "1"},
            });
            let mut pod = pod(&resources);
            default(&range(&limit), &mut pod);
            let spec = pod.spec.expect("a spec");
            let resources = serde_json::to_value(&spec.containers[0].resources).expect("JSON");
            assert_eq!(resources, expect);
            let annotation = pod.metadata.annotations.and_then(|mut it| it.remove(SET));
            assert_eq!(annotation.as_deref(), told);
        };
        check(
            json!({}),
            json!({"limits": {"cpu": "2", "memory": "2Gi"}, "requests": {"cpu": "1"}}),
            Some(
                "LimitRanger plugin set: cpu request for container c; cpu, memory limit for \
                 container c",
            ),
        );
        check(
            json!({"limits": {"cpu": "4"}}),
            json!({"limits": {"cpu": "4", "memory": "2Gi"}, "requests": {"cpu": "4"}}),
            Some("LimitRanger plugin set: memory limit for container c"),
        );
        let full =
            json!({"limits": {"cpu": "4", "memory": "1"}, "requests": {"cpu": "4", "memory": "1"}});
        check(full.clone(), full, None);
    }

    #[test]
    fn what_does_not_keep_to_a_range_is_refused_in_kubernetes_words() {
        let held = |limit: Value, resources: Value| check(&range(&limit), &pod(&resources));
        let check = |limit: Value, resources: Value, expect: Result<(), &str>| {
            assert_eq!(held(limit, resources), expect.map_err(str::to_owned));
        };
        let asks = |cpu: &str| json!({"requests": {"cpu": cpu}, "limits": {"cpu": cpu}});
        let bounds = json!({"type": "Container", "min": {"cpu": "100m"}, "max": {"cpu": "2"}});
        check(bounds.clone(), asks("1"), Ok(()));
        check(
            bounds.clone(),
            asks("50m"),
            Err("minimum cpu usage per Container is 100m, but request is 50m"),
        );
        check(
            bounds.clone(),
            asks("3"),
            Err("maximum cpu usage per Container is 2, but limit is 3"),
        );
        check(
            bounds,
            json!({}),
            Err("[minimum cpu usage per Container is 100m.  No request is specified, maximum cpu \
                 usage per Container is 2.  No limit is specified]"),
        );
        let ratio = json!({"type": "Pod", "maxLimitRequestRatio": {"cpu": "2"}});
        let asks = |request: &str, limit: &str| json!({"requests": {"cpu": request}, "limits": {"cpu": limit}});
        check(ratio.clone(), asks("1", "2"), Ok(()));
        check(
            ratio.clone(),
            asks("1", "3"),
            Err("cpu max limit to request ratio per Pod is 2, but provided ratio is 3.000000"),
        );
        check(
            ratio,
            json!({}),
            Err("cpu max limit to request ratio per Pod is 2, but no request is specified or \
                 request is 0"),
        );
    }
}
