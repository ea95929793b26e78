//! The steps that are seen from outside: that a pod has a node, that it has ended, that a Job is
//! through.
//!
//! It follows the store, as every component does, and only where somebody takes spans. What it
//! misses, because it fell behind or was not there, is missing in the traces.

use tokio_util::sync::CancellationToken;

use super::ids::SpanId;
use super::span::Span;
use super::tracer::{Trace, Tracer};
use crate::api::names::JOB_COMPLETION_INDEX;
use crate::api::{Job, Kind, Object, ObjectMeta, Pod, Timestamp};
use crate::store::{Change, ChangeKind, Store};

/// Follows what becomes of Jobs and pods.
pub(crate) struct Follower {
    store: Store,
    tracer: Tracer,
}

impl Follower {
    /// Of those in `store`.
    pub(crate) fn new(store: Store, tracer: Tracer) -> Self {
        Self { store, tracer }
    }

    /// Follows until `cancel` fires, and tells of what has happened by then.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let mut after = self.store.resource_version();
        while !cancel.is_cancelled() {
            let Ok(mut watch) = self.store.watch(&[Kind::Job, Kind::Pod], after) else {
                after = self.store.resource_version();
                continue;
            };
            loop {
                let change = tokio::select! {
                    biased;
                    change = watch.next() => change,
                    () = cancel.cancelled() => break,
                };
                let Ok(change) = change else {
                    tracing::warn!("changes came too fast to be traced: some spans are missing");
                    after = self.store.resource_version();
                    break;
                };
                self.tell(&change);
            }
        }
    }

    fn tell(&self, change: &Change) {
        let now = self.store.clock().now();
        let is_gone = change.what == ChangeKind::Deleted;
        match (&change.object, &change.before) {
            (Object::Job(job), before) => {
                let before = match before {
                    Some(Object::Job(before)) => Some(&**before),
                    _ => None,
                };
                let was_through = before.is_some_and(|it| result(it).is_some());
                if !was_through && (is_gone || result(job).is_some()) {
                    let Some(trace) = self.tracer.of(&job.metadata) else { return };
                    trace.add(job_span(&trace, job, now));
                }
            }
            (Object::Pod(pod), before) => {
                let before = match before {
                    Some(Object::Pod(before)) => Some(&**before),
                    _ => None,
                };
                self.tell_of_pod(pod, before, is_gone, now);
            }
            _ => {}
        }
    }

    fn tell_of_pod(&self, pod: &Pod, before: Option<&Pod>, is_gone: bool, now: Timestamp) {
        let has_node = |it: &Pod| it.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
        let is_bound = !is_gone && has_node(pod) && before.is_some_and(|it| !has_node(it));
        let was_over = before.is_some_and(is_over);
        let is_end = !was_over && (is_gone || is_over(pod));
        if !is_bound && !is_end {
            return;
        }
        let Some(trace) = self.tracer.of(&pod.metadata) else { return };
        if is_bound {
            let span = pod_step(&trace, pod, "schedule", (created(&pod.metadata, now), now));
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            trace.add(span.with_some("k8s.node.name", node));
        }
        if is_end {
            if let Some(ended_at) = ended_at(pod) {
                trace.add(pod_step(&trace, pod, "end", (ended_at, now)));
            }
            trace.add(pod_span(&trace, pod, is_gone, now));
        }
    }
}

fn created(metadata: &ObjectMeta, now: Timestamp) -> Timestamp {
    metadata.creation_timestamp.as_ref().map_or(now, |it| it.0)
}

/// How a Job has ended: the type of the condition, and its reason.
fn result(job: &Job) -> Option<(&str, &str)> {
    let conditions = job.status.as_ref()?.conditions.as_deref()?;
    let mut ends = conditions.iter().filter(|it| it.status == "True");
    let end = ends.find(|it| matches!(&*it.type_, "Complete" | "Failed"))?;
    Some((&end.type_, end.reason.as_deref().unwrap_or_default()))
}

fn job_span(trace: &Trace, job: &Job, now: Timestamp) -> Span {
    let metadata = &job.metadata;
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    // What a CronJob makes nobody asked for.
    let is_asked_for = owners.iter().all(|it| it.controller != Some(true));
    let ids = (trace.job(), is_asked_for.then(|| trace.request()));
    let status = job.status.as_ref();
    let error = match result(job) {
        Some(("Failed", reason)) => Some(reason.to_owned()),
        Some(_) => None,
        None => Some("deleted".to_owned()),
    };
    let span = trace.span("job", ids, (created(metadata, now), now)).failed(error);
    span.with_some("k8s.namespace.name", metadata.namespace.as_deref())
        .with_some("k8s.job.name", metadata.name.as_deref())
        .with_some("k8s.job.uid", metadata.uid.as_deref())
        .with_some("k8s.cronjob.name", owners.first().map(|it| &*it.name))
        .with("mayfly.job.pods_succeeded", status.and_then(|it| it.succeeded).unwrap_or(0))
        .with("mayfly.job.pods_failed", status.and_then(|it| it.failed).unwrap_or(0))
        .with_some("mayfly.job.condition", result(job).map(|(condition, _)| condition))
        .with_some("mayfly.job.reason", result(job).map(|(_, reason)| reason))
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|it| it.phase.as_deref()).unwrap_or_default()
}

fn is_over(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// When its last container ended.
fn ended_at(pod: &Pod) -> Option<Timestamp> {
    let statuses = pod.status.as_ref()?.container_statuses.as_deref()?;
    let ends = statuses.iter().filter_map(|it| it.state.as_ref()?.terminated.as_ref());
    ends.filter_map(|it| it.finished_at.as_ref()).map(|it| it.0).max()
}

/// A step of a pod's.
fn pod_step(trace: &Trace, pod: &Pod, name: &'static str, times: (Timestamp, Timestamp)) -> Span {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let ids = (SpanId::of(uid, name), Some(SpanId::of(uid, "pod")));
    let span = trace.span(name, ids, times);
    span.with_some("k8s.namespace.name", pod.metadata.namespace.as_deref())
        .with_some("k8s.pod.name", pod.metadata.name.as_deref())
}

fn pod_span(trace: &Trace, pod: &Pod, is_gone: bool, now: Timestamp) -> Span {
    let metadata = &pod.metadata;
    let uid = metadata.uid.as_deref().unwrap_or_default();
    let parent = if trace.is_about(uid) { trace.request() } else { trace.job() };
    let ids = (SpanId::of(uid, "pod"), Some(parent));
    let reason = pod.status.as_ref().and_then(|it| it.reason.as_deref());
    let error = match phase(pod) {
        "Succeeded" => None,
        "Failed" => Some(reason.unwrap_or("Failed").to_owned()),
        _ => is_gone.then(|| "deleted".to_owned()),
    };
    let index = metadata.annotations.as_ref().and_then(|it| it.get(JOB_COMPLETION_INDEX));
    let index = index.and_then(|it| it.parse::<i64>().ok());
    let span = trace.span("pod", ids, (created(metadata, now), now)).failed(error);
    span.with_some("k8s.namespace.name", metadata.namespace.as_deref())
        .with_some("k8s.pod.name", metadata.name.as_deref())
        .with_some("k8s.pod.uid", metadata.uid.as_deref())
        .with_some("mayfly.job.completion_index", index)
        .with("k8s.pod.status.phase", phase(pod))
        .with_some("k8s.pod.status.reason", reason)
}
