//! What people should know of pods while they run: images that can't be had, pods that can't be
//! made, containers that failed, and why.

use std::collections::HashSet;

use mayfly_controller::api::{ContainerStatus, Event, Pod, PodCondition};

use crate::state::NODE_NAME;

/// How many pods' failures are told one by one. Stops a Job of ten thousand failing pods from
/// being ten thousand warnings; all of them are in the pods' status.
const TOLD_MAX: usize = 200;

/// Waiting reasons that are no trouble.
const USUAL_REASONS: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Tells each thing once.
#[derive(Default)]
pub(crate) struct Warnings {
    /// Pod uid, container, restart and reason of what was told.
    told: HashSet<(String, String, i32, String)>,
    /// Owner, container and message of what was told at length.
    told_at_length: HashSet<(String, String, String)>,
}

impl Warnings {
    /// What is new in `pod`, a warning each.
    pub(crate) fn of(&mut self, pod: &Pod) -> Vec<String> {
        let placing = not_placed(pod).and_then(|why| self.of_waiting(pod, &why));
        let statuses = pod
            .status
            .iter()
            .flat_map(|it| [&it.init_container_statuses, &it.container_statuses])
            .flatten()
            .flatten();
        let statuses = statuses.filter(|status| !is_dismissed(pod, status));
        let containers = statuses.filter_map(|status| self.of_container(pod, status));
        placing.into_iter().chain(containers).collect()
    }

    /// What `event`, which is about `pod`, says of a volume that can't be made. Nothing in the pod
    /// itself does, as in Kubernetes.
    pub(crate) fn of_event(&mut self, pod: &Pod, event: &Event) -> Option<String> {
        if event.reason.as_deref() != Some("FailedMount") {
            return None;
        }
        self.of_waiting(pod, event.message.as_deref().unwrap_or_default())
    }

    /// What `event`, which is about a Job, says of pods that can't be made. A Job that has no room
    /// asks again and again, each time for a pod of another name, so the first time is enough.
    pub(crate) fn of_job_event(&mut self, event: &Event) -> Option<String> {
        let (reason, job) = (event.reason.as_deref()?, event.involved_object.name.as_deref()?);
        if reason != "FailedCreate" {
            return None;
        }
        let key = (job.to_owned(), String::new(), reason.to_owned());
        let is_new = self.told_at_length.len() < TOLD_MAX && self.told_at_length.insert(key);
        let why = event.message.as_deref().unwrap_or_default();
        is_new.then(|| format!("job {job} waits: {why}"))
    }

    /// `pod` waits, maybe for ever: told once for all the pods of a Job that wait for the same.
    fn of_waiting(&mut self, pod: &Pod, why: &str) -> Option<String> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let key = (owner_of(pod), String::new(), why.to_owned());
        let is_new = self.told_at_length.len() < TOLD_MAX && self.told_at_length.insert(key);
        is_new.then(|| format!("pod {name} waits: {why}"))
    }

    fn of_container(&mut self, pod: &Pod, status: &ContainerStatus) -> Option<String> {
        let (reason, exit_code, message) = trouble_of(status)?;
        let metadata = &pod.metadata;
        let uid = metadata.uid.clone().unwrap_or_default();
        let key = (uid, status.name.clone(), status.restart_count, reason.to_owned());
        if self.told.len() >= TOLD_MAX || !self.told.insert(key) {
            return None;
        }
        let pod_name = metadata.name.as_deref().unwrap_or_default();
        let mut text = format!("pod {pod_name}, container {}: {reason}", status.name);
        if let Some(code) = exit_code {
            text += &format!(", exit code {code}");
        }
        let message = message.trim_end();
        if !message.is_empty() {
            // A Job's pods tend to fail alike; what is long is told once.
            let key = (owner_of(pod), status.name.clone(), message.to_owned());
            let is_new = self.told_at_length.insert(key);
            let shown = if is_new { message } else { message.lines().next().unwrap_or_default() };
            text += &format!(": {}", shown.replace('\n', "\n    "));
        }
        if self.told.len() == TOLD_MAX {
            text += "\nmayfly: more pods are in trouble; from here on only the summary tells";
        }
        Some(text)
    }
}

/// Whether the container is a sidecar that is no more needed, and is ended for that.
fn is_dismissed(pod: &Pod, status: &ContainerStatus) -> bool {
    let inits = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let is_sidecar = inits
        .filter(|init| init.name == status.name)
        .any(|init| init.restart_policy.as_deref() == Some("Always"));
    let has_ended = |status: &ContainerStatus| {
        status.state.as_ref().is_some_and(|state| state.terminated.is_some())
    };
    let main = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    is_sidecar && main.is_some_and(|main| main.iter().all(has_ended))
}

/// The Job that `pod` is of, or its own name.
fn owner_of(pod: &Pod) -> String {
    let owner = pod.metadata.owner_references.iter().flatten().next();
    let name = owner.map(|owner| owner.name.clone()).or_else(|| pod.metadata.name.clone());
    name.unwrap_or_default()
}

/// Why `pod` is not on this node, if it has to wait for another.
fn not_placed(pod: &Pod) -> Option<String> {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    if let Some(node) = node.filter(|node| *node != NODE_NAME) {
        return Some(format!("its nodeName is {node}, and the only node here is {NODE_NAME}"));
    }
    let conditions = pod.status.as_ref()?.conditions.iter().flatten();
    conditions.into_iter().find(|condition| is_unscheduled(condition))?.message.clone()
}

fn is_unscheduled(condition: &PodCondition) -> bool {
    condition.type_ == "PodScheduled" && condition.status == "False"
}

/// Reason, exit code and message, if the container waits for what it may not get or has failed.
fn trouble_of(status: &ContainerStatus) -> Option<(&str, Option<i32>, &str)> {
    // A container that waits for its restart has its failure in the last state.
    let state = status.state.as_ref()?;
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    if let Some(ended) = state.terminated.as_ref().or(last).filter(|ended| ended.exit_code != 0) {
        let reason = ended.reason.as_deref().unwrap_or("Error");
        return Some((reason, Some(ended.exit_code), ended.message.as_deref().unwrap_or_default()));
    }
    let waiting = state.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().filter(|reason| !USUAL_REASONS.contains(reason))?;
    Some((reason, None, waiting.message.as_deref().unwrap_or_default()))
}
