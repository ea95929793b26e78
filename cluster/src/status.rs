//! What is sent of a pod's status, and whether the control plane has it already. Pure.
//!
//! As the kubelet does, only what is the node's to say is sent, as a strategic merge patch that
//! names the uid: conditions of others stay, lists of containers are replaced as a whole, and a pod
//! of the same name that is another one is left alone.

use std::collections::BTreeMap;

use mayfly_controller::api::names::USAGE_PREFIX;
use mayfly_controller::api::{ContainerStatus, Pod, PodStatus};
use serde_json::{Map, Value, json};

use crate::recall::has_ended;
use crate::record::Record;

/// The condition that the scheduler has said first, and with more.
const SCHEDULED: &str = "PodScheduled";

/// The patch that makes what `record` says known, where `shown` is what was last seen of the pod.
/// `None` if nothing was said.
pub(crate) fn patch(record: &Record, shown: Option<&Pod>) -> Option<Value> {
    let said = record.status.as_ref()?;
    let before = shown.and_then(|pod| pod.status.as_ref());
    let has = |type_: &str| {
        let mut conditions = before.iter().flat_map(|it| it.conditions.iter().flatten());
        conditions.any(|condition| condition.type_ == type_)
    };
    let mut status = match serde_json::to_value(said) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
        conditions.retain(|it| it["type"] != SCHEDULED || !has(SCHEDULED));
    }
    // What is not said any more must not stay.
    for field in ["reason", "message", "containerStatuses", "initContainerStatuses"] {
        status.entry(field).or_insert(Value::Null);
    }
    if before.is_some_and(|it| it.qos_class.is_some()) {
        status.remove("qosClass");
    }
    if has_ended(before) {
        // Nothing brings it back to life, and why it has ended is said by whoever ended it.
        for field in ["phase", "reason", "message"] {
            status.remove(field);
        }
    }
    let mut metadata = json!({"uid": record.uid});
    if !record.usage.is_empty() {
        metadata["annotations"] = annotations(&record.usage, shown);
    }
    Some(json!({"metadata": metadata, "status": status}))
}

/// `usage` in the place of all annotations that tell it.
fn annotations(usage: &BTreeMap<String, String>, shown: Option<&Pod>) -> Value {
    let before = shown.and_then(|pod| pod.metadata.annotations.as_ref());
    let gone = before.into_iter().flatten().map(|(name, _)| name);
    let gone = gone.filter(|name| name.starts_with(USAGE_PREFIX) && !usage.contains_key(*name));
    let gone = gone.map(|name| (name.clone(), Value::Null));
    let told = usage.iter().map(|(name, value)| (name.clone(), json!(value)));
    Value::Object(gone.chain(told).collect())
}

/// Whether `shown` says of the pod what was `said`, as far as anything depends on it.
pub(crate) fn agrees(said: &PodStatus, shown: Option<&PodStatus>) -> bool {
    let Some(shown) = shown else { return false };
    if has_ended(Some(shown)) {
        return true;
    }
    let pairs = [
        (&said.container_statuses, &shown.container_statuses),
        (&said.init_container_statuses, &shown.init_container_statuses),
    ];
    said.phase == shown.phase
        && said.reason == shown.reason
        && pairs.into_iter().all(|(said, shown)| {
            let (said, shown) = (said.iter().flatten(), shown.iter().flatten());
            said.map(gist).eq(shown.map(gist))
        })
        && said.conditions.iter().flatten().all(|condition| {
            let mut known = shown.conditions.iter().flatten();
            let known = known.find(|known| known.type_ == condition.type_);
            known.is_some_and(|it| it.status == condition.status)
        })
}

