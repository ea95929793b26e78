//! A pod as the node knows it: what the API server shows, with what the node has noted and may not
//! have told yet. Pure.
//!
//! So the agent finds after a crash what it had begun and what had ended, although nobody could be
//! told; it decides what that means, as after any crash.

use std::sync::Arc;

use mayfly_controller::api::{
    Container, ContainerState, ContainerStateRunning, ContainerStatus, Pod, PodSpec, PodStatus,
};

use crate::record::{Begun, Record};

/// Whether the control plane knows that the pod has ended; nothing changes that.
pub(crate) fn has_ended(status: Option<&PodStatus>) -> bool {
    let phase = status.and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// `pod` with what `record` says of it.
pub(crate) fn recall(pod: &Arc<Pod>, record: Option<&Record>) -> Arc<Pod> {
    let Some(record) = record.filter(|_| !has_ended(pod.status.as_ref())) else {
        return Arc::clone(pod);
    };
    let mut pod = Arc::clone(pod);
    let known = Arc::make_mut(&mut pod);
    let mut status = match &record.status {
        Some(said) => with_others(said.clone(), known.status.take()),
        None => known.status.take().unwrap_or_default(),
    };
    if let Some(spec) = &known.spec {
        for (name, begun) in &record.begun {
            show_begun(&mut status, spec, name, begun);
        }
    }
    known.status = Some(status);
    if !record.usage.is_empty() {
        known.metadata.annotations.get_or_insert_default().extend(record.usage.clone());
    }
    pod
}

/// What the node has `said`, with the conditions that only others have given.
fn with_others(mut said: PodStatus, shown: Option<PodStatus>) -> PodStatus {
    let shown = shown.unwrap_or_default();
    let conditions = said.conditions.get_or_insert_default();
    for condition in shown.conditions.into_iter().flatten() {
        if conditions.iter().all(|own| own.type_ != condition.type_) {
            conditions.push(condition);
        }
    }
    said
}

/// Shows a run that has `begun` as one that runs, unless what was said is later than that.
fn show_begun(status: &mut PodStatus, spec: &PodSpec, name: &str, begun: &Begun) {
    let is_named = |containers: &[Container]| containers.iter().any(|it| it.name == name);
    let statuses = if is_named(&spec.containers) {
        status.container_statuses.get_or_insert_default()
    } else if spec.init_containers.as_deref().is_some_and(is_named) {
        status.init_container_statuses.get_or_insert_default()
    } else {
        return;
    };
    let restart = i32::try_from(begun.restart).unwrap_or(i32::MAX);
    let index = statuses.iter().position(|status| status.name == name).unwrap_or_else(|| {
        statuses.push(ContainerStatus { name: name.to_owned(), ..ContainerStatus::default() });
        statuses.len() - 1
    });
    let status = &mut statuses[index];
    if !is_before(status, restart) {
        return;
    }
    let ended = status.state.take().filter(|state| state.terminated.is_some());
    status.last_state = ended.or_else(|| status.last_state.take());
    let running = ContainerStateRunning { started_at: Some(begun.at.clone()) };
    status.state = Some(ContainerState { running: Some(running), ..ContainerState::default() });
    status.restart_count = restart;
}

/// Whether `status` knows nothing yet of the run that `restart` counts.
fn is_before(status: &ContainerStatus, restart: i32) -> bool {
    if status.restart_count != restart {
        return status.restart_count < restart;
    }
    let has_run = status.last_state.as_ref().is_some_and(|last| last.terminated.is_some());
    match &status.state {
        Some(state) if state.running.is_some() || state.terminated.is_some() => false,
        // One that waits for its next run has its last one behind it.
        _ => !has_run,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// How the containers of a pod look whose API server shows `shown`, and of which `record` is
    /// noted.
    fn check(shown: &Value, record: &Value, expect: &[&str]) {
        let pod = json!({
            "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
            "spec": {"containers": [{"name": "main"}], "initContainers": [{"name": "init"}]},
            "status": shown,
        });
        let mut whole = json!({"namespace": "ns", "name": "p", "uid": "u"});
        for (key, value) in record.as_object().expect("must be an object") {
            whole[key] = value.clone();
        }
        let pod: Arc<Pod> = Arc::new(serde_json::from_value(pod).expect("must be a pod"));
        let record: Record = serde_json::from_value(whole).expect("must be a record");
        let status = recall(&pod, Some(&record)).status.clone().unwrap_or_default();
        let all = [&status.init_container_statuses, &status.container_statuses];
        let states = all.into_iter().flatten().flatten().map(|it| {
            let state = it.state.clone().unwrap_or_default();
            let what = match (state.running, state.terminated) {
                (Some(_), _) => "runs".to_owned(),
                (_, Some(end)) => format!("ended {}", end.exit_code),
                _ => "waits".to_owned(),
            };
            format!("{} {} {what}", it.name, it.restart_count)
        });
        assert_eq!(states.collect::<Vec<_>>(), expect, "{shown} {record:?}");
    }

    fn container(name: &str, restarts: i32, state: &Value) -> Value {
        json!({
            "name": name, "image": "", "imageID": "", "ready": false, "restartCount": restarts,
            "state": state,
        })
    }

    #[test]
    fn a_run_that_has_begun_is_known_whatever_was_told() {
        let at = "2026-01-02T03:04:05Z";
        let begun = |name: &str, restart: u32| json!({name: {"restart": restart, "at": at}});
        let waits = json!({"waiting": {"reason": "ContainerCreating"}});
        let ended = |code: i32| json!({"terminated": {"exitCode": code}});
        check(&json!({}), &json!({"begun": begun("main", 0)}), &["main 0 runs"]);
        check(&json!({}), &json!({"begun": begun("init", 0)}), &["init 0 runs"]);
        check(&json!({}), &json!({"begun": begun("unknown", 0)}), &[]);
        let said = |restarts: i32, state: &Value, begins: u32| {
            json!({
                "status": {"containerStatuses": [container("main", restarts, state)]},
                "begun": begun("main", begins),
            })
        };
        check(&json!({}), &said(0, &waits, 0), &["main 0 runs"]);
        check(&json!({}), &said(0, &ended(3), 0), &["main 0 ended 3"]);
        check(&json!({}), &said(0, &ended(3), 1), &["main 1 runs"]);
        check(&json!({}), &said(1, &ended(3), 1), &["main 1 ended 3"]);
    }

    #[test]
    fn what_the_control_plane_knows_to_have_ended_has_ended() {
        let shown = json!({"phase": "Failed", "reason": "NodeLost"});
        check(
            &shown,
            &json!({"begun": {"main": {"restart": 0, "at": "2026-01-02T03:04:05Z"}}}),
            &[],
        );
    }
}
