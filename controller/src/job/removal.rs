//! Which of too many active pods are given up.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::api::Timestamp;

use super::job_view::JobView;
use super::pod_view::PodView;
use super::tally::{Pods, Tally};

/// The active pods to remove, at least `least` of them: those whose index makes no sense first,
/// then the worst.
pub fn pods_to_remove(job: &JobView, pods: &Pods, least: u32) -> Vec<Arc<PodView>> {
    let least = least as usize;
    let misplaced = job.is_indexed() && has_misplaced(pods.tally(), job.completions.unwrap_or(0));
    if least == 0 && !misplaced {
        return Vec::new();
    }
    let active = pods.active().cloned().collect();
    let (mut remove, mut rest) = match misplaced {
        true => split_misplaced(active, job.completions.unwrap_or(0)),
        false => (Vec::new(), active),
    };
    if remove.len() < least {
        rest.sort_by_key(|pod| worth(pod));
        let missing = least - remove.len();
        remove.extend(rest.drain(..missing.min(rest.len())));
    }
    remove
}

/// What a pod is worth: the least is given up first.
///
/// Unscheduled before scheduled; Pending before Unknown before Running; not ready before ready;
/// ready for less time first; more restarts first; newer first.
fn worth(pod: &PodView) -> impl Ord + use<> {
    // A time that is not known counts as newest.
    let newest = |time: Option<Timestamp>| Reverse(time.unwrap_or(Timestamp::MAX));
    (
        pod.scheduled,
        pod.phase,
        pod.ready,
        newest(pod.ready_since.filter(|_| pod.ready)),
        Reverse(pod.restarts_max),
        Reverse(pod.sidecar_restarts_max),
        newest(pod.created),
    )
}

/// Whether an active pod has no index, one that is out of range, or one that another has too.
fn has_misplaced(tally: &Tally, completions: u32) -> bool {
    let indexes = &tally.active_by_index;
    let out_of_range = indexes.last_key_value().is_some_and(|(index, _)| *index >= completions);
    out_of_range || indexes.len() != tally.active as usize
}

/// Splits `pods` into those to remove because of their index, and the best one of each index.
pub fn split_misplaced(
    mut pods: Vec<Arc<PodView>>,
    completions: u32,
) -> (Vec<Arc<PodView>>, Vec<Arc<PodView>>) {
    // No index sorts before any.
    pods.sort_by_key(|pod| pod.index);
    let (mut remove, mut keep) = (Vec::new(), Vec::new());
    for namesakes in pods.chunk_by(|left, right| left.index == right.index) {
        let mut namesakes = namesakes.to_vec();
        let valid = namesakes[0].index.is_some_and(|index| index < completions);
        if valid {
            namesakes.sort_by_key(|pod| worth(pod));
            keep.extend(namesakes.pop());
        }
        remove.append(&mut namesakes);
    }
    (remove, keep)
}