/// What of a container's status is looked at: its name, its run, and how far that is.
fn gist(status: &ContainerStatus) -> (&str, i32, Option<&str>, Option<i32>, bool) {
    let state = status.state.as_ref();
    let waiting = state.and_then(|it| it.waiting.as_ref());
    let ended = state.and_then(|it| it.terminated.as_ref());
    (
        status.name.as_str(),
        status.restart_count,
        waiting.and_then(|it| it.reason.as_deref()),
        ended.map(|it| it.exit_code),
        state.is_some_and(|it| it.running.is_some()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(status: &Value, usage: &Value) -> Record {
        let json = json!({
            "namespace": "ns", "name": "p", "uid": "u", "status": status, "usage": usage,
        });
        serde_json::from_value(json).expect("must be a record")
    }

    fn pod(annotations: &Value, status: &Value) -> Pod {
        let json = json!({"metadata": {"annotations": annotations}, "status": status});
        serde_json::from_value(json).expect("must be a pod")
    }

    #[test]
    fn a_patch_says_what_is_the_nodes_to_say() {
        let said = json!({
            "phase": "Running", "qosClass": "Burstable",
            "conditions": [
                {"type": "Ready", "status": "True"},
                {"type": "PodScheduled", "status": "True"},
            ],
        });
        let usage = json!({"mayfly.dev/usage-cpu": "1"});
        let first = patch(&record(&said, &usage), None).unwrap();
        assert_eq!(first["metadata"], json!({"uid": "u", "annotations": usage}));
        assert_eq!(first["status"]["conditions"], said["conditions"]);
        assert_eq!(first["status"]["qosClass"], "Burstable");
        for field in ["reason", "message", "containerStatuses", "initContainerStatuses"] {
            assert_eq!(first["status"].get(field), Some(&Value::Null), "{field}");
        }
        let shown = pod(
            &json!({"mayfly.dev/usage-runs-unknown": "1", "mine": "x"}),
            &json!({
                "phase": "Pending", "qosClass": "BestEffort",
                "conditions": [{"type": "PodScheduled", "status": "True"}],
            }),
        );
        let next = patch(&record(&said, &usage), Some(&shown)).unwrap();
        let expect = json!({"mayfly.dev/usage-cpu": "1", "mayfly.dev/usage-runs-unknown": null});
        assert_eq!(next["metadata"]["annotations"], expect);
        assert_eq!(next["status"]["conditions"], json!([{"type": "Ready", "status": "True"}]));
        assert_eq!(next["status"].get("qosClass"), None);
        assert_eq!(next["status"]["phase"], "Running");
    }

    #[test]
    fn what_has_ended_stays_so() {
        let shown = pod(&json!({}), &json!({"phase": "Failed", "reason": "NodeLost"}));
        let said = record(&json!({"phase": "Running"}), &json!({}));
        let patch = patch(&said, Some(&shown)).unwrap();
        assert_eq!(patch["status"].get("phase"), None);
        assert_eq!(patch["status"].get("reason"), None);
    }

    #[test]
    fn what_is_shown_agrees_or_does_not() {
        let check = |said: Value, shown: Value, expect: bool| {
            let status =
                |value: &Value| serde_json::from_value::<PodStatus>(value.clone()).unwrap();
            assert_eq!(agrees(&status(&said), Some(&status(&shown))), expect, "{said} {shown}");
        };
        let main = |restarts: i32, state: Value| {
            json!({"phase": "Running", "containerStatuses": [{
                "name": "main", "image": "", "imageID": "", "ready": false,
                "restartCount": restarts, "state": state,
            }]})
        };
        let runs = json!({"running": {}});
        check(main(0, runs.clone()), main(0, runs.clone()), true);
        check(main(1, runs.clone()), main(0, runs.clone()), false);
        check(main(0, json!({"terminated": {"exitCode": 1}})), main(0, runs.clone()), false);
        check(main(0, runs.clone()), json!({"phase": "Pending"}), false);
        check(main(0, runs), json!({"phase": "Failed"}), true);
        let ready = |status: &str| json!({"conditions": [{"type": "Ready", "status": status}]});
        check(ready("True"), ready("False"), false);
        check(ready("True"), ready("True"), true);
        assert!(!agrees(&PodStatus::default(), None));
    }
}
