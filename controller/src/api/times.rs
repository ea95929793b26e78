//! The times of objects of which there are many. In memory they have nanoseconds, and on the wire
//! seconds: who writes an object down and wants the same back keeps them beside it.

use std::sync::Arc;

use super::{ContainerState, ContainerStatus, Event, Job, Object, ObjectMeta, Pod, Time};

impl Object {
    /// Has `visit` see each time that is written with seconds alone, always in the same order, of a
    /// Job, a pod or an event. The object is copied first if it is shared.
    pub(crate) fn each_time(&mut self, mut visit: impl FnMut(&mut Time)) {
        let visit: &mut dyn FnMut(&mut Time) = &mut visit;
        match self {
            Self::Job(job) => of_job(Arc::make_mut(job), visit),
            Self::Pod(pod) => of_pod(Arc::make_mut(pod), visit),
            Self::Event(event) => of_event(Arc::make_mut(event), visit),
            _ => {}
        }
    }
}

type Visit<'a> = &'a mut dyn FnMut(&mut Time);

fn of_job(job: &mut Job, visit: Visit<'_>) {
    of_metadata(&mut job.metadata, visit);
    let Some(status) = &mut job.status else { return };
    all([&mut status.start_time, &mut status.completion_time], visit);
    for condition in status.conditions.iter_mut().flatten() {
        all([&mut condition.last_probe_time, &mut condition.last_transition_time], visit);
    }
}

fn of_pod(pod: &mut Pod, visit: Visit<'_>) {
    of_metadata(&mut pod.metadata, visit);
    let Some(status) = &mut pod.status else { return };
    all([&mut status.start_time], visit);
    for condition in status.conditions.iter_mut().flatten() {
        all([&mut condition.last_probe_time, &mut condition.last_transition_time], visit);
    }
    let containers = [
        &mut status.init_container_statuses,
        &mut status.container_statuses,
        &mut status.ephemeral_container_statuses,
    ];
    for container in containers.into_iter().flatten().flatten() {
        let ContainerStatus { state, last_state, .. } = container;
        [state, last_state].into_iter().flatten().for_each(|state| of_state(state, visit));
    }
}

fn of_state(state: &mut ContainerState, visit: Visit<'_>) {
    if let Some(running) = &mut state.running {
        all([&mut running.started_at], visit);
    }
    if let Some(terminated) = &mut state.terminated {
        all([&mut terminated.started_at, &mut terminated.finished_at], visit);
    }
}

fn of_event(event: &mut Event, visit: Visit<'_>) {
    of_metadata(&mut event.metadata, visit);
    all([&mut event.first_timestamp, &mut event.last_timestamp], visit);
}

fn of_metadata(metadata: &mut ObjectMeta, visit: Visit<'_>) {
    all([&mut metadata.creation_timestamp, &mut metadata.deletion_timestamp], visit);
}

fn all<const N: usize>(times: [&mut Option<Time>; N], visit: Visit<'_>) {
    times.into_iter().flatten().for_each(visit);
}
