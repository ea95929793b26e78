//! A pod as the Job controller sees it: parsed once, small, without what it never asks.

use std::sync::Arc;

use crate::api::names::{
    JOB_COMPLETION_INDEX, JOB_INDEX_FAILURE_COUNT, JOB_INDEX_IGNORED_FAILURE_COUNT,
    JOB_TRACKING_FINALIZER,
};
use crate::api::{ContainerStatus, Key, ObjectMeta, Pod, PodCondition, Resource, Timestamp};

/// Where a pod stands. The order is that in which pods are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not started, or nothing is known yet.
    Pending,
    /// Its node does not answer.
    Unknown,
    /// At work.
    Running,
    /// Ended, every container with exit code 0.
    Succeeded,
    /// Ended otherwise.
    Failed,
}

/// A container that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerExit {
    /// Its name.
    pub container: String,
    /// Its exit code.
    pub exit_code: i32,
}

/// One pod and where to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRef {
    /// Its namespace and name.
    pub key: Key,
    /// Its uid, so that a namesake is never meant.
    pub uid: Arc<str>,
    /// Whether it had ended when it was seen. What is decided about one that had not holds only as
    /// long as that is so.
    pub ended: bool,
}

/// A pod of a Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodView {
    /// Its namespace and name.
    pub key: Key,
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// `status.phase`.
    pub phase: Phase,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// Whether it carries the tracking finalizer: its end is not counted yet.
    pub tracked: bool,
    /// Its completion index, if its annotation is one.
    pub index: Option<u32>,
    /// Whether it is bound to a node.
    pub scheduled: bool,
    /// Whether its condition Ready is true.
    pub ready: bool,
    /// Since when Ready is as it is.
    pub ready_since: Option<Timestamp>,
    /// Restarts of all its containers.
    pub restarts: u32,
    /// The most restarts of one main container.
    pub restarts_max: u32,
    /// The most restarts of one sidecar.
    pub sidecar_restarts_max: u32,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it ended, as well as that can be told.
    pub finished_at: Timestamp,
    /// How often its index had failed before it.
    pub failure_count: u32,
    /// How many failures of its index the policy had ignored before it.
    pub ignored_failure_count: u32,
    /// The containers that have ended, main ones first.
    pub exits: Vec<ContainerExit>,
    /// Type and status of its conditions.
    pub conditions: Vec<(String, String)>,
}

impl PodView {
    /// What there is to see of `pod`.
    pub fn parse(pod: &Pod) -> Self {
        let main = statuses(pod, |status| status.container_statuses.as_ref());
        let init = statuses(pod, |status| status.init_container_statuses.as_ref());
        let sidecars: Vec<_> =
            init.iter().copied().filter(|status| is_sidecar(pod, status)).collect();
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let ready = conditions.clone().find(|condition| condition.type_ == "Ready");
        let count = |name| annotation(&pod.metadata, name).map_or(0, parse_failure_count);
        Self {
            key: pod.key(),
            uid: pod.uid().into(),
            phase: phase(pod),
            deleting: pod.metadata.deletion_timestamp.is_some(),
            tracked: is_tracked(&pod.metadata),
            index: annotation(&pod.metadata, JOB_COMPLETION_INDEX)
                .and_then(|text| text.parse::<i32>().ok())
                .and_then(|index| u32::try_from(index).ok()),
            scheduled: pod.spec.iter().any(|spec| spec.node_name.is_some()),
            ready: ready.is_some_and(|condition| condition.status == "True"),
            ready_since: ready.and_then(transition),
            restarts: main.iter().chain(&init).map(|status| restarts(status)).sum(),
            restarts_max: main.iter().map(|status| restarts(status)).max().unwrap_or(0),
            sidecar_restarts_max: sidecars.iter().map(|status| restarts(status)).max().unwrap_or(0),
            created: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
            finished_at: containers_finished_at(&main, &sidecars)
                .or_else(|| ready.filter(|ready| ready.status == "False").and_then(transition))
                .or_else(|| deleted_at(&pod.metadata))
                .or_else(|| pod.metadata.creation_timestamp.as_ref().map(|time| time.0))
                .unwrap_or(Timestamp::MIN),
            failure_count: count(JOB_INDEX_FAILURE_COUNT),
            ignored_failure_count: count(JOB_INDEX_IGNORED_FAILURE_COUNT),
            exits: main.iter().chain(&init).filter_map(|status| exit(status)).collect(),
            conditions: conditions
                .map(|found| (found.type_.clone(), found.status.clone()))
                .collect(),
        }
    }

    /// Where to find it.
    pub fn reference(&self) -> PodRef {
        PodRef { key: self.key.clone(), uid: self.uid.clone(), ended: self.is_terminal() }
    }

