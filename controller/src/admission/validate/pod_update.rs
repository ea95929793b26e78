//! What of a pod's spec may change while it is there: images, its deadline, tolerations, and a grace
//! period that was below zero.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::admission::error::{Errors, Nothing};
use crate::admission::path::Path;
use crate::api::{Container, PodSpec};

/// What is told of whatever else has changed.
const REFUSAL: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions \
    to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it \
    was previously negative)";

/// Differences that a refusal tells. Stops a pod that is another one from filling the answer.
const DIFFERENCES_MAX: usize = 10;

/// Validates that `new` may take the place of `old`.
pub(crate) fn pod_spec(new: &PodSpec, old: &PodSpec, errors: &mut Errors) {
    let at = Path::new("spec");
    let count = |containers: &Option<Vec<Container>>| containers.as_ref().map_or(0, Vec::len);
    for (field, new, old) in [
        ("containers", new.containers.len(), old.containers.len()),
        ("initContainers", count(&new.init_containers), count(&old.init_containers)),
    ] {
        if new != old {
            errors.forbidden(&at.child(field), "pod updates may not add or remove containers");
            return;
        }
    }
    if !active_deadline(new, old, &at.child("activeDeadlineSeconds"), errors) {
        return;
    }
    tolerations(new, old, &at.child("tolerations"), errors);
    let differences = differences(new, old);
    if !differences.is_empty() {
        // Kubernetes differs: it shows the difference of its own structures.
        errors.forbidden(&at, &format!("{REFUSAL}\n{}", differences.join("\n")));
    }
}

/// A deadline may be set, and then only be lowered. Whether it is so.
fn active_deadline(new: &PodSpec, old: &PodSpec, at: &Path<'_>, errors: &mut Errors) -> bool {
    let complaint = match (new.active_deadline_seconds, old.active_deadline_seconds) {
        (Some(new), Some(old)) if old < new => "must be less than or equal to previous value",
        (None, Some(_)) => "must not update from a positive integer to nil value",
        _ => return true,
    };
    match new.active_deadline_seconds {
        Some(seconds) => errors.invalid(at, seconds, complaint),
        None => errors.invalid(at, Nothing, complaint),
    }
    false
}

/// Tolerations may be added, and the seconds of those that are there may change.
fn tolerations(new: &PodSpec, old: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    let new = new.tolerations.as_deref().unwrap_or_default();
    for kept in old.tolerations.iter().flatten() {
        let is_kept = new.iter().any(|new| {
            let seconds = kept.toleration_seconds;
            k8s_openapi::api::core::v1::Toleration { toleration_seconds: seconds, ..new.clone() }
                == *kept
        });
        if !is_kept {
            let why = "existing toleration can not be modified except its tolerationSeconds";
            errors.forbidden(at, why);
            return;
        }
    }
}

/// What of `new` is not as it was in `old`, and may not change.
fn differences(new: &PodSpec, old: &PodSpec) -> Vec<String> {
    let mut kept = new.clone();
    let images = |kept: &mut [Container], old: &[Container]| {
        for (kept, old) in kept.iter_mut().zip(old) {
            kept.image.clone_from(&old.image);
        }
    };
    images(&mut kept.containers, &old.containers);
    images(
        kept.init_containers.as_deref_mut().unwrap_or_default(),
        old.init_containers.as_deref().unwrap_or_default(),
    );
    kept.active_deadline_seconds = old.active_deadline_seconds;
    kept.tolerations.clone_from(&old.tolerations);
    let grace = old.termination_grace_period_seconds;
    if grace.is_some_and(|grace| grace < 0) && new.termination_grace_period_seconds == Some(1) {
        kept.termination_grace_period_seconds = grace;
    }
    if kept == *old {
        return Vec::new();
    }
    let json = |spec: &PodSpec| serde_json::to_value(spec).expect("a spec must have a JSON form");
    let mut found = Vec::new();
    differ(&Path::new("spec"), &json(&kept), &json(old), &mut found);
    found.truncate(DIFFERENCES_MAX);
    found
}

