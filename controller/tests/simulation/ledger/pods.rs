//! What must hold of a pod at every step.

use std::collections::BTreeSet;
use std::sync::Arc;

use mayfly_controller::api::{ContainerStatus, Job, Pod};
use mayfly_controller::store::ChangeKind;

use super::jobs::JobRecord;
use super::{Found, Ledger, ends, usage, views};
use crate::world::uid;

/// A pod as it is.
pub(crate) struct PodRecord {
    pub(crate) pod: Arc<Pod>,
    /// The uid of the Job that has made it; one that is orphaned is still its Job's to count.
    job: Option<String>,
    /// Its Job has let it go, and must not take it again.
    was_let_go: bool,
}

impl PodRecord {
    pub(crate) fn new(pod: &Arc<Pod>) -> Self {
        let job = views::owner(&pod.metadata, "Job").map(str::to_owned);
        Self { pod: Arc::clone(pod), job, was_let_go: !views::is_tracked(pod) }
    }
}

impl Ledger {
    pub(super) fn fold_pod(&mut self, pod: &Arc<Pod>, what: ChangeKind) -> Found {
        let id = uid(&**pod).to_owned();
        if what == ChangeKind::Added {
            self.seen.pods += 1;
            self.pods.insert(id, PodRecord::new(pod));
            return self.may_be_made(pod);
        }
        let record = self.pods.get_mut(&id).ok_or("it was not known")?;
        let old = std::mem::replace(&mut record.pod, Arc::clone(pod));
        let (was_let_go, job) = (record.was_let_go, record.job.clone());
        record.was_let_go |= !views::is_tracked(pod);
        if was_let_go && views::is_tracked(pod) {
            return Err("it was let go, and is tracked again".to_owned());
        }
        let found = may_become(&old, pod)
            .and_then(|()| ends::are_true(&old, pod, &self.guests))
            .and_then(|()| usage::is_true(&old, pod, &self.guests));
        if views::is_tracked(&old) && !views::is_tracked(pod) {
            self.let_go(pod, job);
        }
        if what == ChangeKind::Deleted {
            self.pods.remove(&id);
            self.let_go.remove(&id);
            if views::is_tracked(pod) {
                return Err("it is gone, and was not counted".to_owned());
            }
        }
        found
    }

    /// Enters into the books that a Job has let go of `pod`.
    fn let_go(&mut self, pod: &Pod, job: Option<String>) {
        let Some(id) = job else { return };
        let Some(record) = self.jobs.get_mut(&id) else { return };
        if views::is_finished(&record.job) {
            return;
        }
        if !views::has_ended(pod) {
            self.let_go.insert(uid(pod).to_owned());
        }
        enter(record, pod);
        self.touched.insert(id);
    }

    /// That a Job may make this pod now.
    fn may_be_made(&self, pod: &Arc<Pod>) -> Found {
        let id = views::owner(&pod.metadata, "Job").ok_or("nobody has made it")?;
        let record = self.jobs.get(id).ok_or("its Job is gone")?;
        let job = &record.job;
        if views::is_finished(job) {
            return Err("its Job has finished".to_owned());
        }
        if views::is_suspended(job) {
            return Err("its Job is suspended".to_owned());
        }
        if views::is_deleting(&job.metadata) {
            return Err("its Job is being deleted".to_owned());
        }
        if !views::is_tracked(pod) {
            return Err("it is not tracked".to_owned());
        }
        let pods: Vec<_> = self.pods_of(id).collect();
        is_needed(record, &pods)?;
        if views::is_indexed(job) { has_its_index(job, record, pod, &pods) } else { Ok(()) }
    }
}

/// Counts a pod that was let go.
fn enter(record: &mut JobRecord, pod: &Pod) {
    let is_indexed = views::is_indexed(&record.job);
    let end = views::completions(&record.job).unwrap_or(0);
    let index = views::index(pod).filter(|index| (*index as usize) < end);
    let has_place = !is_indexed || index.is_some();
    match views::phase(pod) {
        "Succeeded" if is_indexed => {
            record.succeeded_indexes.extend(index);
            record.unwritten_indexes.extend(index);
        }
        "Succeeded" => {
            record.succeeded += 1;
            record.unwritten += 1;
        }
        "Failed" => {
            record.failed_most += 1;
            record.failed_least += u32::from(has_place && !views::ignores_failures(&record.job));
        }
        _ => record.failed_most += 1,
    }
}

/// Whether a pod has succeeded, and its Job has not said so yet.
fn is_to_be_counted(pod: &Pod) -> bool {
    views::phase(pod) == "Succeeded" && views::is_tracked(pod)
}

/// That no more pods are active than the Job says, or than there is left to do.
fn is_needed(record: &JobRecord, pods: &[&Arc<Pod>]) -> Found {
    let job = &record.job;
    let active = pods.iter().filter(|pod| views::is_active(pod)).count();
    let leaving =
        pods.iter().filter(|pod| !views::is_active(pod) && !views::has_ended(pod)).count();
    let parallelism = views::parallelism(job);
    if active > parallelism {
        return Err(format!("{active} are active with a parallelism of {parallelism}"));
    }
    if views::waits_for_end(job) && active + leaving > parallelism {
        return Err(format!(
            "{active} are active and {leaving} terminating with a parallelism of {parallelism}"
        ));
    }
    let uncounted = pods.iter().filter(|pod| is_to_be_counted(pod));
    let succeeded = if views::is_indexed(job) {
        let mut indexes = views::completed_indexes(job);
        indexes.extend(&record.unwritten_indexes);
        indexes.extend(uncounted.filter_map(|pod| views::index(pod)));
        let end = views::completions(job).unwrap_or(0);
        indexes.iter().filter(|index| (**index as usize) < end).count()
    } else {
        let counted = views::status(job).succeeded.unwrap_or(0);
        // That a work queue is empty is known once a success has been counted. Kubernetes lets a pod
        // be made while one is on its way.
        let on_its_way = if views::completions(job).is_some() { uncounted.count() } else { 0 };
        usize::try_from(counted).unwrap_or(0) + record.unwritten as usize + on_its_way
    };
    let left = match views::completions(job) {
        Some(completions) => completions.saturating_sub(succeeded),
        None if succeeded > 0 => 0,
        None => parallelism,
    };
    if active > left {
        return Err(format!("{active} are active, and {left} are left to do"));
    }
    Ok(())
}