    /// Whether its phase is final.
    pub fn is_terminal(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// Whether it runs or may yet run.
    pub fn is_active(&self) -> bool {
        !self.is_terminal() && !self.deleting
    }

    /// Whether it is on its way out and not there yet.
    pub fn is_terminating(&self) -> bool {
        !self.is_terminal() && self.deleting
    }

    /// Whether its Job has any more to do with it. One that ended and is counted does not matter.
    pub fn matters(&self) -> bool {
        self.tracked || !self.is_terminal()
    }

    /// All failures of its index before it, counted or ignored.
    pub fn failures_before(&self) -> u32 {
        self.failure_count.saturating_add(self.ignored_failure_count)
    }
}

/// Whether `metadata` carries the tracking finalizer.
pub fn is_tracked(metadata: &ObjectMeta) -> bool {
    metadata.finalizers.iter().flatten().any(|finalizer| finalizer == JOB_TRACKING_FINALIZER)
}

/// What a failure count's annotation says; anything but a number of 31 bits counts as 0.
fn parse_failure_count(text: &str) -> u32 {
    text.parse::<i32>().ok().and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

fn annotation<'a>(metadata: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

/// Whether the phase of `pod` is final.
pub fn has_ended(pod: &Pod) -> bool {
    matches!(phase(pod), Phase::Succeeded | Phase::Failed)
}

fn phase(pod: &Pod) -> Phase {
    match pod.status.as_ref().and_then(|status| status.phase.as_deref()) {
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        Some("Unknown") => Phase::Unknown,
        _ => Phase::Pending,
    }
}

fn statuses(
    pod: &Pod,
    of: impl Fn(&crate::api::PodStatus) -> Option<&Vec<ContainerStatus>>,
) -> Vec<&ContainerStatus> {
    pod.status.iter().filter_map(of).flatten().collect()
}

fn is_sidecar(pod: &Pod, status: &ContainerStatus) -> bool {
    let containers = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let mut named = containers.filter(|container| container.name == status.name);
    named.any(|container| container.restart_policy.as_deref() == Some("Always"))
}

fn restarts(status: &ContainerStatus) -> u32 {
    u32::try_from(status.restart_count).unwrap_or(0)
}

fn exit(status: &ContainerStatus) -> Option<ContainerExit> {
    let terminated = status.state.as_ref()?.terminated.as_ref()?;
    Some(ContainerExit { container: status.name.clone(), exit_code: terminated.exit_code })
}

fn transition(condition: &PodCondition) -> Option<Timestamp> {
    condition.last_transition_time.as_ref().map(|time| time.0)
}

/// The latest end of a container, if all of them have ended.
fn containers_finished_at(
    main: &[&ContainerStatus],
    sidecars: &[&ContainerStatus],
) -> Option<Timestamp> {
    let finished_at = |status: &&ContainerStatus| {
        Some(status.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref()?.0)
    };
    let all: Option<Vec<_>> = main.iter().chain(sidecars).map(finished_at).collect();
    all.filter(|_| !main.is_empty())?.into_iter().max()
}

fn deleted_at(metadata: &ObjectMeta) -> Option<Timestamp> {
    let seconds = metadata.deletion_grace_period_seconds.unwrap_or(0);
    let grace = crate::api::SignedDuration::from_secs(seconds);
    Some(metadata.deletion_timestamp.as_ref()?.0.checked_sub(grace).unwrap_or(Timestamp::MIN))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn time(second: u32) -> String {
        format!("2026-01-01T00:00:{second:02}Z")
    }

    fn container(name: &str, restarts: u32, ended: Option<u32>) -> Value {
        let ended = ended.map(|second| json!({ "exitCode": 0, "finishedAt": time(second) }));
        json!({ "name": name, "restartCount": restarts, "state": { "terminated": ended } })
    }

    /// A pod that was made at second 1, with an ordinary init container and a sidecar.
    fn pod(metadata: Value, status: &Value) -> Pod {
        let mut all = json!({ "creationTimestamp": time(1) });
        let Value::Object(metadata) = metadata else { panic!("no object") };
        all.as_object_mut().expect("an object").extend(metadata);
        let init = json!([{ "name": "init" }, { "name": "side", "restartPolicy": "Always" }]);
        let spec = json!({ "initContainers": init, "containers": [{ "name": "main" }] });
        let pod = json!({ "metadata": all, "spec": spec, "status": status });
        serde_json::from_value(pod).expect("a pod")
    }

    #[test]
    fn the_end_is_the_best_that_can_be_told() {
        let check = |main: Option<u32>, side: Option<u32>, ready: &str, deleted: bool, expect| {
            let metadata = match deleted {
                true => json!({ "deletionTimestamp": time(45), "deletionGracePeriodSeconds": 40 }),
                false => json!({}),
            };
            let status = json!({
                "conditions": [{ "type": "Ready", "status": ready, "lastTransitionTime": time(3) }],
                "initContainerStatuses": [
                    container("init", 0, Some(9)), container("side", 0, side),
                ],
                "containerStatuses": [container("main", 0, main)],
            });
            let found = PodView::parse(&pod(metadata, &status)).finished_at.to_string();
            assert_eq!(found, time(expect), "{status}");
        };
        check(Some(8), Some(7), "False", true, 8);
        check(Some(6), Some(7), "False", true, 7);
        check(Some(8), None, "False", true, 3);
        check(None, Some(7), "False", true, 3);
        check(None, None, "True", true, 5);
        check(None, None, "True", false, 1);
    }

    #[test]
    fn restarts_of_sidecars_are_told_apart() {
        let init = [container("init", 5, None), container("side", 3, None)];
        let status = json!({
            "initContainerStatuses": init, "containerStatuses": [container("main", 2, None)],
        });
        let view = PodView::parse(&pod(json!({}), &status));
        let restarts = (view.restarts, view.restarts_max, view.sidecar_restarts_max);
        assert_eq!(restarts, (10, 2, 3));
    }

    #[test]
    fn two_phases_are_ends_and_what_is_no_phase_has_not_begun() {
        for (text, phase, ends) in [
            ("Pending", Phase::Pending, false),
            ("Running", Phase::Running, false),
            ("Unknown", Phase::Unknown, false),
            ("Succeeded", Phase::Succeeded, true),
            ("Failed", Phase::Failed, true),
            ("Other", Phase::Pending, false),
        ] {
            let pod = pod(json!({}), &json!({ "phase": text }));
            assert_eq!((PodView::parse(&pod).phase, has_ended(&pod)), (phase, ends), "{text}");
        }
    }
}
