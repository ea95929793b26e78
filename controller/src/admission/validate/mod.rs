//! Whether an object may be stored: every complaint, in Kubernetes' order and words.

mod affinity;
mod container;
pub(crate) mod cron_job;
mod env;
pub(crate) mod format;
pub(crate) mod hosts;
pub(crate) mod job;
pub(crate) mod job_status;
pub(crate) mod job_update;
pub(crate) mod meta;
pub(crate) mod pod;
mod pod_failure_policy;
pub(crate) mod pod_update;
pub(crate) mod resources;
mod restart_policy;
mod scheduling;
pub(crate) mod selector;
mod shown;
mod stored;
mod success_policy;
mod volume;
mod volume_files;
