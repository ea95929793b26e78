//! What deleting an object means, as Kubernetes' API server has it (`rest.BeforeDelete` and the
//! pod's `CheckGracefulDelete`). Pure.

use std::sync::Arc;

use crate::api::{Object, Pod, Time, Timestamp};

/// Kubernetes' default for a pod that says nothing.
const TERMINATION_GRACE_PERIOD_SECONDS: i64 = 30;

/// What an object has that is to be deleted.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    deletion_timestamp: Timestamp,
    grace_period_seconds: i64,
}

impl Mark {
    fn since(since: Timestamp, grace_period_seconds: i64) -> Self {
        let deletion_timestamp = since + seconds(grace_period_seconds);
        Self { deletion_timestamp, grace_period_seconds }
    }

    /// Whether nothing holds `object` back when it has this.
    pub(super) fn lets_go(&self, object: &Object) -> bool {
        self.grace_period_seconds == 0 && !has_finalizers(object)
    }

    /// `object` with this mark.
    pub(super) fn on(&self, object: &Object) -> Object {
        let mut marked = object.clone();
        let metadata = marked.metadata_mut();
        // The first mark changes what is wanted, so it counts as a new generation.
        if metadata.deletion_timestamp.is_none() {
            metadata.generation = metadata.generation.map(|generation| generation + 1);
        }
        metadata.deletion_timestamp = Some(Time(self.deletion_timestamp));
        metadata.deletion_grace_period_seconds = Some(self.grace_period_seconds);
        if let Object::Namespace(namespace) = &mut marked {
            let status = &mut Arc::make_mut(namespace).status;
            status.get_or_insert_default().phase = Some("Terminating".to_owned());
        }
        marked
    }
}

/// The mark that `object` is to have, so that it is deleted within `grace_period_seconds`, or within
/// its own grace period. `None` if it is on its way already, and nothing changes.
pub(super) fn mark(
    object: &Object,
    grace_period_seconds: Option<i64>,
    now: Timestamp,
) -> Option<Mark> {
    let metadata = object.metadata();
    let Some(deleted) = &metadata.deletion_timestamp else {
        let grace = match object {
            Object::Pod(pod) => grace_of(pod, grace_period_seconds),
            _ => 0,
        };
        return Some(Mark::since(now, grace));
    };
    // A grace period that runs can only be shortened, and counts from the first request.
    let running = metadata.deletion_grace_period_seconds.unwrap_or(0);
    let shorter = grace_period_seconds.filter(|shorter| *shorter < running)?;
    Some(Mark::since(deleted.0 - seconds(running), shorter.max(0)))
}

/// Whether nothing holds `object` back any more: it is marked, its grace period is over or cut
/// short, and no finalizer is left, which a namespace has in its spec as well.
pub(super) fn may_go(object: &Object) -> bool {
    let metadata = object.metadata();
    metadata.deletion_timestamp.is_some()
        && metadata.deletion_grace_period_seconds.unwrap_or(0) == 0
        && !has_finalizers(object)
}

fn has_finalizers(object: &Object) -> bool {
    let finalizers = object.metadata().finalizers.as_ref();
    finalizers.is_some_and(|it| !it.is_empty()) || has_spec_finalizers(object)
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

/// Bounded, since a client may ask for any number and a timestamp ends in the year 9999.
fn seconds(count: i64) -> std::time::Duration {
    std::time::Duration::from_secs(count.clamp(0, i64::from(u32::MAX)).unsigned_abs())
}
