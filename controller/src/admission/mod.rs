//! A manifest becomes an object that may be stored: decoded, given its defaults, validated.
//!
//! ```text
//! bytes ──decode──▶ object ──defaults──▶ prepare ──▶ validate ──▶ unsupported ──▶ Admitted
//! ```
//!
//! Pure: it knows the wire types alone, neither the store nor the time; the uid comes as an
//! argument. What is refused is refused with every complaint, in the words of an API server.

mod certificate;
mod cron_job;
pub mod decode;
mod defaults;
mod error;
mod event;
mod job;
mod kept;
mod limit_range;
mod path;
mod plain;
mod pod;
mod priority_class;
mod quota;
mod unsupported;
mod validate;

pub use self::certificate::{
    CertificatePart, admit_certificate_signing_request, admit_certificate_signing_request_update,
};
pub use self::cron_job::{
    admit_cron_job, admit_cron_job_update, default_cron_job, validate_cron_job,
    validate_cron_job_update, validate_schedule, validate_time_zone,
};
pub use self::error::{ErrorKind, FieldError, Invalid};
pub use self::event::{admit_event, admit_event_v1, admit_event_v1_update};
pub use self::job::{
    JobOptions, JobStatusOptions, JobUpdateOptions, admit_job, admit_job_status, admit_job_update,
    default_job, prepare_job, prepare_job_update, validate_job, validate_job_status,
    validate_job_update,
};
pub(crate) use self::kept::check_kept;
pub use self::limit_range::{admit_limit_range, default_limit_range};
pub use self::plain::{
    admit_config_map, admit_lease, admit_namespace, admit_node, admit_secret,
    admit_service_account, default_secret,
};
pub(crate) use self::pod::default_pod_spec;
pub use self::pod::{admit_pod, admit_pod_update, default_pod};
pub(crate) use self::priority_class::SYSTEM_PRIORITY_CLASSES;
pub use self::priority_class::{
    admit_priority_class, admit_priority_class_update, default_priority_class,
};
pub use self::quota::{
    admit_resource_quota, admit_resource_quota_status, admit_resource_quota_update,
};
pub(crate) use self::validate::format::dns_subdomain;
use crate::api::ObjectMeta;

/// An object that may be stored.
#[derive(Clone, Debug)]
pub struct Admitted<T> {
    /// The object, with its defaults.
    pub object: T,
    /// What whoever sent it should be told.
    pub warnings: Vec<String>,
}

/// The longest name that an object is given; it is also a label and a hostname.
const GENERATED_NAME_MAX: usize = 63;

/// Gives the object a name, if it has none but a `generateName`: that, cut to leave room, and
/// `suffix`.
pub fn name(metadata: &mut ObjectMeta, suffix: impl FnOnce() -> String) {
    let is_named = metadata.name.as_ref().is_some_and(|name| !name.is_empty());
    let prefix = metadata.generate_name.as_deref().unwrap_or_default();
    if is_named || prefix.is_empty() {
        return;
    }
    let suffix = suffix();
    let mut end = prefix.len().min(GENERATED_NAME_MAX.saturating_sub(suffix.len()));
    while !prefix.is_char_boundary(end) {
        end -= 1;
    }
    metadata.name = Some(format!("{}{suffix}", &prefix[..end]));
}

/// Keeps what only the store writes, which whoever updates an object may leave out or get wrong.
fn keep_system_metadata(new: &mut ObjectMeta, old: &ObjectMeta) {
    // Only what is missing: another uid is another object, and that is complained of.
    new.uid = new.uid.take().filter(|uid| !uid.is_empty()).or_else(|| old.uid.clone());
    new.name = new.name.take().or_else(|| old.name.clone());
    new.namespace = new.namespace.take().or_else(|| old.namespace.clone());
    new.creation_timestamp.clone_from(&old.creation_timestamp);
    new.deletion_timestamp.clone_from(&old.deletion_timestamp);
    new.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
}
