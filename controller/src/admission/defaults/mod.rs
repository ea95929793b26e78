//! What a field means when it is not set.
//!
//! Runs on every decode, create and update alike, before anything is validated.

mod job;
mod pod;

pub(crate) use self::job::{cron_job, job};
pub(crate) use self::pod::{pod, pod_spec, pod_template};

/// Sets `field` to `default` unless it is set.
fn set<T>(field: &mut Option<T>, default: impl Into<T>) {
    field.get_or_insert_with(|| default.into());
}
