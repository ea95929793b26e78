//! What deleting an object means, as Kubernetes' API server has it (`rest.BeforeDelete` and the
//! pod's `CheckGracefulDelete`). Pure.

use std::sync::Arc;

use crate::api::{Object, Pod, Time, Timestamp};

/// Kubernetes' default for a pod that says nothing.
const TERMINATION_GRACE_PERIOD_SECONDS: i64 = 30;

/// What a request to delete an object makes of it.
#[derive(Debug)]
pub(super) enum Deletion {
    /// It is on its way already, and nothing changes.
    Pending,
    /// It now has this mark, and stays until it may go.
    Marked(Object),
}

/// Marks `object` as to be deleted within `grace_period_seconds`, or within its own grace period.
pub(super) fn mark(object: &Object, grace_period_seconds: Option<i64>, now: Timestamp) -> Deletion {
    let metadata = object.metadata();
    let Some(deleted) = &metadata.deletion_timestamp else {
        let grace = match object {
            Object::Pod(pod) => grace_of(pod, grace_period_seconds),
            _ => 0,
        };
        return Deletion::Marked(with_mark(object, now, grace));
    };
    // A grace period that runs can only be shortened, and counts from the first request.
    let running = metadata.deletion_grace_period_seconds.unwrap_or(0);
    match grace_period_seconds {
        Some(shorter) if shorter < running => {
            let grace = shorter.max(0);
            let since = deleted.0 - seconds(running);
            Deletion::Marked(with_mark(object, since, grace))
        }
        _ => Deletion::Pending,
    }
}

/// Whether nothing holds `object` back any more: it is marked, its grace period is over or cut
/// short, and no finalizer is left, which a namespace has in its spec as well.
pub(super) fn may_go(object: &Object) -> bool {
    let metadata = object.metadata();
    metadata.deletion_timestamp.is_some()
        && metadata.deletion_grace_period_seconds.unwrap_or(0) == 0
        && metadata.finalizers.as_ref().is_none_or(Vec::is_empty)
        && !has_spec_finalizers(object)
}

fn has_spec_finalizers(object: &Object) -> bool {
    let Object::Namespace(namespace) = object else { return false };
    let spec = namespace.spec.as_ref();
    spec.and_then(|spec| spec.finalizers.as_ref()).is_some_and(|it| !it.is_empty())
}

fn grace_of(pod: &Pod, grace_period_seconds: Option<i64>) -> i64 {
    let spec = pod.spec.as_ref();
    let is_bound = spec.and_then(|spec| spec.node_name.as_ref()).is_some_and(|n| !n.is_empty());
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    if !is_bound || matches!(phase, Some("Succeeded" | "Failed")) {
        return 0;
    }
    let grace = grace_period_seconds
        .or_else(|| spec.and_then(|spec| spec.termination_grace_period_seconds))
        .unwrap_or(TERMINATION_GRACE_PERIOD_SECONDS);
    // A negative one is one second: the least that still lets the node see it.
    if grace < 0 { 1 } else { grace }
}

fn with_mark(object: &Object, since: Timestamp, grace_period_seconds: i64) -> Object {
    let mut marked = object.clone();
    let metadata = marked.metadata_mut();
    // The first mark changes what is wanted, so it counts as a new generation.
    if metadata.deletion_timestamp.is_none() {
        metadata.generation = metadata.generation.map(|generation| generation + 1);
    }
    metadata.deletion_timestamp = Some(Time(since + seconds(grace_period_seconds)));
    metadata.deletion_grace_period_seconds = Some(grace_period_seconds);
    if let Object::Namespace(namespace) = &mut marked {
        let status = &mut Arc::make_mut(namespace).status;
        status.get_or_insert_default().phase = Some("Terminating".to_owned());
    }
    marked
}

/// Bounded, since a client may ask for any number and a timestamp ends in the year 9999.
fn seconds(count: i64) -> std::time::Duration {
    std::time::Duration::from_secs(count.clamp(0, i64::from(u32::MAX)).unsigned_abs())
}
