//! A pod's status, from what is known of its containers. Pure.
//!
//! Source: sections 9.5 and 17.4 of the semantics, and the kubelet's order of conditions.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{VolumeMount, VolumeMountStatus};

use super::lifecycle::{Volumes, is_initialized};
use super::phase::Phase;
use super::record::{CONTAINER_CREATING, POD_INITIALIZING, Record, State, Termination};
use super::stop::Cause;
use super::view::{ContainerView, PodView, Role};
use crate::api::{
    Container, ContainerStatus, HostIP, Pod, PodCondition, PodStatus, Time, Timestamp,
};
use crate::limits::POD_TERMINATION_MESSAGE_BYTES_MAX;

/// The condition of a pod whose containers are all ended, to begin again.
pub(crate) const ALL_CONTAINERS_RESTARTING: &str = "AllContainersRestarting";

/// What a pod's status is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) view: &'a PodView,
    pub(crate) records: &'a [Record],
    pub(crate) volumes: Volumes,
    pub(crate) phase: Phase,
    pub(crate) start_time: Timestamp,
    pub(crate) host_ip: &'a str,
    /// Whether all of its containers are being ended, to begin again.
    pub(crate) is_restarting: bool,
    /// Why it has ended, where its containers do not say it.
    pub(crate) cause: Option<&'a Cause>,
}

/// The pod's status, as a change of `previous`, the one that was written last.
pub(crate) fn status(facts: &Facts<'_>, previous: &PodStatus, now: Timestamp) -> PodStatus {
    let (init, main): (Vec<_>, Vec<_>) = facts
        .view
        .containers
        .iter()
        .zip(facts.records)
        .partition(|(container, _)| container.role != Role::Main);
    let has_init = !init.is_empty();
    let waiting = if has_init { POD_INITIALIZING } else { CONTAINER_CREATING };
    let uid = facts.pod.metadata.uid.as_deref().unwrap_or_default();
    let message_bytes_max = POD_TERMINATION_MESSAGE_BYTES_MAX / facts.records.len().max(1);
    let wire = |role: Role, record: &Record| {
        let id = container_id(uid, &record.name, record.restart_count);
        record.to_wire(is_ready(role, record), waiting, id, message_bytes_max)
    };
    let statuses = |containers: &[(&ContainerView, &Record)], specs: &[Container]| {
        let statuses = containers.iter().zip(specs).map(|((container, record), spec)| {
            with_resources(with_mounts(wire(container.role, record), spec), spec)
        });
        let statuses: Vec<_> = statuses.collect();
        Some(statuses).filter(|statuses| !statuses.is_empty())
    };
    let spec = facts.pod.spec.as_ref();
    let main_specs = spec.map(|spec| &spec.containers[..]).unwrap_or_default();
    let init_specs = spec.and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
    let text = |text: &str| Some(text.to_owned());
    PodStatus {
        conditions: Some(conditions(facts, previous, now)),
        container_statuses: statuses(&main, main_specs),
        host_ip: text(facts.host_ip),
        host_ips: Some(vec![HostIP { ip: facts.host_ip.to_owned() }]),
        init_container_statuses: statuses(&init, init_specs),
        message: facts.cause.map(|cause| cause.message.clone()),
        observed_generation: facts.pod.metadata.generation,
        phase: text(facts.phase.name()),
        qos_class: previous.qos_class.clone().or_else(|| text(super::qos::class(facts.pod))),
        reason: facts.cause.map(|cause| cause.reason.to_owned()),
        start_time: Some(Time(facts.start_time)),
        ..PodStatus::default()
    }
}

/// With what the container may use, which is what it asked for: nothing is ever resized.
fn with_resources(status: ContainerStatus, spec: &Container) -> ContainerStatus {
    let Some(resources) = &spec.resources else { return status };
    let is_empty = |amounts: &Option<_>| amounts.as_ref().is_none_or(BTreeMap::is_empty);
    if is_empty(&resources.limits) && is_empty(&resources.requests) {
        return status;
    }
    ContainerStatus {
        allocated_resources: resources.requests.clone(),
        resources: Some(resources.clone()),
        ..status
    }
}

/// With the volumes that the container sees.
fn with_mounts(status: ContainerStatus, spec: &Container) -> ContainerStatus {
    let mount = |mount: &VolumeMount| VolumeMountStatus {
        mount_path: mount.mount_path.clone(),
        name: mount.name.clone(),
        read_only: mount.read_only.filter(|is_read_only| *is_read_only),
        recursive_read_only: (mount.read_only == Some(true)).then(|| "Disabled".to_owned()),
        volume_status: None,
    };
    let mounts = spec.volume_mounts.as_ref().filter(|mounts| !mounts.is_empty());
    ContainerStatus {
        volume_mounts: mounts.map(|mounts| mounts.iter().map(mount).collect()),
        ..status
    }
}