fn differ(at: &Path<'_>, new: &Value, old: &Value, found: &mut Vec<String>) {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            let names: BTreeSet<&String> = new.keys().chain(old.keys()).collect();
            for name in names {
                let value = |of: &serde_json::Map<String, Value>| {
                    of.get(name).cloned().unwrap_or(Value::Null)
                };
                differ(&at.child(name), &value(new), &value(old), found);
            }
        }
        (Value::Array(new), Value::Array(old)) if new.len() == old.len() => {
            for (index, (new, old)) in new.iter().zip(old).enumerate() {
                differ(&at.index(index), new, old, found);
            }
        }
        (new, old) if new != old => found.push(format!("{at}: {old} -> {new}")),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(changes: &Value) -> PodSpec {
        let mut spec = json!({
            "activeDeadlineSeconds": 30,
            "terminationGracePeriodSeconds": -1,
            "tolerations": [{"key": "a", "operator": "Exists"}],
            "initContainers": [{"name": "i", "image": "a"}],
            "containers": [{"name": "c", "image": "a", "command": ["x"]}],
        });
        let changes = changes.as_object().cloned().expect("must be an object");
        spec.as_object_mut().expect("must be an object").extend(changes);
        serde_json::from_value(spec).expect("must be a PodSpec")
    }

    fn complaints(changes: &Value) -> Vec<String> {
        let mut errors = Errors::default();
        pod_spec(&spec(changes), &spec(&json!({})), &mut errors);
        match errors.into_result(crate::api::Kind::Pod, Some("p")) {
            Ok(()) => Vec::new(),
            Err(refused) => refused.causes.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn admits_what_may_change() {
        for changes in [
            json!({"containers": [{"name": "c", "image": "b", "command": ["x"]}]}),
            json!({"initContainers": [{"name": "i", "image": "b"}]}),
            json!({"activeDeadlineSeconds": 29}),
            json!({"terminationGracePeriodSeconds": 1}),
            json!({"tolerations": [
                {"key": "b"}, {"key": "a", "operator": "Exists", "tolerationSeconds": 5},
            ]}),
        ] {
            assert_eq!(complaints(&changes), Vec::<String>::new(), "{changes}");
        }
    }

    #[test]
    fn denies_what_may_not() {
        let check = |changes: Value, expected: &str| assert_eq!(complaints(&changes), [expected]);
        check(
            json!({"activeDeadlineSeconds": 31}),
            "spec.activeDeadlineSeconds: Invalid value: 31: must be less than or equal to previous \
             value",
        );
        check(
            json!({"containers": []}),
            "spec.containers: Forbidden: pod updates may not add or remove containers",
        );
        check(
            json!({"tolerations": []}),
            "spec.tolerations: Forbidden: existing toleration can not be modified except its \
             tolerationSeconds",
        );
        let refused = |what: &str| format!("spec: Forbidden: {REFUSAL}\n{what}");
        check(
            json!({"containers": [{"name": "c", "image": "b", "command": ["y", "z"]}]}),
            &refused(r#"spec.containers[0].command: ["x"] -> ["y","z"]"#),
        );
        check(
            json!({"terminationGracePeriodSeconds": 2}),
            &refused("spec.terminationGracePeriodSeconds: -1 -> 2"),
        );
        check(json!({"nodeName": "n"}), &refused(r#"spec.nodeName: null -> "n""#));
    }

    #[test]
    fn denies_that_a_deadline_is_taken_away() {
        let old = spec(&json!({}));
        let new = PodSpec { active_deadline_seconds: None, ..old.clone() };
        let mut errors = Errors::default();
        pod_spec(&new, &old, &mut errors);
        let refused = errors.into_result(crate::api::Kind::Pod, None).expect_err("must be denied");
        let detail = "must not update from a positive integer to nil value";
        assert_eq!(refused.causes[0].detail, detail);
    }
}
