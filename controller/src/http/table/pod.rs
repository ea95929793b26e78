//! The rows of Pods: above all, the one word for how a pod is.
//!
//! Later steps overwrite earlier ones, and the first container's word wins over the others': the
//! order of steps is Kubernetes' own, since people know what comes of it.

use serde_json::json;

use super::age::age;
use super::{Condition, Row, or_none};
use crate::api::{Container, ContainerStatus, Pod, Time, Timestamp};

/// What the containers of a pod come to.
#[derive(Default)]
struct Summary {
    word: String,
    ready: usize,
    restarts: i32,
    restarted_at: Option<Time>,
}

pub(super) fn row(pod: &Pod, now: Timestamp) -> Row {
    let spec = pod.spec.clone().unwrap_or_default();
    let status = pod.status.clone().unwrap_or_default();
    let sidecars = spec.init_containers.iter().flatten().filter(|init| is_sidecar(init)).count();
    let total = spec.containers.len() + sidecars;
    let summary = summarise(pod);
    let restarts = match &summary.restarted_at {
        Some(at) if summary.restarts > 0 => {
            format!("{} ({} ago)", summary.restarts, age(Some(at), now))
        }
        _ => summary.restarts.to_string(),
    };
    let address = status.pod_ips.iter().flatten().next().map(|it| it.ip.as_str());
    let cells = vec![
        json!(pod.metadata.name),
        json!(format!("{}/{total}", summary.ready)),
        json!(summary.word),
        json!(restarts),
        json!(age(pod.metadata.creation_timestamp.as_ref(), now)),
        json!(or_none(address)),
        json!(or_none(spec.node_name.as_deref())),
        json!(or_none(status.nominated_node_name.as_deref())),
        json!(readiness_gates(pod)),
    ];
    Row { cells, conditions: ended(status.phase.as_deref()).into_iter().collect() }
}

fn ended(phase: Option<&str>) -> Option<Condition> {
    let (reason, message) = match phase? {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(Condition { type_: "Completed", status: "True", reason, message })
}

fn summarise(pod: &Pod) -> Summary {
    let status = pod.status.clone().unwrap_or_default();
    let phase = status.phase.clone().unwrap_or_default();
    let word = status.reason.clone().filter(|it| !it.is_empty()).unwrap_or(phase.clone());
    let mut summary = Summary { word, ..Summary::default() };
    let mut conditions = status.conditions.iter().flatten();
    if conditions
        .any(|it| it.type_ == "PodScheduled" && it.reason.as_deref() == Some("SchedulingGated"))
    {
        "SchedulingGated".clone_into(&mut summary.word);
    }
    let mut sidecars = Summary::default();
    let is_held = initialising(pod, &mut summary, &mut sidecars);
    if !is_held || holds(pod, "Initialized") {
        (summary.restarts, summary.restarted_at) = (sidecars.restarts, sidecars.restarted_at);
        running(pod, &mut summary);
    }
    if pod.metadata.deletion_timestamp.is_some() {
        if status.reason.as_deref() == Some("NodeLost") {
            "Unknown".clone_into(&mut summary.word);
        } else if !matches!(phase.as_str(), "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut summary.word);
        }
    }
    summary
}

/// Goes through the init containers up to the first that holds up the pod; whether there is one.
fn initialising(pod: &Pod, summary: &mut Summary, sidecars: &mut Summary) -> bool {
    let status = pod.status.clone().unwrap_or_default();
    let inits = pod.spec.as_ref().and_then(|spec| spec.init_containers.as_deref());
    let inits = inits.unwrap_or_default();
    for (index, init) in status.init_container_statuses.iter().flatten().enumerate() {
        summary.count(init);
        let is_sidecar = inits.iter().any(|it| it.name == init.name && is_sidecar(it));
        if is_sidecar {
            sidecars.count(init);
        }
        let state = init.state.clone().unwrap_or_default();
        if state.terminated.as_ref().is_some_and(|it| it.exit_code == 0) {
            continue;
        }
        if is_sidecar && init.started == Some(true) {
            summary.ready += usize::from(init.ready);
            continue;
        }
        let waiting = state.waiting.and_then(|it| it.reason);
        let waiting = waiting.filter(|it| !it.is_empty() && it != "PodInitializing");
        summary.word = match (terminated_word(init), waiting) {
            (Some(word), _) | (None, Some(word)) => format!("Init:{word}"),
            (None, None) => format!("Init:{index}/{}", inits.len()),
        };
        return true;
    }
    false
}

/// Goes through the containers, the last one first.
fn running(pod: &Pod, summary: &mut Summary) {
    let status = pod.status.clone().unwrap_or_default();
    let (mut has_running, mut failure) = (false, None);
    for container in status.container_statuses.iter().flatten().rev() {
        summary.count(container);
        let state = container.state.clone().unwrap_or_default();
        let waiting = state.waiting.and_then(|it| it.reason).filter(|it| !it.is_empty());
        if let Some(word) = waiting {
            summary.word = word;
        } else if let Some(word) = terminated_word(container) {
            if state.terminated.is_some_and(|it| it.exit_code != 0) {
                failure = Some(word.clone());
            }
            summary.word = word;
        } else if container.ready && state.running.is_some() {
            has_running = true;
            summary.ready += 1;
        }
    }
    if summary.word == "Completed" {
        summary.word = match (has_running, failure) {
            (true, _) if holds(pod, "Ready") => "Running".to_owned(),
            (_, Some(failure)) => failure,
            (true, None) => "NotReady".to_owned(),
            (false, None) => "Completed".to_owned(),
        };
    }
}

impl Summary {
    /// Adds the restarts of `container`.
    fn count(&mut self, container: &ContainerStatus) {
        self.restarts += container.restart_count;
        let last = container.last_state.as_ref().and_then(|last| last.terminated.as_ref());
        let finished = last.and_then(|last| last.finished_at.clone());
        if finished.as_ref().map(|it| it.0) > self.restarted_at.as_ref().map(|it| it.0) {
            self.restarted_at = finished;
        }
    }
}

fn terminated_word(container: &ContainerStatus) -> Option<String> {
    let end = container.state.as_ref()?.terminated.as_ref()?;
    let reason = end.reason.clone().filter(|reason| !reason.is_empty());
    Some(reason.unwrap_or_else(|| match end.signal {
        Some(signal @ 1..) => format!("Signal:{signal}"),
        _ => format!("ExitCode:{}", end.exit_code),
    }))
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn holds(pod: &Pod, type_: &str) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == type_ && condition.status == "True")
}

fn readiness_gates(pod: &Pod) -> String {
    let gates = pod.spec.as_ref().and_then(|spec| spec.readiness_gates.as_ref());
    match gates {
        Some(gates) if !gates.is_empty() => {
            let open = gates.iter().filter(|gate| holds(pod, &gate.condition_type)).count();
            format!("{open}/{}", gates.len())
        }
        _ => "<none>".to_owned(),
    }
}