/// The name of one run of a container.
pub(crate) fn container_id(uid: &str, container: &str, restart: u32) -> String {
    format!("mayfly://{uid}/{container}/{restart}")
}

/// Gives the containers of a pod that is no more the end that nobody has seen.
///
/// Main containers of a pod that was never initialized stay as they are: they were never due.
pub(crate) fn terminate(view: &PodView, records: &mut [Record]) {
    let has_init = view.containers.iter().any(|container| container.role != Role::Main);
    let was_due = !has_init || is_initialized(view, records);
    for (container, record) in view.containers.iter().zip(records) {
        record.waiting = None;
        record.delay = None;
        let is_lost = match record.state {
            // It has run, and would have again.
            State::New if record.is_reset() => true,
            State::New => container.role == Role::Main && was_due,
            State::Running { .. } => true,
            State::Ended(_) => false,
        };
        if is_lost {
            record.state = State::Ended(Termination::unknown());
        }
    }
}

fn is_ready(role: Role, record: &Record) -> bool {
    match role {
        Role::Init => record.exit_code() == Some(0),
        Role::Sidecar | Role::Main => record.is_running(),
    }
}

/// The kubelet's conditions, in its order. Those of others are not among them.
fn conditions(facts: &Facts<'_>, previous: &PodStatus, now: Timestamp) -> Vec<PodCondition> {
    let ready = ready(facts);
    let has_sandbox = facts.volumes == Volumes::Ready && !facts.phase.is_terminal();
    let disruption = facts.cause.and_then(|cause| Some((cause.disruption?, &cause.message)));
    let mut conditions = Vec::with_capacity(7);
    let mut add = |type_: &str, (status, reason, message): Condition| {
        let before = previous.conditions.iter().flatten().find(|before| before.type_ == type_);
        let status = if status { "True" } else { "False" };
        let unchanged = before.filter(|before| before.status == status);
        conditions.push(PodCondition {
            last_probe_time: None,
            last_transition_time: unchanged
                .and_then(|before| before.last_transition_time.clone())
                .or(Some(Time(now))),
            message,
            observed_generation: facts.pod.metadata.generation,
            reason: reason.map(str::to_owned),
            status: status.to_owned(),
            type_: type_.to_owned(),
        });
    };
    if let Some((reason, message)) = disruption {
        add("DisruptionTarget", (true, Some(reason), Some(message.clone())));
    }
    add("PodReadyToStartContainers", (has_sandbox, None, None));
    add("Initialized", initialized(facts));
    add("Ready", ready.clone());
    add("ContainersReady", ready);
    add("PodScheduled", (true, None, None));
    if facts.view.may_restart_all() {
        add(ALL_CONTAINERS_RESTARTING, restarting(facts));
    }
    conditions
}

fn restarting(facts: &Facts<'_>) -> Condition {
    match facts.phase {
        Phase::Succeeded => (false, Some("PodCompleted"), None),
        Phase::Failed => (false, Some("PodFailed"), None),
        Phase::Pending | Phase::Running if facts.is_restarting => {
            let message = "container exited with restart policy rule".to_owned();
            (true, Some("RestartAllContainersStarted"), Some(message))
        }
        Phase::Pending | Phase::Running => (false, None, None),
    }
}

/// Status, reason and message of a condition.
type Condition = (bool, Option<&'static str>, Option<String>);

fn initialized(facts: &Facts<'_>) -> Condition {
    if facts.phase == Phase::Succeeded {
        return (true, Some("PodCompleted"), None);
    }
    if is_initialized(facts.view, facts.records) {
        return (true, None, None);
    }
    let incomplete = |role: Role, record: &Record| role != Role::Main && !is_ready(role, record);
    match names(facts, incomplete) {
        None => (true, None, None),
        Some(names) => {
            let message = format!("containers with incomplete status: [{names}]");
            (false, Some("ContainersNotInitialized"), Some(message))
        }
    }
}

fn ready(facts: &Facts<'_>) -> Condition {
    match facts.phase {
        Phase::Succeeded => return (false, Some("PodCompleted"), None),
        Phase::Failed => return (false, Some("PodFailed"), None),
        Phase::Pending | Phase::Running => {}
    }
    let unready = |role: Role, record: &Record| role != Role::Init && !is_ready(role, record);
    match names(facts, unready) {
        None => (true, None, None),
        Some(names) => {
            let message = format!("containers with unready status: [{names}]");
            (false, Some("ContainersNotReady"), Some(message))
        }
    }
}

/// The names of the containers that are so, if any is.
fn names(facts: &Facts<'_>, is_so: impl Fn(Role, &Record) -> bool) -> Option<String> {
    let containers = facts.view.containers.iter().zip(facts.records);
    let names: Vec<_> = containers
        .filter(|(container, record)| is_so(container.role, record))
        .map(|(container, _)| container.name.as_str())
        .collect();
    (!names.is_empty()).then(|| names.join(" "))
}