/// That an index has one pod at a time, and none once it has succeeded or failed.
///
/// With the replacement policy TerminatingOrFailed, Kubernetes lets a pod that is being deleted
/// stay beside the one that replaces it.
fn has_its_index(job: &Job, record: &JobRecord, pod: &Arc<Pod>, pods: &[&Arc<Pod>]) -> Found {
    let index = views::index(pod).ok_or("it has no index")?;
    let end = views::completions(job).unwrap_or(0);
    if index as usize >= end {
        return Err(format!("index {index} is none of {end}"));
    }
    let others = pods.iter().filter(|other| uid(&****other) != uid(&**pod));
    let others: Vec<_> = others.filter(|other| views::index(other) == Some(index)).collect();
    let is_there = |other: &&&&Arc<Pod>| {
        views::is_active(other) || (views::waits_for_end(job) && !views::has_ended(other))
    };
    if let Some(other) = others.iter().find(is_there) {
        let name = other.metadata.name.as_deref().unwrap_or_default();
        return Err(format!("index {index} has another pod: {name}"));
    }
    let mut succeeded: BTreeSet<u32> = views::completed_indexes(job);
    succeeded.extend(&record.unwritten_indexes);
    let uncounted = others.iter().any(|it| is_to_be_counted(it));
    if succeeded.contains(&index) || uncounted {
        return Err(format!("index {index} has succeeded already"));
    }
    if views::failed_indexes(job).contains(&index) {
        return Err(format!("index {index} has failed for good"));
    }
    Ok(())
}

/// That a pod which was `old` may be `new`.
fn may_become(old: &Pod, new: &Pod) -> Found {
    let (before, after) = (views::phase(old), views::phase(new));
    if views::has_ended(old) && before != after {
        return Err(format!("it was {before}, and is {after}"));
    }
    let node = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    if node(old).is_some() && node(old) != node(new) {
        return Err(format!("it was on {:?}, and is on {:?}", node(old), node(new)));
    }
    if views::is_deleting(&old.metadata) && !views::is_deleting(&new.metadata) {
        return Err("it is not being deleted any more".to_owned());
    }
    let restarts = |pod: &Pod| -> Vec<(String, i32)> {
        let statuses = views::container_statuses(pod);
        statuses.map(|status| (status.name.clone(), status.restart_count)).collect()
    };
    let after = restarts(new);
    for (name, count) in restarts(old) {
        if after.iter().any(|(other, restarts)| *other == name && *restarts < count) {
            return Err(format!("container {name} has been restarted less often than before"));
        }
    }
    ends_stay(old, new)
}

/// That an end which is recorded is neither taken back nor made another.
fn ends_stay(old: &Pod, new: &Pod) -> Found {
    let ends = |pod: &Pod| -> Vec<(String, i32, i32)> {
        let statuses = views::container_statuses(pod);
        let end = |status: &ContainerStatus| {
            let terminated = status.state.as_ref()?.terminated.as_ref()?;
            Some((status.name.clone(), status.restart_count, terminated.exit_code))
        };
        statuses.filter_map(end).collect()
    };
    for (name, restarts, code) in ends(old) {
        let mut statuses = views::container_statuses(new);
        let Some(status) = statuses.find(|status| status.name == name) else { continue };
        let state = status.state.as_ref();
        let now = state.and_then(|state| state.terminated.as_ref()).map(|end| end.exit_code);
        let runs = state.is_some_and(|state| state.running.is_some());
        if status.restart_count == restarts && (runs || now.is_some_and(|now| now != code)) {
            return Err(format!("container {name}#{restarts} had ended with {code}: {state:?}"));
        }
    }
    Ok(())
}

/// That a container of `pod` may run on `node`: its end was not recorded before.
pub(crate) fn may_run(pod: &Pod, node: &str, container: &str, restart: u32) -> Found {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let bound = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    if bound != Some(node) {
        return Err(format!("{name} runs on {node}, and is bound to {bound:?}"));
    }
    if views::has_ended(pod) {
        return Err(format!("{name} runs, and is {}", views::phase(pod)));
    }
    let recorded = views::container_statuses(pod).find(|status| status.name == container);
    let Some(recorded) = recorded else { return Ok(()) };
    let state = recorded.state.clone().unwrap_or_default();
    let has_last = recorded.last_state.as_ref().is_some_and(|last| last.terminated.is_some());
    let count = i64::from(recorded.restart_count);
    let ended = match (state.terminated, state.running) {
        (Some(_), _) => count,
        (None, Some(_)) => count - 1,
        (None, None) if has_last => count,
        (None, None) => -1,
    };
    if i64::from(restart) <= ended {
        return Err(format!("run #{restart} of {name}/{container} is recorded as ended already"));
    }
    Ok(())
}
