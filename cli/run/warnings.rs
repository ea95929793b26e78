//! What people should know of pods while they run: images that can't be had, containers that
//! failed, and why.

use std::collections::HashSet;

use mayfly_controller::api::{ContainerStatus, Pod};

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
        let Some(status) = &pod.status else { return Vec::new() };
        let statuses = [&status.init_container_statuses, &status.container_statuses];
        let statuses = statuses.into_iter().flatten().flatten();
        statuses.filter_map(|status| self.of_container(pod, status)).collect()
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
            let owner = metadata.owner_references.iter().flatten().next();
            let owner = owner.map_or(pod_name, |owner| owner.name.as_str()).to_owned();
            let is_new =
                self.told_at_length.insert((owner, status.name.clone(), message.to_owned()));
            let shown = if is_new { message } else { message.lines().next().unwrap_or_default() };
            text += &format!(": {}", shown.replace('\n', "\n    "));
        }
        if self.told.len() == TOLD_MAX {
            text += "\nmayfly: more pods are in trouble; from here on only the summary tells";
        }
        Some(text)
    }
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
