//! When a finished Job is to be deleted.
//!
//! Pure: knows the Job, neither a clock nor the store.

use crate::api::{Job, SignedDuration, Timestamp};

/// When `job` is to be deleted by `spec.ttlSecondsAfterFinished`; none if it has not ended, or is
/// kept.
pub fn expires_at(job: &Job) -> Option<Timestamp> {
    let seconds = job.spec.as_ref()?.ttl_seconds_after_finished?;
    let conditions = job.status.as_ref()?.conditions.as_deref()?;
    let finished = conditions.iter().find(|condition| {
        matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
    })?;
    let at = finished.last_transition_time.as_ref()?.0;
    at.checked_add(SignedDuration::from_secs(i64::from(seconds))).ok()
}
